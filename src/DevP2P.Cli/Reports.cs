using System.Globalization;
using DevP2P.Cli.Logging;
using DevP2P.Nodes;
using DevP2P.Rlpx;

namespace DevP2P.Cli;

/// <summary>What <c>devp2p key --json</c> prints.</summary>
internal sealed record KeyReport(string Id, string PublicKey, string? Enode, string KeyFile, string? OldKeyFile, string? Secret);

/// <summary>What <c>devp2p version --json</c> prints.</summary>
internal sealed record VersionReport(string Version, string Runtime, bool NativeAot, string Crypto, string Os, string Architecture);

/// <summary>Percentiles in milliseconds.</summary>
internal sealed record LatencyReport(double Min, double P50, double P90, double P99, double Max)
{
    public static LatencyReport From(Latencies latencies) => new(
        Milliseconds(latencies.Percentile(0)),
        Milliseconds(latencies.Percentile(0.5)),
        Milliseconds(latencies.Percentile(0.9)),
        Milliseconds(latencies.Percentile(0.99)),
        Milliseconds(latencies.Max));

    /// <summary>To a microsecond.</summary>
    public static double Milliseconds(TimeSpan time) => Math.Round(time.TotalMilliseconds, 3);

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"min {Min} ms, median {P50} ms, 90% {P90} ms, 99% {P99} ms, max {Max} ms");
}

/// <summary>What <c>devp2p echo --json</c> prints. The latencies are in milliseconds.</summary>
internal sealed record EchoReport(
    long RoundTrips, long Wrong, int Size, double Seconds, double PerSecond, double MegabytesPerSecond, LatencyReport LatencyMs, string? Error);

/// <summary>A remote node's hello. The texts are capped but otherwise as they came: escape them before a terminal sees them.</summary>
internal sealed record HelloReport(string Name, string Id, ulong Version, IReadOnlyList<string> Capabilities, ulong ListenPort)
{
    /// <summary>More capabilities than this no honest node has; the rest is not shown.</summary>
    private const int MaxCapabilities = 64;

    public static HelloReport From(Hello hello) => new(
        LogText.Cap(hello.Name),
        hello.Key.NodeId.ToString(),
        hello.Version,
        [.. hello.Capabilities.Take(MaxCapabilities).Select(capability => LogText.Cap(capability.ToString()))],
        hello.ListenPort);
}

/// <summary>What <c>devp2p ping --json</c> prints.</summary>
internal sealed record PingReport(
    string Node, HelloReport? Hello, double ConnectMs, IReadOnlyList<double> RoundTripsMs, string? Disconnect, string? Error);

/// <summary>What <c>devp2p discv4 ping --json</c> and <c>devp2p discv5 ping --json</c> print. A ping without an answer is null in the list.</summary>
internal sealed record DiscoveryPingReport(
    string Node, IReadOnlyList<double?> RoundTripsMs, string? SeenAs, ulong? RecordSequence, string? Error);

/// <summary>What <c>devp2p discv4 lookup --json</c> and <c>devp2p discv5 lookup --json</c> print: the nodes closest to the target, the closest first.</summary>
internal sealed record LookupReport(string Target, IReadOnlyList<FoundNodeReport> Nodes);

/// <summary>A node that discovery found; of one whose record is not known there is only the rest.</summary>
internal sealed record FoundNodeReport(string Id, string Enode, string? Record, ulong? Sequence, string? ForkId)
{
    public static FoundNodeReport From(Node node) => new(
        node.Id.ToString(), node.ToString(), node.Record?.ToString(), node.Record?.Sequence, node.Record?.ForkId?.ToString());

    /// <summary>The same in one line for people, and for tools that split at spaces.</summary>
    public override string ToString() => Record is null ? Enode : $"{Enode} {Record}";
}

/// <summary>What <c>devp2p discv5 find-node --json</c> prints.</summary>
internal sealed record FindNodeReport(string Node, IReadOnlyList<int> Distances, IReadOnlyList<FoundNodeReport> Nodes);

/// <summary>What <c>devp2p discv5 talk --json</c> prints: the answer in hexadecimal digits, and as text if it is UTF-8.</summary>
internal sealed record TalkReport(string Node, string Protocol, string Answer, string? Text);

/// <summary>The first line of <c>devp2p discv5 listen --json</c>.</summary>
internal sealed record ListenStartedReport(string Event, string Enode, string Record, string Id, string Listen);

/// <summary>
/// A node that <c>devp2p discv5 listen --json</c> or <c>devp2p topic search --json</c> has found, or that
/// <c>devp2p topic register --json</c> has sent a registration to.
/// </summary>
internal sealed record ListenNodeReport(string Event, FoundNodeReport Node);

/// <summary>A talk request that reached <c>devp2p discv5 listen --json</c>: the payload in hexadecimal digits, and as text if it is UTF-8.</summary>
internal sealed record ListenTalkReport(string Event, string Id, string From, string Protocol, string Payload, string? Text);

/// <summary>The first line of <c>devp2p topic register --json</c>.</summary>
internal sealed record TopicStartedReport(string Event, string Topic, string Enode, string Id, string Listen);

/// <summary>
/// The end of a lookup of <c>devp2p topic search --json</c>, the first of which is number 1: whether it is certain how far around the
/// topic's hash it is advertised.
/// </summary>
internal sealed record TopicLookupReport(string Event, long Number, bool Converged);
