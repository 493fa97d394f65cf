namespace DevP2P.Discovery.LegacyV5;

/// <summary>How far we are with a node at an endpoint.</summary>
/// <remarks>Go: <c>discv5.nodeState</c>, whose names they have.</remarks>
internal enum NodeState : byte
{
    /// <summary>Nothing is known; the node is forgotten as soon as nobody waits for it.</summary>
    Unknown,

    /// <summary>We have pinged it, and heard nothing yet.</summary>
    VerifyInit,

    /// <summary>It has pinged us, and our ping waits for its pong.</summary>
    VerifyWait,

    /// <summary>It has answered our ping. If it does not know us, it pings us now; until it has done so, or time is over, we do not ask it.</summary>
    RemoteVerifyWait,

    /// <summary>It may be asked.</summary>
    Known,

    /// <summary>It may be asked still; but whether it is alive is being tried.</summary>
    Contested,

    /// <summary>It has answered once, but not the last time. It is verified anew before it is asked.</summary>
    Unresponsive,
}
