using DevP2P.Nodes;

namespace DevP2P;

/// <summary>
/// Who may become a peer. Asked twice for every connection: when the encryption handshake has shown who it is, and again when
/// the Hello is in, because the peer set may have changed. Pure rules over numbers; the server's loop owns the numbers.
/// </summary>
internal static class Admission
{
    /// <param name="options">The limits.</param>
    /// <param name="self">Our own id.</param>
    /// <param name="id">The node that wants in.</param>
    /// <param name="flags">How the connection came to be.</param>
    /// <param name="peerCount">Connected peers.</param>
    /// <param name="inboundCount">Those of them that connected to us.</param>
    /// <param name="isConnected">Whether this node is one of them.</param>
    /// <param name="isHeldDown">Whether the operator has just removed this node, or it is banned.</param>
    /// <returns>The reason to refuse it, or null.</returns>
    /// <remarks>Go: <c>Server.postHandshakeChecks</c>.</remarks>
    public static DisconnectReason? Check(
        ServerOptions options, NodeId self, NodeId id, ConnectionFlags flags, int peerCount, int inboundCount, bool isConnected, bool isHeldDown)
    {
        bool isTrusted = flags.HasFlag(ConnectionFlags.Trusted);
        bool isStatic = flags.HasFlag(ConnectionFlags.StaticDialed);
        bool isInbound = flags.HasFlag(ConnectionFlags.Inbound);
        if (id == self)
        {
            return DisconnectReason.Self;
        }

        if (isConnected)
        {
            return DisconnectReason.AlreadyConnected;
        }

        if (isHeldDown)
        {
            return DisconnectReason.Requested;
        }

        if (!isTrusted && !isStatic && peerCount >= options.MaxPeers)
        {
            return DisconnectReason.TooManyPeers;
        }

        // T01: however many nodes connect to us, some slots stay for those that we choose ourselves.
        return !isTrusted && isInbound && inboundCount >= options.MaxInboundPeers ? DisconnectReason.TooManyPeers : null;
    }

    /// <summary>A peer that shares nothing is of no use, unless we have no protocols at all.</summary>
    public static DisconnectReason? CheckCapabilities(ServerOptions options, IReadOnlyList<Capability> capabilities) =>
        options.Protocols.Count > 0 && !ProtocolMatcher.SharesAny(options.Protocols, capabilities)
            ? DisconnectReason.UselessPeer
            : null;
}
