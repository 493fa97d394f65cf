using System.Net;
using DevP2P.NetUtil;

namespace DevP2P.Discovery.Core;

/// <summary>An endpoint as the packets of v4, and of the topic discovery of that age, carry it.</summary>
/// <param name="Address">Null where the sender gave none, or one that is neither IPv4 nor IPv6: both occur in pings.</param>
/// <param name="UdpPort">The port for discovery.</param>
/// <param name="TcpPort">The port for RLPx; 0 where it means nothing.</param>
/// <remarks>Go: <c>v4wire.Endpoint</c>.</remarks>
internal readonly record struct Endpoint(IPAddress? Address, ushort UdpPort, ushort TcpPort)
{
    public Endpoint(IPEndPoint udp, int tcpPort)
        : this(AddressRules.Unmap(udp.Address), (ushort)udp.Port, (ushort)tcpPort)
    {
    }

    /// <summary>Where datagrams go; null unless there is an address and a port.</summary>
    public IPEndPoint? ToUdp() => Address is null || UdpPort == 0 ? null : new IPEndPoint(Address, UdpPort);
}

/// <summary>A node as packets relay it: nothing in it has been checked.</summary>
/// <param name="Endpoint">Where it is said to be.</param>
/// <param name="Key">64 bytes that should be a public key (T08: check them before use).</param>
internal readonly record struct Neighbor(Endpoint Endpoint, ReadOnlyMemory<byte> Key);
