namespace DevP2P.Limits;

/// <summary>
/// A <see cref="TokenBucket"/> with those who wait for it, first come, first served. One timer runs while somebody waits, none otherwise.
/// Safe for concurrent use.
/// </summary>
internal sealed class BandwidthGate(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly long _start = time.GetTimestamp();
    private readonly LinkedList<Waiter> _waiting = new();
    private TokenBucket? _bucket;
    private ITimer? _timer;

    /// <summary>How many wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count;
            }
        }
    }

    private TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>From now on another rate, also for those who wait; null for none.</summary>
    public void SetRate(long? bytesPerSecond)
    {
        lock (_gate)
        {
            if (bytesPerSecond is not { } rate)
            {
                _bucket = null;
            }
            else if (_bucket is null)
            {
                _bucket = new TokenBucket(Now, rate);
            }
            else
            {
                _bucket.SetRate(Now, rate);
            }

            LetPass();
        }
    }

    /// <summary>Takes so many bytes if they may pass now, before nobody who waits.</summary>
    public bool TryAcquire(int bytes)
    {
        lock (_gate)
        {
            return _waiting.Count == 0 && _bucket?.TryTake(Now, bytes) != false;
        }
    }

    /// <summary>Waits until so many bytes may pass.</summary>
    public async ValueTask AcquireAsync(int bytes, CancellationToken cancellationToken)
    {
        var waiter = new Waiter(bytes);
        lock (_gate)
        {
            _waiting.AddLast(waiter.Place);
            LetPass();
        }

        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                (BandwidthGate gate, Waiter waiter) = ((BandwidthGate, Waiter))state!;
                gate.Cancel(waiter, token);
            },
            (this, waiter));
        await waiter.Task.ConfigureAwait(false);
    }

    /// <summary>Takes so many bytes in any case; negative gives back.</summary>
    public void Charge(int bytes)
    {
        lock (_gate)
        {
            _bucket?.Charge(Now, bytes);
            if (bytes < 0)
            {
                LetPass();
            }
        }
    }

    private void Cancel(Waiter waiter, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (waiter.Place.List is null)
            {
                return;
            }

            _waiting.Remove(waiter.Place);
            LetPass();
        }

        waiter.TrySetCanceled(cancellationToken);
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            LetPass();
        }
    }

    /// <summary>Lets those pass who may, and sets the timer for the next one. The lock is held.</summary>
    private void LetPass()
    {
        while (_waiting.First is { } first)
        {
            if (_bucket?.TryTake(Now, first.Value.Bytes) == false)
            {
                // Timers are cut to whole milliseconds; waking up too early would mean waking up twice.
                TimeSpan delay = _bucket.GetDelay(Now, first.Value.Bytes);
                _timer ??= time.CreateTimer(static gate => ((BandwidthGate)gate!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _timer.Change(TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(delay.TotalMilliseconds), int.MaxValue)), Timeout.InfiniteTimeSpan);
                return;
            }

            _waiting.RemoveFirst();
            first.Value.TrySetResult();
        }

        _timer?.Dispose();
        _timer = null;
    }

    private sealed class Waiter : TaskCompletionSource
    {
        public Waiter(int bytes)
            : base(TaskCreationOptions.RunContinuationsAsynchronously)
        {
            Bytes = bytes;
            Place = new LinkedListNode<Waiter>(this);
        }

        public int Bytes { get; }

        public LinkedListNode<Waiter> Place { get; }
    }
}
