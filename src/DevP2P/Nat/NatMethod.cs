using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using DevP2P.NetUtil;

namespace DevP2P.Nat;

/// <summary>Makes the built-in implementations of <see cref="INat"/>. Nothing is sent before they are used.</summary>
/// <remarks>
/// <para>Go: <c>nat.Parse</c>. The text forms, in which case does not matter:</para>
/// <list type="table">
/// <item><term><c>none</c>, <c>off</c>, or nothing</term><description>No method.</description></item>
/// <item><term><c>any</c>, <c>auto</c>, <c>on</c></term><description><see cref="Any"/>.</description></item>
/// <item><term><c>upnp</c></term><description><see cref="Upnp"/>.</description></item>
/// <item><term><c>pmp</c>, <c>natpmp</c>, <c>nat-pmp</c></term><description><see cref="NatPmp"/>; <c>pmp:192.0.2.1</c> with a gateway.</description></item>
/// <item><term><c>pcp</c></term><description><see cref="Pcp"/>; <c>pcp:192.0.2.1</c> with a gateway.</description></item>
/// <item><term><c>stun</c></term><description><see cref="Stun"/>; <c>stun:example.org:3478</c> with a server.</description></item>
/// <item><term><c>extip:192.0.2.1</c>, <c>ip:192.0.2.1</c></term><description><see cref="ExternalAddress"/>; with two addresses,
/// <c>extip:192.0.2.1,2001:db8::1</c>.</description></item>
/// </list>
/// </remarks>
public static class NatMethod
{
    private const string Wanted = "want none, any, upnp, pmp, pmp:IP, pcp, pcp:IP, stun, stun:HOST:PORT, extip:IP or extip:IPv4,IPv6";

    /// <summary>All methods at once; the first that works is kept, and tried anew when it fails.</summary>
    /// <remarks>
    /// Go: <c>nat.Any</c>. STUN is among them, with the default servers, which learn this host's address; what it says counts only if
    /// no other method works.
    /// </remarks>
    public static INat Any() => MakeAny(TimeProvider.System);

    /// <summary>UPnP (IGD 1 and 2): maps ports of IPv4. The gateway is looked for on every interface.</summary>
    /// <remarks>Go: <c>nat.UPnP</c>.</remarks>
    public static INat Upnp() => new Upnp(TimeProvider.System);

    /// <summary>NAT-PMP (RFC 6886): maps ports of IPv4.</summary>
    /// <remarks>Go: <c>nat.PMP</c>.</remarks>
    /// <param name="gateway">The gateway; null for the default gateway.</param>
    /// <exception cref="ArgumentException">The gateway is not of IPv4.</exception>
    public static INat NatPmp(IPAddress? gateway = null) => gateway is null or { AddressFamily: AddressFamily.InterNetwork }
        ? new NatPmp(gateway, TimeProvider.System)
        : throw new ArgumentException("NAT-PMP is of IPv4 only", nameof(gateway));

    /// <summary>PCP (RFC 6887): maps ports of IPv4, and opens them in a firewall of IPv6.</summary>
    /// <param name="gateway">The gateway; null for the default gateway of each family. A link-local address needs its scope.</param>
    public static INat Pcp(IPAddress? gateway = null) => new Pcp(gateway, TimeProvider.System);

    /// <summary>STUN (RFC 8489): finds out the address outside, and maps nothing.</summary>
    /// <param name="server">A host with or without a port, as <c>example.org</c> or <c>[2001:db8::1]:3478</c>; null for public ones.</param>
    /// <exception cref="ArgumentException">The server is no host.</exception>
    public static INat Stun(string? server = null) => new Stun(server, TimeProvider.System);

    /// <summary>The addresses outside are known, and the ports are open or mapped already.</summary>
    /// <remarks>Go: <c>nat.ExtIP</c>.</remarks>
    /// <param name="addresses">One address, or one of IPv4 and one of IPv6.</param>
    /// <exception cref="ArgumentException">That is not what they are.</exception>
    public static INat ExternalAddress(params IPAddress[] addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        return new StaticAddress(addresses);
    }

    /// <summary>Reads a method's text form.</summary>
    /// <param name="text">The text. Case does not matter.</param>
    /// <returns>The method; null for none.</returns>
    /// <exception cref="FormatException">The text is no method's. The message says what would be right.</exception>
    public static INat? Parse(string? text) => TryParse(text, out INat? nat, out string? error) ? nat : throw new FormatException(error);

    /// <summary>Reads a method's text form.</summary>
    /// <param name="text">The text. Case does not matter.</param>
    /// <param name="nat">The method; null for none.</param>
    /// <param name="error">Null, or what is wrong and what would be right.</param>
    /// <returns>False if the text is no method's.</returns>
    public static bool TryParse(string? text, out INat? nat, [NotNullWhen(false)] out string? error) =>
        TryParse(text, TimeProvider.System, out nat, out error);

    internal static bool TryParse(string? text, TimeProvider time, out INat? nat, [NotNullWhen(false)] out string? error)
    {
        string trimmed = (text ?? string.Empty).Trim();
        int colon = trimmed.IndexOf(':', StringComparison.Ordinal);
        string name = (colon < 0 ? trimmed : trimmed[..colon]).ToLowerInvariant();
        string? argument = colon < 0 ? null : trimmed[(colon + 1)..];
        (nat, error) = name switch
        {
            "" or "none" or "off" or "any" or "auto" or "on" or "upnp" when argument is not null => (null, $"{name} takes nothing after it: {Wanted}"),
            "" or "none" or "off" => (null, null),
            "any" or "auto" or "on" => (MakeAny(time), null),
            "upnp" => (new Upnp(time), null),
            "pmp" or "natpmp" or "nat-pmp" => ReadGateway(argument, takesIPv6: false, gateway => new NatPmp(gateway, time)),
            "pcp" => ReadGateway(argument, takesIPv6: true, gateway => new Pcp(gateway, time)),
            "stun" => ReadServer(argument, time),
            "extip" or "ip" => ReadAddresses(argument),
            _ => (null, $"\"{text}\" is no method: {Wanted}"),
        };
        return error is null;
    }

    private static (INat? Nat, string? Error) ReadGateway(string? text, bool takesIPv6, Func<IPAddress?, INat> make)
    {
        IPAddress? gateway = null;
        return text is not null && !TryParseGateway(text, out gateway) ? (null, $"\"{text}\" is no gateway: want its IP address")
            : gateway is { AddressFamily: AddressFamily.InterNetworkV6 } && !takesIPv6 ? (null, $"NAT-PMP is of IPv4 only, not for {text}: want an IPv4 address, or pcp")
            : (make(gateway), null);
    }

    private static (INat? Nat, string? Error) ReadServer(string? text, TimeProvider time) => string.IsNullOrEmpty(text) ? (new Stun((string?)null, time), null)
        : HostAndPort.TryParse(text, StunCodec.DefaultPort, out _, out _) ? (new Stun(text, time), null)
        : (null, $"\"{text}\" is no server: want HOST, HOST:PORT or [IPv6]:PORT");

    private static (INat? Nat, string? Error) ReadAddresses(string? text)
    {
        var addresses = new List<IPAddress>();
        foreach (string part in (text ?? string.Empty).Split(','))
        {
            if (!AddressRules.TryParse(part.Trim(), out IPAddress? address))
            {
                return (null, $"\"{part}\" is no IP address: want extip:IP or extip:IPv4,IPv6");
            }

            addresses.Add(address);
        }

        return StaticAddress.FindFault(addresses) is { } fault ? (null, $"\"{text}\": {fault}") : (new StaticAddress(addresses), null);
    }

    /// <summary>Each method that can map ports.</summary>
    internal static IEnumerable<INat> MappingMethods(TimeProvider time) =>
        [new Upnp(time), new NatPmp(null, time), new Pcp(null, time)];

    private static AutoNat MakeAny(TimeProvider time) => new([.. MappingMethods(time), new Stun((string?)null, time)], time);

    /// <summary>A link-local gateway has a scope behind it (<c>fe80::1%eth0</c>), which only the system can read.</summary>
    private static bool TryParseGateway(string text, [NotNullWhen(true)] out IPAddress? gateway)
    {
        int percent = text.IndexOf('%', StringComparison.Ordinal);
        if (percent < 0)
        {
            return AddressRules.TryParse(text, out gateway);
        }

        gateway = null;
        return AddressRules.TryParse(text.AsSpan(0, percent), out IPAddress? address) && address.IsIPv6LinkLocal && IPAddress.TryParse(text, out gateway);
    }
}
