using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace DevP2P.NetUtil;

/// <summary>
/// Which addresses are local, and which no node may claim. An IPv4 address inside IPv6 (<c>::ffff:a.b.c.d</c>) is judged as
/// the IPv4 address it is.
/// </summary>
/// <remarks>Go: <c>netutil.IsLAN</c>, <c>IsSpecialNetwork</c>, <c>CheckRelayIP</c>.</remarks>
public static class AddressRules
{
    // First: the lists below are parsed with it.
    private static readonly SearchValues<char> IPv6Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>Private, link-local and loopback networks: RFC 1918, RFC 3927, RFC 4193, RFC 4291.</summary>
    private static readonly NetList Lan = NetList.Parse(
        "127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, ::1/128, fc00::/7, fe80::/10");

    /// <summary>
    /// The IANA special-purpose address registries (IPv4 and IPv6) and the multicast blocks, without what only loopback and
    /// LAN hosts may name (<see cref="Lan"/>; link-local addresses are in both, as they mean nothing on another link).
    /// go-ethereum's list is an excerpt of an older edition: it lacks 100.64/10, most of 192.0.0/24 and 240/4.
    /// </summary>
    private static readonly NetList Special = NetList.Parse(
        // IPv4: "this network", shared address space (RFC 6598), link-local, IETF protocol assignments
        "0.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 192.0.0.0/24,"
        // documentation (TEST-NET-1, 2, 3), benchmarking (RFC 2544)
        + "192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 198.18.0.0/15,"
        // AS112, AMT, 6to4 relay anycast, AS112
        + "192.31.196.0/24, 192.52.193.0/24, 192.88.99.0/24, 192.175.48.0/24,"
        // multicast; reserved (RFC 1112) with limited broadcast
        + "224.0.0.0/4, 240.0.0.0/4,"
        // IPv6: unspecified, IPv4/IPv6 translation (RFC 6052, RFC 8215), discard-only and dummy prefix
        + "::/128, 64:ff9b::/96, 64:ff9b:1::/48, 100::/64, 100:0:0:1::/64,"
        // IETF protocol assignments: Teredo, benchmarking, AMT, AS112, ORCHID, drone ids and others
        + "2001::/23,"
        // documentation (RFC 3849, RFC 9637), 6to4, AS112, segment routing (RFC 9602)
        + "2001:db8::/32, 3fff::/20, 2002::/16, 2620:4f:8000::/48, 5f00::/16,"
        // link-local, multicast
        + "fe80::/10, ff00::/8");

    /// <summary>Whether an address is of the local network or host: loopback, private, link-local or unique local.</summary>
    /// <remarks>Go: <c>netutil.IsLAN</c>.</remarks>
    public static bool IsLan(IPAddress address) => Lan.Contains(address);

    /// <summary>Whether an address is multicast or in a special-purpose network that no node can be reached in from outside.</summary>
    /// <remarks>Go: <c>netutil.IsSpecialNetwork</c>.</remarks>
    public static bool IsSpecialNetwork(IPAddress address) => Special.Contains(address);

    /// <summary>Whether two addresses are of one family and have their first bits in common.</summary>
    /// <param name="one">An address.</param>
    /// <param name="other">Another one.</param>
    /// <param name="prefixLength">How many bits: 0 to 32 for IPv4, 0 to 128 for IPv6.</param>
    /// <exception cref="ArgumentOutOfRangeException">An address has no such prefix.</exception>
    /// <remarks>Go: <c>netutil.SameNet</c>.</remarks>
    public static bool AreInSameNetwork(IPAddress one, IPAddress other, int prefixLength)
    {
        ArgumentNullException.ThrowIfNull(one);
        ArgumentNullException.ThrowIfNull(other);
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        byte[] first = Unmap(one).GetAddressBytes();
        byte[] second = Unmap(other).GetAddressBytes();
        if (first.Length != second.Length)
        {
            return false;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, 8 * first.Length);
        int whole = prefixLength / 8;
        return first.AsSpan(0, whole).SequenceEqual(second.AsSpan(0, whole))
            && (prefixLength % 8 == 0 || (first[whole] ^ second[whole]) >> (8 - (prefixLength % 8)) == 0);
    }

    /// <summary>
    /// Says why <paramref name="address"/>, named by the node at <paramref name="sender"/>, must not be dialed, relayed or
    /// stored: special-purpose addresses never, loopback addresses only from loopback, LAN addresses only from the LAN.
    /// </summary>
    /// <returns>Null when nothing speaks against it, else the reason in a few words.</returns>
    /// <remarks>Go: <c>netutil.CheckRelayIP</c>.</remarks>
    public static string? CheckRelayAddress(IPAddress sender, IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(sender);
        ArgumentNullException.ThrowIfNull(address);
        sender = Unmap(sender);
        address = Unmap(address);
        if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        {
            return "zero address";
        }

        if (IsSpecialNetwork(address))
        {
            return "special network";
        }

        if (IPAddress.IsLoopback(address) && !IPAddress.IsLoopback(sender))
        {
            return "loopback address from non-loopback host";
        }

        return IsLan(address) && !IsLan(sender) ? "LAN address from WAN host" : null;
    }

    /// <summary>The IPv4 address inside an IPv4-mapped IPv6 address; any other address as it is.</summary>
    public static IPAddress Unmap(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    /// <summary>
    /// Reads an address as strictly as Go's <c>net.ParseIP</c>: four decimal numbers without leading zeros, or IPv6 without
    /// brackets and zone. <see cref="IPAddress.TryParse(string, out IPAddress)"/> also takes <c>1</c>, <c>0x7f.1</c> and octal.
    /// </summary>
    internal static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        bool wellFormed = text.Contains(':') ? !text.ContainsAnyExcept(IPv6Characters) : IsDottedQuad(text);
        if (!wellFormed || !IPAddress.TryParse(text, out IPAddress? parsed))
        {
            return false;
        }

        address = Unmap(parsed);
        return true;
    }

    private static bool IsDottedQuad(ReadOnlySpan<char> text)
    {
        int numbers = 0;
        foreach (Range part in text.Split('.'))
        {
            ReadOnlySpan<char> number = text[part];
            numbers++;
            if (!byte.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _) || (number.Length > 1 && number[0] == '0'))
            {
                return false;
            }
        }

        return numbers == 4;
    }
}
