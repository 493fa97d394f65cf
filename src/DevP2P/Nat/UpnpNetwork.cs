using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>Where gateways are searched for, and how long. Tests have one of their own.</summary>
/// <param name="Ssdp">Where searches go.</param>
/// <param name="FindInterfaces">Where from.</param>
internal sealed record UpnpNetwork(IPEndPoint Ssdp, Func<IReadOnlyList<UpnpInterface>> FindInterfaces)
{
    /// <summary>From so many addresses of this host at most.</summary>
    public const int MaxInterfaces = 16;

    /// <summary>The multicast group of SSDP, from each interface.</summary>
    public static UpnpNetwork Local { get; } = new(new IPEndPoint(new IPAddress([239, 255, 255, 250]), 1900), FindLocal);

    /// <summary>A search without an answer ends after that.</summary>
    public TimeSpan SearchTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>After the first answer, so long for others: devices wait up to a second, to be kind to the network.</summary>
    public TimeSpan SearchGrace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A request by HTTP takes no longer. Home routers may take seconds to map a port.</summary>
    public TimeSpan HttpTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The address of ours that packets to a host come from. Nothing is sent.</summary>
    /// <exception cref="NatException">There is no way to it.</exception>
    public static IPAddress FindAddressTowards(IPAddress host)
    {
        const int DiscardPort = 9;
        try
        {
            using var socket = new Socket(host.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(new IPEndPoint(host, DiscardPort));
            return ((IPEndPoint)socket.LocalEndPoint!).Address;
        }
        catch (SocketException e)
        {
            throw new NatException(NatError.NotFound, $"there is no way to the gateway {host}: {e.Message}", e);
        }
    }

    private static IReadOnlyList<UpnpInterface> FindLocal()
    {
        try
        {
            return [.. NetworkInterface.GetAllNetworkInterfaces()
                // Of interfaces in containers the system does not always know whether they are up.
                .Where(link => link.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
                    && link.NetworkInterfaceType != NetworkInterfaceType.Loopback && link.SupportsMulticast)
                .SelectMany(link => link.GetIPProperties().UnicastAddresses)
                .Where(unicast => unicast.Address.AddressFamily == AddressFamily.InterNetwork)
                .Select(unicast => new UpnpInterface(unicast.Address, unicast.PrefixLength))
                .DistinctBy(unicast => unicast.Address)
                .Take(MaxInterfaces)];
        }
        catch (Exception e) when (e is NetworkInformationException or PlatformNotSupportedException)
        {
            return [];
        }
    }
}

/// <summary>An IPv4 address of this host.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">How many of its bits are the network's.</param>
internal readonly record struct UpnpInterface(IPAddress Address, int PrefixLength)
{
    /// <summary>Whether a host is in the same network.</summary>
    public bool IsNeighbor(IPAddress host)
    {
        if (host.AddressFamily != AddressFamily.InterNetwork)
        {
            return false;
        }

        uint mask = PrefixLength is < 1 or > 32 ? uint.MaxValue : uint.MaxValue << (32 - PrefixLength);
        return ((ToNumber(Address) ^ ToNumber(host)) & mask) == 0;
    }

    private static uint ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }
}
