namespace DevP2P.Benchmarks.Pumps;

/// <summary>The receiving half of a pump: one loop that hands every frame to a handler, in order.</summary>
internal abstract class FrameReader
{
    /// <summary>How often data was taken from the socket.</summary>
    public long Receives { get; protected set; }

    /// <summary>Runs until the remote end closes. A frame is valid until the handler's task completes.</summary>
    public abstract Task RunAsync(Func<ReadOnlyMemory<byte>, ValueTask> onFrame);
}
