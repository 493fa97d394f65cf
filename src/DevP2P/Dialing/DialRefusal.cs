namespace DevP2P.Dialing;

/// <summary>Why a node is not dialed now.</summary>
/// <remarks>Go: the errors of <c>checkDial</c>.</remarks>
internal enum DialRefusal
{
    None = 0,
    Self,
    NoAddress,
    NoTcpPort,
    NetRestrict,
    ReservedAddress,
    LanAddress,
    AlreadyDialing,
    AlreadyConnected,
    PendingInbound,
    HeldDown,
    RecentlyDialed,

    /// <summary>The operator named the node: the schedule of static nodes dials it, sources do not.</summary>
    IsStatic,

    /// <summary>As many nodes of its network as may be are dialed, or are dialed peers (threat T01).</summary>
    NetworkLimit,

    /// <summary>The operator, or the server, has banned the node.</summary>
    Banned,

    /// <summary>The node misbehaved, and its score has not recovered yet.</summary>
    Shunned,

    /// <summary>The source was not asked for a candidate.</summary>
    NotWanted,
}

internal static class DialRefusalExtensions
{
    /// <summary>The words for logs and for <see cref="DialAttempt.Reason"/>.</summary>
    public static string ToText(this DialRefusal refusal) => refusal switch
    {
        DialRefusal.None => "",
        DialRefusal.Self => "is self",
        DialRefusal.NoAddress => "node has no address",
        DialRefusal.NoTcpPort => "node has no TCP port",
        DialRefusal.NetRestrict => "address is outside the net restrict list",
        DialRefusal.ReservedAddress => "address is reserved",
        DialRefusal.LanAddress => "LAN address from a source outside the LAN",
        DialRefusal.AlreadyDialing => "already dialing",
        DialRefusal.AlreadyConnected => "already connected",
        DialRefusal.PendingInbound => "has a pending inbound connection",
        DialRefusal.HeldDown => "was removed a moment ago",
        DialRefusal.RecentlyDialed => "recently dialed",
        DialRefusal.IsStatic => "is a static node",
        DialRefusal.NetworkLimit => "enough nodes of its network are dialed",
        DialRefusal.Banned => "is banned",
        DialRefusal.Shunned => "has a bad score",
        DialRefusal.NotWanted => "no candidate was asked for",
        _ => throw new ArgumentOutOfRangeException(nameof(refusal), refusal, null),
    };
}
