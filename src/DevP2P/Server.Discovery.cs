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
    /// A node that has had no peers, though it dials, or knows no nodes, for this long starts to look for them anew: after an outage or a
    /// sleep nothing else would bring it back.
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

    /// <summary>Node Discovery v5.1, if it is on and the server has been started.</summary>
    /// <remarks>Go: <c>Server.DiscoveryV5</c>.</remarks>
    public DiscoveryV5? DiscoveryV5 { get; private set; }

    /// <summary>The topic discovery of go-ethereum 1.8, if it is on and the server has been started.</summary>
    /// <remarks>Go: <c>Server.DiscV5</c> of version 1.8.</remarks>
    public TopicDiscovery? TopicDiscovery { get; private set; }

    /// <summary>How many nodes the tables of discovery have.</summary>
    private int KnownNodes => (DiscoveryV4?.NodeCount ?? 0) + (DiscoveryV5?.NodeCount ?? 0);

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

        IPEndPoint listen = ListenEndPoints.Count > 0 ? ListenEndPoints[0] : _options.DiscoveryEndPoint ?? new IPEndPoint(IPAddress.IPv6Any, 0);
        if (_options.DiscoveryV4)
        {
            DiscoveryV4 = await BindAsync(listen, MakeDiscoveryV4, static (d, stop) => d.StartAsync(stop), cancellationToken).ConfigureAwait(false);
        }

        if (_options.DiscoveryV5)
        {
            IPEndPoint own = listen;
            bool hasOwnAddress = _options.DiscoveryV5Address is { } text && ListenAddresses.TryParse(text, out own!);
            try
            {
                DiscoveryV5 = await BindAsync(
                    own, at => MakeDiscoveryV5(at, hasOwnAddress ? null : DiscoveryV4), static (d, stop) => d.StartAsync(stop), cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                await StopDiscoveryAsync().ConfigureAwait(false);
                throw;
            }
        }

        if (_options.LegacyTopicDiscovery)
        {
            try
            {
                TopicDiscovery = await BindAsync(listen, MakeTopicDiscovery, static (d, stop) => d.StartAsync(stop), cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                await StopDiscoveryAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    private async Task StopDiscoveryAsync()
    {
        // Each may be on the port of one below.
        if (TopicDiscovery is { } topics)
        {
            await topics.StopAsync().ConfigureAwait(false);
        }

        if (DiscoveryV5 is { } v5)
        {
            await v5.StopAsync().ConfigureAwait(false);
        }

        if (DiscoveryV4 is { } v4)
        {
            await v4.StopAsync().ConfigureAwait(false);
        }
    }

    private DiscoveryV4 MakeDiscoveryV4(IPEndPoint listen) => new(new DiscoveryV4Options
    {
        PrivateKey = _options.PrivateKey,
        ListenEndPoint = listen,
        BootstrapNodes = _options.BootstrapNodes,
        NetRestrict = _options.NetRestrict,
        LocalNode = _localNode,
        TimeProvider = _time,
        LoggerFactory = _options.LoggerFactory,
        OnFact = Remember,
        GetSeeds = () => GetSeeds(withRecord: false),
        Prepare = RestoreProofs,
    });

    private DiscoveryV5 MakeDiscoveryV5(IPEndPoint listen, DiscoveryV4? sharedWith) => new(new DiscoveryV5Options
    {
        PrivateKey = _options.PrivateKey,
        ListenEndPoint = listen,
        SharedWith = sharedWith,
        BootstrapNodes = _options.BootstrapNodesV5,
        NetRestrict = _options.NetRestrict,
        LocalNode = _localNode,
        TimeProvider = _time,
        LoggerFactory = _options.LoggerFactory,
        OnFact = Remember,
        GetSeeds = () => GetSeeds(withRecord: true),
    });

    private TopicDiscovery MakeTopicDiscovery(IPEndPoint listen)
    {
        var seeds = new TopicDiscoverySeeds(_database, _time);
        return new TopicDiscovery(new TopicDiscoveryOptions
        {
            PrivateKey = _options.PrivateKey,
            ListenEndPoint = listen,
            SharedHost = DiscoveryV4?.Host ?? DiscoveryV5?.Host,
            BootstrapNodes = _options.BootstrapNodesV5,
            NetRestrict = _options.NetRestrict,
            LocalNode = _localNode,
            TimeProvider = _time,
            LoggerFactory = _options.LoggerFactory,
            OnFact = fact =>
            {
                if (fact is NodeProven proven)
                {
                    seeds.Add(proven.Node);
                }
            },
            GetSeeds = seeds.Get,
        });
    }

    /// <summary>Starts a discovery, on another port if the system chose a free TCP port whose UDP twin is taken.</summary>
    private async Task<T> BindAsync<T>(IPEndPoint listen, Func<IPEndPoint, T> make, Func<T, CancellationToken, Task> start, CancellationToken cancellationToken)
        where T : IAsyncDisposable
    {
        T discovery = make(listen);
        try
        {
            await start(discovery, cancellationToken).ConfigureAwait(false);
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

            // The record names both ports anyway.
            return await BindAsync(new IPEndPoint(listen.Address, 0), make, start, cancellationToken).ConfigureAwait(false);
        }
    }

    private IReadOnlyList<Node> GetSeeds(bool withRecord) =>
        [.. _database.GetSeeds(SeedCount, MaxSeedAge).Select(static entry => entry.ToNode()).OfType<Node>().Where(n => !withRecord || n.Record is not null)];

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

        if (_options.Protocols.Any(static p => p.DialCandidates is not null))
        {
            return;
        }

        // The tables have let in LAN addresses only from the LAN (T18), and none that are reserved. Each is a source of its own, so
        // that neither owns the dialed side (T03).
        if (DiscoveryV4 is { } v4)
        {
            AddCandidateSource(v4.RandomNodes(), allowLan: true);
        }

        if (DiscoveryV5 is { } v5)
        {
            AddCandidateSource(v5.RandomNodes(static n => n.TcpPort != 0), allowLan: true);
        }
    }

    private async Task<Node?> FindNodeAsync(Node node, CancellationToken cancellationToken)
    {
        try
        {
            Node? found = DiscoveryV4 is { } v4 ? await v4.ResolveAsync(node, cancellationToken).ConfigureAwait(false) : null;
            if (found is null && DiscoveryV5 is { } v5)
            {
                found = await v5.ResolveAsync(node, cancellationToken).ConfigureAwait(false);
            }

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

    /// <summary>In discovery's loop: what the database keeps, where a writer follows, and where others see us.</summary>
    internal void Remember(Output fact)
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
            case SeenByNode seen:
                TakeStatement(seen);
                break;
            case VisitedByNode visit:
                Post(() => TakeVisit(visit.From));
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
        if (DiscoveryV4 is null && DiscoveryV5 is null)
        {
            return;
        }

        if ((!_snapshot.IsEmpty || _options.NoDial) && KnownNodes > 0)
        {
            _wellSince = Now;
        }
        else if (Now - _wellSince >= StarvationLimit)
        {
            _wellSince = Now;
            Log.Starving(_logger, _snapshot.Count, KnownNodes);
            DiscoveryV4?.Refresh();
            DiscoveryV5?.Refresh();
            TopicDiscovery?.Refresh();
        }
    }
}
