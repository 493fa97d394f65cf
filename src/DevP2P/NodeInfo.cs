using System.Text.Json.Serialization;

namespace DevP2P;

/// <summary>What is known about the local node. The JSON names and order are go-ethereum's.</summary>
/// <remarks>Go: <c>p2p.NodeInfo</c>.</remarks>
public sealed record NodeInfo
{
    /// <summary>The node id: 64 hexadecimal digits.</summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    /// <summary>The node's name.</summary>
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    /// <summary>The enode URL for adding this node elsewhere.</summary>
    [JsonPropertyName("enode")]
    public required string Enode { get; init; }

    /// <summary>The node record (EIP-778) in text form.</summary>
    [JsonPropertyName("enr")]
    public string Enr { get; init; } = "";

    /// <summary>The node's IP address.</summary>
    [JsonPropertyName("ip")]
    public required string Ip { get; init; }

    /// <summary>The ports that the node listens on.</summary>
    [JsonPropertyName("ports")]
    public required NodePorts Ports { get; init; }

    /// <summary>The listener's address, or empty.</summary>
    [JsonPropertyName("listenAddr")]
    public required string ListenAddress { get; init; }

    /// <summary>What each protocol says of itself, by name; "unknown" if it says nothing.</summary>
    [JsonPropertyName("protocols")]
    public required IReadOnlyDictionary<string, object?> Protocols { get; init; }

    /// <summary>
    /// What the device between this host and the internet does for us; null without <see cref="ServerOptions.Nat"/>, unless there is a
    /// <see cref="NatInfo.Problem"/>.
    /// </summary>
    [JsonPropertyName("nat")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public NatInfo? Nat { get; init; }
}

/// <summary>The port mapping part of <see cref="NodeInfo"/>. go-ethereum has none.</summary>
public sealed record NatInfo
{
    /// <summary>The method, in its own words.</summary>
    [JsonPropertyName("method")]
    public required string Method { get; init; }

    /// <summary>The IPv4 address outside, as the device says it, also if it is of no use; null while it is not known.</summary>
    [JsonPropertyName("externalIp")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ExternalIp { get; init; }

    /// <summary>The same for IPv6.</summary>
    [JsonPropertyName("externalIp6")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ExternalIp6 { get; init; }

    /// <summary>Why an address outside is not advertised; null if there is nothing to say.</summary>
    [JsonPropertyName("problem")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Problem { get; init; }

    /// <summary>The ports that are mapped at this moment.</summary>
    [JsonPropertyName("mappings")]
    public required IReadOnlyList<NatPortInfo> Mappings { get; init; }
}

/// <summary>A port that is mapped.</summary>
/// <param name="Family">"ipv4" or "ipv6".</param>
/// <param name="Protocol">"tcp" or "udp".</param>
/// <param name="InternalPort">The port that this node listens on.</param>
/// <param name="ExternalPort">The port outside.</param>
public sealed record NatPortInfo(
    [property: JsonPropertyName("family")] string Family,
    [property: JsonPropertyName("protocol")] string Protocol,
    [property: JsonPropertyName("internalPort")] int InternalPort,
    [property: JsonPropertyName("externalPort")] int ExternalPort);

/// <summary>The ports of <see cref="NodeInfo"/>; 0 where there is none.</summary>
/// <param name="Discovery">The UDP port of discovery.</param>
/// <param name="Listener">The TCP port of RLPx.</param>
public sealed record NodePorts(
    [property: JsonPropertyName("discovery")] int Discovery,
    [property: JsonPropertyName("listener")] int Listener);

/// <summary>What is known about a connected peer. The JSON names and order are go-ethereum's.</summary>
/// <remarks>Go: <c>p2p.PeerInfo</c>.</remarks>
public sealed record PeerInfo
{
    /// <summary>The peer's node record, once it is known.</summary>
    [JsonPropertyName("enr")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Enr { get; init; }

    /// <summary>The peer's enode URL.</summary>
    [JsonPropertyName("enode")]
    public required string Enode { get; init; }

    /// <summary>The node id: 64 hexadecimal digits.</summary>
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    /// <summary>The name that the peer gives itself. From outside: untrusted text.</summary>
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    /// <summary>What the peer speaks: "eth/68".</summary>
    [JsonPropertyName("caps")]
    public required IReadOnlyList<string> Capabilities { get; init; }

    /// <summary>The connection.</summary>
    [JsonPropertyName("network")]
    public required PeerNetworkInfo Network { get; init; }

    /// <summary>
    /// What each running protocol says of the peer, by name: "unknown" if it says nothing, "handshake" while its own handshake
    /// is under way.
    /// </summary>
    [JsonPropertyName("protocols")]
    public required IReadOnlyDictionary<string, object?> Protocols { get; init; }
}

/// <summary>The connection part of <see cref="PeerInfo"/>.</summary>
/// <param name="LocalAddress">Our end of the connection.</param>
/// <param name="RemoteAddress">The other end.</param>
/// <param name="Inbound">Whether the peer connected to us.</param>
/// <param name="Trusted">Whether the peer is a trusted node.</param>
/// <param name="Static">Whether we dialed the peer as a static node.</param>
public sealed record PeerNetworkInfo(
    [property: JsonPropertyName("localAddress")] string LocalAddress,
    [property: JsonPropertyName("remoteAddress")] string RemoteAddress,
    [property: JsonPropertyName("inbound")] bool Inbound,
    [property: JsonPropertyName("trusted")] bool Trusted,
    [property: JsonPropertyName("static")] bool Static);
