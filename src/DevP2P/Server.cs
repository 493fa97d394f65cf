using System.Collections.Immutable;
using System.Net;
using DevP2P.Buffers;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Limits;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P;

/// <summary>
/// A node: it listens, dials, and manages all peer connections. Make one with <see cref="ServerOptions"/>, start it, stop it;
/// it cannot be started again. All members are safe for concurrent use.
/// </summary>
/// <remarks>
/// Go: <c>p2p.Server</c>. This file is the public face; the loop that owns the peer set is in Server.Loop.cs, the way of a
/// connection from socket to peer in Server.Connections.cs, the rules of admission in Admission.cs.
/// </remarks>
public sealed partial class Server : IAsyncDisposable
{
    private readonly ServerOptions _options;
    private readonly TimeProvider _time;
    private readonly SafeLogger _logger;
    private readonly ILogger _peerLogger;
    private readonly MemoryBudget _memory;
    private readonly CounterSet _counters = new();
    private readonly PeerEventHub _events;
    private readonly DialWatchers _dialWatchers = new();
    private readonly NodeId _selfId;
    private readonly LocalNode _localNode;
    private readonly long _startTimestamp;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskGroup _work = new();
    private readonly Lock _startGate = new();
    private ImmutableDictionary<NodeId, Peer> _snapshot = ImmutableDictionary<NodeId, Peer>.Empty;
    private Task? _loop;
    private bool _isStarted;

    /// <summary>
    /// Makes a server. Nothing happens until <see cref="StartAsync"/>, but that the node database is opened, which knows the
    /// sequence number of the node's record.
    /// </summary>
    /// <exception cref="ArgumentException">An option cannot work; the message names it and says what would be right.</exception>
    public Server(ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();

        // A list of protocols that the application goes on changing must not come apart from what the Hello says.
        _options = options = options with { Protocols = [.. options.Protocols] };
        _time = options.TimeProvider;
        _logger = new SafeLogger(options.LoggerFactory.CreateLogger("DevP2P.Server"));
        _peerLogger = new SafeLogger(options.LoggerFactory.CreateLogger("DevP2P.Peer"));
        _memory = new MemoryBudget(options.MaxBufferedBytes);
        _events = new PeerEventHub(() => _snapshot.Keys);
        _selfId = options.PrivateKey.PublicKey.NodeId;
        _database = NodeDatabase.Open(
            options.NodeDatabase, new NodeDatabaseOptions { TimeProvider = options.TimeProvider, LoggerFactory = options.LoggerFactory });
        _localNode = CreateLocalNode(options, _database);
        _hello = EncodeHello(options);
        _startTimestamp = _time.GetTimestamp();
        _dials = CreateDialScheduler(options);
        _dialConnector = new DialConnector(new HostNameResolver(options.TimeProvider), options.Dialer ?? new TcpDialer(), FindNodeAsync);
        _trusted = [.. options.TrustedNodes.Select(static n => n.Id)];
        _clockCheck = options.SntpServer is { } sntp ? new ClockCheck(sntp, _time, _logger) : null;
        _pendingInbound = new PendingInbound(options.MaxPendingPeers);
        _traffic = new TrafficTotals(options.Protocols.Select(static p => p.Capability.ToString()));
        (_upload, _download) = (new BandwidthGate(_time), new BandwidthGate(_time));
        ApplyLimits(ServerLimits.From(options));
        LoadBans();
        LoadReputation();
    }

    /// <summary>The connected peers: a snapshot that takes no lock and never waits.</summary>
    /// <remarks>Go: <c>Server.Peers</c>.</remarks>
    public IReadOnlyCollection<Peer> Peers => [.. _snapshot.Values];

    /// <summary>The number of connected peers.</summary>
    /// <remarks>Go: <c>Server.PeerCount</c>.</remarks>
    public int PeerCount => _snapshot.Count;

    /// <summary>The local node as others can reach it. Before the start it has no port.</summary>
    /// <remarks>Go: <c>Server.Self</c>.</remarks>
    public Node Self => _localNode.Node;

    /// <summary>
    /// The local node's record (EIP-778). Entries that are set here, a fork id for instance, are signed into it; addresses and
    /// ports follow from the options and from what is found out.
    /// </summary>
    /// <remarks>Go: <c>Server.LocalNode</c>.</remarks>
    public LocalNode LocalNode => _localNode;

    /// <summary>The options that it was made with; not the same object.</summary>
    public ServerOptions Options => _options;

    /// <summary>The addresses that the listener is bound to; empty without one.</summary>
    public IReadOnlyList<IPEndPoint> ListenEndPoints { get; private set; } = [];

    /// <summary>
    /// Binds the listener, and with discovery the UDP socket, resolves the host names of bootstrap nodes, and starts.
    /// </summary>
    /// <exception cref="InvalidOperationException">The server was started before.</exception>
    /// <exception cref="P2PException">The listen address cannot be bound, for TCP or, with discovery, for UDP.</exception>
    /// <remarks>Go: <c>Server.Start</c>.</remarks>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_startGate)
        {
            if (_isStarted)
            {
                throw new InvalidOperationException("a server can be started once; make a new one");
            }

            OpenListener();
            _isStarted = true;
        }

        try
        {
            await StartDiscoveryAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _listener?.Dispose();
            throw;
        }

        lock (_startGate)
        {
            _loop = RunLoopAsync();
        }

        _options.MeterScope.Add(this);

        if (_options.NoDial && _options.ListenAddress is null && DiscoveryV4 is null && DiscoveryV5 is null && TopicDiscovery is null)
        {
            Log.Useless(_logger);
        }

        Log.Started(_logger, Self.ToString(), CryptoBackend.Name);
        foreach (Node node in _options.StaticNodes)
        {
            AddPeer(node);
        }

        foreach (Protocol protocol in _options.Protocols)
        {
            if (protocol.DialCandidates is { } candidates)
            {
                Post(() => AddCandidateSource(candidates, allowLan: false));
            }
        }

        Post(AddDiscoverySources);
        StartNetworkWatch();
        StartNat();

        if (_listener is not null)
        {
            _work.Run(AcceptAsync);
        }
    }

    /// <summary>
    /// Disconnects all peers, telling them that this node is quitting, and completes once everything is closed. May be called
    /// any number of times.
    /// </summary>
    /// <remarks>Go: <c>Server.Stop</c>.</remarks>
    public async Task StopAsync()
    {
        Task? loop;
        lock (_startGate)
        {
            loop = _loop;
            _isStarted = true; // or never will be
        }

        if (loop is null)
        {
            await _database.DisposeAsync().ConfigureAwait(false);
            return;
        }

        _networkWatch?.Dispose();
        Task unmapped = _nat?.StopAsync() ?? Task.CompletedTask;
        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener?.Dispose();
        await StopDiscoveryAsync().ConfigureAwait(false);
        Post(BeginStop);
        await loop.ConfigureAwait(false);
        _options.MeterScope.Remove(this);
        await unmapped.ConfigureAwait(false);
        await _database.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Stops the server.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// Connects to a node and keeps it connected until the server stops or <see cref="RemovePeer(NodeId)"/> is called: an attempt that
    /// fails is repeated, ever more slowly. Returns at once; see <see cref="AddPeerAsync"/> and
    /// <see cref="GetDialHistory(NodeId)"/> for what becomes of it. Ends a ban of the node.
    /// </summary>
    /// <remarks>Go: <c>Server.AddPeer</c>.</remarks>
    public void AddPeer(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        AddToSet(ref _named, node.Id);
        Post(() => AddStatic(node, waiter: null));
    }

    /// <summary>As <see cref="AddPeer"/>, and waits for the outcome of the first attempt.</summary>
    /// <param name="node">The node.</param>
    /// <param name="cancellationToken">Ends the wait, not the attempts.</param>
    /// <returns>The attempt: how far it came and why it ended. A node that is connected already counts as a success.</returns>
    public Task<DialAttempt> AddPeerAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        AddToSet(ref _named, node.Id);
        var waiter = new TaskCompletionSource<DialAttempt>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!Post(() => AddStatic(node, waiter)))
        {
            throw new InvalidOperationException("the server has stopped");
        }

        return waiter.Task.WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Disconnects a node and no longer dials it. For a minute it is not let in again either, so that it does not come straight
    /// back; <see cref="AddPeer"/> ends that.
    /// </summary>
    /// <remarks>Go: <c>Server.RemovePeer</c>.</remarks>
    public void RemovePeer(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        RemovePeer(node.Id);
    }

    /// <summary>As <see cref="RemovePeer(Node)"/>, by id: any peer can be removed, however it came.</summary>
    public void RemovePeer(NodeId id)
    {
        RemoveFromSet(ref _named, id);
        Post(() => RemoveStatic(id));
    }

    /// <summary>
    /// Lets a node connect at any time, whatever the limits. Also ends what <see cref="RemovePeer(NodeId)"/> began, and a ban of the node.
    /// </summary>
    /// <remarks>Go: <c>Server.AddTrustedPeer</c>.</remarks>
    public void AddTrustedPeer(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        AddToSet(ref _trusted, node.Id);
        Post(() => SetTrusted(node.Id, trusted: true));
    }

    /// <summary>Takes the privilege away. A connected peer stays.</summary>
    /// <remarks>Go: <c>Server.RemoveTrustedPeer</c>.</remarks>
    public void RemoveTrustedPeer(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        RemoveFromSet(ref _trusted, node.Id);
        Post(() => SetTrusted(node.Id, trusted: false));
    }

    /// <summary>
    /// Subscribes to peer events; the subscription holds from the moment this returns. Dispose it when done.
    /// </summary>
    /// <remarks>Go: <c>Server.SubscribeEvents</c>.</remarks>
    public PeerEventSubscription SubscribeEvents() => _events.Subscribe();

    /// <summary>
    /// Every attempt to dial, as it ends, from the moment this returns on. A reader that lags behind by more than
    /// 1,024 loses the oldest. For one reader; ends with the server.
    /// </summary>
    public IAsyncEnumerable<DialAttempt> WatchDials() => _dialWatchers.Watch();

    /// <summary>The latest attempts to dial a node, oldest first; empty if there were none or they are forgotten.</summary>
    public IReadOnlyList<DialAttempt> GetDialHistory(NodeId id) => _dials.History.Get(id);

    /// <summary>
    /// The latest attempts to dial any node, newest first. The last 1,024 are kept; <see cref="GetDialHistory(NodeId)"/> reaches further
    /// back for one node.
    /// </summary>
    /// <param name="limit">How many at most.</param>
    /// <exception cref="ArgumentOutOfRangeException">The limit is negative.</exception>
#pragma warning disable RS0027 // The other overload needs a node: no call can mean both.
    public IReadOnlyList<DialAttempt> GetDialHistory(int limit = 100)
#pragma warning restore RS0027
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        return _dials.History.GetLatest(limit);
    }

    /// <summary>The nodes that are kept connected, with their back-off and the time of the next attempt.</summary>
    public Task<IReadOnlyList<StaticNodeStatus>> GetStaticNodesAsync() => AskAsync(_dials.GetStaticNodes);

    /// <summary>What was counted since the start.</summary>
    public ServerCounters GetCounters() => _counters.Snapshot();

    /// <summary>
    /// The messages exchanged with all peers since the start, by protocol. What a peer has exchanged stays counted when it leaves;
    /// connections that never became peers count too (<c>p2p/5</c>).
    /// </summary>
    public IReadOnlyList<ProtocolTraffic> GetTraffic() => _traffic.Snapshot();

    /// <summary>The local node, as <c>admin_nodeInfo</c> shows it.</summary>
    /// <remarks>Go: <c>Server.NodeInfo</c>.</remarks>
    public NodeInfo GetNodeInfo()
    {
        Node self = Self;
        var protocols = new SortedDictionary<string, object?>(StringComparer.Ordinal);
        foreach (Protocol protocol in _options.Protocols)
        {
            if (!protocols.ContainsKey(protocol.Name))
            {
                protocols.Add(protocol.Name, protocol.NodeInfo is { } query ? query() : "unknown");
            }
        }

        return new NodeInfo
        {
            Id = self.Id.ToString(),
            Name = _options.Name,
            Enode = self.ToString(),
            Enr = self.Record?.ToString() ?? "",
            Ip = self.Address?.ToString() ?? "",
            Ports = new NodePorts(self.UdpPort, self.TcpPort),
            ListenAddress = ListenEndPoints.Count > 0 ? ListenEndPoints[0].ToString() : _options.ListenAddress ?? "",
            Protocols = protocols,
            Nat = _natInfo,
        };
    }

    /// <summary>All connected peers, sorted by id, as <c>admin_peers</c> shows them.</summary>
    /// <remarks>Go: <c>Server.PeersInfo</c>.</remarks>
    public IReadOnlyList<PeerInfo> GetPeersInfo() =>
        [.. _snapshot.Values.OrderBy(static p => p.Id).Select(static p => p.GetInfo())];

    /// <summary>
    /// Runs the handshakes over a stream from anywhere and makes it a peer, if it is admitted. Completes when the peer is added
    /// or refused; a refused stream is closed.
    /// </summary>
    /// <param name="stream">The connection. Belongs to the server from now on.</param>
    /// <param name="flags">
    /// How it came to be, which decides the limits: inbound, static or dynamic. Trusted nodes are recognised by themselves.
    /// </param>
    /// <param name="expectedNode">The node that we dialed, which must prove its identity; null for the accepting side.</param>
    /// <param name="localEndPoint">Our end, for information.</param>
    /// <param name="remoteEndPoint">The other end, for information.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The peer, or why there is none.</returns>
    /// <exception cref="ArgumentException">A dialed connection without an expected node, or an inbound one with it; other flags.</exception>
    /// <exception cref="InvalidOperationException">The server has not been started.</exception>
    /// <remarks>Go: <c>Server.SetupConn</c>.</remarks>
    public async Task<ConnectionResult> SetupConnectionAsync(
        Stream stream, ConnectionFlags flags, Node? expectedNode = null, EndPoint? localEndPoint = null, EndPoint? remoteEndPoint = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (flags is not (ConnectionFlags.Inbound or ConnectionFlags.StaticDialed or ConnectionFlags.DynamicDialed))
        {
            throw new ArgumentException("must be one of Inbound, StaticDialed and DynamicDialed", nameof(flags));
        }

        if ((expectedNode is null) != (flags == ConnectionFlags.Inbound))
        {
            throw new ArgumentException("a dialed connection needs the node that was dialed, an inbound one has none", nameof(expectedNode));
        }

        if (_loop is null)
        {
            throw new InvalidOperationException("the server has not been started");
        }

        _counters.CountOffered();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        return await SetupAsync(new IncomingConnection(stream, flags, expectedNode, localEndPoint, remoteEndPoint), cancel.Token)
            .ConfigureAwait(false);
    }
}
