using DevP2P.Nodes;

namespace DevP2P.Hosting.Rpc;

/// <summary>geth's <c>admin</c> namespace, as far as it is about peers.</summary>
internal static class AdminMethods
{
    public static IEnumerable<RpcMethod> Create(AdminNode node)
    {
        Server server = node.Server;
        RpcParameter<Node> url = Parameters.NodeUrl();
        return
        [
            Change("admin_addPeer", "Connects to a node and keeps it connected. Returns at once; devp2p_connect waits.", url, server.AddPeer),
            Change("admin_removePeer", "Disconnects a node and no longer dials it. For a minute it is not let in either.", url, server.RemovePeer),
            Change("admin_addTrustedPeer", "Lets a node connect at any time, whatever the limits.", url, server.AddTrustedPeer),
            Change("admin_removeTrustedPeer", "Takes that privilege away. A connected peer stays.", url, server.RemoveTrustedPeer),
            RpcMethod.Create("admin_peers", "All connected peers, by id.", [], AdminJson.Default.IReadOnlyListPeerInfo, _ => server.GetPeersInfo()),
            RpcMethod.Create("admin_nodeInfo", "The local node.", [], AdminJson.Default.NodeInfo, _ => server.GetNodeInfo()),
            RpcMethod.Create("admin_datadir", "The node's data directory.", [], AdminJson.Default.String, _ => node.Options.DataDirectory),
        ];
    }

    private static RpcMethod Change(string name, string summary, RpcParameter<Node> url, Action<Node> change) =>
        RpcMethod.Create(name, summary, [url], AdminJson.Default.Boolean, call =>
        {
            change(call.Get(url));
            return true;
        }, changesNode: true);
}
