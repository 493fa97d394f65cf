using System.Net;
using DevP2P.Nodes;
using DevP2P.Rlpx;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DevP2P;

/// <summary>A connected remote node. Safe for concurrent use.</summary>
/// <remarks>Go: <c>p2p.Peer</c>. What runs it is in Peer.Run.cs.</remarks>
public sealed partial class Peer
{
    /// <summary>What <see cref="Name"/> shows at most.</summary>
    private const int MaxShortName = 20;

    private readonly MessagePipe? _testPipe;
    private volatile ConnectionFlags _flags;

    /// <summary>For tests: a peer without a connection.</summary>
    private Peer(NodeId id, string name, IReadOnlyList<Capability> capabilities, MessagePipe? pipe)
    {
        Id = id;
        FullName = name;
        Capabilities = capabilities;
        Logger = NullLogger.Instance;
        _testPipe = pipe;
        _protocols = [];
        _streams = [];
        _time = TimeProvider.System;
        RunningProtocols = capabilities;
    }

    /// <summary>The remote node's id.</summary>
    /// <remarks>Go: <c>Peer.ID</c>.</remarks>
    public NodeId Id { get; }

    /// <summary>
    /// The remote node. For a node that connected to us the address is where it connected from, not where it listens; null only
    /// for peers made by <see cref="CreateForTest"/>.
    /// </summary>
    /// <remarks>Go: <c>Peer.Node</c>.</remarks>
    public Node? Node { get; }

    /// <summary>The name that the remote node gives itself, cut after 20 characters. From outside: untrusted text.</summary>
    /// <remarks>Go: <c>Peer.Name</c>.</remarks>
    public string Name => FullName.Length > MaxShortName ? FullName[..MaxShortName] + "..." : FullName;

    /// <summary>The whole name. From outside: untrusted text, at most 2 KiB.</summary>
    /// <remarks>Go: <c>Peer.Fullname</c>.</remarks>
    public string FullName { get; }

    /// <summary>All that the remote node says it speaks.</summary>
    /// <remarks>Go: <c>Peer.Caps</c>.</remarks>
    public IReadOnlyList<Capability> Capabilities { get; }

    /// <summary>What is shared, and so runs on this connection.</summary>
    /// <remarks>Go: <c>Peer.RunningCap</c> asks this.</remarks>
    public IReadOnlyList<Capability> RunningProtocols { get; }

    /// <summary>The other end of the connection, if it has an address.</summary>
    /// <remarks>Go: <c>Peer.RemoteAddr</c>.</remarks>
    public EndPoint? RemoteEndPoint { get; }

    /// <summary>Our end of the connection, if it has an address.</summary>
    /// <remarks>Go: <c>Peer.LocalAddr</c>.</remarks>
    public EndPoint? LocalEndPoint { get; }

    /// <summary>True if the remote node connected to us.</summary>
    /// <remarks>Go: <c>Peer.Inbound</c>.</remarks>
    public bool IsInbound => (_flags & ConnectionFlags.Inbound) != 0;

    /// <summary>True if the node is trusted. May change while the peer is connected.</summary>
    /// <remarks>Go: <c>Peer.Trusted</c>.</remarks>
    public bool IsTrusted => (_flags & ConnectionFlags.Trusted) != 0;

    /// <summary>True if we dialed the node as a static node.</summary>
    /// <remarks>Go: <c>Peer.StaticDialed</c>.</remarks>
    public bool IsStatic => (_flags & ConnectionFlags.StaticDialed) != 0;

    /// <summary>True if we dialed the node because discovery or a protocol proposed it.</summary>
    /// <remarks>Go: <c>Peer.DynDialed</c>.</remarks>
    public bool IsDynamicDialed => (_flags & ConnectionFlags.DynamicDialed) != 0;

    /// <summary>How long the peer has been connected.</summary>
    /// <remarks>Go: <c>Peer.Lifetime</c>.</remarks>
    public TimeSpan Lifetime => _time.GetElapsedTime(_createdAt);

    /// <summary>A logger whose category names the peer.</summary>
    /// <remarks>Go: <c>Peer.Log</c>.</remarks>
    public ILogger Logger { get; }

    internal ConnectionFlags Flags => _flags;

    /// <summary>Messages that the handlers have not read yet.</summary>
    internal int QueueLength => _streams.Sum(static s => s.QueueLength);

    /// <summary>Null only for peers made by <see cref="CreateForTest"/>.</summary>
    internal RlpxConnection? Connection => _connection;

    /// <summary>Makes a peer without a connection, for tests of protocol handlers.</summary>
    /// <param name="id">The id.</param>
    /// <param name="name">The name.</param>
    /// <param name="capabilities">What the peer is said to speak; all of it counts as running.</param>
    /// <param name="pipe">Closed when <see cref="Disconnect"/> is called.</param>
    /// <remarks>Go: <c>NewPeer</c>, <c>NewPeerPipe</c>.</remarks>
    public static Peer CreateForTest(NodeId id, string name, IReadOnlyList<Capability> capabilities, MessagePipe? pipe = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(capabilities);
        return new Peer(id, name, capabilities, pipe);
    }

    /// <summary>Ends the connection. Returns at once; the peer is gone a little later, after it was told the reason.</summary>
    /// <param name="reason">What the other side is told.</param>
    /// <remarks>Go: <c>Peer.Disconnect</c>.</remarks>
    public void Disconnect(DisconnectReason reason = DisconnectReason.Requested)
    {
        _testPipe?.Close();
        Stop(new PeerDrop(reason, reason.ToText(), IsRemote: false));
    }

    /// <summary>All that is known about the peer, as <c>admin_peers</c> shows it.</summary>
    /// <remarks>Go: <c>Peer.Info</c>.</remarks>
    public PeerInfo GetInfo()
    {
        var protocols = new SortedDictionary<string, object?>(StringComparer.Ordinal);
        foreach (MatchedProtocol matched in _protocols)
        {
            protocols[matched.Protocol.Name] =
                matched.Protocol.PeerInfo is { } query ? query(Id) ?? "handshake" : "unknown";
        }

        return new PeerInfo
        {
            Enr = Node?.Record?.ToString(),
            Enode = Node?.ToString() ?? "",
            Id = Id.ToString(),
            Name = FullName,
            Capabilities = [.. Capabilities.Select(static c => c.ToString())],
            Network = new PeerNetworkInfo(
                LocalEndPoint?.ToString() ?? "", RemoteEndPoint?.ToString() ?? "", IsInbound, IsTrusted, IsStatic),
            Protocols = protocols,
        };
    }

    /// <summary>What has gone over the connection. Of a peer that has gone it stays what it was.</summary>
    /// <remarks>Go has no such method: it counts in metrics only.</remarks>
    public PeerTraffic GetTraffic()
    {
        var traffic = new PeerTraffic();
        foreach ((_, TrafficNumbers received, TrafficNumbers sent) in _connection?.Traffic.Read() ?? [])
        {
            traffic = new PeerTraffic
            {
                MessagesIn = traffic.MessagesIn + received.Messages,
                MessagesOut = traffic.MessagesOut + sent.Messages,
                BytesIn = traffic.BytesIn + received.WireBytes,
                BytesOut = traffic.BytesOut + sent.WireBytes,
            };
        }

        return traffic;
    }

    /// <summary>"Peer 1a2b3c4d5e6f7081 127.0.0.1:30303".</summary>
    public override string ToString() => $"Peer {Id.ToShortString()} {RemoteEndPoint}";

    internal void SetTrusted(bool trusted)
    {
        // Only the server's loop changes flags.
        _flags = trusted ? _flags | ConnectionFlags.Trusted : _flags & ~ConnectionFlags.Trusted;
    }

    /// <summary>The stream of a protocol, or null if it does not run on this connection.</summary>
    internal ProtocolStream? FindStream(Capability protocol) => Array.Find(_streams, s => s.Matched.Protocol.Capability == protocol);

    internal PeerEvent CreateEvent(PeerEventType type) => new()
    {
        Type = type,
        Peer = Id,
        LocalAddress = LocalEndPoint?.ToString(),
        RemoteAddress = RemoteEndPoint?.ToString(),
    };

    internal PeerEvent CreateMessageEvent(PeerEventType type, string protocol, ulong code, int size) =>
        CreateEvent(type) with { Protocol = protocol, MessageCode = code, MessageSize = (uint)size };
}

/// <summary>Why a peer was dropped.</summary>
/// <param name="Reason">The reason, as sent or received.</param>
/// <param name="Error">The cause in words.</param>
/// <param name="IsRemote">True if the other side ended the connection.</param>
internal sealed record PeerDrop(DisconnectReason Reason, string Error, bool IsRemote);
