using System.Net;
using System.Net.Sockets;
using DevP2P.Discovery;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;

namespace DevP2P;

/// <summary>
/// Discovery as the server uses it: a source of dial candidates, and where nodes without an address are found; and the node
/// database, which follows what discovery learns and never is asked by it.
/// </summary>
public sealed partial class Server
{
    /// <summary>
    /// A node that has had no peers, or knows no nodes, for this long starts to look for them anew: after an outage or a sleep
    /// nothing else would bring it back.
    /// </summary>
    internal static readonly TimeSpan StarvationLimit = TimeSpan.FromSeconds(60);

    /// <summary>Nodes of earlier runs that a refresh of the table starts from, and how old their last answer may be, as in Go.</summary>
    private const int SeedCount = 30;

    private static readonly TimeSpan MaxSeedAge = TimeSpan.FromDays(5);

    /// <summary>Nodes that were good peers in earlier runs and are dialed first (T03).</summary>
    private const int MaxUsefulNodes = 32;

    /// <summary>A node that was a peer for this long has proved useful.</summary>
    private static readonly TimeSpan UsefulLifetime = TimeSpan.FromMinutes(1);

    private readonly NodeDatabase _database;
    private readonly ClockCheck? _clockCheck;
    private TimeSpan _wellSince;

    /// <summary>Node Discovery v4, if it is on and the server has been started.</summary>
    /// <remarks>Go: <c>Server.DiscoveryV4</c>.</remarks>
    public DiscoveryV4? DiscoveryV4 { get; private set; }

    /// <summary>
    /// What our clock lacked, by <see cref="ServerOptions.SntpServer"/>, at the last check; negative if it was ahead, null while
    /// no check has succeeded.
    /// </summary>
    public TimeSpan? ClockOffset => _clockCheck?.Offset;

    private async Task StartDiscoveryAsync(CancellationToken cancellationToken)
    {
        if (_options.NoDiscovery)
        {
            return;
        }

        if (_options.DiscoveryV5 || _options.LegacyTopicDiscovery)
        {
            Log.DiscoveryMissing(_logger);
        }

        if (!_options.DiscoveryV4)
        {
            return;
        }

        DiscoveryV4 = await StartDiscoveryV4Async(
            ListenEndPoints.Count > 0 ? ListenEndPoints[0] : new IPEndPoint(IPAddress.IPv6Any, 0), cancellationToken).ConfigureAwait(false);
    }

    private async Task<DiscoveryV4> StartDiscoveryV4Async(IPEndPoint listen, CancellationToken cancellationToken)
    {
        var discovery = new DiscoveryV4(new DiscoveryV4Options
        {
            PrivateKey = _options.PrivateKey,
            ListenEndPoint = listen,
            BootstrapNodes = _options.BootstrapNodes,
            NetRestrict = _options.NetRestrict,
            LocalNode = _localNode,
            TimeProvider = _time,
            LoggerFactory = _options.LoggerFactory,
            OnFact = Remember,
            GetSeeds = () => [.. _database.GetSeeds(SeedCount, MaxSeedAge).Select(static entry => entry.ToNode()).OfType<Node>()],
            Prepare = RestoreProofs,
        });
        try
        {
            await discovery.StartAsync(cancellationToken).ConfigureAwait(false);
            return discovery;
        }
        catch (SocketException e)
        {
            await discovery.DisposeAsync().ConfigureAwait(false);
            bool chosenBySystem = _options.ListenAddress is { } text && text.EndsWith(":0", StringComparison.Ordinal) && listen.Port != 0;
            if (!chosenBySystem)
            {
                throw new P2PException($"cannot listen on UDP {listen} for discovery: {e.Message}", e);
            }

            // The system chose a free TCP port whose UDP twin is taken: the record names both ports anyway.
            return await StartDiscoveryV4Async(new IPEndPoint(listen.Address, 0), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// On the loop. As in Go, a protocol that brings candidates of its own knows better whom to dial than discovery does.
    /// </summary>
    private void AddDiscoverySources()
    {
        if (DiscoveryV4 is not null)
        {
            CheckClock();
        }

        Node[] useful = [.. _database.GetUsefulNodes(MaxUsefulNodes).Select(static entry => entry.ToNode()).OfType<Node>()];
        if (useful.Length > 0)
        {
            AddCandidateSource(useful.ToAsyncEnumerable(), allowLan: true);
        }

        if (DiscoveryV4 is { } discovery && _options.Protocols.All(static p => p.DialCandidates is null))
        {
            // The table has let in LAN addresses only from the LAN (T18), and none that are reserved.
            AddCandidateSource(discovery.RandomNodes(), allowLan: true);
        }
    }

    private async Task<Node?> FindNodeAsync(Node node, CancellationToken cancellationToken)
    {
        if (DiscoveryV4 is not { } discovery)
        {
            return null;
        }

        try
        {
            Node? found = await discovery.ResolveAsync(node, cancellationToken).ConfigureAwait(false);
            if (found is not null)
            {
                Post(() => _dials.UpdateAddress(Now, found));
            }

            return found;
        }
        catch (ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>In discovery's loop: what the database keeps. It only changes memory here; a writer follows.</summary>
    private void Remember(Output fact)
    {
        switch (fact)
        {
            case EndpointVerified verified:
                _database.RecordPong(verified.Id, verified.EndPoint.Address);
                break;
            case PingReceived ping:
                _database.RecordPingReceived(ping.Id, ping.Address);
                break;
            case FindFailures failures:
                _database.RecordFindFailures(failures.Id, failures.Address, failures.Count);
                break;
            case NodeProven proven:
                _database.RecordNode(proven.Node);
                break;
            case NobodyAnswers or ClockDrifted:
                CheckClock();
                break;
        }
    }

    /// <summary>Nodes that proved their endpoints in an earlier run need not do so again, nor do we to them.</summary>
    private void RestoreProofs(Discv4 machine, Timestamp now)
    {
        foreach (NodeDatabaseEntry entry in _database.GetNodes())
        {
            foreach (NodeDatabaseContact contact in entry.Contacts)
            {
                if (contact.LastPong is { } lastPong)
                {
                    machine.RestoreContact(now, entry.Id, contact.Address, lastPong, contact.LastPingReceived);
                }
            }
        }
    }

    /// <summary>From any thread. Discovery ends before the server does, so that no check is begun too late.</summary>
    private void CheckClock()
    {
        if (_clockCheck is { } check && check.TryBegin())
        {
            _work.Run(() => check.RunAsync(_stopping.Token));
        }
    }

    /// <summary>On the loop: a peer that we dialed is gone.</summary>
    private void RememberUseful(Peer peer)
    {
        if (!peer.IsInbound && peer.Lifetime >= UsefulLifetime && peer.Node is { } node)
        {
            _database.RecordNode(node);
            _database.RecordUseful(node.Id);
        }
    }

    /// <summary>Called about once a second.</summary>
    private void WatchForStarvation()
    {
        if (DiscoveryV4 is not { } discovery)
        {
            return;
        }

        if (!_snapshot.IsEmpty && discovery.NodeCount > 0)
        {
            _wellSince = Now;
        }
        else if (Now - _wellSince >= StarvationLimit)
        {
            _wellSince = Now;
            Log.Starving(_logger, _snapshot.Count, discovery.NodeCount);
            discovery.Refresh();
        }
    }
}
