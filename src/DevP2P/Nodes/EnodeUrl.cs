using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.NetUtil;

namespace DevP2P.Nodes;

/// <summary>
/// The text form of a node, as go-ethereum's <c>p2p/enode/urlv4.go</c> reads and writes it. Stricter than Go in what could
/// never be dialed: unbracketed IPv6, IPv6 zones, multicast addresses, and names that are no DNS names.
/// </summary>
internal static class EnodeUrl
{
    private const string Scheme = "enode://";
    private const string Wanted = "want enode://<128 hexadecimal digits>@<address>:<port>";

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");
    private static readonly SearchValues<char> HostNameCharacters =
        SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._");

    /// <summary>Takes a URL apart. Never throws.</summary>
    /// <returns>Null, or what is wrong and what would be right. Only when it is null the results mean anything.</returns>
    internal static string? Parse(
        ReadOnlySpan<char> text, out PublicKey? key, out IPAddress? address, out string? hostName, out int tcpPort, out int udpPort)
    {
        key = null;
        address = null;
        hostName = null;
        tcpPort = udpPort = 0;
        bool hasScheme = text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);
        ReadOnlySpan<char> rest = hasScheme ? text[Scheme.Length..] : text;
        if (!rest.IsEmpty && !rest.ContainsAnyExcept(HexDigits))
        {
            return ParseKey(rest, out key);
        }

        if (!hasScheme)
        {
            return $"invalid URL scheme, want \"enode\": {Wanted}, or a record (enr:...), not {Quote(text)}";
        }

        if (text.ContainsAnyInRange('\0', ' ') || text.Contains('\x7f'))
        {
            return $"an enode URL contains neither white space nor control characters: {Quote(text)}";
        }

        // As in Go, a path and a fragment are allowed and mean nothing.
        rest = Until(rest, "#");
        ReadOnlySpan<char> authority = Until(rest, "/?");
        rest = rest[authority.Length..];
        int question = rest.IndexOf('?');
        ReadOnlySpan<char> query = question < 0 ? default : rest[(question + 1)..];
        int at = authority.LastIndexOf('@');
        if (at < 0)
        {
            return $"does not contain node ID: {Wanted}, or enode://<128 hexadecimal digits> alone, not {Quote(text)}";
        }

        return ParseKey(authority[..at], out key)
            ?? SplitHost(authority[(at + 1)..], out ReadOnlySpan<char> host, out ReadOnlySpan<char> port)
            ?? ParseHost(host, out address, out hostName)
            ?? ParsePort(port, "port", out tcpPort)
            ?? ParseDiscoveryPort(query, tcpPort, out udpPort);
    }

    internal static string Format(Node node)
    {
        string key = node.PublicKey.ToString();
        string? host = node.HostName ?? (node.Address is null ? null : FormatAddress(node.Address));
        if (host is null)
        {
            return Scheme + key;
        }

        string query = node.UdpPort == node.TcpPort ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"?discport={node.UdpPort}");
        return string.Create(CultureInfo.InvariantCulture, $"{Scheme}{key}@{host}:{node.TcpPort}{query}");
    }

    /// <summary>Checks the form of a DNS name (RFC 1123, and underscores as they occur); says what is wrong, or null.</summary>
    internal static string? CheckHostName(ReadOnlySpan<char> name)
    {
        if (name.ContainsAnyExcept(HostNameCharacters))
        {
            return $"invalid host name {Quote(name)}: want letters, digits, hyphens and dots (international names as xn--...)";
        }

        ReadOnlySpan<char> labels = name.EndsWith('.') ? name[..^1] : name;
        if (labels.Length is 0 or > 253)
        {
            return $"invalid host name {Quote(name)}: want 1 to 253 characters";
        }

        ReadOnlySpan<char> last = default;
        foreach (Range part in labels.Split('.'))
        {
            last = labels[part];
            if (last.Length is 0 or > 63)
            {
                return $"invalid host name {Quote(name)}: want 1 to 63 characters between the dots";
            }
        }

        // No top-level domain is a number, so this was meant to be an address; a resolver might even take 127.1 for one.
        return last.ContainsAnyExceptInRange('0', '9')
            ? null
            : $"invalid IP address {Quote(name)}: want four numbers from 0 to 255 without leading zeros, such as 10.3.58.6";
    }

    private static string? ParseKey(ReadOnlySpan<char> text, out PublicKey? key)
    {
        const int Digits = 2 * Secp256k1.PublicKeySize;
        key = null;
        if (text.IndexOfAnyExcept(HexDigits) is >= 0 and int bad)
        {
            return $"invalid public key ({Quote(text.Slice(bad, 1))} is not a hexadecimal digit; want {Digits} hex chars)";
        }

        if (text.Length != Digits)
        {
            return $"invalid public key (wrong length, want {Digits} hex chars, not {text.Length})";
        }

        return PublicKey.TryParse(Convert.FromHexString(text), out key)
            ? null
            : "invalid public key (not a point of the curve secp256k1; was it copied whole and unchanged?)";
    }

    private static string? SplitHost(ReadOnlySpan<char> text, out ReadOnlySpan<char> host, out ReadOnlySpan<char> port)
    {
        int end = text.StartsWith('[') ? text.IndexOf(']') + 1 : text.IndexOf(':');
        host = port = default;
        if (text.StartsWith('[') && end == 0)
        {
            return $"invalid host {Quote(text)}: the bracket is not closed; want [<IPv6 address>]:<port>";
        }

        if (end < 0 || end == text.Length)
        {
            return $"invalid port: there is none behind {Quote(text)}; want <address>:<port>";
        }

        host = text[..end];
        port = text[(end + 1)..];
        if (!host.StartsWith('[') && port.Contains(':'))
        {
            return $"invalid host {Quote(text)}: an IPv6 address stands in brackets; want [<IPv6 address>]:<port>";
        }

        return text[end] == ':' ? null : $"invalid port: want ':' and a port behind {Quote(host)}";
    }

    private static string? ParseHost(ReadOnlySpan<char> host, out IPAddress? address, out string? hostName)
    {
        hostName = null;
        bool bracketed = host.StartsWith('[');
        if (bracketed)
        {
            host = host[1..^1];
        }

        if (AddressRules.TryParse(host, out address) && bracketed == host.Contains(':'))
        {
            return IsMulticast(address) ? $"invalid IP address {Quote(host)}: a multicast address is no node's" : null;
        }

        if (bracketed)
        {
            return $"invalid IPv6 address {Quote(host)}: want one such as [2001:db8::1], without a zone";
        }

        if (host.IsEmpty)
        {
            // Go takes enode://KEY@:30303 for a node whose address is not known.
            return null;
        }

        hostName = host.ToString();
        return CheckHostName(host);
    }

    private static string? ParsePort(ReadOnlySpan<char> text, string what, out int port)
    {
        bool ok = ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number);
        port = number;
        return ok ? null : $"invalid {what} {Quote(text)}: want a number from 0 to 65535";
    }

    private static string? ParseDiscoveryPort(ReadOnlySpan<char> query, int tcpPort, out int udpPort)
    {
        const string Name = "discport=";
        udpPort = tcpPort;
        foreach (Range part in query.Split('&'))
        {
            ReadOnlySpan<char> pair = query[part];
            if (pair.StartsWith(Name, StringComparison.Ordinal))
            {
                return pair.Length == Name.Length ? null : ParsePort(pair[Name.Length..], "discport in query", out udpPort);
            }
        }

        return null;
    }

    /// <summary>An address as Go writes it: IPv6 in brackets, never with a zone, never with a dotted tail.</summary>
    private static string FormatAddress(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return address.ToString();
        }

        byte[] bytes = address.GetAddressBytes();
        string text = new IPAddress(bytes).ToString();
        if (text.Contains('.', StringComparison.Ordinal))
        {
            // .NET writes some addresses with their last four bytes as IPv4 (::1.2.3.4, ISATAP); Go does not (RFC 5952).
            int tail = text.LastIndexOf(':') + 1;
            text = string.Create(CultureInfo.InvariantCulture, $"{text[..tail]}{(bytes[12] << 8) | bytes[13]:x}:{(bytes[14] << 8) | bytes[15]:x}");
        }

        return $"[{text}]";
    }

    internal static bool IsMulticast(IPAddress address) =>
        address.IsIPv6Multicast || (address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] >> 4 == 0xE);

    private static ReadOnlySpan<char> Until(ReadOnlySpan<char> text, string anyOf) =>
        text.IndexOfAny(anyOf) is >= 0 and int end ? text[..end] : text;

    /// <summary>A piece of foreign text for a message: short and printable.</summary>
    internal static string Quote(ReadOnlySpan<char> text)
    {
        const int Most = 60;
        Span<char> safe = stackalloc char[Math.Min(text.Length, Most)];
        for (int i = 0; i < safe.Length; i++)
        {
            safe[i] = text[i] is >= ' ' and <= '~' ? text[i] : '?';
        }

        return text.Length > Most ? $"\"{safe}...\"" : $"\"{safe}\"";
    }
}
