using System.Text.Json;
using System.Text.Json.Serialization;

namespace DevP2P.Hosting.Rpc;

/// <summary>
/// The JSON of all answers, generated at compile time. The encoder leaves nothing but ASCII. Protocols' own information may be
/// strings, numbers, booleans, dictionaries of those and <see cref="JsonElement"/>, as in <see cref="P2PJson"/>.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NodeInfo))]
[JsonSerializable(typeof(IReadOnlyList<PeerInfo>))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(IReadOnlyList<PeerReport>))]
[JsonSerializable(typeof(DialReport))]
[JsonSerializable(typeof(IReadOnlyList<DialReport>))]
[JsonSerializable(typeof(IReadOnlyList<FoundNode>))]
[JsonSerializable(typeof(LimitsReport))]
[JsonSerializable(typeof(IReadOnlyList<ProtocolTrafficReport>))]
[JsonSerializable(typeof(BanReport))]
[JsonSerializable(typeof(IReadOnlyList<BanReport>))]
[JsonSerializable(typeof(ReputationReport))]
[JsonSerializable(typeof(TableReport))]
[JsonSerializable(typeof(PeerChange))]
[JsonSerializable(typeof(LimitsChange))]
[JsonSerializable(typeof(BanChange))]
[JsonSerializable(typeof(LaggedEvent))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
[JsonSerializable(typeof(Dictionary<string, object?>))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(ulong))]
[JsonSerializable(typeof(double))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class AdminJson : JsonSerializerContext;
