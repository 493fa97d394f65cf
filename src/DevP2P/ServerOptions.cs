using System.Net;
using DevP2P.Crypto;
using DevP2P.Diagnostics;
using DevP2P.Dialing;
using DevP2P.Nat;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Rlpx;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DevP2P;

/// <summary>What a <see cref="Server"/> is to do. Immutable; checked by the server's constructor.</summary>
/// <remarks>Go: <c>p2p.Config</c>.</remarks>
public sealed record ServerOptions
{
    /// <summary>The node's identity.</summary>
    public required PrivateKey PrivateKey { get; init; }

    /// <summary>
    /// The greatest number of peers, apart from trusted nodes and static nodes that we dialed. At least 1. This and the bandwidth below
    /// is what holds at the start: <see cref="Server.SetLimits"/> changes it.
    /// </summary>
    public int MaxPeers { get; init; } = 25;

    /// <summary>Connections in the handshake phase, inbound and outbound counted apart.</summary>
    public int MaxPendingPeers { get; init; } = 50;

    /// <summary>
    /// One in this many peer slots is kept for nodes that we dial, at least one; the others are open to inbound peers.
    /// </summary>
    public int DialRatio { get; init; } = 3;

    /// <summary>Turns off all discovery, whatever the switches below say.</summary>
    public bool NoDiscovery { get; init; }

    /// <summary>
    /// Node Discovery v4, on the UDP port of the same number as <see cref="ListenAddress"/>. What it finds is dialed, unless a
    /// protocol brings candidates of its own.
    /// </summary>
    public bool DiscoveryV4 { get; init; } = true;

    /// <summary>
    /// Node Discovery v5.1, on the same UDP port as v4 unless <see cref="DiscoveryV5Address"/> says otherwise. What it finds is
    /// dialed, too, if it has a TCP port.
    /// </summary>
    public bool DiscoveryV5 { get; init; }

    /// <summary>
    /// The topic discovery of go-ethereum 1.8 (<see cref="Server.TopicDiscovery"/>), on the same UDP port as v4, or as v5.1 if v4 is off.
    /// It starts from <see cref="BootstrapNodesV5"/>, as in 1.8. What it finds is for the program: nothing of it is dialed by itself.
    /// </summary>
    public bool LegacyTopicDiscovery { get; init; }

    /// <summary>
    /// The UDP address of discovery v5.1, if it is not that of v4. A record can name one UDP port: then it is this one, and nodes
    /// that follow records to v4 do not find it.
    /// </summary>
    public string? DiscoveryV5Address { get; init; }

    /// <summary>
    /// A time server (SNTP), "host" or "host:port", that is asked whether the clock is right when discovery v4 starts, when nobody
    /// answers, and when other nodes' clocks differ; at most every 10 minutes. A wrong clock is logged with its size. Null asks
    /// nobody. Default: null.
    /// </summary>
    public string? SntpServer { get; init; }

    /// <summary>The name that other nodes are given, by convention "client/version/system/runtime".</summary>
    public string Name { get; init; } = $"DevP2P/{ThisVersion}";

    /// <summary>Where discovery v4 starts.</summary>
    public IReadOnlyList<Node> BootstrapNodes { get; init; } = [];

    /// <summary>Where discovery v5.1 and the legacy topic discovery start.</summary>
    public IReadOnlyList<Node> BootstrapNodesV5 { get; init; } = [];

    /// <summary>Nodes that are dialed whenever they are not connected. They ignore <see cref="MaxPeers"/>.</summary>
    public IReadOnlyList<Node> StaticNodes { get; init; } = [];

    /// <summary>Nodes that may connect at any time. They ignore all limits.</summary>
    public IReadOnlyList<Node> TrustedNodes { get; init; } = [];

    /// <summary>If set, only nodes with an address in these networks are dialed or accepted.</summary>
    public NetList? NetRestrict { get; init; }

    /// <summary>
    /// The node database's file: nodes that answered, good peers, and the record's sequence number outlive the program in it. Null
    /// keeps all that in memory. A file that cannot be used is set aside under another name, and the log says so.
    /// </summary>
    public string? NodeDatabase { get; init; }

    /// <summary>What the node speaks. A peer must share at least one, unless there are none. A server takes a copy: changes of the list come too late for it.</summary>
    public IReadOnlyList<Protocol> Protocols { get; init; } = [];

    /// <summary>
    /// Where to listen: "127.0.0.1:30303", "[::1]:30303", ":30303" for all addresses of both families, port 0 for any free port;
    /// null for no listener.
    /// </summary>
    public string? ListenAddress { get; init; }

    /// <summary>
    /// The device between this host and the internet: opens the ports that are listened on, and says under which address they are
    /// reached; the record follows. <see cref="NatMethod.Parse"/> makes the built-in methods. Works beside everything else: the
    /// start does not wait for it. Null for none. Default: null.
    /// </summary>
    public INat? Nat { get; init; }

    /// <summary>
    /// What the record says of addresses and ports, whatever <see cref="Nat"/> and other nodes say, family by family and protocol by
    /// protocol: for a container whose ports are mapped, for instance. Null fixes nothing. Default: null.
    /// </summary>
    public AdvertisedEndPoints? AdvertisedEndPoints { get; init; }

    /// <summary>Opens connections; null for TCP.</summary>
    public IDialer? Dialer { get; init; }

    /// <summary>The server dials nobody, static nodes included.</summary>
    public bool NoDial { get; init; }

    /// <summary>Whether every message of a protocol is an event.</summary>
    public bool EnableMessageEvents { get; init; }

    /// <summary>The received bytes that all peers together may have waiting to be read.</summary>
    public long MaxBufferedBytes { get; init; } = 512L * 1024 * 1024;

    /// <summary>
    /// The received bytes that one peer may have waiting to be read; past it the connection is not read until a handler has
    /// caught up. One message always fits, however large, when none is waiting.
    /// </summary>
    public int MaxBufferedBytesPerPeer { get; init; } = 1024 * 1024;

    /// <summary>What all peers together are sent at most, in bytes per second; null for no limit. See <see cref="ServerLimits"/>.</summary>
    public long? UploadBytesPerSecond { get; init; }

    /// <summary>What is read from all peers together at most, in bytes per second; null for no limit.</summary>
    public long? DownloadBytesPerSecond { get; init; }

    /// <summary>What one peer is sent at most, in bytes per second; null for no limit.</summary>
    public long? PeerUploadBytesPerSecond { get; init; }

    /// <summary>What is read from one peer at most, in bytes per second; null for no limit.</summary>
    public long? PeerDownloadBytesPerSecond { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where logs go.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Whether a text can be a <see cref="SntpServer"/>: a name or an address, and a port or none.</summary>
    public static bool IsSntpServer(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Sntp.TryParseServer(text, out _, out _);
    }

    /// <summary>Where discovery listens without a <see cref="ListenAddress"/>; null for any port.</summary>
    internal IPEndPoint? DiscoveryEndPoint { get; init; }

    /// <summary>Where this server's metrics are added to those of others.</summary>
    internal MeterScope MeterScope { get; init; } = MeterScope.Shared;

    /// <summary>The network that this host is in.</summary>
    internal HostNetwork Network { get; init; } = HostNetwork.System;

    /// <summary>The least value of <see cref="MaxBufferedBytes"/>: one message of the greatest size, received and decompressed.</summary>
    internal const long MinBufferedBytes = 34 * 1024 * 1024;

    internal static string ThisVersion => typeof(ServerOptions).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>Peer slots kept for nodes that we dial.</summary>
    /// <remarks>Go: <c>Server.MaxDialedConns</c>.</remarks>
    internal int MaxDialedPeers => NoDial ? 0 : Math.Max(1, MaxPeers / DialRatio);

    /// <summary>Peer slots for nodes that connect to us.</summary>
    /// <remarks>Go: <c>Server.MaxInboundConns</c>.</remarks>
    internal int MaxInboundPeers => MaxPeers - MaxDialedPeers;

    /// <summary>Says what is wrong, and what would be right.</summary>
    /// <exception cref="ArgumentException">An option's value cannot work.</exception>
    internal void Validate()
    {
        Require(PrivateKey is not null, nameof(PrivateKey), "must be set; PrivateKey.Generate() makes one");
        ServerLimits.From(this).Validate();
        Require(MaxPendingPeers >= 1, nameof(MaxPendingPeers), $"must be at least 1, not {MaxPendingPeers}");
        Require(DialRatio >= 1, nameof(DialRatio), $"must be at least 1, not {DialRatio}: one in DialRatio slots is for dialed peers");
        Require(MaxBufferedBytesPerPeer >= 1, nameof(MaxBufferedBytesPerPeer), $"must be at least 1, not {MaxBufferedBytesPerPeer}");
        Require(
            MaxBufferedBytes >= MinBufferedBytes, nameof(MaxBufferedBytes),
            $"must be at least {MinBufferedBytes}, or a message of the greatest size would never fit");
        Require(
            ListenAddress is null || ListenAddresses.TryParse(ListenAddress, out _), nameof(ListenAddress),
            $"\"{ListenAddress}\" is not an address and port like 127.0.0.1:30303, [::1]:30303 or :30303");
        Require(
            DiscoveryV5Address is null || ListenAddresses.TryParse(DiscoveryV5Address, out _),
            nameof(DiscoveryV5Address), $"\"{DiscoveryV5Address}\" is not an address and port like 127.0.0.1:30303, [::1]:30303 or :30303");
        Require(
            SntpServer is null || IsSntpServer(SntpServer), nameof(SntpServer),
            $"\"{SntpServer}\" is not a host with or without a port, such as pool.ntp.org, 192.0.2.1:123 or [::1]:123");
        Require(System.Text.Encoding.UTF8.GetByteCount(Name) <= 256, nameof(Name), "must have at most 256 bytes in UTF-8");
        AdvertisedEndPoints.Check(AdvertisedEndPoints, nameof(AdvertisedEndPoints));
        ValidateProtocols();
    }

    private void ValidateProtocols()
    {
        int sources = Protocols.Count(static p => p.DialCandidates is not null);
        Require(sources <= DialLimits.MaxSources, nameof(Protocols), $"may have at most {DialLimits.MaxSources} sources of dial candidates, not {sources}");
        var seen = new HashSet<Capability>();
        foreach (Protocol protocol in Protocols)
        {
            Require(protocol.Name.Length > 0, nameof(Protocols), "a protocol's name must not be empty");
            Require(protocol.RunAsync is not null, nameof(Protocols), $"{protocol.Capability} has no RunAsync");
            Require(
                protocol.Length <= uint.MaxValue, nameof(Protocols),
                $"{protocol.Capability} has a Length of {protocol.Length}; a protocol has at most {uint.MaxValue} message codes");
            Require(
                protocol.MaxMessageSize is >= 0 and <= FrameCodec.MaxMessageSize, nameof(Protocols),
                $"{protocol.Capability} has a MaxMessageSize of {protocol.MaxMessageSize}; it may be 0 to {FrameCodec.MaxMessageSize}");
            Require(seen.Add(protocol.Capability), nameof(Protocols), $"{protocol.Capability} is there twice");
        }
    }

    private static void Require(bool condition, string option, string whatWouldBeRight)
    {
        if (!condition)
        {
            throw new ArgumentException($"{option} {whatWouldBeRight}", option);
        }
    }
}

/// <summary>Reads listen addresses.</summary>
internal static class ListenAddresses
{
    /// <summary>The address of ":port" is <see cref="IPAddress.IPv6Any"/>, which stands for both families.</summary>
    public static bool TryParse(string text, out IPEndPoint? endPoint)
    {
        endPoint = null;
        if (text.StartsWith(':') && ushort.TryParse(text.AsSpan(1), out ushort port))
        {
            endPoint = new IPEndPoint(IPAddress.IPv6Any, port);
            return true;
        }

        // IPEndPoint.TryParse takes "::1" for an address without a port: a port is wanted here.
        return text.LastIndexOf(':') > text.LastIndexOf(']') && (text.Contains(']', StringComparison.Ordinal) || text.IndexOf(':', StringComparison.Ordinal) == text.LastIndexOf(':'))
            && IPEndPoint.TryParse(text, out endPoint);
    }
}
