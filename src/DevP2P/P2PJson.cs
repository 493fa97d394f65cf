using System.Text.Json;
using System.Text.Json.Serialization;

namespace DevP2P;

/// <summary>
/// Writes <see cref="PeerEvent"/>, <see cref="NodeInfo"/> and <see cref="PeerInfo"/> as go-ethereum does, without reflection.
/// What protocols put into the info objects may be of the types listed here; others need a context of their own.
/// </summary>
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
public sealed partial class P2PJsonContext : JsonSerializerContext;
