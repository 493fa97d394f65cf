using System.Diagnostics;
using System.Net;
using DevP2P.Nodes;

namespace DevP2P.Diagnostics;

/// <summary>The spans of dials and handshakes. Without a listener nothing is made.</summary>
internal static class Spans
{
    private static readonly ActivitySource s_source = new(DevP2PDiagnostics.ActivitySourceName, ServerOptions.ThisVersion);

    /// <summary>A dial, from the look-up of the address to the peer. It is nobody's child: whoever started the server has nothing to do with it.</summary>
    public static Activity? StartDial(Node node, bool isStatic)
    {
        if (!s_source.HasListeners())
        {
            return null;
        }

        // Belongs to the caller's asynchronous method, and ends with it.
        Activity.Current = null;
        Activity? span = s_source.StartActivity(DevP2PDiagnostics.DialSpan, ActivityKind.Client);
        span?.SetTag(DevP2PDiagnostics.NodeIdTag, node.Id.ToString());
        span?.SetTag(DevP2PDiagnostics.StaticTag, isStatic);
        return span;
    }

    /// <summary>A connection's way from the stream to the peer; within a dial, if we dialed.</summary>
    public static Activity? StartHandshake(bool isInbound, NodeId? id, EndPoint? remote)
    {
        if (!s_source.HasListeners())
        {
            return null;
        }

        if (isInbound)
        {
            Activity.Current = null;
        }

        Activity? span = s_source.StartActivity(DevP2PDiagnostics.HandshakeSpan, isInbound ? ActivityKind.Server : ActivityKind.Client);
        if (span is not null)
        {
            span.SetTag(DevP2PDiagnostics.DirectionTag, Instruments.ToDirection(isInbound));
            span.SetTag(DevP2PDiagnostics.NodeIdTag, id?.ToString());
            span.SetTag("network.peer.address", (remote as IPEndPoint)?.Address.ToString());
            span.SetTag("network.peer.port", (remote as IPEndPoint)?.Port);
        }

        return span;
    }

    /// <summary>How it ended. Who disposes of the span ends it.</summary>
    public static void Finish(Activity? span, NodeId? id, ConnectionResult result)
    {
        if (span is null)
        {
            return;
        }

        span.SetTag(DevP2PDiagnostics.NodeIdTag, id?.ToString());
        span.SetTag(DevP2PDiagnostics.StageTag, Instruments.ToText(result.Stage));
        span.SetTag(DevP2PDiagnostics.OutcomeTag, result.Peer is not null ? "admitted" : result.Reason?.ToText() ?? "failed");
        if (result.Peer is null)
        {
            span.SetTag(DevP2PDiagnostics.SideTag, result.IsRemote ? "remote" : "local");
            span.SetStatus(ActivityStatusCode.Error, Log.Sanitize(result.Error));
        }
    }
}
