using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;

namespace DevP2P.Nat;

/// <summary>An answer to a search by SSDP: HTTP headers in a datagram (UPnP Device Architecture 1.1, section 1.3).</summary>
/// <param name="Target">What the device says it is.</param>
/// <param name="Location">Where its description is; not checked yet.</param>
internal readonly record struct SsdpMessage(string Target, string Location)
{
    /// <summary>Longer datagrams are no answers. Those of real devices have 300 to 600 bytes.</summary>
    public const int MaxSize = 2048;

    private const int MaxValueLength = 512;

    /// <summary>What gateways answer to. Some devices know only of their services, so that these are searched for as well.</summary>
    public static IReadOnlyList<string> SearchTargets { get; } =
    [
        "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
        "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
        UpnpService.WanIPConnection1,
        UpnpService.WanIPConnection2,
        UpnpService.WanPppConnection1,
    ];

    /// <summary>A search (M-SEARCH).</summary>
    /// <param name="target">One of <see cref="SearchTargets"/>.</param>
    /// <param name="seconds">Within how many seconds to answer: devices wait a random part of them.</param>
    public static byte[] WriteSearch(string target, int seconds) => Encoding.ASCII.GetBytes(
        $"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: {seconds}\r\nST: {target}\r\n\r\n");

    /// <summary>Reads an answer. Other messages, such as announcements and the searches of others, are none.</summary>
    public static bool TryParse(ReadOnlySpan<byte> datagram, out SsdpMessage message)
    {
        message = default;
        if (datagram.Length > MaxSize || !IsSuccess(TakeLine(ref datagram)))
        {
            return false;
        }

        string? target = null;
        string? location = null;
        while (!datagram.IsEmpty)
        {
            ReadOnlySpan<byte> line = TakeLine(ref datagram);
            int colon = line.IndexOf((byte)':');
            if (colon < 0)
            {
                continue;
            }

            ReadOnlySpan<byte> name = line[..colon].TrimEnd((byte)' ');
            if (Ascii.EqualsIgnoreCase(name, "ST"u8) && !TryReadValue(line[(colon + 1)..], ref target))
            {
                return false;
            }

            if (Ascii.EqualsIgnoreCase(name, "LOCATION"u8) && !TryReadValue(line[(colon + 1)..], ref location))
            {
                return false;
            }
        }

        if (target is null || location is null || !IsGateway(target))
        {
            return false;
        }

        message = new SsdpMessage(target, location);
        return true;
    }

    /// <summary>The location, if it is on the device that sent the answer: a device must not make us ask another host.</summary>
    public bool TryGetLocation(IPAddress sender, [NotNullWhen(true)] out Uri? location) =>
        Uri.TryCreate(Location, UriKind.Absolute, out location) && UpnpService.IsAt(location, sender);

    private static bool IsSuccess(ReadOnlySpan<byte> line) =>
        line.StartsWith("HTTP/1."u8) && line.Length >= 12 && line[8..12].SequenceEqual(" 200"u8);

    // Devices answer with the version they have or with the one that was searched for.
    private static bool IsGateway(string target) =>
        target.Contains(":InternetGatewayDevice:", StringComparison.Ordinal)
        || target.Contains(":WANIPConnection:", StringComparison.Ordinal)
        || target.Contains(":WANPPPConnection:", StringComparison.Ordinal);

    private static ReadOnlySpan<byte> TakeLine(ref ReadOnlySpan<byte> rest)
    {
        int end = rest.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[(end + 1)..];
        return line.TrimEnd((byte)'\r');
    }

    /// <summary>One value, once: of a message with two it would be open which one others see.</summary>
    private static bool TryReadValue(ReadOnlySpan<byte> bytes, ref string? value)
    {
        ReadOnlySpan<byte> trimmed = bytes.Trim(" \t"u8);
        if (value is not null || trimmed.Length is 0 or > MaxValueLength || trimmed.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return false;
        }

        value = Encoding.ASCII.GetString(trimmed);
        return true;
    }
}
