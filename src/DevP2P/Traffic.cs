namespace DevP2P;

/// <summary>What messages of one protocol a server has exchanged with all its peers, also those that are gone.</summary>
public sealed record ProtocolTraffic
{
    /// <summary>Name and version, "eth/68"; "p2p/5" is the base protocol: hellos, pings, pongs and disconnects.</summary>
    public required string Protocol { get; init; }

    /// <summary>Messages received.</summary>
    public long MessagesIn { get; init; }

    /// <summary>Messages sent. One counts when it has been encrypted; a connection that breaks then may have swallowed the last ones.</summary>
    public long MessagesOut { get; init; }

    /// <summary>Bytes of payloads received, after decompression.</summary>
    public long BytesIn { get; init; }

    /// <summary>Bytes of payloads sent, before compression.</summary>
    public long BytesOut { get; init; }

    /// <summary>Bytes of frames received: compressed, with header, padding and MACs; without the overhead of TCP and IP.</summary>
    public long WireBytesIn { get; init; }

    /// <summary>Bytes of frames sent.</summary>
    public long WireBytesOut { get; init; }
}

/// <summary>What has gone over one peer's connection since its Hello. All protocols together, the base protocol included.</summary>
public sealed record PeerTraffic
{
    /// <summary>Messages received.</summary>
    public long MessagesIn { get; init; }

    /// <summary>Messages sent.</summary>
    public long MessagesOut { get; init; }

    /// <summary>Bytes of frames received: on the wire, but for the overhead of TCP and IP.</summary>
    public long BytesIn { get; init; }

    /// <summary>Bytes of frames sent.</summary>
    public long BytesOut { get; init; }
}
