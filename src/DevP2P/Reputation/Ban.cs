using DevP2P.Nodes;

namespace DevP2P.Reputation;

/// <summary>A node that is kept out: neither let in nor dialed. Immutable.</summary>
public sealed record Ban
{
    /// <summary>Whom.</summary>
    public required NodeId Id { get; init; }

    /// <summary>Since when, in UTC.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Until when, in UTC; null for good.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Why, in words; may be empty.</summary>
    public string Reason { get; init; } = "";

    /// <summary>True if the server made it by itself, for breaches of protocol; false if the operator did.</summary>
    public bool IsAutomatic { get; init; }

    /// <summary>Whether it holds at a time.</summary>
    internal bool HoldsAt(DateTimeOffset utc) => Until is null || utc < Until;

    /// <summary>"banned until 2030-01-02 03:04:05Z: spam".</summary>
    internal string ToText() =>
        (Until is { } until ? $"banned until {until:u}" : "banned for good") + (Reason.Length > 0 ? ": " + Reason : "");
}
