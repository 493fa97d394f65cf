using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace DevP2P.Cli.Configuration;

/// <summary>Addresses to listen on, as they are typed.</summary>
internal static class ListenAddress
{
    /// <summary>What would be right, for error messages.</summary>
    public const string Expected = "is not an address with a port, such as 127.0.0.1:30303, [::1]:30303 or :30303";

    /// <summary>Reads <c>127.0.0.1:30303</c>, <c>[::1]:30303</c> or <c>:30303</c>, which is every address of this machine.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out IPEndPoint? endPoint)
    {
        if (text.StartsWith(':'))
        {
            bool isPort = ushort.TryParse(text.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port);
            endPoint = isPort ? new IPEndPoint(Any, port) : null;
            return isPort;
        }

        // Without the last test "1.2.3.4" and "::1" would be taken for port 0.
        return IPEndPoint.TryParse(text, out endPoint) && text.EndsWith(":" + endPoint.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            && (text.StartsWith('[') || text.Count(c => c == ':') == 1);
    }

    /// <summary>Where to listen to talk to these nodes: on loopback alone nothing else is listened on.</summary>
    public static IPAddress DefaultFor(IReadOnlyCollection<IPAddress> nodes) =>
        nodes.All(a => a.AddressFamily == AddressFamily.InterNetwork && IPAddress.IsLoopback(a)) ? IPAddress.Loopback
        : nodes.All(a => a.Equals(IPAddress.IPv6Loopback)) ? IPAddress.IPv6Loopback
        : Any;

    /// <summary>All addresses of both families, where the system has IPv6.</summary>
    public static IPAddress Any => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
}
