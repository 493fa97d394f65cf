namespace DevP2P.Discovery.Core;

/// <summary>
/// What is to happen later, on the monotonic clock. What is due at the same moment happens in the order in which it was
/// asked for, so that a run can be repeated.
/// </summary>
internal sealed class Timers
{
    private readonly PriorityQueue<Timer, Key> _queue = new();
    private long _order;

    /// <summary>When the next timer is due; null if none is running.</summary>
    public TimeSpan? NextTimeout
    {
        get
        {
            while (_queue.TryPeek(out Timer? timer, out Key key))
            {
                if (timer.Order == key.Order)
                {
                    return key.Due;
                }

                _queue.Dequeue();
            }

            return null;
        }
    }

    /// <summary>Starts a timer.</summary>
    /// <param name="due">When, on the monotonic clock.</param>
    /// <param name="action">What to do then.</param>
    public Timer Start(TimeSpan due, Action<Timestamp> action)
    {
        var timer = new ActionTimer(action);
        Start(due, timer);
        return timer;
    }

    /// <summary>Starts a timer; one that is running is due at the new time only.</summary>
    /// <param name="due">When, on the monotonic clock.</param>
    /// <param name="timer">The timer.</param>
    public void Start(TimeSpan due, Timer timer)
    {
        (timer.Due, timer.Order) = (due, _order++);
        _queue.Enqueue(timer, new Key(due, timer.Order));
    }

    /// <summary>Does what is due.</summary>
    public void Run(Timestamp now)
    {
        // What a timer starts for this same moment waits for the next call: no loop without end.
        long end = _order;
        while (_queue.TryPeek(out Timer? timer, out Key key) && key.Due <= now.Monotonic && key.Order < end)
        {
            _queue.Dequeue();
            if (timer.Order == key.Order)
            {
                timer.Order = Timer.NotRunning;
                timer.Fire(now);
            }
        }
    }

    private readonly record struct Key(TimeSpan Due, long Order) : IComparable<Key>
    {
        public int CompareTo(Key other) => Due != other.Due ? Due.CompareTo(other.Due) : Order.CompareTo(other.Order);
    }

    /// <summary>
    /// A timer that runs, has ended or was cancelled. What waits for something with a time limit, of which there are many, is its own timer.
    /// </summary>
    internal abstract class Timer
    {
        internal const long NotRunning = -1;

        public TimeSpan Due { get; internal set; }

        public bool IsRunning => Order != NotRunning;

        /// <summary>Which start this is: what the queue has of earlier ones, or of one that was cancelled, means nothing.</summary>
        internal long Order { get; set; } = NotRunning;

        /// <summary>Nothing will happen.</summary>
        public virtual void Cancel() => Order = NotRunning;

        /// <summary>It is due.</summary>
        internal abstract void Fire(Timestamp now);
    }

    private sealed class ActionTimer(Action<Timestamp> action) : Timer
    {
        private Action<Timestamp>? _action = action;

        /// <summary>Lets go of what would have happened.</summary>
        public override void Cancel()
        {
            base.Cancel();
            _action = null;
        }

        internal override void Fire(Timestamp now) => _action!(now);
    }
}
