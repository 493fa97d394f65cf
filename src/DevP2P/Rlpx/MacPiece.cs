using System.Threading.Tasks.Sources;

namespace DevP2P.Rlpx;

/// <summary>What one connection brings to a <see cref="MacQueue"/>; used again and again, and by one call at a time.</summary>
internal sealed class MacPiece : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _done;

    /// <summary>What absorbs it.</summary>
    public FrameMac Mac { get; private set; } = null!;

    /// <summary>The ciphertext that is not absorbed yet.</summary>
    public ReadOnlyMemory<byte> Left { get; set; }

    /// <summary>Begins anew.</summary>
    public MacPiece Set(FrameMac mac, ReadOnlyMemory<byte> data)
    {
        (Mac, Left) = (mac, data);
        _done.Reset();
        return this;
    }

    public ValueTask WaitAsync() => new(this, _done.Version);

    /// <param name="isInline">Whether the connection may go on with this thread.</param>
    public void Complete(bool isInline)
    {
        _done.RunContinuationsAsynchronously = !isInline;
        _done.SetResult(true);
    }

    void IValueTaskSource.GetResult(short token) => _done.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _done.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _done.OnCompleted(continuation, state, token, flags);
}
