using System.Net;
using System.Net.Sockets;
using DevP2P.Discovery.Core;
using DevP2P.Nat;
using DevP2P.NetUtil;

namespace DevP2P;

/// <summary>
/// Whether others find this node where its record says, and what follows when this host is in another network. What it knows is the loop's.
/// </summary>
public sealed partial class Server
{
    /// <summary>How often the network is looked at without a sign of a change.</summary>
    internal static readonly TimeSpan NetworkInterval = TimeSpan.FromMinutes(1);

    /// <summary>How long after the first sign of a change: signs come in bursts, and what counts is what is there in the end.</summary>
    internal static readonly TimeSpan NetworkSettleTime = TimeSpan.FromSeconds(2);

    private readonly Reachability[] _reachability = [new(), new()];
    private readonly IPAddress?[] _withdrawn = new IPAddress?[2];
    private readonly HostConnection?[] _connections = new HostConnection?[2];
    private IDisposable? _networkWatch;
    private bool _isNatFixed;

    // In ticks of Now, for the timer's thread.
    private long _networkDue = long.MaxValue;
    private long _reachabilityDue = long.MaxValue;

    private void StartNetworkWatch()
    {
        LookAtNetwork();
        _networkWatch = _options.Network.Watch(() =>
        {
            long due = (Now + NetworkSettleTime).Ticks;
            if (due < Volatile.Read(ref _networkDue))
            {
                Volatile.Write(ref _networkDue, due);
            }
        });
    }

    /// <summary>Called about once a second.</summary>
    private void WatchNetwork()
    {
        long now = Now.Ticks;
        if (now >= Volatile.Read(ref _networkDue))
        {
            LookAtNetwork();
        }

        if (now >= Volatile.Read(ref _reachabilityDue))
        {
            Post(() =>
            {
                Judge(isIPv6: false, static (_, _) => { });
                Judge(isIPv6: true, static (_, _) => { });
            });
        }
    }

    private void LookAtNetwork()
    {
        Volatile.Write(ref _networkDue, (Now + NetworkInterval).Ticks);
        HostConnection four = _options.Network.GetConnection(isIPv6: false);
        HostConnection six = _options.Network.GetConnection(isIPv6: true);
        Post(() => TakeNetwork(four, six));
    }

    private void TakeNetwork(HostConnection four, HostConnection six)
    {
        if (_isStopping || (!TakeConnection(isIPv6: false, four) & !TakeConnection(isIPv6: true, six)))
        {
            return;
        }

        // Others learn of it soon, and say where they see us now.
        _nat?.HandleNetworkChange();
        DiscoveryV4?.Refresh();
        DiscoveryV5?.Refresh();
        Advertise();
        PublishNat();
    }

    /// <returns>Whether it is another one than before.</returns>
    private bool TakeConnection(bool isIPv6, HostConnection connection)
    {
        HostConnection? before = _connections[isIPv6 ? 1 : 0];
        if (connection == before)
        {
            return false;
        }

        _connections[isIPv6 ? 1 : 0] = connection;
        SetFallback(isIPv6, connection.Source);
        if (before is null)
        {
            return false;
        }

        Log.NetworkChanged(_logger, FamilyName(isIPv6), connection.Source, connection.Gateway);
        _localNode.ForgetStatements(isIPv6);
        Judge(isIPv6, static (machine, _) => machine.Forget());
        return true;
    }

    /// <summary>
    /// A host on the internet itself needs nobody to tell it its address. go-ethereum advertises nothing until ten nodes have; whether it
    /// is right, others say here as well.
    /// </summary>
    private void SetFallback(bool isIPv6, IPAddress? source)
    {
        IPEndPoint? bound = ListenEndPoints.Count > 0 ? ListenEndPoints[0] : DiscoveryV4?.LocalEndPoint ?? DiscoveryV5?.LocalEndPoint;
        bool isOnAll = bound is not null && (bound.Address.Equals(IPAddress.IPv6Any) || (!isIPv6 && bound.Address.Equals(IPAddress.Any)));
        if (isOnAll)
        {
            _localNode.SetFallbackAddress(isIPv6, source is not null && IsPublic(source) ? source : isIPv6 ? null : IPAddress.Loopback);
        }
    }

    private static bool IsPublic(IPAddress address) => !AddressRules.IsLan(address) && !AddressRules.IsSpecialNetwork(address);

    /// <summary>From discovery's loop.</summary>
    private void TakeStatement(SeenByNode seen) =>
        Post(() => Judge(seen.Address.AddressFamily == AddressFamily.InterNetworkV6, (machine, now) => machine.HandleStatement(now, seen.From, seen.Address)));

    /// <summary>A node has come that we had not contacted, and knows who we are.</summary>
    private void TakeVisit(IPAddress from)
    {
        from = AddressRules.Unmap(from);
        Judge(from.AddressFamily == AddressFamily.InterNetworkV6, (machine, now) => machine.HandleVisit(now, from));
    }

    /// <summary>On the loop: tells the machine of one family what has happened, and does what it says.</summary>
    private void Judge(bool isIPv6, Action<Reachability, TimeSpan> happened)
    {
        Reachability machine = _reachability[isIPv6 ? 1 : 0];
        TimeSpan now = Now;
        if (GetDoubtfulAddress(isIPv6) is { } address)
        {
            machine.SetAddress(now, address);
        }

        happened(machine, now);
        machine.HandleTimeout(now);
        Volatile.Write(ref _reachabilityDue, Math.Min(
            (_reachability[0].NextTimeout ?? TimeSpan.MaxValue).Ticks, (_reachability[1].NextTimeout ?? TimeSpan.MaxValue).Ticks));
        IPAddress? before = _withdrawn[isIPv6 ? 1 : 0];
        if (Equals(machine.Withdrawn, before))
        {
            return;
        }

        _withdrawn[isIPv6 ? 1 : 0] = machine.Withdrawn;
        if (machine.Withdrawn is { } withdrawn)
        {
            Log.AddressWithdrawn(_logger, FamilyName(isIPv6), withdrawn, machine.NextTimeout!.Value - now);
        }
        else
        {
            Log.AddressBack(_logger, FamilyName(isIPv6), before!);
        }

        Advertise();
        PublishNat();
    }

    /// <summary>The address that is in the record, or would be if it were not withdrawn; null if nobody may doubt it.</summary>
    private IPAddress? GetDoubtfulAddress(bool isIPv6)
    {
        IPAddress? external = _external.GetAddress(isIPv6);
        external = external is not null && ExternalEndPoints.DescribeProblem(external) is not null ? null : external;
        IPAddress? address = _isNatFixed && external is not null ? null : _localNode.GetDoubtfulAddress(isIPv6, external);
        return address is not null && IsPublic(address) ? address : null;
    }
}
