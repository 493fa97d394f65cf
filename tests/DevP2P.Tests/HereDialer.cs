using System.Net;
using DevP2P.Dialing;
using DevP2P.Nodes;

namespace DevP2P.Tests;

/// <summary>Finds servers on this host, whatever addresses they are said to have.</summary>
internal sealed class HereDialer(params IEnumerable<Server> servers) : IDialer
{
    private readonly TcpDialer _tcp = new();

    public ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken)
    {
        Node here = servers.Single(s => s.Self.Id == node.Id).Self;
        return _tcp.ConnectAsync(here, [new IPEndPoint(here.Address!, here.TcpPort)], cancellationToken);
    }
}
