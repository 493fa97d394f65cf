using DevP2P.Nodes;

namespace DevP2P.Hosting.Rpc;

/// <summary>Connecting and disconnecting with an outcome, which geth's methods do not have.</summary>
internal static class DialMethods
{
    public static IEnumerable<RpcMethod> Create(AdminNode node)
    {
        RpcParameter<Node> url = Parameters.NodeUrl();
        RpcParameter<NodeId> id = Parameters.NodeIdentity();
        RpcParameter<int> timeout = Parameters.Number(
            "timeoutMs", "How long to wait for the outcome, 30000 if left out", 1, (int)RpcLimits.MaxConnectTimeout.TotalMilliseconds);
        RpcParameter<NodeId> only = Parameters.NodeIdentity(isRequired: false);
        RpcParameter<int> limit = Parameters.Number("limit", "How many at most, 100 if left out", 1, RpcLimits.MaxDialHistory);
        return
        [
            RpcMethod.Create("devp2p_dialHistory",
                "The latest attempts to reach nodes, or one node, with how far they came and why they ended. The newest come first.",
                [only, limit], AdminJson.Default.IReadOnlyListDialReport,
                call => GetHistory(node.Server, call.Get(only, default), call.Get(limit, 100))),
            RpcMethod.Create("devp2p_connect", "As admin_addPeer, and waits for the outcome of the first attempt: how far it came, and why it ended.",
                [url, timeout], AdminJson.Default.DialReport,
                call => ConnectAsync(node, call, call.Get(url), TimeSpan.FromMilliseconds(call.Get(timeout, (int)RpcLimits.ConnectTimeout.TotalMilliseconds))),
                changesNode: true),
            RpcMethod.Create("devp2p_disconnect", "As admin_removePeer, by id. True if the node was connected.", [id], AdminJson.Default.Boolean,
                call => Disconnect(node.Server, call.Get(id)), changesNode: true),
        ];
    }

    private static async ValueTask<DialReport> ConnectAsync(AdminNode node, RpcCall call, Node target, TimeSpan timeout)
    {
        if (!await node.Connects.WaitAsync(TimeSpan.Zero).ConfigureAwait(false))
        {
            throw RpcException.Limit($"too many connects are waited for, at most {RpcLimits.MaxConnects}");
        }

        try
        {
            using var end = new CancellationTokenSource(timeout, node.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(end.Token, call.CancellationToken);
            return DialReport.From(await node.Server.AddPeerAsync(target, either.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (!call.CancellationToken.IsCancellationRequested)
        {
            throw RpcException.Failed($"no outcome after {timeout.TotalMilliseconds} ms; the node is dialed further");
        }
        catch (InvalidOperationException)
        {
            throw RpcException.Failed("node not started");
        }
        finally
        {
            node.Connects.Release();
        }
    }

    private static IReadOnlyList<DialReport> GetHistory(Server server, NodeId id, int limit) => id == default
        ? [.. server.GetDialHistory(limit).Select(attempt => DialReport.From(attempt))]
        : [.. server.GetDialHistory(id).Reverse().Take(limit).Select(attempt => DialReport.From(attempt))];

    private static bool Disconnect(Server server, NodeId id)
    {
        bool isConnected = server.Peers.Any(peer => peer.Id == id);
        server.RemovePeer(id);
        return isConnected;
    }
}
