using System.Net;
using System.Net.Sockets;
using DevP2P.NetUtil;

namespace DevP2P.Nodes;

/// <summary>Address and UDP port of our node in one address family. Not safe for concurrent use.</summary>
internal sealed class LocalEndPoint
{
    private IpTracker? _tracker;

    public IpTracker Tracker => _tracker ??= new IpTracker();

    /// <summary>The address that is not to be told, whoever says it: nobody outside confirms it.</summary>
    public IPAddress? WithdrawnAddress { get; set; }

    /// <summary>The address that others may doubt, which is in the record unless it is withdrawn. Null if it is certain.</summary>
    /// <param name="external">What a device says.</param>
    public IPAddress? GetDoubtfulAddress(IPAddress? external) =>
        StaticAddress is null ? external ?? Predict(TimeSpan.MinValue)?.Address ?? FallbackAddress : null;

    /// <summary>What others have said before means nothing any more.</summary>
    public void ForgetStatements() => _tracker = null;

    public IPAddress? StaticAddress { get; set; }

    public int StaticUdpPort { get; set; }

    /// <summary>What a device between us and the internet says.</summary>
    public IPAddress? ExternalAddress { get; set; }

    public int ExternalUdpPort { get; set; }

    public IPAddress? FallbackAddress { get; set; }

    public int FallbackUdpPort { get; set; }

    public static bool IsIPv4(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork;

    public IPEndPoint? Predict(TimeSpan now) => _tracker?.PredictEndPoint(now);

    public (IPAddress? Address, int UdpPort) Get(TimeSpan now)
    {
        if (StaticAddress is { } certain)
        {
            return (Node.IsReachable(certain) ? certain : null, FirstPort(StaticUdpPort, ExternalUdpPort, FallbackUdpPort));
        }

        IPEndPoint? predicted = Predict(now) is { } seenAs && !seenAs.Address.Equals(WithdrawnAddress) ? seenAs : null;
        if (ExternalAddress is { } external)
        {
            // Without a mapping a device of this kind may still have given our socket another port.
            int seen = predicted is not null && predicted.Address.Equals(external) ? predicted.Port : 0;
            return (external, FirstPort(StaticUdpPort, ExternalUdpPort, seen, FallbackUdpPort));
        }

        return predicted is not null
            ? (predicted.Address, FirstPort(StaticUdpPort, ExternalUdpPort, predicted.Port))
            : (FallbackAddress is { } fallback && Node.IsReachable(fallback) && !fallback.Equals(WithdrawnAddress) ? fallback : null, FirstPort(StaticUdpPort, ExternalUdpPort, FallbackUdpPort));
    }

    private static int FirstPort(params ReadOnlySpan<int> ports)
    {
        foreach (int port in ports)
        {
            if (port != 0)
            {
                return port;
            }
        }

        return 0;
    }

    public bool PredictFullConeNat(TimeSpan now) => StaticAddress is null && _tracker?.PredictFullConeNat(now) == true;
}
