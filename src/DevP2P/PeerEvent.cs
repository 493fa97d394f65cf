using System.Text.Json.Serialization;
using DevP2P.Nodes;

namespace DevP2P;

/// <summary>The kinds of <see cref="PeerEvent"/>.</summary>
/// <remarks>Go: <c>p2p.PeerEventType</c>.</remarks>
[JsonConverter(typeof(JsonStringEnumConverter<PeerEventType>))]
public enum PeerEventType
{
    /// <summary>A peer was added. Go: <c>PeerEventTypeAdd</c>.</summary>
    [JsonStringEnumMemberName("add")]
    Add,

    /// <summary>A peer was dropped; <see cref="Server.Peers"/> no longer has it. Go: <c>PeerEventTypeDrop</c>.</summary>
    [JsonStringEnumMemberName("drop")]
    Drop,

    /// <summary>A protocol sent a message. Go: <c>PeerEventTypeMsgSend</c>.</summary>
    [JsonStringEnumMemberName("msgsend")]
    MessageSent,

    /// <summary>A protocol read a message. Go: <c>PeerEventTypeMsgRecv</c>.</summary>
    [JsonStringEnumMemberName("msgrecv")]
    MessageReceived,

    /// <summary>
    /// This subscriber was too slow and lost <see cref="PeerEvent.Missed"/> events; <see cref="PeerEvent.Peers"/> is who is
    /// connected now. Not in Go, whose slow subscribers stop the network instead.
    /// </summary>
    [JsonStringEnumMemberName("lagged")]
    Lagged,
}

/// <summary>Something that happened to a peer. The JSON names are those of Go's <c>PeerEvent</c>.</summary>
/// <remarks>Go: <c>p2p.PeerEvent</c>.</remarks>
public sealed record PeerEvent
{
    /// <summary>What happened.</summary>
    [JsonPropertyName("type")]
    public required PeerEventType Type { get; init; }

    /// <summary>The peer. Not set for <see cref="PeerEventType.Lagged"/>.</summary>
    [JsonPropertyName("peer")]
    public NodeId Peer { get; init; }

    /// <summary>For drops: why, in words.</summary>
    [JsonPropertyName("error")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Error { get; init; }

    /// <summary>For messages: the protocol's name.</summary>
    [JsonPropertyName("protocol")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Protocol { get; init; }

    /// <summary>For messages: the code, counted from 0 within the protocol.</summary>
    [JsonPropertyName("msg_code")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ulong? MessageCode { get; init; }

    /// <summary>For messages: the payload's size in bytes, uncompressed.</summary>
    [JsonPropertyName("msg_size")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? MessageSize { get; init; }

    /// <summary>Our end of the connection.</summary>
    [JsonPropertyName("local")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? LocalAddress { get; init; }

    /// <summary>The other end.</summary>
    [JsonPropertyName("remote")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? RemoteAddress { get; init; }

    /// <summary>For <see cref="PeerEventType.Lagged"/>: how many events were lost.</summary>
    [JsonPropertyName("missed")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Missed { get; init; }

    /// <summary>For <see cref="PeerEventType.Lagged"/>: the peers that are connected now.</summary>
    [JsonPropertyName("peers")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<NodeId>? Peers { get; init; }

    /// <summary>For drops: the reason on the wire.</summary>
    [JsonIgnore]
    public DisconnectReason? Reason { get; init; }

    /// <summary>For drops: true if the remote node gave the reason.</summary>
    [JsonIgnore]
    public bool IsRemote { get; init; }
}
