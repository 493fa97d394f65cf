using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;

namespace DevP2P.Nat;

/// <summary>Finds the routers between this host and the internet, and with which address this host goes there.</summary>
internal static class Gateways
{
    /// <summary>How much of a routing table is read: thousands of routes, more than a host has that is no router itself.</summary>
    public const int MaxTableSize = 1 << 20;

    private const int AnyPort = 9;

    // For documentation (RFC 5737, RFC 3849): routed like all of the internet, and nothing is sent there.
    private static readonly IPAddress Internet4 = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Internet6 = IPAddress.Parse("2001:db8::1");

    /// <summary>The default gateways, best first: the first is the one that traffic takes.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    public static IReadOnlyList<Gateway> Find(AddressFamily family)
    {
        try
        {
            return OperatingSystem.IsLinux() ? FindByRoutingTable(family) : FindByInterfaces(family);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NetworkInformationException or PlatformNotSupportedException)
        {
            return [];
        }
    }

    /// <summary>As the interfaces have it, which is how macOS and Windows tell it. Without metrics: the interface that traffic takes is first.</summary>
    internal static IReadOnlyList<Gateway> FindByInterfaces(AddressFamily family)
    {
        IPAddress? source = PreferredSource(family);
        return [.. NetworkInterface.GetAllNetworkInterfaces()
            .Where(link => link.OperationalStatus == OperationalStatus.Up && link.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .Select(link => (link.Name, Properties: link.GetIPProperties()))
            .OrderByDescending(link => link.Properties.UnicastAddresses.Any(address => address.Address.Equals(source)))
            .SelectMany(link => link.Properties.GatewayAddresses.Select(gateway => new Gateway(gateway.Address, link.Name, 0)))
            .Where(gateway => gateway.Address.AddressFamily == family && !gateway.Address.Equals(IPAddress.Any) && !gateway.Address.Equals(IPAddress.IPv6Any))
            .DistinctBy(gateway => gateway.Address)
            .Take(RouteTable.MaxGateways)];
    }

    /// <summary>A socket that is heard by nobody but a gateway, and hears nobody else. Its local address is the one to map ports to.</summary>
    /// <exception cref="SocketException">There is no way to it.</exception>
    public static Socket Connect(IPEndPoint gateway)
    {
        var socket = new Socket(gateway.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            // A link-local gateway would be sent to from our link-local address, which is of no use to anybody outside (PCP maps
            // the address that it is asked from).
            if (gateway.Address.IsIPv6LinkLocal && PreferredSource(AddressFamily.InterNetworkV6) is { IsIPv6LinkLocal: false } source)
            {
                socket.Bind(new IPEndPoint(source, 0));
            }

            socket.Connect(gateway);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The address of ours that a gateway would map ports to, null if there is no way to it. Nothing is sent.</summary>
    public static IPAddress? LocalAddressToward(IPAddress gateway)
    {
        try
        {
            using Socket socket = Connect(new IPEndPoint(gateway, AnyPort));
            return ((IPEndPoint)socket.LocalEndPoint!).Address;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>
    /// The address of ours that the system uses towards the internet (RFC 6724), null if it has none: of several IPv6 addresses the
    /// one that other nodes see us with, too. Nothing is sent.
    /// </summary>
    public static IPAddress? PreferredSource(AddressFamily family) => LocalAddressToward(family == AddressFamily.InterNetwork ? Internet4 : Internet6);

    private static IReadOnlyList<Gateway> FindByRoutingTable(AddressFamily family)
    {
        if (family == AddressFamily.InterNetwork)
        {
            return RouteTable.ReadIPv4(ReadTable("/proc/net/route"));
        }

        // The kernel without IPv6 has no such file.
        return File.Exists("/proc/net/ipv6_route")
            ? [.. RouteTable.ReadIPv6(ReadTable("/proc/net/ipv6_route")).Select(WithScope)]
            : [];
    }

    private static Gateway WithScope(Gateway gateway) =>
        gateway.Address.IsIPv6LinkLocal && IPAddress.TryParse($"{gateway.Address}%{gateway.Link}", out IPAddress? scoped)
            ? gateway with { Address = scoped }
            : gateway;

    private static string ReadTable(string path)
    {
        using FileStream file = File.OpenRead(path);
        byte[] buffer = new byte[MaxTableSize];
        return Encoding.ASCII.GetString(buffer.AsSpan(0, file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)));
    }
}
