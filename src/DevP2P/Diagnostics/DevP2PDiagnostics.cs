namespace DevP2P.Diagnostics;

/// <summary>
/// The names of what the library measures: <c>AddMeter(DevP2PDiagnostics.MeterName)</c>, <c>AddSource(DevP2PDiagnostics.ActivitySourceName)</c>.
/// What each instrument counts and what tags it has: docs/metrics.md.
/// </summary>
/// <remarks>
/// One meter serves all servers of a process, and its numbers are their sums; it is there while at least one server runs. Except for the durations
/// of handshakes all instruments are read when somebody asks, and cost nothing before.
/// </remarks>
public static class DevP2PDiagnostics
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "DevP2P";

    /// <summary>The name of the activity source.</summary>
    public const string ActivitySourceName = "DevP2P";

    /// <summary>The span of a dial.</summary>
    public const string DialSpan = "devp2p.dial";

    /// <summary>The span of a connection's handshakes; a child of the dial, if we dialed.</summary>
    public const string HandshakeSpan = "devp2p.handshake";

    /// <summary>Connected peers.</summary>
    public const string PeerConnected = "devp2p.peer.connected";

    /// <summary>Peers that are let in at most.</summary>
    public const string PeerLimit = "devp2p.peer.limit";

    /// <summary>Peers added.</summary>
    public const string PeersAdded = "devp2p.peer.added";

    /// <summary>Peers dropped.</summary>
    public const string PeersDropped = "devp2p.peer.dropped";

    /// <summary>Inbound connections.</summary>
    public const string ConnectionsAccepted = "devp2p.connection.accepted";

    /// <summary>Connections that did not become peers.</summary>
    public const string ConnectionsRefused = "devp2p.connection.refused";

    /// <summary>Dials that have ended.</summary>
    public const string DialAttempts = "devp2p.dial.attempts";

    /// <summary>Dials under way.</summary>
    public const string DialsActive = "devp2p.dial.active";

    /// <summary>Handshakes under way.</summary>
    public const string HandshakesActive = "devp2p.handshake.active";

    /// <summary>How long handshakes took.</summary>
    public const string HandshakeDuration = "devp2p.handshake.duration";

    /// <summary>Messages by protocol.</summary>
    public const string ProtocolMessages = "devp2p.protocol.messages";

    /// <summary>Bytes of payloads by protocol.</summary>
    public const string ProtocolPayload = "devp2p.protocol.payload";

    /// <summary>Bytes of frames by protocol.</summary>
    public const string ProtocolWire = "devp2p.protocol.wire";

    /// <summary>Messages that wait for their handlers.</summary>
    public const string MessageQueueLength = "devp2p.message.queue.length";

    /// <summary>Bytes of received data that are held.</summary>
    public const string MessageBufferUsed = "devp2p.message.buffer.used";

    /// <summary>Bytes of received data that may be held.</summary>
    public const string MessageBufferLimit = "devp2p.message.buffer.limit";

    /// <summary>Blocks of the buffer pool that are in use.</summary>
    public const string BufferPoolLent = "devp2p.buffer.pool.lent";

    /// <summary>Native memory that the buffer pool keeps.</summary>
    public const string BufferPoolKept = "devp2p.buffer.pool.kept";

    /// <summary>Broadcast messages.</summary>
    public const string BroadcastMessages = "devp2p.broadcast.messages";

    /// <summary>What waits for a bandwidth limit.</summary>
    public const string BandwidthWaiting = "devp2p.bandwidth.waiting";

    /// <summary>Nodes in the tables of discovery.</summary>
    public const string TableNodes = "devp2p.discovery.table.nodes";

    /// <summary>Packets of discovery.</summary>
    public const string DiscoveryPackets = "devp2p.discovery.packets";

    /// <summary>Packets and jobs of discovery that wait for a worker.</summary>
    public const string DiscoveryQueueLength = "devp2p.discovery.queue.length";

    /// <summary>Tag: "inbound" or "outbound", by who has connected.</summary>
    public const string DirectionTag = "devp2p.direction";

    /// <summary>Tag: "receive" or "transmit".</summary>
    public const string IoDirectionTag = "network.io.direction";

    /// <summary>Tag: why, from a fixed set.</summary>
    public const string ReasonTag = "devp2p.reason";

    /// <summary>Tag: "local" or "remote", by who has decided.</summary>
    public const string SideTag = "devp2p.side";

    /// <summary>Tag: how far a dial or a connection came.</summary>
    public const string StageTag = "devp2p.stage";

    /// <summary>Tag: how it ended.</summary>
    public const string OutcomeTag = "devp2p.outcome";

    /// <summary>Tag: a protocol with its version.</summary>
    public const string ProtocolTag = "devp2p.protocol";

    /// <summary>Tag: a version of discovery: "v4", "v5" or "legacy".</summary>
    public const string DiscoveryVersionTag = "devp2p.discovery.version";

    /// <summary>Tag: the type of a packet.</summary>
    public const string PacketTypeTag = "devp2p.packet.type";

    /// <summary>Tag: what became of a packet.</summary>
    public const string VerdictTag = "devp2p.packet.verdict";

    /// <summary>Tag of spans: the other node.</summary>
    public const string NodeIdTag = "devp2p.node.id";

    /// <summary>Tag of spans: whether the node is a static one.</summary>
    public const string StaticTag = "devp2p.dial.static";
}
