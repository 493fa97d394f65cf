using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace DevP2P.Nat;

/// <summary>How this host is connected to the internet in one address family.</summary>
/// <param name="Source">Its own address that the system uses towards the internet, null if there is no way there.</param>
/// <param name="Gateway">The default gateway, null if there is none.</param>
internal sealed record HostConnection(IPAddress? Source, IPAddress? Gateway);

/// <summary>The network that this host is in: how it is now, and a sign that it may be another. Tests have their own.</summary>
internal class HostNetwork
{
    /// <summary>What the system says.</summary>
    public static HostNetwork System { get; } = new();

    /// <summary>The connection of one address family. Nothing is sent for it.</summary>
    public virtual HostConnection GetConnection(bool isIPv6)
    {
        AddressFamily family = isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        return new HostConnection(Gateways.PreferredSource(family), Gateways.Find(family) is [var best, ..] ? best.Address : null);
    }

    /// <summary>Has it said when the system reports a changed address or interface; it may come often, and on any thread.</summary>
    /// <returns>Dispose it to end that.</returns>
    public virtual IDisposable Watch(Action changed)
    {
        var watch = new SystemWatch(changed);
        try
        {
            NetworkChange.NetworkAddressChanged += watch.Handle;
            NetworkChange.NetworkAvailabilityChanged += watch.Handle;
        }
        catch (Exception e) when (e is PlatformNotSupportedException or NetworkInformationException)
        {
            // Then the timer alone has to do.
        }

        return watch;
    }

    private sealed class SystemWatch(Action changed) : IDisposable
    {
        public void Handle(object? sender, EventArgs e) => changed();

        public void Dispose()
        {
            NetworkChange.NetworkAddressChanged -= Handle;
            NetworkChange.NetworkAvailabilityChanged -= Handle;
        }
    }
}
