using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.NetUtil;

namespace DevP2P.Nodes;

/// <summary>
/// A node of the network: its public key and, as far as they are known, its address or host name and ports, from an enode
/// URL or from a signed record. Immutable; safe for concurrent use. Two are equal when key, address, host name, ports and
/// record are.
/// </summary>
/// <remarks>Go: <c>enode.Node</c>.</remarks>
public sealed class Node : IEquatable<Node>
{
    private IPEndPoint? _udpEndPoint;

    private Node(PublicKey publicKey, IPAddress? address, string? hostName, int tcpPort, int udpPort, NodeRecord? record = null)
    {
        PublicKey = publicKey;
        Id = publicKey.NodeId;
        Address = address;
        HostName = hostName;
        TcpPort = tcpPort;
        UdpPort = udpPort;
        Record = record;
    }

    /// <summary>The node's public key.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>The node's id, the hash of its key.</summary>
    public NodeId Id { get; }

    /// <summary>The signed record that the node was made from, or null. It has the end points of both address families.</summary>
    /// <remarks>Go: <c>Node.Record</c>, <c>Node.Load</c>.</remarks>
    public NodeRecord? Record { get; }

    /// <summary>The sequence number of the record; 0 without one.</summary>
    /// <remarks>Go: <c>Node.Seq</c>.</remarks>
    public ulong Sequence => Record?.Sequence ?? 0;

    /// <summary>
    /// The IP address, or null. An IPv4 address is never in its IPv6 form. Of a record with two, the one that is reachable
    /// from farther away, and IPv4 when there is no difference.
    /// </summary>
    public IPAddress? Address { get; }

    /// <summary>The DNS name, or null. It is resolved when the node is dialed, never here.</summary>
    public string? HostName { get; }

    /// <summary>The port for RLPx connections; 0 when there is none.</summary>
    public int TcpPort { get; }

    /// <summary>The port for discovery; 0 when there is none.</summary>
    public int UdpPort { get; }

    /// <summary>
    /// Whether neither address nor host name is known, so that only discovery can find the node. A node with a host name is
    /// not incomplete, though its <see cref="Address"/> may be null until the name has been resolved.
    /// </summary>
    /// <remarks>Go: <c>Node.Incomplete</c>.</remarks>
    public bool IsIncomplete => Address is null && HostName is null;

    /// <summary>Where to connect to, or null while address or port are unknown or unspecified.</summary>
    /// <remarks>Go: <c>Node.TCPEndpoint</c>.</remarks>
    public IPEndPoint? TcpEndPoint => EndPoint(TcpPort);

    /// <summary>Where discovery packets go, or null while address or port are unknown or unspecified.</summary>
    /// <remarks>Go: <c>Node.UDPEndpoint</c>.</remarks>
    public IPEndPoint? UdpEndPoint => EndPoint(UdpPort);

    /// <summary>The same as one object for all, which nobody may change.</summary>
    internal IPEndPoint? SharedUdpEndPoint => _udpEndPoint ??= UdpEndPoint;

    /// <summary>Makes a node.</summary>
    /// <param name="key">Its public key.</param>
    /// <param name="address">Its address, or null when it is unknown.</param>
    /// <param name="tcpPort">The port for RLPx connections, or 0.</param>
    /// <param name="udpPort">The port for discovery, or 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A port is not in 0 to 65535.</exception>
    /// <remarks>Go: <c>enode.NewV4</c>.</remarks>
    public static Node Create(PublicKey key, IPAddress? address, int tcpPort, int udpPort)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentOutOfRangeException.ThrowIfLessThan(tcpPort, IPEndPoint.MinPort);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tcpPort, IPEndPoint.MaxPort);
        ArgumentOutOfRangeException.ThrowIfLessThan(udpPort, IPEndPoint.MinPort);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(udpPort, IPEndPoint.MaxPort);
        return new Node(key, address is null ? null : AddressRules.Unmap(address), null, tcpPort, udpPort);
    }

    /// <summary>Makes a node from its record.</summary>
    /// <remarks>Go: <c>enode.New</c>.</remarks>
    public static Node FromRecord(NodeRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        IPAddress? address4 = Usable(record.IPv4Address);
        IPAddress? address6 = Usable(record.IPv6Address);
        bool useSecond = address6 is not null && (address4 is null || Reach(address6) > Reach(address4));
        return useSecond && address6!.AddressFamily == AddressFamily.InterNetworkV6
            ? new Node(record.PublicKey, address6, null, record.Tcp6Port ?? record.TcpPort ?? 0, record.Udp6Port ?? record.UdpPort ?? 0, record)
            : new Node(record.PublicKey, useSecond ? address6 : address4, null, record.TcpPort ?? 0, record.UdpPort ?? 0, record);
    }

    /// <summary>Reads and verifies a record as it is sent and makes a node from it. Never throws.</summary>
    /// <param name="rlp">The record and nothing else.</param>
    /// <param name="node">The node, or null.</param>
    /// <param name="error">Null, or what is wrong.</param>
    public static bool TryFromRecord(ReadOnlySpan<byte> rlp, [NotNullWhen(true)] out Node? node, [NotNullWhen(false)] out string? error)
    {
        node = NodeRecord.TryDecode(rlp, out NodeRecord? record, out error) ? FromRecord(record) : null;
        return node is not null;
    }

    /// <summary>Of two descriptions of one node, the newer: <paramref name="known"/> unless the record of <paramref name="other"/> has the higher sequence number.</summary>
    /// <exception cref="ArgumentException">They describe two nodes.</exception>
    public static Node Newest(Node known, Node other)
    {
        ArgumentNullException.ThrowIfNull(known);
        ArgumentNullException.ThrowIfNull(other);
        if (known.Id != other.Id)
        {
            throw new ArgumentException($"{other.Id.ToShortString()} is another node than {known.Id.ToShortString()}", nameof(other));
        }

        return other.Sequence > known.Sequence ? other : known;
    }

    /// <summary>
    /// Reads a node URL or record. A URL is <c>enode://KEY@HOST:TCP</c> with an IPv4 address, an IPv6 address in brackets or a
    /// DNS name for HOST, and <c>?discport=UDP</c> when the discovery port differs; or <c>enode://KEY</c> or just <c>KEY</c>
    /// for a node whose address is not known. KEY is the public key in 128 hexadecimal digits. A record is <c>enr:</c> and
    /// base64 (<see cref="NodeRecord.TryParse"/>).
    /// </summary>
    /// <exception cref="FormatException">It is neither; the message says what is wrong and what would be right.</exception>
    /// <remarks>Go: <c>enode.Parse</c>, <c>enode.ParseV4</c>.</remarks>
    public static Node Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out Node? node, out string? error) ? node : throw new FormatException(error);
    }

    /// <summary>Reads a node URL or record as <see cref="Parse"/> does. Never throws.</summary>
    /// <param name="text">The URL or the record.</param>
    /// <param name="node">The node, or null.</param>
    /// <param name="error">Null, or what is wrong and what would be right.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Node? node, [NotNullWhen(false)] out string? error)
    {
        if (text is not null && text.StartsWith(NodeRecord.TextPrefix, StringComparison.Ordinal))
        {
            node = NodeRecord.TryParse(text, out NodeRecord? record, out error) ? FromRecord(record) : null;
            return node is not null;
        }

        node = null;
        error = EnodeUrl.Parse(text, out PublicKey? key, out IPAddress? address, out string? hostName, out int tcpPort, out int udpPort);
        if (error is null)
        {
            node = new Node(key!, address, hostName, tcpPort, udpPort);
        }

        return node is not null;
    }

    /// <summary>The same node at another address; host name and record are kept, whatever addresses the record has.</summary>
    public Node WithAddress(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new Node(PublicKey, AddressRules.Unmap(address), HostName, TcpPort, UdpPort, Record);
    }

    /// <summary>The same node where it is said to be, with the ports that its record has there; null if neither it nor its record says so.</summary>
    internal Node? AtUdpEndPoint(IPEndPoint at) =>
        at.Equals(UdpEndPoint) ? this
        : at.Equals(Record?.IPv4UdpEndPoint) ? new Node(PublicKey, at.Address, HostName, Record.TcpPort ?? 0, at.Port, Record)
        : at.Equals(Record?.IPv6UdpEndPoint) ? new Node(PublicKey, at.Address, HostName, Record.Tcp6Port ?? Record.TcpPort ?? 0, at.Port, Record)
        : null;

    /// <summary>The same node under a DNS name; the address, if known, and the record are kept.</summary>
    /// <exception cref="ArgumentException">It is not a DNS name; the message says what would be right.</exception>
    /// <remarks>Go: <c>Node.WithHostname</c>.</remarks>
    public Node WithHostName(string hostName)
    {
        ArgumentNullException.ThrowIfNull(hostName);
        return EnodeUrl.CheckHostName(hostName) is { } error
            ? throw new ArgumentException(error, nameof(hostName))
            : new Node(PublicKey, Address, hostName, TcpPort, UdpPort, Record);
    }

    /// <inheritdoc/>
    public bool Equals(Node? other) => other is not null
        && PublicKey.Equals(other.PublicKey)
        && Equals(Address, other.Address)
        && HostName == other.HostName
        && TcpPort == other.TcpPort
        && UdpPort == other.UdpPort
        && Equals(Record, other.Record);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Node);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Address, HostName, TcpPort, UdpPort);

    /// <summary>
    /// The enode URL, letter for letter as go-ethereum writes it, also of a node with a record; the record's own text is that
    /// of <see cref="Record"/>.
    /// </summary>
    /// <remarks>Go: <c>Node.URLv4</c>.</remarks>
    public override string ToString() => EnodeUrl.Format(this);

    /// <summary>Whether an address can be a node's at all.</summary>
    internal static bool IsReachable(IPAddress address) =>
        !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any) && !EnodeUrl.IsMulticast(address);

    /// <summary>An address as it can stand in a node. An IPv4 address does not belong into "ip6"; as in Go, it is taken for what it is.</summary>
    private static IPAddress? Usable(IPAddress? address)
    {
        address = address is null ? null : AddressRules.Unmap(address);
        return address is null || EnodeUrl.IsMulticast(address) ? null : address;
    }

    /// <summary>How far away an address can be reached from, as go-ethereum orders them when it chooses between two.</summary>
    private static int Reach(IPAddress address)
    {
        return address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? 0
            : IPAddress.IsLoopback(address) ? 1
            : !AddressRules.IsLan(address) ? 4
            : AddressRules.IsSpecialNetwork(address) ? 2 // of the LAN addresses, those are the link-local ones
            : 3;
    }

    private IPEndPoint? EndPoint(int port) =>
        Address is null || port == 0 || Address.Equals(IPAddress.Any) || Address.Equals(IPAddress.IPv6Any)
            ? null
            : new IPEndPoint(Address, port);
}
