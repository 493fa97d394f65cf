using System.Collections.Immutable;
using DevP2P.Nodes;

namespace DevP2P.Reputation;

/// <summary>
/// Who is banned. Bounded: when it is full, the ban that ends first gives way, those that the server made before those of the
/// operator, so that no flood of misbehaving nodes lifts what the operator wants. Sans-IO: time is an argument; it is UTC, because
/// bans outlive the process and are shown.
/// </summary>
/// <remarks>One caller at a time changes it; <see cref="Find"/> and <see cref="GetAll"/> may be called from any thread.</remarks>
internal sealed class BanList(int capacity)
{
    /// <summary>The longest reason, in characters.</summary>
    public const int MaxReasonLength = 256;

    // Who gives way first comes first.
    private readonly SortedSet<(bool IsOperators, DateTimeOffset Until, NodeId Id)> _order = [];
    private volatile ImmutableDictionary<NodeId, Ban> _bans = ImmutableDictionary<NodeId, Ban>.Empty;

    public int Count => _bans.Count;

    /// <summary>The ban that holds for a node, or null.</summary>
    public Ban? Find(DateTimeOffset utc, NodeId id) => _bans.TryGetValue(id, out Ban? ban) && ban.HoldsAt(utc) ? ban : null;

    /// <summary>The bans that hold, the oldest first.</summary>
    public IReadOnlyList<Ban> GetAll(DateTimeOffset utc) =>
        [.. _bans.Values.Where(ban => ban.HoldsAt(utc)).OrderBy(static ban => ban.Since).ThenBy(static ban => ban.Id)];

    /// <summary>Adds a ban or replaces that of the same node.</summary>
    /// <returns>The ban that had to give way, or null.</returns>
    public Ban? Add(Ban ban)
    {
        Remove(ban.Id);
        Ban? gone = null;
        if (_bans.Count == capacity)
        {
            gone = _bans[_order.Min.Id];
            Remove(gone.Id);
        }

        _bans = _bans.Add(ban.Id, ban);
        _order.Add(KeyOf(ban));
        return gone;
    }

    /// <summary>Removes a node's ban, whether it holds or not.</summary>
    /// <returns>What was removed, or null.</returns>
    public Ban? Remove(NodeId id)
    {
        if (!_bans.TryGetValue(id, out Ban? ban))
        {
            return null;
        }

        _bans = _bans.Remove(id);
        _order.Remove(KeyOf(ban));
        return ban;
    }

    /// <summary>Removes the bans that have ended.</summary>
    public IReadOnlyList<Ban> Expire(DateTimeOffset utc)
    {
        Ban[] ended = [.. _bans.Values.Where(ban => !ban.HoldsAt(utc))];
        foreach (Ban ban in ended)
        {
            Remove(ban.Id);
        }

        return ended;
    }

    private static (bool IsOperators, DateTimeOffset Until, NodeId Id) KeyOf(Ban ban) =>
        (!ban.IsAutomatic, ban.Until ?? DateTimeOffset.MaxValue, ban.Id);
}
