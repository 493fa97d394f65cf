using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using DevP2P.Nodes;

namespace DevP2P;

/// <summary>
/// How <see cref="PeerEvent"/>, <see cref="NodeInfo"/> and <see cref="PeerInfo"/> are written as JSON, field for field as
/// go-ethereum does, without reflection. What protocols put into the info objects may be strings, numbers, booleans,
/// dictionaries of those and <see cref="JsonElement"/>.
/// </summary>
public static class P2PJson
{
    /// <summary>For events.</summary>
    public static JsonTypeInfo<PeerEvent> PeerEvent => P2PJsonContext.Default.PeerEvent;

    /// <summary>For the local node.</summary>
    public static JsonTypeInfo<NodeInfo> NodeInfo => P2PJsonContext.Default.NodeInfo;

    /// <summary>For one peer.</summary>
    public static JsonTypeInfo<PeerInfo> PeerInfo => P2PJsonContext.Default.PeerInfo;

    /// <summary>For the list of peers.</summary>
    public static JsonTypeInfo<IReadOnlyList<PeerInfo>> PeerInfos => P2PJsonContext.Default.IReadOnlyListPeerInfo;
}

[JsonSourceGenerationOptions(Converters = [typeof(NodeIdJsonConverter)])]
[JsonSerializable(typeof(PeerEvent))]
[JsonSerializable(typeof(NodeInfo))]
[JsonSerializable(typeof(PeerInfo))]
[JsonSerializable(typeof(IReadOnlyList<PeerInfo>))]
[JsonSerializable(typeof(Dictionary<string, object?>))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(ulong))]
[JsonSerializable(typeof(double))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class P2PJsonContext : JsonSerializerContext;

/// <summary>64 hexadecimal digits, as Go writes <c>enode.ID</c>.</summary>
internal sealed class NodeIdJsonConverter : JsonConverter<NodeId>
{
    public override NodeId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        NodeId.TryParse(reader.GetString(), out NodeId id) ? id : throw new JsonException("a node id is 64 hexadecimal digits");

    public override void Write(Utf8JsonWriter writer, NodeId value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
