namespace DevP2P.Discovery.V4;

/// <summary>The byte behind the header that says what a packet is (discv4.md, "Wire Protocol").</summary>
internal enum PacketType : byte
{
    /// <summary>Not a packet of this protocol.</summary>
    None,
    Ping,
    Pong,
    FindNode,
    Neighbors,

    /// <summary>EIP-868.</summary>
    RecordRequest,

    /// <summary>EIP-868.</summary>
    RecordResponse,
}
