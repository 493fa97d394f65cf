using System.Net;
using DevP2P.Nodes;

namespace DevP2P.Discovery;

/// <summary>What the sockets say of our own node, as long as nobody knows better.</summary>
internal static class LocalNodeAddresses
{
    /// <summary>Sets the fallbacks of address and UDP port. Who listens on all addresses is at least on this host.</summary>
    public static void SetFallbacks(LocalNode node, DiscoveryHost host)
    {
        IPEndPoint local = host.LocalEndPoint;
        bool isAny = local.Address.Equals(IPAddress.Any) || local.Address.Equals(IPAddress.IPv6Any);
        node.SetFallbackAddress(!isAny ? local.Address : host.HasIPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback);
        node.SetFallbackUdpPort(local.Port);
    }
}
