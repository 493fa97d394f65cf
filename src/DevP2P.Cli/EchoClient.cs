using System.Buffers.Binary;
using System.Diagnostics;

namespace DevP2P.Cli;

/// <summary>What a run of <see cref="EchoClient"/> came to.</summary>
internal sealed record EchoResult(long Answered, long Wrong, TimeSpan Elapsed, Latencies Latencies);

/// <summary>
/// The asking side of the test protocol "echo": sends numbered messages, keeps a window of them under way, and compares
/// every answer byte by byte.
/// </summary>
/// <param name="count">How many round trips.</param>
/// <param name="size">Payload bytes.</param>
/// <param name="window">How many may be under way at once.</param>
internal sealed class EchoClient(long count, int size, int window)
{
    /// <summary>An answer that takes longer than this will not come.</summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(30);

    private readonly byte[] _pattern = CreatePattern(size);
    private readonly long[] _sentAt = new long[window];
    private readonly Latencies _latencies = new();
    private readonly Stopwatch _clock = new();
    private long _answered;
    private long _wrong;

    /// <summary>The result so far: complete after <see cref="RunAsync"/>, partial after it failed.</summary>
    public EchoResult Result => new(_answered, _wrong, _clock.Elapsed, _latencies);

    /// <summary>Runs all round trips.</summary>
    /// <exception cref="TimeoutException">An answer did not come.</exception>
    public async Task RunAsync(IMessageStream stream, CancellationToken cancellationToken)
    {
        _clock.Start();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var room = new SemaphoreSlim(window, window);
        Task sending = SendAllAsync(stream, room, stop.Token);
        Task receiving = ReceiveAllAsync(stream, room, stop.Token);
        Task first = await Task.WhenAny(sending, receiving);
        if (!first.IsCompletedSuccessfully)
        {
            await stop.CancelAsync();
        }

        try
        {
            await Task.WhenAll(sending, receiving).ContinueWith(static _ => { }, TaskScheduler.Default);
            await first;
            await receiving;
        }
        finally
        {
            _clock.Stop();
        }
    }

    private async Task SendAllAsync(IMessageStream stream, SemaphoreSlim room, CancellationToken cancellationToken)
    {
        byte[] payload = [.. _pattern];
        for (long i = 0; i < count; i++)
        {
            await room.WaitAsync(cancellationToken);
            Stamp(payload, i);
            _sentAt[i % window] = Stopwatch.GetTimestamp();
            await stream.WriteAsync(EchoProtocol.Request, payload, cancellationToken);
        }
    }

    private async Task ReceiveAllAsync(IMessageStream stream, SemaphoreSlim room, CancellationToken cancellationToken)
    {
        byte[] expected = [.. _pattern];
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        while (_answered < count)
        {
            timeout.CancelAfter(AnswerTimeout);
            Message message;
            try
            {
                message = await stream.ReadAsync(timeout.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new TimeoutException($"no answer for {AnswerTimeout.TotalSeconds:0} s");
            }

            if (message.Code != EchoProtocol.Reply)
            {
                continue;
            }

            Stamp(expected, _answered);
            if (!message.Payload.Span.SequenceEqual(expected))
            {
                _wrong++;
            }

            _latencies.Record(Stopwatch.GetElapsedTime(_sentAt[_answered % window]));
            _answered++;
            room.Release();
        }
    }

    /// <summary>Puts the message's number in front, as much of it as fits: answers in a wrong order are wrong answers.</summary>
    private static void Stamp(byte[] payload, long number)
    {
        Span<byte> stamp = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(stamp, number);
        stamp[..Math.Min(stamp.Length, payload.Length)].CopyTo(payload);
    }

    private static byte[] CreatePattern(int size)
    {
        byte[] pattern = new byte[size];
        Random.Shared.NextBytes(pattern);
        return pattern;
    }
}
