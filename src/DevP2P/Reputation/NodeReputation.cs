using DevP2P.Nodes;

namespace DevP2P.Reputation;

/// <summary>What a server thinks of a node, and why. Immutable.</summary>
public sealed record NodeReputation
{
    /// <summary>The node.</summary>
    public required NodeId Id { get; init; }

    /// <summary>
    /// The score now: 0 for a stranger, at most 100. Every 12 hours it is half as far from 0. Below -15 sources' candidates are not dialed.
    /// </summary>
    public required double Score { get; init; }

    /// <summary>How often the server has banned the node by itself.</summary>
    public required int Bans { get; init; }

    /// <summary>The latest facts that made the score, newest first; at most 8, and none from before the start.</summary>
    public required IReadOnlyList<ReputationFact> Facts { get; init; }
}

/// <summary>Something that a node did, or failed to do.</summary>
/// <param name="At">When, in UTC.</param>
/// <param name="Points">What it added to the score; 0 if the score could not sink further for such a reason.</param>
/// <param name="Reason">What it was, for people. Not stable: do not parse it.</param>
public sealed record ReputationFact(DateTimeOffset At, double Points, string Reason);
