using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>
/// The topic discovery of go-ethereum 1.8 ("discv5" before that name meant v5.1): nodes advertise topics, and others find them by
/// these. For networks whose nodes still speak it; off by default in a <see cref="Server"/>. Works without one, too. Started once,
/// stopped once; all other members are safe for concurrent use.
/// </summary>
/// <remarks>Go: <c>discv5.Network</c>; <see cref="StartAsync"/> is <c>discv5.ListenUDP</c>.</remarks>
public sealed class TopicDiscovery : IAsyncDisposable
{
    /// <summary>How many topics can be advertised at the same time.</summary>
    public const int MaxTopics = TopicLimits.MaxAdvertisedTopics;

    /// <summary>How many bytes these may have together, in UTF-8: all of them are in each ping.</summary>
    public const int MaxTopicBytes = TopicLimits.MaxAdvertisedBytes;

    private readonly TopicDiscoveryOptions _options;
    private readonly ILogger _logger;
    private readonly AdvertisedTopics _advertised = new();
    private readonly TopicSearches _searches = new();
    private DiscoveryHost? _host;
    private bool _ownsHost;
    private LegacyDiscovery? _machine;
    private LegacyPump? _pump;
    private MachineCalls? _calls;
    private int _state;

    /// <summary>Makes it; nothing happens before <see cref="StartAsync"/>.</summary>
    /// <exception cref="ArgumentException">The options contradict one another; the message says how.</exception>
    public TopicDiscovery(TopicDiscoveryOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(options.PrivateKey);
        _options = options;
        _logger = options.LoggerFactory.CreateLogger("DevP2P.Discovery");
        LocalNode = options.LocalNode ?? options.SharedWith?.LocalNode ?? new LocalNode(options.PrivateKey, options.TimeProvider.GetUtcNow());
        if (LocalNode.Id != options.PrivateKey.PublicKey.NodeId)
        {
            throw new ArgumentException($"{nameof(options.LocalNode)} is of another key than {nameof(options.PrivateKey)}", nameof(options));
        }
    }

    /// <summary>Our own node.</summary>
    public LocalNode LocalNode { get; }

    /// <summary>Our node as others see it now.</summary>
    /// <remarks>Go: <c>Network.Self</c>.</remarks>
    public Node Self => LocalNode.Node;

    /// <summary>Where it listens; null before the start.</summary>
    public IPEndPoint? LocalEndPoint => _host?.LocalEndPoint;

    /// <summary>How many nodes are in the table, as of now.</summary>
    public int NodeCount { get; private set; }

    /// <summary>How many registrations of others are kept here, as of about now.</summary>
    public int RegistrationCount => _machine?.Registrar.Count ?? 0;

    /// <summary>What became of the datagrams since the start.</summary>
    public DiscoveryCounters Counters => _pump?.Counters ?? new DiscoveryCounters(0, 0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>What became of the packets, by type.</summary>
    internal IEnumerable<PacketCount> Packets => _pump?.Packets.Read() ?? [];

    /// <summary>How much waits for a worker: for the recovery of signatures, or for jobs like them.</summary>
    internal int Waiting => _pump?.Waiting ?? 0;

    /// <summary>Binds the socket, if it is not a shared one, and begins to look for nodes.</summary>
    /// <exception cref="SocketException">The endpoint cannot be listened on.</exception>
    /// <exception cref="InvalidOperationException">It was started before, or <see cref="TopicDiscoveryOptions.SharedWith"/> was not.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.CompareExchange(ref _state, 1, 0) != 0)
        {
            throw new InvalidOperationException("discovery is started once");
        }

        Node[] bootstrap = await BootstrapNodes.ResolveAsync(_options.BootstrapNodes, _options.TimeProvider, _logger, cancellationToken).ConfigureAwait(false);
        _host = _options.SharedHost ?? (_options.SharedWith is { } other
            ? other.Host ?? throw new InvalidOperationException($"{nameof(TopicDiscoveryOptions.SharedWith)} has not been started")
            : null);
        _ownsHost = _host is null;
        _host ??= new DiscoveryHost(UdpSockets.Bind(_options.ListenEndPoint), _options.TimeProvider, _logger);
        LocalNodeAddresses.SetFallbacks(LocalNode, _host);
        var options = new LegacyOptions
        {
            Local = LocalNode,
            Encode = LegacyOptions.EncodeWith(LegacyOptions.SignWith(_options.PrivateKey)),
            Random = RandomSource.System,
            BootstrapNodes = bootstrap,
            NetRestrict = _options.NetRestrict,
        };
        _machine = new LegacyDiscovery(options, _host.Now);
        _calls = new MachineCalls(_host, _machine, this);
        _pump = new LegacyPump(_host, _machine, Handle);
        _host.Attach(_pump);
        DiscoveryLog.StartedLegacy(_logger, LocalEndPoint, LocalNode.Id.ToShortString());
    }

    /// <summary>As <see cref="RegisterTopic(string, IProgress{Node}?, CancellationToken)"/>, for who does not want to be told anything.</summary>
    /// <exception cref="ArgumentException">As there.</exception>
    /// <exception cref="InvalidOperationException">As there.</exception>
    /// <exception cref="ObjectDisposedException">As there.</exception>
    public void RegisterTopic(string topic, CancellationToken cancellationToken) => RegisterTopic(topic, null, cancellationToken);

    /// <summary>
    /// Advertises a topic from now on, until the token is cancelled or discovery stops. It takes minutes until others find us by it,
    /// and up to an hour after the end until they do so no more. The same topic may be registered several times.
    /// </summary>
    /// <param name="topic">At most 255 bytes in UTF-8. By it others find us.</param>
    /// <param name="registrations">
    /// If not null, told each node that a registration was sent to, the first after a minute or more; whether it was taken nobody says.
    /// Called in discovery's loop: it must be quick.
    /// </param>
    /// <param name="cancellationToken">Ends the advertisement.</param>
    /// <exception cref="ArgumentException">The topic is empty or too long.</exception>
    /// <exception cref="InvalidOperationException">
    /// Not started; or this is one topic more than <see cref="MaxTopics"/>, or they have more than <see cref="MaxTopicBytes"/> together.
    /// </exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>Network.RegisterTopic</c>, which returns at the end only.</remarks>
    public void RegisterTopic(string topic, IProgress<Node>? registrations = null, CancellationToken cancellationToken = default)
    {
        var name = Topic.FromText(topic);
        GetCalls();
        if (cancellationToken.IsCancellationRequested)
        {
            return;
        }

        _advertised.Add(name, registrations);
        _host!.Post(now => _advertised.Apply(now, _machine!, name));
        cancellationToken.UnsafeRegister(
            _ =>
            {
                _advertised.Remove(name, registrations);
                _host.Post(now => _advertised.Apply(now, _machine!, name));
            },
            null);
    }

    /// <summary>
    /// Searches for nodes that advertise a topic. The search runs while the result is enumerated; see <see cref="TopicSearch"/>.
    /// </summary>
    /// <param name="topic">At most 255 bytes in UTF-8.</param>
    /// <param name="lookups">
    /// If not null, told the end of each lookup: whether the search has converged, that is, whether it is certain how far around the
    /// topic's hash it is advertised. Called in discovery's loop: it must be quick.
    /// </param>
    /// <exception cref="ArgumentException">The topic is empty or too long.</exception>
    /// <remarks>Go: <c>Network.SearchTopic</c>.</remarks>
    public TopicSearch SearchTopic(string topic, IProgress<bool>? lookups = null) => new(this, Topic.FromText(topic), lookups);

    /// <summary>Different nodes of the table in random order, all of which have answered lately.</summary>
    /// <param name="count">How many at most.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>Network.ReadRandomNodes</c>.</remarks>
    public async Task<IReadOnlyList<Node>> ReadRandomNodesAsync(int count, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        MachineCalls calls = GetCalls();
        var done = new TaskCompletionSource<Node[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        ObjectDisposedException.ThrowIf(!_host!.Post(_ => done.TrySetResult(_machine!.GetRandomNodes(count))), this);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, calls.Stopped);
        try
        {
            return await done.Task.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(TopicDiscovery));
        }
    }

    /// <summary>Looks for the 16 nodes of the network that are closest to an id.</summary>
    /// <returns>Nodes that have answered, closest first; fewer in a small network.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>Network.Lookup</c>, whose result may have nodes that have not answered, and our own.</remarks>
    public async Task<IReadOnlyList<Node>> LookupAsync(NodeId target, CancellationToken cancellationToken = default) =>
        (await GetCalls().AskAsync<LookupDone>(now => _machine!.StartLookup(now, target), cancellationToken).ConfigureAwait(false)).Closest;

    /// <summary>Finds out where a node is: where it is said to be, or else by a lookup.</summary>
    /// <param name="node">The node; an address is not needed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The node where it has answered, or null if it was not found.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>Network.Resolve</c>.</remarks>
    public async Task<Node?> ResolveAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        return (await GetCalls().AskAsync<ResolveDone>(now => _machine!.Resolve(now, node), cancellationToken).ConfigureAwait(false)).Node;
    }

    /// <summary>Pings a node.</summary>
    /// <returns>How long the answer took; null if none came in time.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    public async Task<DiscoveryPing?> PingAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        return DiscoveryPing.From((await GetCalls().AskAsync<PingDone>(now => _machine!.StartPing(now, node), cancellationToken).ConfigureAwait(false)).Reply);
    }

    /// <summary>Replaces the points of contact, and fills the table from them soon.</summary>
    /// <exception cref="ArgumentException">A node has no address or no UDP port.</exception>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>Network.SetFallbackNodes</c>.</remarks>
    public void SetFallbackNodes(IReadOnlyCollection<Node> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        Node[] copy = [.. nodes];
        if (Array.Find(copy, static node => node.UdpEndPoint is null) is { } bad)
        {
            throw new ArgumentException($"{bad} has no address or no UDP port", nameof(nodes));
        }

        GetCalls();
        _host!.Post(now => _machine!.SetFallbackNodes(now, copy));
    }

    /// <summary>Its node table as it is now; without buckets before the start. Waits for the datagrams that are being handled.</summary>
    public RoutingTable GetTable()
    {
        NodeId self = LocalNode.Id;
        return _host is { } host && _machine is { } machine
            ? host.Read(now => RoutingTable.From("legacy", self, machine.Table, now))
            : RoutingTable.From("legacy", self, null, new Timestamp(default, _options.TimeProvider.GetUtcNow()));
    }

    /// <summary>Fills the table anew, as at the start: for when nothing is found any more.</summary>
    public void Refresh() => _host?.Post(now => _machine!.Refresh(now));

    /// <summary>Ends it and waits for that. What is being waited for ends with <see cref="ObjectDisposedException"/>, searches just end.</summary>
    /// <remarks>Go: <c>Network.Close</c>.</remarks>
    public async Task StopAsync()
    {
        bool isFirst = Interlocked.Exchange(ref _state, 2) != 2;
        if (_calls is null)
        {
            return;
        }

        if (isFirst)
        {
            await _calls.StopAsync().ConfigureAwait(false);
        }

        await _host!.DetachAsync(_pump!).ConfigureAwait(false);
        if (_ownsHost)
        {
            await _host.DisposeAsync().ConfigureAwait(false);
        }

        await _pump!.DisposeAsync().ConfigureAwait(false);
        if (isFirst)
        {
            DiscoveryLog.StoppedLegacy(_logger);
        }
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    /// <summary>Begins a search.</summary>
    /// <returns>Cancelled when discovery stops.</returns>
    internal CancellationToken Begin(TopicSearch search)
    {
        CancellationToken stopped = GetCalls().Stopped;
        _searches.Add(search);
        SetPeriod(search);
        return stopped;
    }

    /// <summary>Takes over a search's period, if it is running.</summary>
    internal void SetPeriod(TopicSearch search) => _host?.Post(now => _searches.Apply(now, _machine!, search));

    /// <summary>Ends a search.</summary>
    internal void End(TopicSearch search)
    {
        if (_searches.Remove(search))
        {
            _host!.Post(now => _searches.Apply(now, _machine!, search));
        }
    }

    private MachineCalls GetCalls()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _state) == 2, this);
        return _calls ?? throw new InvalidOperationException("discovery has not been started");
    }

    /// <summary>Takes the machine's outputs, in the loop.</summary>
    private void Handle(Timestamp now, Output output)
    {
        _calls!.Take(output);
        switch (output)
        {
            case SeedsWanted:
                IReadOnlyList<Node> seeds = _options.GetSeeds?.Invoke() ?? [];
                _machine!.AddSeeds(now, [.. seeds]);
                break;
            case NodeAdded:
                NodeCount++;
                break;
            case NodeRemoved:
                NodeCount--;
                break;
            case TopicNodeFound found:
                _searches.Find(found.Topic)?.Found(found.Node);
                break;
            case TopicRegistrationSent sent:
                _advertised.Report(sent.Topic, sent.Registrar);
                break;
            case TopicLookupEnded lookup:
                _searches.Find(lookup.Topic)?.LookupEnded(lookup.IsConverged);
                break;
            case Initialized:
                DiscoveryLog.InitializedLegacy(_logger, NodeCount);
                break;
        }

        _options.OnFact?.Invoke(output);
    }
}
