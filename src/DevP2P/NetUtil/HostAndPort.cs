using System.Diagnostics.CodeAnalysis;

namespace DevP2P.NetUtil;

/// <summary>The text form of a host with or without a port.</summary>
internal static class HostAndPort
{
    /// <summary>Reads a name or an address, with or without a port: <c>example.org</c>, <c>192.0.2.1:123</c>, <c>[::1]</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="defaultPort">The port if the text has none.</param>
    /// <param name="host">The name, or the address without brackets.</param>
    /// <param name="port">The port.</param>
    public static bool TryParse(string text, int defaultPort, [NotNullWhen(true)] out string? host, out int port)
    {
        (host, port) = (null, defaultPort);
        // What names, addresses and ports look like is known to Uri; what else it lets pass is not wanted.
        if (!text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or ':' or '-' or '_' or '[' or ']')
            || text.EndsWith(':')
            || !Uri.TryCreate("host://" + text, UriKind.Absolute, out Uri? uri)
            || uri.HostNameType is not (UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6)
            || uri.Port == 0)
        {
            return false;
        }

        host = uri.DnsSafeHost;
        port = uri.Port < 0 ? defaultPort : uri.Port;
        return true;
    }
}
