namespace DevP2P.Buffers;

/// <summary>
/// The bytes that all peers of a server may hold in received data at once. Bytes are charged as they arrive, never when they are
/// announced: a frame header alone costs nothing. Safe for concurrent use.
/// </summary>
internal sealed class MemoryBudget(long limit)
{
    /// <summary>What a peer may always hold, even when the budget is spent, so that small messages pass while large ones wait.</summary>
    public const int GuaranteedPerPeer = 16 * 1024;

    /// <summary>Waiters that one release wakes. A waiter that still does not fit queues again, behind the others.</summary>
    private const int WakeUpsPerRelease = 16;

    private readonly Lock _gate = new();
    private readonly LinkedList<PeerBudget> _waiting = new();
    private long _used;

    public long Limit { get; } = limit;

    public long Used => Interlocked.Read(ref _used);

    public bool TryCharge(int bytes, bool guaranteed)
    {
        if (Interlocked.Add(ref _used, bytes) <= Limit || guaranteed)
        {
            return true;
        }

        Interlocked.Add(ref _used, -bytes);
        return false;
    }

    public void Release(int bytes)
    {
        Interlocked.Add(ref _used, -bytes);

        // A waiter enqueues before it tries once more, and both are full fences: one of the two sees the other.
        if (_waiting.Count > 0)
        {
            WakeUp();
        }
    }

    public void Enqueue(PeerBudget peer)
    {
        lock (_gate)
        {
            _waiting.AddLast(peer);
        }
    }

    public void Remove(PeerBudget peer)
    {
        lock (_gate)
        {
            _waiting.Remove(peer);
        }
    }

    private void WakeUp()
    {
        lock (_gate)
        {
            for (int i = 0; i < WakeUpsPerRelease && _waiting.First is { } first; i++)
            {
                _waiting.RemoveFirst();
                first.Value.Signal();
            }
        }
    }
}

/// <summary>One peer's share of a <see cref="MemoryBudget"/>, with a limit of its own. Charged by the peer's read loop, released by anyone.</summary>
internal sealed class PeerBudget(MemoryBudget all, long limit)
{
    private long _used;
    private TaskCompletionSource? _waiter;

    public long Used => Interlocked.Read(ref _used);

    /// <summary>Charges bytes, or says that there is no room now. What comes alone always fits the peer's own limit.</summary>
    public bool TryCharge(int bytes)
    {
        long used = Interlocked.Add(ref _used, bytes);
        if ((used <= limit || used == bytes) && all.TryCharge(bytes, guaranteed: used <= MemoryBudget.GuaranteedPerPeer))
        {
            return true;
        }

        Interlocked.Add(ref _used, -bytes);
        return false;
    }

    /// <summary>Waits until the bytes fit. Only one call at a time.</summary>
    public async ValueTask ChargeAsync(int bytes, CancellationToken cancellationToken)
    {
        while (!TryCharge(bytes))
        {
            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Interlocked.Exchange(ref _waiter, waiter);
            all.Enqueue(this);
            try
            {
                if (TryCharge(bytes))
                {
                    return;
                }

                await waiter.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                all.Remove(this);
                Interlocked.Exchange(ref _waiter, null);
            }
        }
    }

    public void Release(int bytes)
    {
        Interlocked.Add(ref _used, -bytes);
        all.Release(bytes);
        Signal();
    }

    public void Signal() => Volatile.Read(ref _waiter)?.TrySetResult();
}
