using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Nat;

namespace DevP2P;

/// <summary>Port mapping as the server uses it: what is mapped, and what becomes of it in the record. What it knows is the loop's.</summary>
/// <remarks>Go: <c>Server.setupPortMapping</c>.</remarks>
public sealed partial class Server
{
    private readonly ExternalEndPoints _external = new();
    private HashSet<PortTarget> _portTargets = [];
    private NatService? _nat;
    private volatile NatInfo? _natInfo;

    /// <summary>The method's own text; it may be the application's, and fail.</summary>
    private string NatName
    {
        get
        {
            try
            {
                return Log.Sanitize(_options.Nat?.ToString() ?? "none");
            }
            catch (Exception e)
            {
                return e.GetType().Name;
            }
        }
    }

    private static string FamilyName(bool isIPv6) => isIPv6 ? "ipv6" : "ipv4";

    private static string ProtocolName(NatProtocol protocol) => protocol == NatProtocol.Tcp ? "tcp" : "udp";

    /// <summary>In the background: neither the search for a device nor the device itself delays the start.</summary>
    private void StartNat()
    {
        if (_options.Nat is not { } nat)
        {
            return;
        }

        _portTargets = GetPortTargets();
        if (_portTargets.Count == 0)
        {
            Log.NothingToMap(_logger, NatName);
            return;
        }

        _isNatFixed = IsFixed(nat);
        _nat = new NatService(nat, _portTargets, TakeNat, _time, _logger, RandomSource.System);
        Post(PublishNat);
    }

    private bool IsFixed(INat nat)
    {
        try
        {
            return nat.IsFixed;
        }
        catch (Exception e)
        {
            // The application's, as its name.
            Log.LoopDefect(_logger, e);
            return false;
        }
    }

    private HashSet<PortTarget> GetPortTargets()
    {
        HashSet<PortTarget> targets = [];
        foreach (IPEndPoint tcp in ListenEndPoints)
        {
            AddTargets(targets, NatProtocol.Tcp, tcp);
        }

        AddTargets(targets, NatProtocol.Udp, DiscoveryV4?.LocalEndPoint);
        AddTargets(targets, NatProtocol.Udp, DiscoveryV5?.LocalEndPoint);
        AddTargets(targets, NatProtocol.Udp, TopicDiscovery?.LocalEndPoint);
        return targets;
    }

    private static void AddTargets(HashSet<PortTarget> targets, NatProtocol protocol, IPEndPoint? bound)
    {
        if (bound is null || IPAddress.IsLoopback(bound.Address))
        {
            return;
        }

        bool isIPv6 = bound.AddressFamily == AddressFamily.InterNetworkV6;
        targets.Add(new PortTarget(isIPv6, protocol, bound.Port));
        if (bound.Address.Equals(IPAddress.IPv6Any))
        {
            // It stands for both families.
            targets.Add(new PortTarget(false, protocol, bound.Port));
        }
    }

    /// <summary>In the service's loop.</summary>
    private void TakeNat(PortMapperOutput output)
    {
        LogNat(output);
        Post(() =>
        {
            if (!_isStopping && _external.Take(output))
            {
                Advertise();
                PublishNat();
                Judge(isIPv6: false, static (_, _) => { });
                Judge(isIPv6: true, static (_, _) => { });
            }
        });
    }

    /// <summary>Brings what is known into the record, which is signed anew only if something in it has changed.</summary>
    private void Advertise()
    {
        int tcp = AdvertiseFamily(isIPv6: false);
        int tcp6 = AdvertiseFamily(isIPv6: true);
        _localNode.SetTcpPorts(tcp, tcp6);
    }

    /// <returns>The TCP port of the family, or 0.</returns>
    private int AdvertiseFamily(bool isIPv6)
    {
        // A device that does not know its own address may open ports nevertheless; one with an address of no use opens them in vain.
        IPAddress? address = _external.GetAddress(isIPv6);
        IPAddress? withdrawn = _withdrawn[isIPv6 ? 1 : 0];
        bool isUseless = address is not null && (ExternalEndPoints.DescribeProblem(address) is not null || address.Equals(withdrawn));
        _localNode.SetWithdrawnAddress(isIPv6, withdrawn);
        _localNode.SetExternalEndPoint(isIPv6, isUseless ? null : address, isUseless ? 0 : GetExternalUdpPort(isIPv6));
        int bound = ListenEndPoints.Count > 0 ? ListenEndPoints[0].Port : 0;
        int mapped = isUseless ? 0 : _external.GetPort(new PortTarget(isIPv6, NatProtocol.Tcp, bound));
        return mapped != 0 ? mapped : bound;
    }

    /// <summary>A record names one UDP port: that of v5, if it has its own.</summary>
    private int GetExternalUdpPort(bool isIPv6)
    {
        IPEndPoint? bound = DiscoveryV5?.LocalEndPoint ?? DiscoveryV4?.LocalEndPoint ?? TopicDiscovery?.LocalEndPoint;
        return bound is null ? 0 : _external.GetPort(new PortTarget(isIPv6, NatProtocol.Udp, bound.Port));
    }

    private void PublishNat()
    {
        if (_nat is null && _withdrawn is [null, null])
        {
            _natInfo = null;
            return;
        }

        IPAddress? address = _external.GetAddress(isIPv6: false);
        IPAddress? address6 = _external.GetAddress(isIPv6: true);
        _natInfo = new NatInfo
        {
            Method = NatName,
            ExternalIp = address?.ToString(),
            ExternalIp6 = address6?.ToString(),
            Problem = (address is null ? null : ExternalEndPoints.DescribeProblem(address)) ?? (address6 is null ? null : ExternalEndPoints.DescribeProblem(address6))
                ?? ((_withdrawn[0] ?? _withdrawn[1]) is { } withdrawn
                    ? $"other nodes do not find this one at {withdrawn}: the record does not name that address until they do, or until it is tried again" : null),
            Mappings =
            [
                .. _external.Ports.OrderBy(static p => p.Key.IsIPv6).ThenBy(static p => p.Key.Protocol).ThenBy(static p => p.Key.InternalPort)
                    .Select(static p => new NatPortInfo(FamilyName(p.Key.IsIPv6), ProtocolName(p.Key.Protocol), p.Key.InternalPort, p.Value)),
            ],
        };
    }

    private void LogNat(PortMapperOutput output)
    {
        switch (output)
        {
            case ExternalAddressChanged changed:
                Log.ExternalAddressChanged(_logger, NatName, FamilyName(changed.IsIPv6), changed.Address);
                if (changed.Address is { } address && ExternalEndPoints.DescribeProblem(address) is { } problem)
                {
                    Log.AddressNotAdvertised(_logger, address, problem);
                }

                break;
            case PortMapped(var target, var external, _):
                Log.PortMapped(_logger, NatName, FamilyName(target.IsIPv6), ProtocolName(target.Protocol), target.InternalPort, external);
                break;
            case PortLost(var target, var external, var reason):
                Log.PortLost(
                    _logger, NatName, FamilyName(target.IsIPv6), ProtocolName(target.Protocol), target.InternalPort, external, Log.Sanitize(reason));
                break;
            case PortTaken(var target, var external, var next, var reason):
                Log.PortTaken(
                    _logger, FamilyName(target.IsIPv6), ProtocolName(target.Protocol), target.InternalPort, external, next, Log.Sanitize(reason));
                break;
            case MapFailed(var target, var external, var error, var reason, var retry):
                Log.MapFailed(
                    _logger, NatName, FamilyName(target.IsIPv6), ProtocolName(target.Protocol), target.InternalPort, external, error.ToString(),
                    Log.Sanitize(reason), retry);
                break;
            case StatusFailed(var isIPv6, var error, var reason, var retry):
                Log.StatusFailed(_logger, NatName, FamilyName(isIPv6), error.ToString(), Log.Sanitize(reason), retry);
                break;
            case GatewayRestarted(var isIPv6):
                Log.GatewayRestarted(_logger, NatName, FamilyName(isIPv6));
                break;
            case UnmapFailed(var target, var external, var reason):
                Log.UnmapFailed(_logger, NatName, FamilyName(target.IsIPv6), ProtocolName(target.Protocol), external, Log.Sanitize(reason));
                break;
        }
    }
}
