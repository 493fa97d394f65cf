using System.Diagnostics.CodeAnalysis;
using System.Net;
using DevP2P.Crypto;
using DevP2P.NetUtil;

namespace DevP2P.Nodes;

/// <summary>
/// A node of the network: its public key and, as far as they are known, its address or host name and ports. Immutable; safe
/// for concurrent use. Two are equal when key, address, host name and ports are.
/// </summary>
/// <remarks>Go: <c>enode.Node</c> as made from an <c>enode://</c> URL.</remarks>
public sealed class Node : IEquatable<Node>
{
    private Node(PublicKey publicKey, IPAddress? address, string? hostName, int tcpPort, int udpPort)
    {
        PublicKey = publicKey;
        Address = address;
        HostName = hostName;
        TcpPort = tcpPort;
        UdpPort = udpPort;
    }

    /// <summary>The node's public key.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>The node's id, the hash of its key.</summary>
    public NodeId Id => PublicKey.NodeId;

    /// <summary>The IP address, or null. An IPv4 address is never in its IPv6 form.</summary>
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

    /// <summary>
    /// Reads a node URL: <c>enode://KEY@HOST:TCP</c> with an IPv4 address, an IPv6 address in brackets or a DNS name for HOST,
    /// and <c>?discport=UDP</c> when the discovery port differs; or <c>enode://KEY</c> or just <c>KEY</c> for a node whose
    /// address is not known. KEY is the public key in 128 hexadecimal digits.
    /// </summary>
    /// <exception cref="FormatException">It is not such a URL; the message says what is wrong and what would be right.</exception>
    /// <remarks>Go: <c>enode.ParseV4</c>.</remarks>
    public static Node Parse(string enodeUrl)
    {
        ArgumentNullException.ThrowIfNull(enodeUrl);
        return TryParse(enodeUrl, out Node? node, out string? error) ? node : throw new FormatException(error);
    }

    /// <summary>Reads a node URL as <see cref="Parse"/> does. Never throws.</summary>
    /// <param name="enodeUrl">The URL.</param>
    /// <param name="node">The node, or null.</param>
    /// <param name="error">Null, or what is wrong and what would be right.</param>
    public static bool TryParse(string? enodeUrl, [NotNullWhen(true)] out Node? node, [NotNullWhen(false)] out string? error)
    {
        node = null;
        error = EnodeUrl.Parse(enodeUrl, out PublicKey? key, out IPAddress? address, out string? hostName, out int tcpPort, out int udpPort);
        if (error is null)
        {
            node = new Node(key!, address, hostName, tcpPort, udpPort);
        }

        return node is not null;
    }

    /// <summary>The same node at another address; a host name is kept.</summary>
    public Node WithAddress(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new Node(PublicKey, AddressRules.Unmap(address), HostName, TcpPort, UdpPort);
    }

    /// <summary>The same node under a DNS name; the address, if known, is kept.</summary>
    /// <exception cref="ArgumentException">It is not a DNS name; the message says what would be right.</exception>
    /// <remarks>Go: <c>Node.WithHostname</c>.</remarks>
    public Node WithHostName(string hostName)
    {
        ArgumentNullException.ThrowIfNull(hostName);
        return EnodeUrl.CheckHostName(hostName) is { } error
            ? throw new ArgumentException(error, nameof(hostName))
            : new Node(PublicKey, Address, hostName, TcpPort, UdpPort);
    }

    /// <inheritdoc/>
    public bool Equals(Node? other) => other is not null
        && PublicKey.Equals(other.PublicKey)
        && Equals(Address, other.Address)
        && HostName == other.HostName
        && TcpPort == other.TcpPort
        && UdpPort == other.UdpPort;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Node);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Address, HostName, TcpPort, UdpPort);

    /// <summary>The enode URL, letter for letter as go-ethereum writes it.</summary>
    /// <remarks>Go: <c>Node.URLv4</c>.</remarks>
    public override string ToString() => EnodeUrl.Format(this);

    private IPEndPoint? EndPoint(int port) =>
        Address is null || port == 0 || Address.Equals(IPAddress.Any) || Address.Equals(IPAddress.IPv6Any)
            ? null
            : new IPEndPoint(Address, port);
}
