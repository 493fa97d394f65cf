using System.Net;
using System.Net.Sockets;
using DevP2P.NetUtil;

namespace DevP2P.Cli.Doctor;

/// <summary>Who can reach an address, in a word.</summary>
internal static class AddressKind
{
    public const string Public = "public";
    public const string Private = "private";
    public const string Shared = "shared";
    public const string LinkLocal = "link-local";
    public const string Special = "special";

    // RFC 6598: between a provider's customers and its own NAT.
    private static readonly IPNetwork s_shared = IPNetwork.Parse("100.64.0.0/10");

    public static string Of(IPAddress address)
    {
        address = AddressRules.Unmap(address);
        return address.AddressFamily == AddressFamily.InterNetwork && s_shared.Contains(address) ? Shared
            : address.IsIPv6LinkLocal || (address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes() is [169, 254, ..]) ? LinkLocal
            : AddressRules.IsLan(address) ? Private
            : AddressRules.IsSpecialNetwork(address) ? Special
            : Public;
    }
}
