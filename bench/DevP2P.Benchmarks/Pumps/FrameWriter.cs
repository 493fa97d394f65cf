namespace DevP2P.Benchmarks.Pumps;

/// <summary>The sending half of a pump; safe for concurrent calls.</summary>
internal abstract class FrameWriter : IAsyncDisposable
{
    private long _sends;

    /// <summary>How often the socket was given data.</summary>
    public long Sends => Volatile.Read(ref _sends);

    /// <summary>Writes one message; the payload may be reused when the task completes.</summary>
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> payload);

    /// <summary>Sends what is pending and ends the writer; the socket stays open.</summary>
    public abstract ValueTask DisposeAsync();

    protected void CountSend() => Volatile.Write(ref _sends, _sends + 1);
}
