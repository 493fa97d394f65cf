using System.Net;
using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>Opens connections to nodes: over TCP, through a proxy, or in memory. Must be safe for concurrent calls.</summary>
/// <remarks>Go: <c>NodeDialer</c>.</remarks>
public interface IDialer
{
    /// <summary>Connects to a node. Handshakes are not the dialer's business.</summary>
    /// <param name="node">Whom to reach.</param>
    /// <param name="endPoints">
    /// Where the node may be reached, at least one and at most <see cref="TcpDialer.MaxEndPoints"/>, the preferred one first: its
    /// own address, or what its host name resolved to. All of them have been checked against the rules for addresses.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>An open connection that the caller owns.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="Exception">Any other exception means that the node was not reached; its message is shown as the reason.</exception>
    ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken);
}
