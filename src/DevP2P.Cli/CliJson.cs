using System.Text.Json;
using System.Text.Json.Serialization;
using DevP2P.Cli.Bench;
using DevP2P.Cli.Demo;

namespace DevP2P.Cli;

/// <summary>The JSON of all commands, generated at compile time: the native binary has no reflection to fall back on.
/// The encoder is the default one, which leaves nothing but ASCII: what a remote node says reaches a terminal harmless.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KeyReport))]
[JsonSerializable(typeof(VersionReport))]
[JsonSerializable(typeof(EchoReport))]
[JsonSerializable(typeof(PingReport))]
[JsonSerializable(typeof(DemoReport))]
[JsonSerializable(typeof(DiscoveryPingReport))]
[JsonSerializable(typeof(LookupReport))]
[JsonSerializable(typeof(FoundNodeReport))]
[JsonSerializable(typeof(FindNodeReport))]
[JsonSerializable(typeof(TalkReport))]
[JsonSerializable(typeof(ListenStartedReport))]
[JsonSerializable(typeof(ListenNodeReport))]
[JsonSerializable(typeof(ListenTalkReport))]
[JsonSerializable(typeof(BenchReport))]
[JsonSerializable(typeof(ProcessCost))]
[JsonSerializable(typeof(Dictionary<string, double>))]
[JsonSerializable(typeof(TopicStartedReport))]
[JsonSerializable(typeof(TopicLookupReport))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class CliJson : JsonSerializerContext;
