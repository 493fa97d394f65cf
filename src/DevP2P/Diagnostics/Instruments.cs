using DevP2P.Buffers;
using DevP2P.Dialing;
using DevP2P.Discovery;
using static DevP2P.Diagnostics.DevP2PDiagnostics;
using static DevP2P.Diagnostics.InstrumentKind;

namespace DevP2P.Diagnostics;

/// <summary>All instruments, and where their numbers are read. The values of tags come from fixed sets: no remote node can make them grow.</summary>
internal static class Instruments
{
    private const string RemotePrefix = "remote: ";
    private const string UnknownReason = "unknown disconnect reason";
    private const string Receive = "receive";
    private const string Transmit = "transmit";

    public static readonly InstrumentInfo Handshakes = new(
        HandshakeDuration, Histogram, "s", "How long connections took from their first byte to becoming a peer, or not.", [DirectionTag, OutcomeTag], null);

    public static IReadOnlyList<InstrumentInfo> All { get; } =
    [
        new(PeerConnected, UpDownCounter, "{peer}", "Connected peers, by who has connected.", [DirectionTag], static server =>
        {
            int inbound = server.Peers.Count(static p => p.IsInbound);
            return [new(inbound, ToDirection(isInbound: true)), new(server.PeerCount - inbound, ToDirection(isInbound: false))];
        }),
        new(PeerLimit, UpDownCounter, "{peer}", "Peers that are let in at most, static and trusted nodes apart.", [], static server => [new(server.Limits.MaxPeers)]),
        new(PeersAdded, Counter, "{peer}", "Connections that became peers.", [], static server => [new(server.GetCounters().Added)]),
        new(PeersDropped, Counter, "{peer}", "Peers dropped, by the reason and who gave it.", [ReasonTag, SideTag],
            static server => ByReason(server.GetCounters().Dropped)),
        new(ConnectionsAccepted, Counter, "{connection}", "Inbound connections that the listener accepted.", [],
            static server => [new(server.GetCounters().Accepted)]),
        new(ConnectionsRefused, Counter, "{connection}", "Connections that did not become peers, by the reason and who gave it.", [ReasonTag, SideTag],
            static server => ByReason(server.GetCounters().Refused)),
        new(DialAttempts, Counter, "{dial}", "Dials that have ended, by how far they came and why they ended.", [StageTag, ReasonTag, SideTag], static server =>
            server.DialCounts.Select(static c =>
            {
                (string reason, string side) = Split(c.Reason);
                return new Reading(c.Count, ToText(c.Stage), reason, side);
            })),
        new(DialsActive, UpDownCounter, "{dial}", "Dials under way.", [], static server => [new(server.ActiveDials)]),
        new(HandshakesActive, UpDownCounter, "{handshake}", "Connections in their handshakes.", [DirectionTag], static server =>
        [
            new(server.Handshakes.Inbound, ToDirection(isInbound: true)), new(server.Handshakes.Outbound, ToDirection(isInbound: false)),
        ]),
        Handshakes,
        new(ProtocolMessages, Counter, "{message}", "Messages, by protocol; p2p/5 is the base protocol.", [ProtocolTag, IoDirectionTag],
            static server => ByProtocol(server, static t => t.MessagesIn, static t => t.MessagesOut)),
        new(ProtocolPayload, Counter, "By", "Payloads before compression, by protocol.", [ProtocolTag, IoDirectionTag],
            static server => ByProtocol(server, static t => t.BytesIn, static t => t.BytesOut)),
        new(ProtocolWire, Counter, "By", "Frames on the wire, by protocol; payloads divided by this is the compression ratio.", [ProtocolTag, IoDirectionTag],
            static server => ByProtocol(server, static t => t.WireBytesIn, static t => t.WireBytesOut)),
        new(MessageQueueLength, UpDownCounter, "{message}", "Received messages that wait for their handlers.", [],
            static server => [new(server.Peers.Sum(static p => (long)p.QueueLength))]),
        new(MessageBufferUsed, UpDownCounter, "By", "Received data that is held: receive buffers and messages that wait.", [], static server => [new(server.Memory.Used)]),
        new(MessageBufferLimit, UpDownCounter, "By", "Received data that may be held.", [], static server => [new(server.Memory.Limit)]),
        new(BufferPoolLent, UpDownCounter, "{buffer}", "Blocks of the process's buffer pool that are in use.", [], null, static () => BufferPool.Shared.Lent),
        new(BufferPoolKept, UpDownCounter, "By", "Native memory that the process's buffer pool keeps for reuse.", [], null, static () => BufferPool.Shared.KeptNative),
        new(BroadcastMessages, Counter, "{message}", "Broadcast messages, one for each peer: sent, or skipped because the peer was slow or held back.", [OutcomeTag],
            static server => [new(server.Broadcasts.Sent, "sent"), new(server.Broadcasts.Skipped, "skipped")]),
        new(BandwidthWaiting, UpDownCounter, "{peer}", "Peers of which a message or a read waits for a bandwidth limit.", [IoDirectionTag], static server =>
        [
            new(server.DownloadGate.Waiting + server.Peers.Sum(static p => p.Connection?.Download?.Waiting ?? 0), Receive),
            new(server.UploadGate.Waiting + server.Peers.Sum(static p => p.Connection?.Upload?.Waiting ?? 0), Transmit),
        ]),
        new(TableNodes, UpDownCounter, "{node}", "Nodes in the table of a discovery version.", [DiscoveryVersionTag],
            static server => Discoveries(server).Select(static d => new Reading(d.Nodes, d.Version))),
        new(DiscoveryPackets, Counter, "{packet}", "Packets of discovery, by version, type and what became of them.",
            [DiscoveryVersionTag, PacketTypeTag, IoDirectionTag, VerdictTag],
            static server => Discoveries(server).SelectMany(static d =>
                d.Packets.Select(p => new Reading(p.Count, d.Version, p.Type, p.IsSent ? Transmit : Receive, p.Verdict)))),
        new(DiscoveryQueueLength, UpDownCounter, "{packet}", "Packets whose signatures, and handshakes whose keys, wait for a worker.", [DiscoveryVersionTag],
            static server => Discoveries(server).Select(static d => new Reading(d.Waiting, d.Version))),
    ];

    public static string ToDirection(bool isInbound) => isInbound ? "inbound" : "outbound";

    public static string ToText(DialStage stage) => stage switch
    {
        DialStage.Resolve => "resolve",
        DialStage.Connect => "connect",
        DialStage.EncryptionHandshake => "encryption_handshake",
        DialStage.ProtocolHandshake => "protocol_handshake",
        _ => "admitted",
    };

    /// <summary>The keys are those of <see cref="ServerCounters"/>.</summary>
    private static IEnumerable<Reading> ByReason(IReadOnlyDictionary<string, long> counts) => counts.Select(static count =>
    {
        (string reason, string side) = Split(count.Key);
        return new Reading(count.Value, reason, side);
    });

    /// <summary>A hostile node can think of 240 reasons that nobody knows: they are one.</summary>
    private static (string Reason, string Side) Split(string key)
    {
        bool isRemote = key.StartsWith(RemotePrefix, StringComparison.Ordinal);
        string reason = isRemote ? key[RemotePrefix.Length..] : key;
        return (reason.StartsWith(UnknownReason, StringComparison.Ordinal) ? UnknownReason : reason, isRemote ? "remote" : "local");
    }

    private static IEnumerable<Reading> ByProtocol(Server server, Func<ProtocolTraffic, long> received, Func<ProtocolTraffic, long> sent) =>
        server.GetTraffic().SelectMany(t => new Reading[] { new(received(t), t.Protocol, Receive), new(sent(t), t.Protocol, Transmit) });

    private static IEnumerable<(string Version, int Nodes, int Waiting, IEnumerable<PacketCount> Packets)> Discoveries(Server server)
    {
        if (server.DiscoveryV4 is { } v4)
        {
            yield return ("v4", v4.NodeCount, v4.Waiting, v4.Packets);
        }

        if (server.DiscoveryV5 is { } v5)
        {
            yield return ("v5", v5.NodeCount, v5.Waiting, v5.Packets);
        }

        if (server.TopicDiscovery is { } legacy)
        {
            yield return ("legacy", legacy.NodeCount, legacy.Waiting, legacy.Packets);
        }
    }
}
