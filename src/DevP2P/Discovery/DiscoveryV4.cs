using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>
/// Finds other nodes of the network (Node Discovery Protocol v4) and lets itself be found. Works without a <see cref="Server"/>.
/// Started once, stopped once; all other members are safe for concurrent use.
/// </summary>
/// <remarks>Go: <c>discover.UDPv4</c>.</remarks>
public sealed class DiscoveryV4 : IAsyncDisposable
{
    private readonly DiscoveryV4Options _options;
    private readonly ILogger _logger;
    private Discv4? _machine;
    private Discv4Pump? _pump;
    private MachineCalls? _calls;
    private int _state;

    /// <summary>Makes it; nothing happens before <see cref="StartAsync"/>.</summary>
    /// <exception cref="ArgumentException">The options contradict one another; the message says how.</exception>
    public DiscoveryV4(DiscoveryV4Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(options.PrivateKey);
        AdvertisedEndPoints.Check(options.AdvertisedEndPoints, nameof(options.AdvertisedEndPoints));
        _options = options;
        _logger = options.LoggerFactory.CreateLogger("DevP2P.Discovery");
        LocalNode = options.LocalNode ?? new LocalNode(options.PrivateKey, options.TimeProvider.GetUtcNow());
        if (LocalNode.Id != options.PrivateKey.PublicKey.NodeId)
        {
            throw new ArgumentException($"{nameof(options.LocalNode)} is of another key than {nameof(options.PrivateKey)}", nameof(options));
        }

        if (options.AdvertisedEndPoints is { } advertised)
        {
            LocalNode.SetFixed(advertised);
        }
    }

    /// <summary>Our node and its record, whose entries can be changed at any time.</summary>
    public LocalNode LocalNode { get; }

    /// <summary>Our node as others see it now.</summary>
    /// <remarks>Go: <c>UDPv4.Self</c>.</remarks>
    public Node Self => LocalNode.Node;

    /// <summary>Where it listens; null before the start.</summary>
    public IPEndPoint? LocalEndPoint => Host?.LocalEndPoint;

    /// <summary>How many nodes are in the table, as of now.</summary>
    public int NodeCount { get; private set; }

    /// <summary>What became of the datagrams since the start.</summary>
    public DiscoveryCounters Counters => _pump?.Counters ?? new DiscoveryCounters(0, 0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>What became of the packets, by type.</summary>
    internal IEnumerable<PacketCount> Packets => _pump?.Packets.Read() ?? [];

    /// <summary>How much waits for a worker: for the recovery of signatures, or for jobs like them.</summary>
    internal int Waiting => _pump?.Waiting ?? 0;

    /// <summary>Its sockets, on which other protocols may be, too; null before the start.</summary>
    internal DiscoveryHost? Host { get; private set; }

    /// <summary>Binds the socket and begins to look for nodes.</summary>
    /// <exception cref="SocketException">The endpoint cannot be listened on.</exception>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.CompareExchange(ref _state, 1, 0) != 0)
        {
            throw new InvalidOperationException("discovery is started once");
        }

        Node[] bootstrap = await BootstrapNodes.ResolveAsync(_options.BootstrapNodes, _options.TimeProvider, _logger, cancellationToken).ConfigureAwait(false);
        Host = new DiscoveryHost(UdpSockets.Bind(_options.ListenEndPoint), _options.TimeProvider, _logger);
        LocalNodeAddresses.SetFallbacks(LocalNode, Host);
        var options = new Discv4Options
        {
            Local = LocalNode,
            Encode = Discv4Options.EncodeWith(Discv4Options.SignWith(_options.PrivateKey)),
            Random = RandomSource.System,
            BootstrapNodes = bootstrap,
            NetRestrict = _options.NetRestrict,
        };
        Timestamp now = Host.Now;
        _machine = new Discv4(options, now);
        _options.Prepare?.Invoke(_machine, now);
        _calls = new MachineCalls(Host, _machine, this);
        _pump = new Discv4Pump(Host, _machine, Handle);
        Host.Attach(_pump);
        DiscoveryLog.Started(_logger, LocalEndPoint, LocalNode.Id.ToShortString());
    }

    /// <summary>Looks for the 16 nodes of the network that are closest to a key.</summary>
    /// <returns>Nodes that have answered, closest first; fewer in a small network.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv4.LookupPubkey</c>.</remarks>
    public async Task<IReadOnlyList<Node>> LookupAsync(PublicKey target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        return (await GetCalls().AskAsync<LookupDone>(now => _machine!.StartLookup(now, target.Bytes), cancellationToken).ConfigureAwait(false)).Closest;
    }

    /// <summary>Finds a node's newest record: where the node is said to be, or else by a lookup.</summary>
    /// <param name="node">The node; an address is not needed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The node as its record describes it, or null if it was not found.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv4.Resolve</c>, which returns the node that it was given when it finds nothing.</remarks>
    public async Task<Node?> ResolveAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        return (await GetCalls().AskAsync<ResolveDone>(now => _machine!.Resolve(now, node), cancellationToken).ConfigureAwait(false)).Node;
    }

    /// <summary>Pings a node.</summary>
    /// <returns>How long the answer took; null if none came within half a second.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv4.Ping</c>.</remarks>
    public async Task<DiscoveryPing?> PingAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        return DiscoveryPing.From((await GetCalls().AskAsync<PingDone>(now => _machine!.StartPing(now, node), cancellationToken).ConfigureAwait(false)).Reply);
    }

    /// <summary>Asks a node for its record.</summary>
    /// <returns>The record, verified; null if the node does not answer.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv4.RequestENR</c>.</remarks>
    public async Task<NodeRecord?> RequestRecordAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        return (await GetCalls().AskAsync<RecordDone>(now => _machine!.RequestRecord(now, node), cancellationToken).ConfigureAwait(false)).Record;
    }

    /// <summary>
    /// Random nodes without end, all of which have answered lately; the same node may come again. Lookups are made as nodes are
    /// taken. Ends when discovery stops.
    /// </summary>
    /// <param name="filter">
    /// If not null, only nodes that it accepts. It sees nodes with their records: of a node whose record is not known yet it is
    /// requested first, and nodes that have none are passed over.
    /// </param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <remarks>Go: <c>UDPv4.RandomNodes</c>, <c>enode.Filter</c>.</remarks>
    public IAsyncEnumerable<Node> RandomNodes(Func<Node, bool>? filter = null, CancellationToken cancellationToken = default) =>
        (_calls ?? throw NotStarted()).RandomNodes(
            (node, stop) => filter is null ? ValueTask.FromResult<Node?>(node) : FilterAsync(node, filter, stop), cancellationToken);

    /// <summary>Its node table as it is now; without buckets before the start. Waits for the datagrams that are being handled.</summary>
    public RoutingTable GetTable()
    {
        NodeId self = LocalNode.Id;
        return Host is { } host && _machine is { } machine
            ? host.Read(now => RoutingTable.From("v4", self, machine.Table, now))
            : RoutingTable.From("v4", self, null, new Timestamp(default, _options.TimeProvider.GetUtcNow()));
    }

    /// <summary>Fills the table anew, as at the start: for when nothing is found any more.</summary>
    public void Refresh() => Host?.Post(now => _machine!.Refresh(now));

    /// <summary>Ends it and waits for that. What is being waited for ends with <see cref="ObjectDisposedException"/>.</summary>
    /// <remarks>Go: <c>UDPv4.Close</c>.</remarks>
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

        await Host!.DisposeAsync().ConfigureAwait(false);
        await _pump!.DisposeAsync().ConfigureAwait(false);
        if (isFirst)
        {
            DiscoveryLog.Stopped(_logger);
        }
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private static InvalidOperationException NotStarted() => new("discovery has not been started");

    private MachineCalls GetCalls()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _state) == 2, this);
        return _calls ?? throw NotStarted();
    }

    private async ValueTask<Node?> FilterAsync(Node node, Func<Node, bool> filter, CancellationToken cancellationToken)
    {
        if (node.Record is null)
        {
            try
            {
                NodeRecord? record = await RequestRecordAsync(node, cancellationToken).ConfigureAwait(false);
                node = record is null ? node : Node.FromRecord(record);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return null;
            }
        }

        return node.Record is not null && filter(node) ? node : null;
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
            case Initialized:
                DiscoveryLog.Initialized(_logger, NodeCount);
                break;
            case ClockDrifted drift:
                DiscoveryLog.ClockDrifted(_logger, drift.Ahead.TotalSeconds);
                break;
        }

        _options.OnFact?.Invoke(output);
    }
}

/// <summary>A node's answer to <see cref="DiscoveryV4.PingAsync"/> or <see cref="DiscoveryV5.PingAsync"/>.</summary>
/// <param name="RoundTrip">How long it took.</param>
/// <param name="SeenAs">Where the node saw our ping come from, as it says; null if it says nothing usable.</param>
/// <param name="RecordSequence">The sequence number of its record; null if it sent none.</param>
public sealed record DiscoveryPing(TimeSpan RoundTrip, IPEndPoint? SeenAs, ulong? RecordSequence)
{
    internal static DiscoveryPing? From(PingReply? reply) => reply is null ? null : new DiscoveryPing(reply.RoundTrip, reply.SeenAs, reply.RecordSequence);
}
