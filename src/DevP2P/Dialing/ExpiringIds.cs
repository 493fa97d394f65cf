using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>Node ids that are remembered until a moment each. Sans-IO: time is an argument.</summary>
/// <remarks>Go: <c>expHeap</c>.</remarks>
internal sealed class ExpiringIds(int capacity)
{
    private readonly Dictionary<NodeId, TimeSpan> _expiries = [];
    private readonly SortedSet<(TimeSpan At, NodeId Id)> _order = [];

    /// <summary>True if the next <see cref="Add"/> of a new id pushes out another one.</summary>
    public bool IsFull => _expiries.Count >= capacity;

    /// <summary>When the first id expires, or null if there is none.</summary>
    public TimeSpan? NextExpiry => _order.Count == 0 ? null : _order.Min.At;

    /// <summary>Remembers an id until <paramref name="expiry"/>. When full, the id that would expire first goes.</summary>
    public void Add(NodeId id, TimeSpan expiry)
    {
        Remove(id);
        if (IsFull)
        {
            Remove(_order.Min.Id);
        }

        _expiries.Add(id, expiry);
        _order.Add((expiry, id));
    }

    public void Remove(NodeId id)
    {
        if (_expiries.Remove(id, out TimeSpan expiry))
        {
            _order.Remove((expiry, id));
        }
    }

    /// <summary>When an id expires; null if it is not remembered, or not any more.</summary>
    public TimeSpan? GetExpiry(TimeSpan now, NodeId id) =>
        _expiries.TryGetValue(id, out TimeSpan expiry) && expiry > now ? expiry : null;

    /// <summary>Forgets what has expired.</summary>
    public void Expire(TimeSpan now)
    {
        while (_order.Count > 0 && _order.Min.At <= now)
        {
            Remove(_order.Min.Id);
        }
    }
}
