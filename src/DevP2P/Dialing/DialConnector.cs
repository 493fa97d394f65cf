using System.Net;
using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>How far <see cref="DialConnector"/> came.</summary>
/// <param name="Connection">The open connection, or null after a failure.</param>
/// <param name="Stage">The stage that failed; <see cref="DialStage.Connect"/> after success.</param>
/// <param name="Reason">Why it failed; empty after success.</param>
internal readonly record struct DialConnectResult(DialedConnection? Connection, DialStage Stage, string Reason);

/// <summary>
/// The first two stages of a dial: finds the addresses of the requested node, drops those that may not be dialed, and has
/// the dialer connect to the rest. Safe for concurrent calls.
/// </summary>
/// <param name="resolver">Looks up host names.</param>
/// <param name="dialer">Opens connections.</param>
/// <param name="find">Finds a node that has neither address nor host name, through discovery; null if there is none.</param>
internal sealed class DialConnector(HostNameResolver resolver, IDialer dialer, Func<Node, CancellationToken, Task<Node?>>? find = null)
{
    /// <summary>Resolves and connects. Failures are results; only cancellation is thrown.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<DialConnectResult> ConnectAsync(DialRequest request, CancellationToken cancellationToken)
    {
        DialStage stage = DialStage.Resolve;
        try
        {
            (IReadOnlyList<IPEndPoint> endPoints, string reason) = await FindEndPointsAsync(request, cancellationToken).ConfigureAwait(false);
            if (endPoints.Count == 0)
            {
                return new DialConnectResult(null, stage, reason);
            }

            stage = DialStage.Connect;
            DialedConnection connection = await dialer.ConnectAsync(request.Node, endPoints, cancellationToken).ConfigureAwait(false);
            return new DialConnectResult(connection, stage, "");
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // The dialer may be the application's: whatever it throws is the reason why this node was not reached.
            return new DialConnectResult(null, stage, e.Message);
        }
    }

    private async Task<(IReadOnlyList<IPEndPoint> EndPoints, string Reason)> FindEndPointsAsync(DialRequest request, CancellationToken cancellationToken)
    {
        Node node = request.Node;
        switch (request.Resolution)
        {
            case DialResolution.None:
                return ([new IPEndPoint(node.Address!, node.TcpPort)], "");
            case DialResolution.HostName:
                break;
            default:
                return await FindAsync(request, cancellationToken).ConfigureAwait(false);
        }

        IReadOnlyList<IPAddress> found = await resolver.ResolveAsync(node.HostName!, cancellationToken).ConfigureAwait(false);
        var allowed = new List<IPEndPoint>();
        DialRefusal refusal = DialRefusal.None;
        foreach (IPAddress address in found)
        {
            DialRefusal check = request.Policy.Check(address);
            if (check is DialRefusal.None)
            {
                allowed.Add(new IPEndPoint(address, node.TcpPort));
            }
            else
            {
                refusal = check;
            }
        }

        string reason = refusal is DialRefusal.None
            ? $"{node.HostName} has no address"
            : $"no address of {node.HostName} may be dialed: {refusal.ToText()}";
        return (allowed.Count > TcpDialer.MaxEndPoints ? allowed[..TcpDialer.MaxEndPoints] : allowed, reason);
    }

    private async Task<(IReadOnlyList<IPEndPoint> EndPoints, string Reason)> FindAsync(DialRequest request, CancellationToken cancellationToken)
    {
        if (find is null || await find(request.Node, cancellationToken).ConfigureAwait(false) is not { TcpEndPoint: { } endPoint })
        {
            return ([], "node has no address, and discovery does not find it");
        }

        DialRefusal refusal = request.Policy.Check(endPoint.Address);
        return refusal is DialRefusal.None ? ([endPoint], "") : ([], refusal.ToText());
    }
}
