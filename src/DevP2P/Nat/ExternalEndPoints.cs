using System.Net;
using DevP2P.NetUtil;

namespace DevP2P.Nat;

/// <summary>What a <see cref="PortMapper"/> has found out so far, and what of it is of use. Not safe for concurrent use.</summary>
internal sealed class ExternalEndPoints
{
    private static readonly NetList CarrierGrade = NetList.Parse("100.64.0.0/10");

    private readonly Dictionary<PortTarget, int> _ports = [];
    private readonly IPAddress?[] _addresses = new IPAddress?[2];

    /// <summary>The ports that are mapped, each with its external port.</summary>
    public IReadOnlyDictionary<PortTarget, int> Ports => _ports;

    /// <summary>The address that the device says, also if it is of no use.</summary>
    public IPAddress? GetAddress(bool isIPv6) => _addresses[isIPv6 ? 1 : 0];

    /// <summary>The external port of a target; 0 if it is not mapped.</summary>
    public int GetPort(PortTarget target) => _ports.GetValueOrDefault(target);

    /// <summary>Takes an output.</summary>
    /// <returns>Whether something is different now.</returns>
    public bool Take(PortMapperOutput output)
    {
        switch (output)
        {
            case ExternalAddressChanged changed:
                _addresses[changed.IsIPv6 ? 1 : 0] = changed.Address;
                return true;
            case PortMapped mapped:
                _ports[mapped.Target] = mapped.ExternalPort;
                return true;
            case PortLost lost:
                return _ports.Remove(lost.Target);
            default:
                return false;
        }
    }

    /// <summary>Says in words why an address that a device takes for ours is not one that others reach us at.</summary>
    /// <returns>Null if nothing speaks against it.</returns>
    public static string? DescribeProblem(IPAddress address) =>
        CarrierGrade.Contains(address)
            ? "carrier-grade NAT: the provider shares one address among customers (RFC 6598), and a port opened on the router is not open on the internet; "
            + "ask the provider for a public IPv4 address, or use IPv6"
        : IPAddress.IsLoopback(address) ? "the device names a loopback address"
        : AddressRules.IsLan(address)
            ? "double NAT: the router has a private address itself, so that another router is between it and the internet; open the ports there, "
            + "or switch one of the two to bridge mode"
        : AddressRules.IsSpecialNetwork(address) ? "it is of a special-purpose network, and nobody on the internet can reach it"
        : null;
}
