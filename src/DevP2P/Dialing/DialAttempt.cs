using System.Net;
using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>One attempt to make a node a peer: how far it came, how it ended and why.</summary>
/// <remarks>Immutable. go-ethereum has no counterpart: its <c>dialTask</c> drops the error.</remarks>
public sealed record DialAttempt
{
    /// <summary>The node that was dialed, as it was known when the attempt began.</summary>
    public required Node Node { get; init; }

    /// <summary>The stage at which the attempt ended: <see cref="DialStage.Admitted"/> after success, else the one that failed.</summary>
    public required DialStage Stage { get; init; }

    /// <summary>True if the node became a peer.</summary>
    public required bool Succeeded { get; init; }

    /// <summary>Why the attempt ended as it did, one short line for people. Not stable: do not parse it.</summary>
    public required string Reason { get; init; }

    /// <summary>The disconnect reason that either side gave, or null if none was given.</summary>
    public DisconnectReason? DisconnectReason { get; init; }

    /// <summary>When the attempt began, in UTC.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>How long it took.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>True if the operator named the node; false if a source of candidates offered it.</summary>
    public required bool IsStatic { get; init; }

    /// <summary>The remote end of the connection, or null if none was established.</summary>
    public EndPoint? RemoteEndPoint { get; init; }
}
