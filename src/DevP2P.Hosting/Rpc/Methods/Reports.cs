using System.Text.Json.Serialization;
using DevP2P.Dialing;
using DevP2P.Discovery;
using DevP2P.Nodes;
using DevP2P.Reputation;

namespace DevP2P.Hosting.Rpc;

/// <summary>What devp2p_status gives.</summary>
internal sealed record StatusReport(
    NodeInfo Node,
    double UptimeSeconds,
    string Version,
    PeerCountsReport Peers,
    DiscoveryReport Discovery,
    double? ClockOffsetMs,
    IReadOnlyList<string> Listening,
    ReachabilityReport Reachability,
    CountersReport Counters,
    LimitsReport Limits);

/// <summary>How many peers there are, of each kind.</summary>
internal sealed record PeerCountsReport(int Total, int Inbound, int Outbound, int Static, int Trusted, int Max);

/// <summary>Which discovery runs, and how many nodes it knows; null where it does not run.</summary>
internal sealed record DiscoveryReport(bool V4, bool V5, bool Legacy, int? V4Nodes, int? V5Nodes, int? LegacyNodes);

/// <summary>Where others reach the node.</summary>
internal sealed record ReachabilityReport(NatInfo? Nat, AdvertisedReport Advertised);

/// <summary>What the node's record says of addresses and ports.</summary>
internal sealed record AdvertisedReport(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Ip,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Tcp,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Udp,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Ip6,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Tcp6,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Udp6)
{
    public static AdvertisedReport From(NodeRecord? record) => record is null
        ? new AdvertisedReport(null, null, null, null, null, null)
        : new AdvertisedReport(
            record.IPv4Address?.ToString(), record.TcpPort, record.UdpPort, record.IPv6Address?.ToString(), record.Tcp6Port, record.Udp6Port);
}

/// <summary>What was counted since the start.</summary>
internal sealed record CountersReport(
    long Accepted, long Dialed, long Offered, long Added, IReadOnlyDictionary<string, long> Refused, IReadOnlyDictionary<string, long> Dropped)
{
    public static CountersReport From(ServerCounters counters) =>
        new(counters.Accepted, counters.Dialed, counters.Offered, counters.Added, counters.Refused, counters.Dropped);
}

/// <summary>The limits that hold; null where there is none.</summary>
internal sealed record LimitsReport(
    int MaxPeers, long? UploadBytesPerSecond, long? DownloadBytesPerSecond, long? PeerUploadBytesPerSecond, long? PeerDownloadBytesPerSecond)
{
    public static LimitsReport From(ServerLimits limits) => new(
        limits.MaxPeers, limits.UploadBytesPerSecond, limits.DownloadBytesPerSecond, limits.PeerUploadBytesPerSecond, limits.PeerDownloadBytesPerSecond);
}

/// <summary>A peer as admin_peers has it, and what only this node knows of it.</summary>
internal sealed record PeerReport(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Enr,
    string Enode,
    string Id,
    string Name,
    IReadOnlyList<string> Caps,
    PeerNetworkInfo Network,
    IReadOnlyDictionary<string, object?> Protocols,
    double ConnectedSeconds,
    PeerTrafficReport Traffic,
    double Score)
{
    public static PeerReport From(Server server, Peer peer)
    {
        PeerInfo info = peer.GetInfo();
        PeerTraffic traffic = peer.GetTraffic();
        return new PeerReport(
            info.Enr, info.Enode, info.Id, info.Name, info.Capabilities, info.Network, info.Protocols, Math.Round(peer.Lifetime.TotalSeconds, 3),
            new PeerTrafficReport(traffic.MessagesIn, traffic.MessagesOut, traffic.BytesIn, traffic.BytesOut),
            Math.Round(server.GetReputation(peer.Id).Score, 3));
    }
}

/// <summary>What a peer has been sent and has sent on this connection; bytes on the wire.</summary>
internal sealed record PeerTrafficReport(long MessagesIn, long MessagesOut, long BytesIn, long BytesOut);

/// <summary>What was exchanged with all peers by a protocol since the start; wire bytes are those of the frames.</summary>
internal sealed record ProtocolTrafficReport(
    string Protocol, long MessagesIn, long MessagesOut, long BytesIn, long BytesOut, long WireBytesIn, long WireBytesOut)
{
    public static ProtocolTrafficReport From(ProtocolTraffic traffic) => new(
        traffic.Protocol, traffic.MessagesIn, traffic.MessagesOut, traffic.BytesIn, traffic.BytesOut, traffic.WireBytesIn, traffic.WireBytesOut);
}

/// <summary>A node that is kept out; without end where until is null.</summary>
internal sealed record BanReport(string Id, DateTime Since, DateTime? Until, string Reason, bool Automatic)
{
    public static BanReport From(Ban ban) => new(ban.Id.ToString(), ban.Since.UtcDateTime, ban.Until?.UtcDateTime, ban.Reason, ban.IsAutomatic);
}

/// <summary>A node's score, and the latest facts behind it.</summary>
internal sealed record ReputationReport(string Id, double Score, int Bans, IReadOnlyList<FactReport> Facts)
{
    public static ReputationReport From(NodeReputation reputation) => new(
        reputation.Id.ToString(), Math.Round(reputation.Score, 3), reputation.Bans,
        [.. reputation.Facts.Select(fact => new FactReport(fact.At.UtcDateTime, fact.Points, fact.Reason))]);
}

/// <summary>Something that a node did, and what it counted.</summary>
internal sealed record FactReport(DateTime At, double Points, string Reason);

/// <summary>A routing table.</summary>
internal sealed record TableReport(string Version, int Count, IReadOnlyList<BucketReport> Buckets)
{
    public static TableReport From(RoutingTable table) => new(table.Version, table.Count, [.. table.Buckets.Select(bucket => new BucketReport(
        bucket.Index, bucket.MinDistance, bucket.MaxDistance,
        [.. bucket.Entries.Select(TableNodeReport.From)], [.. bucket.Replacements.Select(TableNodeReport.From)]))]);
}

/// <summary>A bucket: the nodes within a range of distances.</summary>
internal sealed record BucketReport(
    int Index, int MinDistance, int MaxDistance, IReadOnlyList<TableNodeReport> Nodes, IReadOnlyList<TableNodeReport> Replacements);

/// <summary>A node in a routing table, with how often it was found to be there.</summary>
internal sealed record TableNodeReport(string Id, string Enode, string? Ip, int Udp, int Tcp, bool Live, int Checks, int FailedQueries, DateTime AddedAt)
{
    public static TableNodeReport From(RoutingTableEntry entry) => new(
        entry.Node.Id.ToString(), entry.Node.ToString(), entry.Node.Address?.ToString(), entry.Node.UdpPort, entry.Node.TcpPort,
        entry.IsLive, entry.LivenessChecks, entry.FailedQueries, entry.AddedAt.UtcDateTime);
}

/// <summary>An attempt to reach a node; with a type, it is an event.</summary>
internal sealed record DialReport(
    DateTime At,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Type,
    string Id,
    string Enode,
    string? Remote,
    DialStageName Stage,
    bool Succeeded,
    string Reason,
    string? DisconnectReason,
    double DurationMs,
    bool Static)
{
    public static DialReport From(DialAttempt attempt, string? type = null) => new(
        attempt.StartedAt.UtcDateTime, type, attempt.Node.Id.ToString(), attempt.Node.ToString(), attempt.RemoteEndPoint?.ToString(),
        (DialStageName)attempt.Stage, attempt.Succeeded, attempt.Reason, attempt.DisconnectReason?.ToText(),
        Math.Round(attempt.Duration.TotalMilliseconds, 3), attempt.IsStatic);
}

/// <summary>The names of <see cref="DialStage"/> in JSON.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DialStageName>))]
internal enum DialStageName
{
    [JsonStringEnumMemberName("resolve")]
    Resolve = DialStage.Resolve,

    [JsonStringEnumMemberName("connect")]
    Connect = DialStage.Connect,

    [JsonStringEnumMemberName("encryptionHandshake")]
    EncryptionHandshake = DialStage.EncryptionHandshake,

    [JsonStringEnumMemberName("protocolHandshake")]
    ProtocolHandshake = DialStage.ProtocolHandshake,

    [JsonStringEnumMemberName("admitted")]
    Admitted = DialStage.Admitted,
}

/// <summary>A node that a lookup found, and how far it is from the target: the base-2 logarithm of the distance, 0 for the target itself.</summary>
internal sealed record FoundNode(string Id, string Enode, int Distance);

/// <summary>An event that is about a peer.</summary>
internal sealed record PeerChange(
    DateTime At,
    string Type,
    string Peer,
    string? Remote,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? IsRemote,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Error);

/// <summary>The event that somebody has set other limits by this API.</summary>
internal sealed record LimitsChange(DateTime At, string Type, LimitsReport Limits);

/// <summary>The event that somebody has banned a node by this API, or ended its ban.</summary>
internal sealed record BanChange(
    DateTime At,
    string Type,
    string Id,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTime? Until,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason);

/// <summary>The event that stands where others were lost.</summary>
internal sealed record LaggedEvent(DateTime At, string Type, long Missed);
