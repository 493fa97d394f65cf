using System.Diagnostics.CodeAnalysis;

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
            DropCancelled();
            return _queue.TryPeek(out _, out Key key) ? key.Due : null;
        }
    }

    /// <summary>Starts a timer.</summary>
    /// <param name="due">When, on the monotonic clock.</param>
    /// <param name="action">What to do then.</param>
    public Timer Start(TimeSpan due, Action<Timestamp> action)
    {
        var timer = new Timer(due, action);
        _queue.Enqueue(timer, new Key(due, _order++));
        return timer;
    }

    /// <summary>Does what is due.</summary>
    public void Run(Timestamp now)
    {
        // What a timer starts for this same moment waits for the next call: no loop without end.
        long end = _order;
        while (_queue.TryPeek(out Timer? timer, out Key key) && key.Due <= now.Monotonic && key.Order < end)
        {
            _queue.Dequeue();
            if (timer.TryEnd(out Action<Timestamp>? action))
            {
                action(now);
            }
        }
    }

    private void DropCancelled()
    {
        while (_queue.TryPeek(out Timer? timer, out _) && !timer.IsRunning)
        {
            _queue.Dequeue();
        }
    }

    private readonly record struct Key(TimeSpan Due, long Order) : IComparable<Key>
    {
        public int CompareTo(Key other) => Due != other.Due ? Due.CompareTo(other.Due) : Order.CompareTo(other.Order);
    }

    /// <summary>A timer that runs, has ended or was cancelled.</summary>
    internal sealed class Timer(TimeSpan due, Action<Timestamp> action)
    {
        private Action<Timestamp>? _action = action;

        public TimeSpan Due => due;

        public bool IsRunning => _action is not null;

        /// <summary>Nothing will happen. Lets go of what would have.</summary>
        public void Cancel() => _action = null;

        internal bool TryEnd([NotNullWhen(true)] out Action<Timestamp>? action)
        {
            (action, _action) = (_action, null);
            return action is not null;
        }
    }
}
