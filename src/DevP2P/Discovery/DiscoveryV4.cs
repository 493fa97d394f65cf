using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using DevP2P.Crypto;
using DevP2P.Dialing;
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
    private readonly CancellationTokenSource _stopped = new();

    // Only the loop touches these.
    private readonly Dictionary<long, Action<Output>> _pending = [];
    private readonly Dictionary<long, ChannelWriter<Node>> _walks = [];

    private DiscoveryHost? _host;
    private int _state;

    /// <summary>Makes it; nothing happens before <see cref="StartAsync"/>.</summary>
    /// <exception cref="ArgumentException">The options contradict one another; the message says how.</exception>
    public DiscoveryV4(DiscoveryV4Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(options.PrivateKey);
        _options = options;
        _logger = options.LoggerFactory.CreateLogger("DevP2P.Discovery");
        LocalNode = options.LocalNode ?? new LocalNode(options.PrivateKey, options.TimeProvider.GetUtcNow());
        if (LocalNode.Id != options.PrivateKey.PublicKey.NodeId)
        {
            throw new ArgumentException($"{nameof(options.LocalNode)} is of another key than {nameof(options.PrivateKey)}", nameof(options));
        }
    }

    /// <summary>Our node and its record, whose entries can be changed at any time.</summary>
    public LocalNode LocalNode { get; }

    /// <summary>Our node as others see it now.</summary>
    /// <remarks>Go: <c>UDPv4.Self</c>.</remarks>
    public Node Self => LocalNode.Node;

    /// <summary>Where it listens; null before the start.</summary>
    public IPEndPoint? LocalEndPoint { get; private set; }

    /// <summary>How many nodes are in the table, as of now.</summary>
    public int NodeCount { get; private set; }

    /// <summary>What became of the datagrams since the start.</summary>
    public DiscoveryCounters Counters => _host?.Counters ?? new DiscoveryCounters(0, 0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>Binds the socket and begins to look for nodes.</summary>
    /// <exception cref="SocketException">The endpoint cannot be listened on.</exception>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.CompareExchange(ref _state, 1, 0) != 0)
        {
            throw new InvalidOperationException("discovery is started once");
        }

        Node[] bootstrap = await ResolveBootstrapNodesAsync(cancellationToken).ConfigureAwait(false);
        Socket socket = Bind(_options.ListenEndPoint);
        LocalEndPoint = (IPEndPoint)socket.LocalEndPoint!;
        IPAddress address = LocalEndPoint.Address;
        bool isAny = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
        LocalNode.SetFallbackAddress(isAny ? IPAddress.Loopback : address);
        LocalNode.SetFallbackUdpPort(LocalEndPoint.Port);

        var options = new Discv4Options
        {
            Local = LocalNode,
            Sign = Discv4Options.SignWith(_options.PrivateKey),
            Random = RandomSource.System,
            BootstrapNodes = bootstrap,
            NetRestrict = _options.NetRestrict,
        };
        _host = new DiscoveryHost(socket, now => Make(options, now), Handle, _options.TimeProvider, _logger);
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
        Output output = await AskAsync((machine, now) => machine.StartLookup(now, target.Bytes), cancellationToken).ConfigureAwait(false);
        return ((LookupDone)output).Closest;
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
        Output output = await AskAsync((machine, now) => machine.Resolve(now, node), cancellationToken).ConfigureAwait(false);
        return ((ResolveDone)output).Node;
    }

    /// <summary>Pings a node.</summary>
    /// <returns>How long the answer took; null if none came within half a second.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv4.Ping</c>.</remarks>
    public async Task<DiscoveryPing?> PingAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        Output output = await AskAsync((machine, now) => machine.StartPing(now, node), cancellationToken).ConfigureAwait(false);
        return ((PingDone)output).Reply is { } reply ? new DiscoveryPing(reply.RoundTrip, reply.SeenAs, reply.RecordSequence) : null;
    }

    /// <summary>Asks a node for its record.</summary>
    /// <returns>The record, verified; null if the node does not answer.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv4.RequestENR</c>.</remarks>
    public async Task<NodeRecord?> RequestRecordAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        Output output = await AskAsync((machine, now) => machine.RequestRecord(now, node), cancellationToken).ConfigureAwait(false);
        return ((RecordDone)output).Record;
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
    public async IAsyncEnumerable<Node> RandomNodes(
        Func<Node, bool>? filter = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        DiscoveryHost host = _host ?? throw new InvalidOperationException("discovery has not been started");
        var nodes = Channel.CreateUnbounded<Node>();
        long id = 0;
        host.Post((machine, _) =>
        {
            id = machine.OpenWalk();
            _walks.Add(id, nodes.Writer);
        });
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopped.Token);
            while (await NextAsync(nodes.Reader, either.Token).ConfigureAwait(false) is { } node)
            {
                Node? chosen = filter is null ? node : await FilterAsync(node, filter, either.Token).ConfigureAwait(false);
                if (chosen is not null)
                {
                    yield return chosen;
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
        }
        finally
        {
            host.Post((machine, _) =>
            {
                machine.CloseWalk(id);
                _walks.Remove(id);
            });
        }

        async Task<Node?> NextAsync(ChannelReader<Node> reader, CancellationToken token)
        {
            try
            {
                return host.Post((machine, now) => machine.WantRandomNode(now, id))
                    ? await reader.ReadAsync(token).ConfigureAwait(false)
                    : null;
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }

    /// <summary>Fills the table anew, as at the start: for when nothing is found any more.</summary>
    public void Refresh() => _host?.Post((machine, now) => machine.Refresh(now));

    /// <summary>Ends it and waits for that. What is being waited for ends with <see cref="ObjectDisposedException"/>.</summary>
    /// <remarks>Go: <c>UDPv4.Close</c>.</remarks>
    public async Task StopAsync()
    {
        bool isFirst = Interlocked.Exchange(ref _state, 2) != 2;
        if (isFirst)
        {
            await _stopped.CancelAsync().ConfigureAwait(false);
        }

        if (_host is not null)
        {
            await _host.DisposeAsync().ConfigureAwait(false);
            if (isFirst)
            {
                DiscoveryLog.Stopped(_logger);
            }
        }
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private static Socket Bind(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any);
            }

            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private Discv4 Make(Discv4Options options, Timestamp now)
    {
        var machine = new Discv4(options, now);
        _options.Prepare?.Invoke(machine, now);
        return machine;
    }

    private DiscoveryHost GetHost()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _state) == 2, this);
        return _host ?? throw new InvalidOperationException("discovery has not been started");
    }

    /// <summary>Posts a command and waits for the output that ends it.</summary>
    private async Task<Output> AskAsync(Func<Discv4, Timestamp, long> command, CancellationToken cancellationToken)
    {
        DiscoveryHost host = GetHost();
        var done = new TaskCompletionSource<Output>(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isPosted = host.Post((machine, now) => _pending.Add(command(machine, now), done.SetResult));
        ObjectDisposedException.ThrowIf(!isPosted, this);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopped.Token);
        try
        {
            return await done.Task.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(DiscoveryV4));
        }
    }

    private async Task<Node?> FilterAsync(Node node, Func<Node, bool> filter, CancellationToken cancellationToken)
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
    private void Handle(Discv4 machine, Timestamp now, Output output)
    {
        switch (output)
        {
            case PingDone done:
                Complete(done.Id, done);
                break;
            case RecordDone done:
                Complete(done.Id, done);
                break;
            case LookupDone done:
                Complete(done.Id, done);
                break;
            case ResolveDone done:
                Complete(done.Id, done);
                break;
            case RandomNode random when _walks.TryGetValue(random.WalkId, out ChannelWriter<Node>? walk):
                walk.TryWrite(random.Node);
                break;
            case SeedsWanted:
                IReadOnlyList<Node> seeds = _options.GetSeeds?.Invoke() ?? [];
                machine.AddSeeds(now, [.. seeds]);
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

    private void Complete(long id, Output output)
    {
        if (_pending.Remove(id, out Action<Output>? done))
        {
            done(output);
        }
    }

    private async Task<Node[]> ResolveBootstrapNodesAsync(CancellationToken cancellationToken)
    {
        var resolver = new HostNameResolver(_options.TimeProvider);
        Node?[] nodes = await Task.WhenAll(_options.BootstrapNodes.Select(n => ResolveHostAsync(resolver, n, cancellationToken))).ConfigureAwait(false);
        return [.. nodes.OfType<Node>()];
    }

    private async Task<Node?> ResolveHostAsync(HostNameResolver resolver, Node node, CancellationToken cancellationToken)
    {
        string reason = "it has neither an address and a UDP port nor a host name";
        if (node.Address is null && node.HostName is not null)
        {
            try
            {
                node = node.WithAddress((await resolver.ResolveAsync(node.HostName, cancellationToken).ConfigureAwait(false))[^1]);
            }
            catch (Exception e) when (e is TimeoutException or SocketException or ArgumentOutOfRangeException)
            {
                reason = e.Message;
            }
        }

        if (node.UdpEndPoint is not null)
        {
            return node;
        }

        DiscoveryLog.BadBootstrapNode(_logger, node.ToString(), reason);
        return null;
    }
}

/// <summary>A node's answer to <see cref="DiscoveryV4.PingAsync"/>.</summary>
/// <param name="RoundTrip">How long it took.</param>
/// <param name="SeenAs">Where the node saw our ping come from, as it says; null if it says nothing usable.</param>
/// <param name="RecordSequence">The sequence number of its record; null if it sent none.</param>
public sealed record DiscoveryPing(TimeSpan RoundTrip, IPEndPoint? SeenAs, ulong? RecordSequence);
