using System.Buffers.Binary;
using System.Security.Cryptography;
using DevP2P.Rlp;

namespace DevP2P.InteropTests;

/// <summary>One direction of an exchange: how many data messages, their payload bytes, and the digest over both.</summary>
internal sealed record ExchangeSummary(ulong Count, ulong Bytes, string Digest);

/// <summary>What one side saw; <see cref="Claimed"/> is what the other side says it sent.</summary>
internal sealed record ExchangeOutcome(ExchangeSummary Sent, ExchangeSummary Received, ExchangeSummary Claimed);

/// <summary>
/// The test protocol <c>xchg</c>, version 1: both sides send pseudo-random messages at once, and each proves with a
/// digest what it received. <c>peers/exchange.mjs</c> describes the messages; it is the other half.
/// </summary>
internal sealed class ExchangeProtocol(int seed, long totalBytes, int maxSize = 1 << 20)
{
    private const ulong Data = 0;
    private const ulong Done = 1;
    private const int HeaderBytes = 8;
    private const int Block = 61;

    private readonly TaskCompletionSource<ExchangeOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes once both directions are through, or fails with what ended the handler before that.</summary>
    public Task<ExchangeOutcome> Outcome => _outcome.Task;

    public Protocol ToProtocol() => new() { Name = "xchg", Version = 1, Length = 8, RunAsync = RunAsync };

    private async Task RunAsync(Peer peer, IMessageStream stream, CancellationToken cancellationToken)
    {
        try
        {
            Task<ExchangeSummary> sending = SendAllAsync(stream, cancellationToken);
            (ExchangeSummary received, ExchangeSummary claimed) = await ReceiveAllAsync(stream, cancellationToken);
            _outcome.TrySetResult(new ExchangeOutcome(await sending, received, claimed));

            // The connection stays until somebody ends it.
            await stream.ReadAsync(cancellationToken);
        }
        catch (Exception exception)
        {
            _outcome.TrySetException(exception);
            throw;
        }
    }

    private async Task<ExchangeSummary> SendAllAsync(IMessageStream stream, CancellationToken cancellationToken)
    {
        await Task.Yield(); // reading starts at once, too
        using var tally = new Tally();
        foreach (byte[] payload in Payloads())
        {
            tally.Add(payload);
            await stream.WriteAsync(Data, payload, cancellationToken);
        }
        ExchangeSummary sent = tally.Summarize();
        await stream.SendItemsAsync(Done, sent.Count, sent.Bytes, Convert.FromHexString(sent.Digest));
        return sent;
    }

    private static async Task<(ExchangeSummary Received, ExchangeSummary Claimed)> ReceiveAllAsync(
        IMessageStream stream, CancellationToken cancellationToken)
    {
        using var tally = new Tally();
        while (true)
        {
            Message message = await stream.ReadAsync(cancellationToken);
            switch (message.Code)
            {
                case Data:
                    message.GetReader().ReadList().ReadBytes();
                    tally.Add(message.Payload.Span);
                    break;
                case Done:
                    return (tally.Summarize(), ReadClaim(message));
                default:
                    throw new InvalidDataException($"unknown xchg code {message.Code}");
            }
        }
    }

    private static ExchangeSummary ReadClaim(Message message)
    {
        RlpReader claim = message.GetReader().ReadList();
        return new ExchangeSummary(claim.ReadUInt64(), claim.ReadUInt64(), Convert.ToHexStringLower(claim.ReadBytes()));
    }

    /// <summary>Log-uniform sizes up to <c>maxSize</c>; one payload in four repeats a block, so that snappy finds something.</summary>
    private IEnumerable<byte[]> Payloads()
    {
        var random = new Random(seed);
        for (long sent = 0; sent < totalBytes;)
        {
            int size = (int)Math.Pow(maxSize, random.NextDouble());
            var bytes = new byte[Math.Max(0, size - HeaderBytes)];
            if (random.Next(4) == 0)
            {
                random.NextBytes(bytes.AsSpan(0, Math.Min(Block, bytes.Length)));
                for (int at = Block; at < bytes.Length; at++)
                {
                    bytes[at] = bytes[at - Block];
                }
            }
            else
            {
                random.NextBytes(bytes);
            }
            byte[] payload = RlpEncoding.Encode(new object[] { bytes });
            sent += payload.Length;
            yield return payload;
        }
    }

    private sealed class Tally : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private ulong _count;
        private ulong _bytes;

        public void Add(ReadOnlySpan<byte> payload)
        {
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(length, payload.Length);
            _hash.AppendData(length);
            _hash.AppendData(payload);
            _count++;
            _bytes += (ulong)payload.Length;
        }

        public ExchangeSummary Summarize() => new(_count, _bytes, Convert.ToHexStringLower(_hash.GetCurrentHash()));

        public void Dispose() => _hash.Dispose();
    }
}
