using System.Reflection;

namespace DevP2P.Hosting.Rpc;

/// <summary>How the node and its peers are.</summary>
internal static class StatusMethods
{
    private static readonly string s_version =
        typeof(StatusMethods).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    public static IEnumerable<RpcMethod> Create(AdminNode node) =>
    [
        RpcMethod.Create("devp2p_trafficByProtocol", "What was exchanged with all peers since the start, by protocol.", [],
            AdminJson.Default.IReadOnlyListProtocolTrafficReport,
            IReadOnlyList<ProtocolTrafficReport> (_) => [.. node.Server.GetTraffic().Select(ProtocolTrafficReport.From)]),
        RpcMethod.Create("devp2p_status", "How the node is, in one answer.", [], AdminJson.Default.StatusReport, _ => Describe(node)),
        RpcMethod.Create("devp2p_peers", "All connected peers, by id, with what only this node knows of them.", [],
            AdminJson.Default.IReadOnlyListPeerReport,
            IReadOnlyList<PeerReport> (_) => [.. node.Server.Peers.OrderBy(peer => peer.Id).Select(peer => PeerReport.From(node.Server, peer))]),
    ];

    private static StatusReport Describe(AdminNode node)
    {
        Server server = node.Server;
        IReadOnlyCollection<Peer> peers = server.Peers;
        NodeInfo info = server.GetNodeInfo();
        LimitsReport limits = LimitsReport.From(server.Limits);
        return new StatusReport(
            info,
            Math.Round(node.Uptime.TotalSeconds, 3),
            s_version,
            new PeerCountsReport(
                peers.Count, peers.Count(peer => peer.IsInbound), peers.Count(peer => !peer.IsInbound), peers.Count(peer => peer.IsStatic),
                peers.Count(peer => peer.IsTrusted), limits.MaxPeers),
            new DiscoveryReport(
                server.DiscoveryV4 is not null, server.DiscoveryV5 is not null, server.TopicDiscovery is not null,
                server.DiscoveryV4?.NodeCount, server.DiscoveryV5?.NodeCount, server.TopicDiscovery?.NodeCount),
            server.ClockOffset?.TotalMilliseconds,
            [.. server.ListenEndPoints.Select(endPoint => endPoint.ToString())],
            new ReachabilityReport(info.Nat, AdvertisedReport.From(server.Self.Record)),
            CountersReport.From(server.GetCounters()),
            limits);
    }
}
