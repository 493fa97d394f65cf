using System.Net;

namespace DevP2P.Nat;

/// <summary>What a gateway says it consists of: devices in devices, with services (UPnP Device Architecture 1.1, section 2.3).</summary>
internal static class UpnpDescription
{
    /// <summary>So many services that map ports are taken of one gateway: one for each of its lines outside.</summary>
    public const int MaxServices = 8;

    /// <summary>Reads a description.</summary>
    /// <param name="xml">The document.</param>
    /// <param name="location">Where it came from. A service elsewhere does not count.</param>
    /// <param name="services">The services that map ports, the best first; may be none.</param>
    /// <returns>False if it is no description.</returns>
    public static bool TryParse(ReadOnlySpan<byte> xml, Uri location, out IReadOnlyList<UpnpService> services)
    {
        services = [];
        if (!IPAddress.TryParse(location.Host, out IPAddress? host))
        {
            return false;
        }

        var found = new List<(string Type, string Control)>();
        string? root = null;
        string urlBase = string.Empty;
        string type = string.Empty;
        string control = string.Empty;
        using var reader = new UpnpXml(xml);
        while (reader.TryStep())
        {
            root ??= reader.Name;
            switch (reader.Name)
            {
                case "URLBase" when reader.IsEnd && reader.Depth == 1:
                    urlBase = reader.Text;
                    break;
                case "service" when !reader.IsEnd:
                    (type, control) = (string.Empty, string.Empty);
                    break;
                case "serviceType" when reader.IsEnd:
                    type = reader.Text;
                    break;
                case "controlURL" when reader.IsEnd:
                    control = reader.Text;
                    break;
                case "service" when UpnpService.RankOf(type) > 0 && found.Count < MaxServices:
                    found.Add((type, control));
                    break;
            }
        }

        if (reader.IsFaulty || root != "root")
        {
            return false;
        }

        Uri start = Uri.TryCreate(urlBase, UriKind.Absolute, out Uri? stated) && UpnpService.IsAt(stated, host) ? stated : location;
        services = [.. found.Select(service => ToService(service.Type, service.Control, start, host)).OfType<UpnpService>().OrderByDescending(service => service.Rank)];
        return true;
    }

    private static UpnpService? ToService(string type, string control, Uri start, IPAddress host) =>
        control.Length > 0 && Uri.TryCreate(start, control, out Uri? url) && UpnpService.IsAt(url, host) ? new UpnpService(type, url) : null;
}
