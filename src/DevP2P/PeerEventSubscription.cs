using System.Collections.Immutable;
using DevP2P.Nodes;

namespace DevP2P;

/// <summary>
/// A stream of peer events from the moment of the subscription on. A subscriber that does not keep up never slows the network:
/// it loses the oldest events, and a <see cref="PeerEventType.Lagged"/> event stands where they were. For one reader.
/// </summary>
/// <remarks>Go: <c>event.Subscription</c> of <c>Server.SubscribeEvents</c>.</remarks>
public sealed class PeerEventSubscription : IAsyncEnumerable<PeerEvent>, IDisposable
{
    /// <summary>How many events wait for a subscriber before the oldest are dropped.</summary>
    public const int Capacity = 1024;

    private readonly PeerEventHub _hub;
    private readonly Lock _gate = new();
    private readonly Queue<PeerEvent> _events = new();
    private TaskCompletionSource? _waiter;
    private long _missed;
    private bool _isCompleted;

    internal PeerEventSubscription(PeerEventHub hub) => _hub = hub;

    /// <summary>Events that were lost so far because the subscriber was too slow.</summary>
    public long TotalMissed { get; private set; }

    /// <summary>The events, until the subscription is disposed or the server has stopped.</summary>
    public async IAsyncEnumerator<PeerEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            PeerEvent? next = null;
            Task? wait = null;
            lock (_gate)
            {
                if (_missed > 0)
                {
                    next = _hub.CreateLagged(_missed);
                    _missed = 0;
                }
                else if (!_events.TryDequeue(out next))
                {
                    if (_isCompleted)
                    {
                        yield break;
                    }

                    _waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    wait = _waiter.Task;
                }
            }

            if (next is not null)
            {
                yield return next;
            }
            else
            {
                await wait!.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Ends the subscription: the enumeration ends after the events that are queued.</summary>
    public void Dispose()
    {
        _hub.Remove(this);
        Complete();
    }

    internal void Add(PeerEvent item)
    {
        lock (_gate)
        {
            if (_isCompleted)
            {
                return;
            }

            if (_events.Count == Capacity)
            {
                _events.Dequeue();
                _missed++;
                TotalMissed++;
            }

            _events.Enqueue(item);
            _waiter?.TrySetResult();
        }
    }

    internal void Complete()
    {
        lock (_gate)
        {
            _isCompleted = true;
            _waiter?.TrySetResult();
        }
    }
}

/// <summary>Hands events to all subscriptions. Publishing never waits. Safe for concurrent use.</summary>
internal sealed class PeerEventHub(Func<IEnumerable<NodeId>> getPeers)
{
    private ImmutableArray<PeerEventSubscription> _subscriptions = [];
    private bool _isCompleted;

    /// <summary>Whether there is anybody to make an event for.</summary>
    public bool HasSubscribers => !_subscriptions.IsEmpty;

    public PeerEventSubscription Subscribe()
    {
        var subscription = new PeerEventSubscription(this);
        ImmutableInterlocked.Update(ref _subscriptions, static (all, added) => all.Add(added), subscription);
        if (Volatile.Read(ref _isCompleted))
        {
            subscription.Complete();
        }

        return subscription;
    }

    public void Remove(PeerEventSubscription subscription) =>
        ImmutableInterlocked.Update(ref _subscriptions, static (all, removed) => all.Remove(removed), subscription);

    public void Publish(PeerEvent item)
    {
        foreach (PeerEventSubscription subscription in _subscriptions)
        {
            subscription.Add(item);
        }
    }

    /// <summary>No more events: enumerations end.</summary>
    public void Complete()
    {
        Volatile.Write(ref _isCompleted, true);
        foreach (PeerEventSubscription subscription in _subscriptions)
        {
            subscription.Complete();
        }
    }

    public PeerEvent CreateLagged(long missed) =>
        new() { Type = PeerEventType.Lagged, Missed = missed, Peers = [.. getPeers()] };
}
