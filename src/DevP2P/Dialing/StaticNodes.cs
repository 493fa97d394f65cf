using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>What is known about a static node.</summary>
/// <param name="Node">The node as the operator named it, or with the address that was found since.</param>
/// <param name="Failures">Failed attempts and short connections in a row.</param>
/// <param name="NextAttempt">When the node is due, on the scheduler's clock; null while it is dialed, connecting or connected.</param>
public readonly record struct StaticNodeStatus(Node Node, int Failures, TimeSpan? NextAttempt);

/// <summary>
/// The nodes that the operator named, each with its back-off, and those that are due in the order in which they are.
/// Sans-IO: time and randomness are arguments.
/// </summary>
internal sealed class StaticNodes(RandomSource random)
{
    private readonly Dictionary<NodeId, Entry> _entries = [];

    // Who is due first comes first, so that nobody starves however many nodes wait for a slot; nodes that became due at
    // the same moment (all of them at start) come in random order.
    private readonly SortedSet<(TimeSpan Due, int Tie, NodeId Id)> _schedule = [];

    public int Count => _entries.Count;

    /// <summary>When the first node is due, or null if none is waiting.</summary>
    public TimeSpan? NextDue => _schedule.Count == 0 ? null : _schedule.Min.Due;

    public bool Contains(NodeId id) => _entries.ContainsKey(id);

    public IEnumerable<StaticNodeStatus> GetStatus() => _entries.Values.Select(e => e.Status);

    public StaticNodeStatus? GetStatus(NodeId id) => _entries.TryGetValue(id, out Entry? entry) ? entry.Status : null;

    /// <summary>Adds a node or replaces what is known of it, with a fresh back-off.</summary>
    public void Set(Node node, TimeSpan notBefore)
    {
        Remove(node.Id);
        _entries.Add(node.Id, new Entry { Node = node, NotBefore = notBefore });
    }

    public bool Remove(NodeId id)
    {
        Unschedule(id);
        return _entries.Remove(id);
    }

    /// <summary>Lengthens a node's back-off.</summary>
    public void AddFailure(NodeId id, TimeSpan now)
    {
        if (_entries.TryGetValue(id, out Entry? entry))
        {
            entry.Failures++;
            entry.NotBefore = now + GetBackOff(entry.Failures);
        }
    }

    /// <summary>Ends a node's back-off.</summary>
    public void Reset(NodeId id, TimeSpan now)
    {
        if (_entries.TryGetValue(id, out Entry? entry))
        {
            entry.Failures = 0;
            entry.NotBefore = now;
        }
    }

    /// <summary>Makes a node due when its back-off ends, but not before <paramref name="notBefore"/>.</summary>
    public void Schedule(NodeId id, TimeSpan notBefore)
    {
        Unschedule(id);
        if (_entries.TryGetValue(id, out Entry? entry))
        {
            entry.Due = entry.NotBefore > notBefore ? entry.NotBefore : notBefore;
            entry.Tie = random.Next(int.MaxValue);
            _schedule.Add((entry.Due.Value, entry.Tie, id));
        }
    }

    /// <summary>Takes a node out of the schedule: it is dialed or connected.</summary>
    public void Unschedule(NodeId id)
    {
        if (_entries.TryGetValue(id, out Entry? entry) && entry.Due is TimeSpan due)
        {
            _schedule.Remove((due, entry.Tie, id));
            entry.Due = null;
        }
    }

    /// <summary>Takes the node that has been due for the longest time out of the schedule.</summary>
    public Node? TakeDue(TimeSpan now)
    {
        if (NextDue is not TimeSpan due || due > now)
        {
            return null;
        }

        NodeId id = _schedule.Min.Id;
        Unschedule(id);
        return _entries[id].Node;
    }

    /// <summary>
    /// 35 s, doubled with every failure in a row up to <see cref="DialLimits.MaxStaticBackOff"/>, of which the last fifth is
    /// random, so that nodes which failed together do not come back together. It is never infinite.
    /// </summary>
    private TimeSpan GetBackOff(int failures)
    {
        TimeSpan ceiling = DialLimits.MaxStaticBackOff * 4 / 5;
        // 2^16 times 35 s is far beyond any ceiling; the bound keeps the product finite.
        TimeSpan delay = DialLimits.InitialStaticBackOff * (1 << Math.Min(failures - 1, 16));
        delay = delay < ceiling ? delay : ceiling;
        return delay + TimeSpan.FromMilliseconds(random.Next((int)(delay / 4).TotalMilliseconds + 1));
    }

    private sealed class Entry
    {
        public required Node Node { get; init; }

        public int Failures { get; set; }

        /// <summary>When the back-off ends.</summary>
        public TimeSpan NotBefore { get; set; }

        /// <summary>The node's place in the schedule, if it has one.</summary>
        public TimeSpan? Due { get; set; }

        public int Tie { get; set; }

        public StaticNodeStatus Status => new(Node, Failures, Due);
    }
}
