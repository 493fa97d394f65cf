using System.Collections.Concurrent;
using System.Net;
using DevP2P.Dialing;
using DevP2P.Nodes;

namespace DevP2P.Tests;

/// <summary>Reaches nobody, and remembers whom it was asked for.</summary>
internal sealed class CountingDialer : IDialer
{
    public ConcurrentQueue<NodeId> Dialed { get; } = new();

    /// <summary>Whether attempts last until they are cancelled.</summary>
    public bool Hang { get; init; }

    public async ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken)
    {
        Dialed.Enqueue(node.Id);
        if (Hang)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        throw new IOException("this dialer connects to nobody");
    }
}
