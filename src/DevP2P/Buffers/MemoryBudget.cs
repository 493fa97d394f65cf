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
        // Never above the limit, not even for a moment: a peer that fits would be refused in it, and wait with nobody to wake it.
        long used = Used;
        while (guaranteed || used + bytes <= Limit)
        {
            long found = Interlocked.CompareExchange(ref _used, used + bytes, used);
            if (found == used)
            {
                return true;
            }

            used = found;
        }

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

/// <summary>
/// One peer's share of a <see cref="MemoryBudget"/>, with a limit of its own: the bytes in its receive buffer and those of
/// messages that wait to be read. A message always fits when none is waiting, so that the limit may be far below the greatest
/// message. Charged by the peer's read loop alone, released by anyone.
/// </summary>
internal sealed class PeerBudget(MemoryBudget all, long limit)
{
    private long _receiving;
    private long _waiting;
    private TaskCompletionSource? _waiter;

    public long Used => Interlocked.Read(ref _receiving) + Interlocked.Read(ref _waiting);

    /// <summary>True while a charge waits for this peer's own handlers, not for memory that other peers hold.</summary>
    public bool WaitsForOwnHandlers { get; private set; }

    /// <summary>True if that was so for the last charge that had to wait.</summary>
    public bool WaitedForOwnHandlers { get; private set; }

    /// <summary>Charges growth of the receive buffer, or says that there is no room now.</summary>
    public bool TryChargeReceive(int bytes) => TryCharge(ref _receiving, bytes);

    /// <summary>Charges a message that is about to wait, or says that there is no room now.</summary>
    public bool TryChargeMessage(int bytes) => TryCharge(ref _waiting, bytes);

    /// <summary>Waits until the bytes fit. Only one call at a time.</summary>
    public ValueTask ChargeReceiveAsync(int bytes, CancellationToken cancellationToken) => ChargeAsync(bytes, isMessage: false, cancellationToken);

    /// <summary>Waits until the bytes fit. Only one call at a time.</summary>
    public ValueTask ChargeMessageAsync(int bytes, CancellationToken cancellationToken) => ChargeAsync(bytes, isMessage: true, cancellationToken);

    public void ReleaseReceive(int bytes) => Release(ref _receiving, bytes);

    public void ReleaseMessage(int bytes) => Release(ref _waiting, bytes);

    public void Signal() => Volatile.Read(ref _waiter)?.TrySetResult();

    private bool TryCharge(ref long account, int bytes)
    {
        // Others only release: what fits now still fits a moment later.
        bool isAlone = Interlocked.Read(ref _waiting) == 0;
        long used = Used + bytes;
        if (!isAlone && used > limit)
        {
            return false;
        }

        if (!all.TryCharge(bytes, guaranteed: used <= MemoryBudget.GuaranteedPerPeer))
        {
            return false;
        }

        Interlocked.Add(ref account, bytes);
        return true;
    }

    private async ValueTask ChargeAsync(int bytes, bool isMessage, CancellationToken cancellationToken)
    {
        while (!TryAgain())
        {
            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Interlocked.Exchange(ref _waiter, waiter);
            all.Enqueue(this);
            try
            {
                if (TryAgain())
                {
                    return;
                }

                WaitsForOwnHandlers = WaitedForOwnHandlers = Used + bytes > limit;
                await waiter.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                all.Remove(this);
                Interlocked.Exchange(ref _waiter, null);
                WaitsForOwnHandlers = false;
            }
        }

        bool TryAgain() => isMessage ? TryChargeMessage(bytes) : TryChargeReceive(bytes);
    }

    private void Release(ref long account, int bytes)
    {
        Interlocked.Add(ref account, -bytes);
        all.Release(bytes);
        Signal();
    }
}
