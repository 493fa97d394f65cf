using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>What has to happen before a node can be connected to.</summary>
internal enum DialResolution
{
    /// <summary>The node has an address.</summary>
    None,

    /// <summary>The host name has to be looked up: each time anew, because it may have moved.</summary>
    HostName,

    /// <summary>The node has neither address nor host name: discovery has to find it.</summary>
    Discovery,
}

/// <summary>The scheduler's order to dial a node. It is answered with <see cref="DialScheduler.DialFinished"/>, always.</summary>
/// <param name="Node">Whom to dial.</param>
/// <param name="SourceId">The source that offered the node, or null for a static node.</param>
/// <param name="Policy">Which resolved addresses may be connected to.</param>
internal readonly record struct DialRequest(Node Node, int? SourceId, DialAddressPolicy Policy)
{
    /// <summary>True if the operator named the node.</summary>
    public bool IsStatic => SourceId is null;

    /// <summary>What to do before connecting.</summary>
    public DialResolution Resolution => this switch
    {
        { Node.Address: not null } => DialResolution.None,
        { Node.HostName: not null } => DialResolution.HostName,
        _ => DialResolution.Discovery,
    };
}
