namespace DevP2P.Rlpx;

/// <summary>
/// Lets one at a time pass, and is not fair: whoever asks while it is free gets it, also while others wait. A <see cref="SemaphoreSlim"/> hands over to
/// who waits; a writer and a flush that met once would wait for each other with every message from then on (a lock convoy), and each
/// message would have a system call of its own. Safe for concurrent use.
/// </summary>
internal sealed class AsyncGate
{
    /// <summary>A flush holds the gate for a tenth of a microsecond, a small message for two: to wait for them in a loop is cheaper than any other way.</summary>
    private const int Spins = 10;
    private const int SpinLength = 5;

    private readonly SemaphoreSlim _wakeUps = new(0);
    private int _isHeld;
    private int _waiters;

    /// <summary>Enters if it is free, or within a moment. Whoever has entered is to call <see cref="Exit"/>, on any thread.</summary>
    public bool TryEnter()
    {
        for (int i = 0; i < Spins; i++)
        {
            if (TryEnterNow())
            {
                return true;
            }

            Thread.SpinWait(SpinLength);
        }

        return TryEnterNow();
    }

    public ValueTask EnterAsync(CancellationToken cancellationToken = default) => TryEnter() ? default : WaitAsync(cancellationToken);

    /// <summary>The same, on this thread.</summary>
    public void Enter()
    {
        while (!TryEnter() && !TryEnterAsWaiter())
        {
            _wakeUps.Wait();
        }
    }

    public void Exit()
    {
        // Full fences here and where a waiter counts itself: one of the two sees the other.
        Interlocked.Exchange(ref _isHeld, 0);
        if (TryTakeWaiter())
        {
            _wakeUps.Release();
        }
    }

    private async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        while (!TryEnterAsWaiter())
        {
            try
            {
                await _wakeUps.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                TryTakeWaiter();
                throw;
            }

            if (TryEnter())
            {
                return;
            }
        }
    }

    /// <summary>Counts this caller among those to be woken, unless the gate is free by now.</summary>
    private bool TryEnterAsWaiter()
    {
        Interlocked.Increment(ref _waiters);
        if (!TryEnterNow())
        {
            return false;
        }

        // If someone has woken us already, another waiter is woken in our place, in vain, and waits again.
        TryTakeWaiter();
        return true;
    }

    private bool TryEnterNow() => Volatile.Read(ref _isHeld) == 0 && Interlocked.CompareExchange(ref _isHeld, 1, 0) == 0;

    private bool TryTakeWaiter()
    {
        int waiters = Volatile.Read(ref _waiters);
        while (waiters > 0)
        {
            int seen = Interlocked.CompareExchange(ref _waiters, waiters - 1, waiters);
            if (seen == waiters)
            {
                return true;
            }

            waiters = seen;
        }

        return false;
    }
}
