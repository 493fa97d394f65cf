namespace DevP2P.Dialing;

/// <summary>How far an attempt to reach a node came. The values are ordered: a later stage is a greater value.</summary>
public enum DialStage
{
    /// <summary>Finding an address: the node's host name is looked up, or the node has no address at all.</summary>
    Resolve = 0,

    /// <summary>Opening the TCP connection.</summary>
    Connect = 1,

    /// <summary>The RLPx handshake that sets up keys and proves the node's identity.</summary>
    EncryptionHandshake = 2,

    /// <summary>The exchange of hello messages, and the decision of either side whether to keep the other.</summary>
    ProtocolHandshake = 3,

    /// <summary>The node is a peer.</summary>
    Admitted = 4,
}
