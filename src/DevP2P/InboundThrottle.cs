using System.Net;
using DevP2P.NetUtil;

namespace DevP2P;

/// <summary>
/// Lets one address connect once in 30 seconds (T02). The LAN is exempt. An IPv6 host is its /64: its owner has all of it.
/// Not safe for concurrent use.
/// </summary>
/// <remarks>Go: <c>Server.checkInboundConn</c>, <c>inboundThrottleTime</c>.</remarks>
internal sealed class InboundThrottle
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>Addresses remembered. While it is full, addresses that are not in it are let through: to forget is the lesser evil.</summary>
    public const int MaxAddresses = 65_536;

    private readonly Dictionary<IPAddress, TimeSpan> _expiry = [];
    private readonly Queue<IPAddress> _oldest = new();

    public bool TryEnter(IPAddress address, TimeSpan now)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        if (AddressRules.IsLan(address))
        {
            return true;
        }

        while (_oldest.TryPeek(out IPAddress? oldest) && _expiry[oldest] <= now)
        {
            _expiry.Remove(_oldest.Dequeue());
        }

        IPAddress host = ToHost(address);
        if (_expiry.ContainsKey(host))
        {
            return false;
        }

        if (_expiry.Count < MaxAddresses)
        {
            _expiry.Add(host, now + Interval);
            _oldest.Enqueue(host);
        }

        return true;
    }

    private static IPAddress ToHost(IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        if (bytes.Length == 4)
        {
            return address;
        }

        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }
}
