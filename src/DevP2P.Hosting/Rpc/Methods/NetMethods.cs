using System.Globalization;

namespace DevP2P.Hosting.Rpc;

/// <summary>geth's <c>net</c> namespace, and the client's version.</summary>
internal static class NetMethods
{
    public static IEnumerable<RpcMethod> Create(AdminNode node) =>
    [
        RpcMethod.Create("net_version", "The number of the network, decimal, as a text.", [], AdminJson.Default.String,
            _ => node.Options.NetworkId.ToString(CultureInfo.InvariantCulture)),
        RpcMethod.Create("net_listening", "Whether the node listens for peers.", [], AdminJson.Default.Boolean, _ => node.Server.ListenEndPoints.Count > 0),
        RpcMethod.Create("net_peerCount", "How many peers are connected, as a hexadecimal quantity.", [], AdminJson.Default.String,
            _ => "0x" + node.Server.PeerCount.ToString("x", CultureInfo.InvariantCulture)),
        RpcMethod.Create("web3_clientVersion", "The client's name and version.", [], AdminJson.Default.String, _ => node.ClientVersion),
    ];
}
