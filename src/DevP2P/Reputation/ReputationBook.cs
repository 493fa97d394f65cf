using System.Collections.Immutable;
using DevP2P.Nodes;

namespace DevP2P.Reputation;

/// <summary>
/// A decaying score for each node that something is known of. Bounded: nodes with good scores and those with bad ones have a share each,
/// and in a full one the score that is closest to 0 gives way. So a flood of new ids, which all begin at 0, pushes out neither
/// whom we know to be good nor, before it has misbehaved more, who is bad. Sans-IO: time is an argument.
/// </summary>
/// <remarks>
/// <para>Scores are of node ids, never of addresses: many nodes share one, and a bad one would speak for the others.</para>
/// <para>One caller at a time changes it; <see cref="Get"/> and <see cref="GetScore"/> may be called from any thread.</para>
/// <para>Times are monotonic: a clock that is set does not forgive. What comes from an earlier run has a negative one.</para>
/// </remarks>
internal sealed class ReputationBook(int maxNodesPerSide = ReputationLimits.MaxNodesPerSide)
{
    // By weight, the least first. All scores decay alike, so that their order never changes by itself.
    private readonly SortedSet<(double Weight, NodeId Id)> _good = [];
    private readonly SortedSet<(double Weight, NodeId Id)> _bad = [];
    private volatile ImmutableDictionary<NodeId, Entry> _entries = ImmutableDictionary<NodeId, Entry>.Empty;

    /// <summary>How many nodes are remembered.</summary>
    public int Count => _entries.Count;

    /// <summary>A node's score; 0 for a stranger.</summary>
    public double GetScore(TimeSpan now, NodeId id) => _entries.TryGetValue(id, out Entry? entry) ? entry.ScoreAt(now) : 0;

    /// <summary>A node's score and what made it.</summary>
    public NodeReputation Get(TimeSpan now, NodeId id)
    {
        Entry? entry = _entries.GetValueOrDefault(id);
        return new NodeReputation
        {
            Id = id,
            Score = entry?.ScoreAt(now) ?? 0,
            Bans = entry?.Bans ?? 0,
            Facts = entry is null ? [] : [.. entry.Facts.Reverse()],
        };
    }

    /// <summary>Notes a fact.</summary>
    /// <param name="now">The time.</param>
    /// <param name="utc">The time, to be shown.</param>
    /// <param name="id">The node.</param>
    /// <param name="conduct">The fact.</param>
    /// <returns>The node that was forgotten for it, which may be this one; null if there was room.</returns>
    public NodeId? Add(TimeSpan now, DateTimeOffset utc, NodeId id, in Conduct conduct)
    {
        Entry known = _entries.GetValueOrDefault(id) ?? Entry.Empty;
        double before = known.ScoreAt(now);
        double after = conduct.Points < 0
            ? Math.Min(before, Math.Max(before + conduct.Points, conduct.Floor))
            : Math.Min(before + conduct.Points, ReputationLimits.MaxScore);
        double points = after == before + conduct.Points ? conduct.Points : after - before;
        var fact = new ReputationFact(utc, points, conduct.Reason);
        ImmutableArray<ReputationFact> facts = known.Facts.Length == ReputationLimits.MaxFacts ? known.Facts.RemoveAt(0) : known.Facts;
        return Set(id, new Entry(after, now, known.Bans, facts.Add(fact)));
    }

    /// <summary>Takes over what an earlier run, or nobody, knew of a node.</summary>
    /// <returns>As <see cref="Add"/>.</returns>
    public NodeId? Restore(TimeSpan at, NodeId id, double score, int bans) =>
        Set(id, new Entry(Math.Clamp(score, ReputationLimits.ViolationFloor, ReputationLimits.MaxScore), at, bans, []));

    /// <summary>Forgets a node.</summary>
    public void Forget(NodeId id)
    {
        if (_entries.TryGetValue(id, out Entry? entry))
        {
            SideOf(entry).Remove((entry.Weight, id));
            _entries = _entries.Remove(id);
        }
    }

    /// <summary>Counts a ban of a node that is remembered.</summary>
    /// <returns>How long it is to last: longer with each.</returns>
    public TimeSpan AddBan(NodeId id)
    {
        int bans = 1;
        if (_entries.TryGetValue(id, out Entry? entry))
        {
            bans = entry.Bans + 1;
            _entries = _entries.SetItem(id, entry with { Bans = bans });
        }

        // Beyond 2^10 hours it is the maximum anyway.
        TimeSpan duration = ReputationLimits.FirstBan * Math.Pow(2, Math.Min(bans - 1, 10));
        return duration < ReputationLimits.MaxBan ? duration : ReputationLimits.MaxBan;
    }

    private NodeId? Set(NodeId id, Entry entry)
    {
        if (_entries.TryGetValue(id, out Entry? previous))
        {
            SideOf(previous).Remove((previous.Weight, id));
        }

        _entries = _entries.SetItem(id, entry);
        SortedSet<(double Weight, NodeId Id)> side = SideOf(entry);
        side.Add((entry.Weight, id));
        if (side.Count <= maxNodesPerSide)
        {
            return null;
        }

        (double Weight, NodeId Id) least = side.Min;
        side.Remove(least);
        _entries = _entries.Remove(least.Id);
        return least.Id;
    }

    private SortedSet<(double Weight, NodeId Id)> SideOf(Entry entry) => entry.Score >= 0 ? _good : _bad;

    /// <summary>A node's score at a time.</summary>
    private sealed record Entry(double Score, TimeSpan At, int Bans, ImmutableArray<ReputationFact> Facts)
    {
        public static readonly Entry Empty = new(0, default, 0, []);

        /// <summary>Greater for the score that is farther from 0, at any time.</summary>
        public double Weight { get; } = Math.Log2(Math.Abs(Score)) + (At / ReputationLimits.HalfLife);

        public double ScoreAt(TimeSpan now) =>
            now <= At ? Score : Score * Math.Pow(2, -((now - At) / ReputationLimits.HalfLife));
    }
}
