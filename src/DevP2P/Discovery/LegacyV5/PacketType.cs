namespace DevP2P.Discovery.LegacyV5;

/// <summary>The byte behind the signature that says what a packet is.</summary>
/// <remarks>Go: <c>discv5.pingPacket</c> and so on, in <c>net.go</c>.</remarks>
internal enum PacketType : byte
{
    /// <summary>Not a packet of this protocol.</summary>
    None,
    Ping,
    Pong,

    /// <summary>By a key; go-ethereum 1.8.27 answers it, but does not send it any more.</summary>
    FindNode,
    Neighbors,

    /// <summary>By the hash of a key.</summary>
    FindNodeHash,
    TopicRegister,
    TopicQuery,
    TopicNodes,
}
