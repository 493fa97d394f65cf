using DevP2P.Dialing;

namespace DevP2P;

/// <summary>What became of a connection that was to become a peer.</summary>
public sealed record ConnectionResult
{
    /// <summary>The peer, or null if there is none.</summary>
    public Peer? Peer { get; init; }

    /// <summary>How far it came: <see cref="DialStage.Admitted"/> for a peer, otherwise the stage that failed.</summary>
    public required DialStage Stage { get; init; }

    /// <summary>Why there is no peer, in words; empty for a peer.</summary>
    public string Error { get; init; } = "";

    /// <summary>The disconnect reason that one side gave, if one did.</summary>
    public DisconnectReason? Reason { get; init; }

    /// <summary>True if the other side gave the reason.</summary>
    public bool IsRemote { get; init; }
}
