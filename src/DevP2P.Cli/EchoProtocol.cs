using DevP2P.Rlp;

namespace DevP2P.Cli;

/// <summary>
/// The serving side of the test protocol "echo", version 1: enough to test and to measure any node from outside. One
/// object serves all peers of a server.
/// </summary>
internal sealed class EchoProtocol
{
    public const string Name = "echo";
    public const uint Version = 1;
    public const ulong Length = 16;

    /// <summary>Comes back as <see cref="Reply"/> with the same payload.</summary>
    public const ulong Request = 0;
    public const ulong Reply = 1;

    /// <summary>Swallowed and counted.</summary>
    public const ulong Sink = 2;

    /// <summary><c>[size, count, kind]</c>: answered by <c>count</c> times <see cref="Data"/>, then <see cref="DataEnd"/>. Kind 0 is random bytes, any other zeros.</summary>
    public const ulong Generate = 3;
    public const ulong Data = 4;
    public const ulong DataEnd = 5;

    /// <summary>Answered by <see cref="Counts"/> with <c>[swallowedMessages, swallowedBytes]</c>.</summary>
    public const ulong GetCounts = 6;
    public const ulong Counts = 7;

    /// <summary>Ends the handler with an error.</summary>
    public const ulong Fail = 8;

    /// <summary>Ends the handler normally.</summary>
    public const ulong Finish = 9;

    /// <summary>
    /// Largest generated message. A message and its code have at most 16,777,215 bytes after compression, and snappy makes
    /// random bytes longer: three bytes for each of 256 blocks and a length of four fit into the 1,024 that are left here.
    /// </summary>
    public const int MaxGeneratedSize = (16 * 1024 * 1024) - 1024;

    /// <summary>Most messages for one request.</summary>
    public const ulong MaxGeneratedCount = 1_000_000;

    /// <summary>Most bytes for one request: 4 GiB.</summary>
    public const ulong MaxGeneratedBytes = 4UL << 30;

    private static readonly byte[] s_emptyList = [0xc0];

    private long _sunkMessages;
    private long _sunkBytes;

    /// <summary>Messages swallowed since the start, over all peers.</summary>
    public long SunkMessages => Interlocked.Read(ref _sunkMessages);

    /// <summary>Payload bytes swallowed since the start, over all peers.</summary>
    public long SunkBytes => Interlocked.Read(ref _sunkBytes);

    /// <summary>For <see cref="ServerOptions.Protocols"/>.</summary>
    public Protocol ToProtocol() => new()
    {
        Name = Name,
        Version = Version,
        Length = Length,
        RunAsync = (_, stream, cancellationToken) => RunAsync(stream, cancellationToken),
    };

    /// <summary>Serves one peer until it asks for the end, breaks the protocol, or is gone.</summary>
    /// <exception cref="ProtocolViolationException">A malformed or excessive request.</exception>
    public async Task RunAsync(IMessageStream stream, CancellationToken cancellationToken)
    {
        while (true)
        {
            Message message = await stream.ReadAsync(cancellationToken);
            switch (message.Code)
            {
                case Request:
                    // The payload is valid until the next read, and that comes after the write is done with it.
                    await stream.WriteAsync(Reply, message.Payload, cancellationToken);
                    break;
                case Sink:
                    Interlocked.Increment(ref _sunkMessages);
                    Interlocked.Add(ref _sunkBytes, message.Size);
                    break;
                case Generate:
                    await GenerateAsync(stream, ReadGenerateRequest(message), cancellationToken);
                    break;
                case GetCounts:
                    await stream.WriteAsync(Counts, EncodeCounts(), cancellationToken);
                    break;
                case Fail:
                    throw new InvalidOperationException("the peer asked for a failure");
                case Finish:
                    return;
                default:
                    // Answers that nobody here asked for, and codes without a meaning: harmless.
                    break;
            }
        }
    }

    private static (int Size, ulong Count, bool Random) ReadGenerateRequest(Message message)
    {
        RlpReader reader = message.GetReader();
        if (!reader.TryReadList(out RlpReader list)
            || !list.TryReadUInt64(out ulong size)
            || !list.TryReadUInt64(out ulong count)
            || !list.TryReadUInt64(out ulong kind))
        {
            throw new ProtocolViolationException("echo: a generate request is a list [size, count, kind]");
        }

        // In this order no product can overflow.
        if (size > MaxGeneratedSize || count > MaxGeneratedCount || size * count > MaxGeneratedBytes)
        {
            throw new ProtocolViolationException(
                $"echo: {count} messages of {size} bytes are too many (at most {MaxGeneratedCount} of {MaxGeneratedSize}, {MaxGeneratedBytes} bytes in all)");
        }

        return ((int)size, count, kind == 0);
    }

    private static async Task GenerateAsync(IMessageStream stream, (int Size, ulong Count, bool Random) request, CancellationToken cancellationToken)
    {
        byte[] payload = new byte[request.Size];
        if (request.Random)
        {
            // Incompressible is all that is asked for; every message may be the same.
            Random.Shared.NextBytes(payload);
        }

        for (ulong i = 0; i < request.Count; i++)
        {
            await stream.WriteAsync(Data, payload, cancellationToken);
        }

        await stream.WriteAsync(DataEnd, s_emptyList, cancellationToken);
    }

    private byte[] EncodeCounts()
    {
        using var writer = new RlpWriter(32);
        RlpListToken list = writer.StartList();
        writer.Write((ulong)SunkMessages);
        writer.Write((ulong)SunkBytes);
        writer.EndList(list);
        return writer.ToArray();
    }
}
