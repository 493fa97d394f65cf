using System.Net;
using System.Net.Sockets;

namespace DevP2P.Nodes;

/// <summary>
/// What a node's record says of its addresses and ports, where the operator knows better than the node can: in a container whose ports are
/// mapped, for instance. What is given here is fixed, whatever the node is bound to, other nodes see and routers say; what is null follows
/// from these as ever.
/// </summary>
public sealed record AdvertisedEndPoints
{
    /// <summary>The IPv4 address.</summary>
    public IPAddress? IPv4Address { get; init; }

    /// <summary>The IPv6 address.</summary>
    public IPAddress? IPv6Address { get; init; }

    /// <summary>The TCP port at <see cref="IPv4Address"/>. 1 to 65535.</summary>
    public int? TcpPort { get; init; }

    /// <summary>The UDP port at <see cref="IPv4Address"/>. 1 to 65535.</summary>
    public int? UdpPort { get; init; }

    /// <summary>The TCP port at <see cref="IPv6Address"/>. 1 to 65535.</summary>
    public int? Tcp6Port { get; init; }

    /// <summary>The UDP port at <see cref="IPv6Address"/>. 1 to 65535.</summary>
    public int? Udp6Port { get; init; }

    /// <summary>What cannot be so, null if nothing.</summary>
    internal string? FindFault()
    {
        (string Name, int? Port)[] ports = [(nameof(TcpPort), TcpPort), (nameof(UdpPort), UdpPort), (nameof(Tcp6Port), Tcp6Port), (nameof(Udp6Port), Udp6Port)];
        return IPv4Address is { } four && (four.AddressFamily != AddressFamily.InterNetwork || !Node.IsReachable(four)) ? $"{nameof(IPv4Address)} is {four}, which is no host's IPv4 address"
            : IPv6Address is { } six && (six.AddressFamily != AddressFamily.InterNetworkV6 || six.IsIPv4MappedToIPv6 || !Node.IsReachable(six))
                ? $"{nameof(IPv6Address)} is {six}, which is no host's IPv6 address"
            : ports.FirstOrDefault(static p => p.Port is < 1 or > IPEndPoint.MaxPort) is { Name: not null } wrong
                ? $"{wrong.Name} is {wrong.Port}, which is not in 1 to {IPEndPoint.MaxPort}"
            : null;
    }

    /// <exception cref="ArgumentException">Something cannot be so.</exception>
    internal static void Check(AdvertisedEndPoints? endPoints, string option)
    {
        if (endPoints?.FindFault() is { } fault)
        {
            throw new ArgumentException($"{option}.{fault}", option);
        }
    }
}
