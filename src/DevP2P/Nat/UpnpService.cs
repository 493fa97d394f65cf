using System.Net;

namespace DevP2P.Nat;

/// <summary>A service of a gateway that maps ports.</summary>
/// <param name="Type">Which one: its URN.</param>
/// <param name="ControlUrl">Where its actions are called.</param>
internal sealed record UpnpService(string Type, Uri ControlUrl)
{
    public const string WanIPConnection1 = "urn:schemas-upnp-org:service:WANIPConnection:1";

    public const string WanIPConnection2 = "urn:schemas-upnp-org:service:WANIPConnection:2";

    public const string WanPppConnection1 = "urn:schemas-upnp-org:service:WANPPPConnection:1";

    /// <summary>How good it is; 0 if it maps no ports.</summary>
    public int Rank => RankOf(Type);

    /// <summary>Whether it can choose a free port by itself (IGD 2).</summary>
    public bool HasAnyPort => Type == WanIPConnection2;

    public static int RankOf(string type) => type switch
    {
        WanIPConnection2 => 3,
        WanIPConnection1 => 2,
        WanPppConnection1 => 1,
        _ => 0,
    };

    /// <summary>Whether a URL is of plain HTTP on just that host, named by its address.</summary>
    public static bool IsAt(Uri url, IPAddress host) =>
        url is { IsAbsoluteUri: true, Scheme: "http", HostNameType: UriHostNameType.IPv4, Port: > 0, UserInfo: "" }
        && IPAddress.TryParse(url.Host, out IPAddress? address)
        && address.Equals(host);
}
