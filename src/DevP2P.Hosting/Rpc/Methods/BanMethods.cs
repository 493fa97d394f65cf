using DevP2P.Nodes;

namespace DevP2P.Hosting.Rpc;

/// <summary>Whom the node keeps out, and what it thinks of others.</summary>
internal static class BanMethods
{
    /// <summary>Ten years: longer is for good.</summary>
    private const int MaxSeconds = 10 * 365 * 24 * 3600;

    public static IEnumerable<RpcMethod> Create(AdminNode node)
    {
        Server server = node.Server;
        RpcParameter<NodeId> id = Parameters.NodeIdentity();
        RpcParameter<double> seconds = Parameters.Seconds("seconds", "For how long; null or left out for good", MaxSeconds);
        RpcParameter<string> reason = Parameters.Text("reason", "Why, for people; the node is not told", isRequired: false);
        return
        [
            RpcMethod.Create("devp2p_banPeer", "Keeps a node out: it is disconnected, not let in and not dialed. Survives a restart.", [id, seconds, reason],
                AdminJson.Default.BanReport,
                call => Ban(
                    node, call.Get(id), call.Get(seconds, 0) is > 0 and var time ? TimeSpan.FromSeconds(time) : Timeout.InfiniteTimeSpan, call.Get(reason, "")),
                changesNode: true),
            RpcMethod.Create("devp2p_unbanPeer", "Ends a ban. False if there was none.", [id], AdminJson.Default.Boolean,
                call => Unban(node, call.Get(id)), changesNode: true),
            RpcMethod.Create("devp2p_bans", "The nodes that are banned now, the oldest ban first.", [], AdminJson.Default.IReadOnlyListBanReport,
                IReadOnlyList<BanReport> (_) => [.. server.Bans.Select(BanReport.From)]),
            RpcMethod.Create("devp2p_reputation", "A node's score and the latest facts behind it.", [id], AdminJson.Default.ReputationReport,
                call => ReputationReport.From(server.GetReputation(call.Get(id)))),
        ];
    }

    private static BanReport Ban(AdminNode node, NodeId id, TimeSpan duration, string reason)
    {
        try
        {
            node.Server.Ban(id, duration, reason);
        }
        catch (ArgumentException e)
        {
            throw RpcException.InvalidParams(e.Message);
        }
        catch (InvalidOperationException e)
        {
            throw RpcException.Failed(e.Message);
        }

        BanReport report = node.Server.Bans.FirstOrDefault(ban => ban.Id == id) is { } ban
            ? BanReport.From(ban)
            : throw RpcException.Failed("the ban has ended already");
        node.Events.Banned(report);
        return report;
    }

    private static bool Unban(AdminNode node, NodeId id)
    {
        bool wasBanned = node.Server.Unban(id);
        if (wasBanned)
        {
            node.Events.Unbanned(id);
        }

        return wasBanned;
    }
}
