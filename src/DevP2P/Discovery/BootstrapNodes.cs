using System.Net.Sockets;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>Finds out where the points of contact are.</summary>
internal static class BootstrapNodes
{
    /// <summary>Resolves host names. A node that cannot be reached is left out, and the log says why.</summary>
    public static async Task<Node[]> ResolveAsync(IEnumerable<Node> nodes, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var resolver = new HostNameResolver(time);
        Node?[] resolved = await Task.WhenAll(nodes.Select(n => ResolveAsync(resolver, n, logger, cancellationToken))).ConfigureAwait(false);
        return [.. resolved.OfType<Node>()];
    }

    private static async Task<Node?> ResolveAsync(HostNameResolver resolver, Node node, ILogger logger, CancellationToken cancellationToken)
    {
        string reason = "it has neither an address and a UDP port nor a host name";
        if (node.Address is null && node.HostName is not null)
        {
            try
            {
                node = node.WithAddress((await resolver.ResolveAsync(node.HostName, cancellationToken).ConfigureAwait(false))[^1]);
            }
            catch (Exception e) when (e is TimeoutException or SocketException or ArgumentOutOfRangeException)
            {
                reason = e.Message;
            }
        }

        if (node.UdpEndPoint is not null)
        {
            return node;
        }

        DiscoveryLog.BadBootstrapNode(logger, node.ToString(), reason);
        return null;
    }
}
