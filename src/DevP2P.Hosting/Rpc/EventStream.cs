using System.Collections.Immutable;

namespace DevP2P.Hosting.Rpc;

/// <summary>
/// Events on their way to subscribers, as JSON that is made once for all of them. Publishing never waits: a subscriber that does not
/// keep up loses the oldest, and learns how many. Safe for concurrent use.
/// </summary>
/// <param name="createLagged">Makes the event that stands where others were lost.</param>
internal sealed class EventStream(Func<long, byte[]> createLagged)
{
    private ImmutableArray<EventQueue> _queues = [];

    /// <summary>Whether anybody listens.</summary>
    public bool HasSubscribers => _queues.Length > 0;

    public EventQueue Subscribe()
    {
        var queue = new EventQueue(this, createLagged);
        ImmutableInterlocked.Update(ref _queues, static (all, added) => all.Add(added), queue);
        return queue;
    }

    public void Publish(byte[] item)
    {
        foreach (EventQueue queue in _queues)
        {
            queue.Add(item);
        }
    }

    public void Remove(EventQueue queue) => ImmutableInterlocked.Update(ref _queues, static (all, removed) => all.Remove(removed), queue);
}

/// <summary>What waits for one subscriber. For one reader.</summary>
internal sealed class EventQueue(EventStream stream, Func<long, byte[]> createLagged) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Queue<byte[]> _events = new();
    private TaskCompletionSource? _waiter;
    private long _missed;

    /// <summary>The next event; waits for one.</summary>
    public async ValueTask<byte[]> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task wait;
            lock (_gate)
            {
                if (_missed > 0)
                {
                    long missed = _missed;
                    _missed = 0;
                    return createLagged(missed);
                }

                if (_events.TryDequeue(out byte[]? item))
                {
                    return item;
                }

                _waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                wait = _waiter.Task;
            }

            await wait.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public void Add(byte[] item)
    {
        lock (_gate)
        {
            if (_events.Count == RpcLimits.MaxQueuedEvents)
            {
                _events.Dequeue();
                _missed++;
            }

            _events.Enqueue(item);
            _waiter?.TrySetResult();
        }
    }

    public void Dispose() => stream.Remove(this);
}
