using System.Net;
using System.Net.Sockets;
using System.Text;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>
/// Finds other nodes of the network (Node Discovery Protocol v5.1), lets itself be found, and carries short messages between
/// applications. Works without a <see cref="Server"/>. Started once, stopped once; all other members are safe for concurrent use.
/// </summary>
/// <remarks>Go: <c>discover.UDPv5</c>.</remarks>
public sealed class DiscoveryV5 : IAsyncDisposable
{
    /// <summary>The most bytes that a protocol's name and the payload of a talk request may have together: one packet's.</summary>
    public const int MaxTalkRequestSize = MessageCodec.MaxTalkRequestSize;

    /// <summary>The most bytes that the answer to a talk request may have.</summary>
    public const int MaxTalkResponseSize = MessageCodec.MaxTalkResponseSize;

    /// <summary>The greatest logarithmic distance of two nodes.</summary>
    public const int MaxDistance = Distance.Max;

    private readonly DiscoveryV5Options _options;
    private readonly ILogger _logger;
    private readonly TalkHandlers _talks;
    private Discv5? _machine;
    private Discv5Pump? _pump;
    private MachineCalls? _calls;
    private int _state;

    /// <summary>Makes it; nothing happens before <see cref="StartAsync"/>.</summary>
    /// <exception cref="ArgumentException">The options contradict one another; the message says how.</exception>
    public DiscoveryV5(DiscoveryV5Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(options.PrivateKey);
        AdvertisedEndPoints.Check(options.AdvertisedEndPoints, nameof(options.AdvertisedEndPoints));
        _options = options;
        _logger = options.LoggerFactory.CreateLogger("DevP2P.Discovery");
        _talks = new TalkHandlers(options.TimeProvider, _logger);
        LocalNode = options.LocalNode ?? options.SharedWith?.LocalNode ?? new LocalNode(options.PrivateKey, options.TimeProvider.GetUtcNow());
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
    /// <remarks>Go: <c>UDPv5.Self</c>.</remarks>
    public Node Self => LocalNode.Node;

    /// <summary>Our record as it is now.</summary>
    public NodeRecord LocalRecord => LocalNode.Node.Record!;

    /// <summary>Where it listens; null before the start.</summary>
    public IPEndPoint? LocalEndPoint => Host?.LocalEndPoint;

    /// <summary>How many nodes are in the table, as of now.</summary>
    public int NodeCount { get; private set; }

    /// <summary>What became of the packets since the start.</summary>
    public DiscoveryV5Counters Counters => _pump?.Counters ?? new DiscoveryV5Counters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>What became of the packets, by type.</summary>
    internal IEnumerable<PacketCount> Packets => _pump?.Packets ?? [];

    /// <summary>How much waits for a worker: for the recovery of signatures, or for jobs like them.</summary>
    internal int Waiting => _pump?.Waiting ?? 0;

    /// <summary>Its sockets, on which other protocols may be, too; null before the start.</summary>
    internal DiscoveryHost? Host { get; private set; }

    /// <summary>Binds the socket, if it is not a shared one, and begins to look for nodes.</summary>
    /// <exception cref="SocketException">The endpoint cannot be listened on.</exception>
    /// <exception cref="InvalidOperationException">It was started before, or <see cref="DiscoveryV5Options.SharedWith"/> was not.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.CompareExchange(ref _state, 1, 0) != 0)
        {
            throw new InvalidOperationException("discovery is started once");
        }

        Node[] bootstrap = await BootstrapNodes.ResolveAsync(_options.BootstrapNodes, _options.TimeProvider, _logger, cancellationToken).ConfigureAwait(false);
        Host = _options.SharedWith is { } other
            ? other.Host ?? throw new InvalidOperationException($"{nameof(DiscoveryV5Options.SharedWith)} has not been started")
            : new DiscoveryHost(UdpSockets.Bind(_options.ListenEndPoint), _options.TimeProvider, _logger);
        LocalNodeAddresses.SetFallbacks(LocalNode, Host);
        var crypto = new V4IdentityCrypto(_options.PrivateKey);
        var options = new Discv5Options
        {
            Local = LocalNode,
            Crypto = crypto,
            Random = RandomSource.System,
            BootstrapNodes = bootstrap,
            NetRestrict = _options.NetRestrict,
            HasIPv4 = Host.HasIPv4,
            HasIPv6 = Host.HasIPv6,
        };
        _machine = new Discv5(options, Host.Now);
        _calls = new MachineCalls(Host, _machine, this);
        _pump = new Discv5Pump(Host, _machine, crypto, Handle);
        foreach (string protocol in _talks.Protocols)
        {
            _machine.AddTalkProtocol(protocol);
        }

        Host.Attach(_pump);
        DiscoveryLog.StartedV5(_logger, LocalEndPoint, LocalNode.Id.ToShortString());
    }

    /// <summary>Pings a node.</summary>
    /// <returns>How long the answer took, with the handshake if one was needed; null if none came in time.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv5.Ping</c>.</remarks>
    public async Task<DiscoveryPing?> PingAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        return DiscoveryPing.From((await GetCalls().AskAsync<PingDone>(now => _machine!.StartPing(now, node), cancellationToken).ConfigureAwait(false)).Reply);
    }

    /// <summary>Asks a node for nodes that it knows.</summary>
    /// <param name="node">Who is asked.</param>
    /// <param name="distances">
    /// At which logarithmic distances from itself: 1 to <see cref="MaxDistance"/>, and 0 for the node itself.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>
    /// Up to 16 nodes with verified records, at these distances, and not at addresses that this node may not name; null if there
    /// was no answer.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">A distance is outside its range, or there are none or too many.</exception>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv5.Findnode</c>; with distance 0 <c>UDPv5.RequestENR</c>.</remarks>
    public async Task<IReadOnlyList<Node>?> FindNodeAsync(Node node, IReadOnlyCollection<int> distances, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(distances);
        if (distances.Count is 0 or > MaxDistance + 1 || distances.Any(static d => d is < 0 or > MaxDistance))
        {
            throw new ArgumentOutOfRangeException(nameof(distances), $"one or more distances from 0 to {MaxDistance} are needed");
        }

        int[] asked = [.. distances.Distinct()];
        return (await GetCalls().AskAsync<FindNodeDone>(now => _machine!.StartFindNode(now, node, asked), cancellationToken).ConfigureAwait(false)).Nodes;
    }

    /// <summary>Says something to an application on another node (TALKREQ).</summary>
    /// <param name="node">To whom.</param>
    /// <param name="protocol">The application; in UTF-8 together with <paramref name="payload"/> at most <see cref="MaxTalkRequestSize"/> bytes.</param>
    /// <param name="payload">What is said.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The answer, empty if the node does not know the application; null if none came within 2 s.</returns>
    /// <exception cref="ArgumentException">It is too long.</exception>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv5.TalkRequest</c>.</remarks>
    public async Task<byte[]?> TalkAsync(Node node, string protocol, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(protocol);
        int size = Encoding.UTF8.GetByteCount(protocol) + payload.Length;
        if (size > MaxTalkRequestSize)
        {
            throw new ArgumentException($"a talk request has at most {MaxTalkRequestSize} bytes, the protocol's name included, not {size}", nameof(payload));
        }

        return (await GetCalls().AskAsync<TalkDone>(now => _machine!.StartTalk(now, node, protocol, payload.Span), cancellationToken).ConfigureAwait(false)).Response;
    }

    /// <summary>
    /// Answers talk requests to an application from now on. Handlers run beside the loop, several at a time; of one node at most 64
    /// requests wait, of all 1,024, and more are answered empty. One that takes longer than 10 s has its token cancelled. Allowed
    /// before the start.
    /// </summary>
    /// <param name="protocol">The application's name.</param>
    /// <param name="handler">Answers.</param>
    /// <returns>Dispose it to remove the handler.</returns>
    /// <exception cref="ArgumentException">The protocol has a handler.</exception>
    /// <remarks>Go: <c>UDPv5.RegisterTalkHandler</c>.</remarks>
    public IDisposable RegisterTalkHandler(string protocol, TalkHandler handler)
    {
        ArgumentNullException.ThrowIfNull(protocol);
        ArgumentNullException.ThrowIfNull(handler);
        if (!_talks.TryAdd(protocol, handler))
        {
            throw new ArgumentException($"the protocol \"{protocol}\" has a handler", nameof(protocol));
        }

        Host?.Post(_ => _machine?.AddTalkProtocol(protocol));
        return new TalkRegistration(this, protocol, handler);
    }

    /// <summary>Looks for the 16 nodes of the network that are closest to an id.</summary>
    /// <returns>Nodes that have answered, closest first; fewer in a small network.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv5.Lookup</c>.</remarks>
    public async Task<IReadOnlyList<Node>> LookupAsync(NodeId target, CancellationToken cancellationToken = default) =>
        (await GetCalls().AskAsync<LookupDone>(now => _machine!.StartLookup(now, target), cancellationToken).ConfigureAwait(false)).Closest;

    /// <summary>Finds a node's newest record: where the node is said to be, or else by a lookup.</summary>
    /// <param name="node">The node; an address is not needed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The node as its record describes it, or null if it was not found.</returns>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <exception cref="ObjectDisposedException">Stopped.</exception>
    /// <remarks>Go: <c>UDPv5.Resolve</c>, which returns the node that it was given when it finds nothing.</remarks>
    public async Task<Node?> ResolveAsync(Node node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        return (await GetCalls().AskAsync<ResolveDone>(now => _machine!.Resolve(now, node), cancellationToken).ConfigureAwait(false)).Node;
    }

    /// <summary>
    /// Random nodes without end, with their records, all of which have answered lately; the same node may come again. Lookups are
    /// made as nodes are taken. Ends when discovery stops.
    /// </summary>
    /// <param name="filter">If not null, only nodes that it accepts.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="InvalidOperationException">Not started.</exception>
    /// <remarks>Go: <c>UDPv5.RandomNodes</c>, <c>enode.Filter</c>.</remarks>
    public IAsyncEnumerable<Node> RandomNodes(Func<Node, bool>? filter = null, CancellationToken cancellationToken = default) =>
        (_calls ?? throw NotStarted()).RandomNodes(
            (node, _) => ValueTask.FromResult(filter is null || (node.Record is not null && filter(node)) ? node : null), cancellationToken);

    /// <summary>Its node table as it is now; without buckets before the start. Waits for the datagrams that are being handled.</summary>
    public RoutingTable GetTable()
    {
        NodeId self = LocalNode.Id;
        return Host is { } host && _machine is { } machine
            ? host.Read(now => RoutingTable.From("v5", self, machine.Table, now))
            : RoutingTable.From("v5", self, null, new Timestamp(default, _options.TimeProvider.GetUtcNow()));
    }

    /// <summary>Fills the table anew, as at the start: for when nothing is found any more.</summary>
    public void Refresh() => Host?.Post(now => _machine!.Refresh(now));

    /// <summary>Ends it and waits for that. What is being waited for ends with <see cref="ObjectDisposedException"/>.</summary>
    /// <remarks>Go: <c>UDPv5.Close</c>.</remarks>
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

        await Host!.DetachAsync(_pump!).ConfigureAwait(false);
        if (_options.SharedWith is null)
        {
            await Host.DisposeAsync().ConfigureAwait(false);
        }

        await _pump!.DisposeAsync().ConfigureAwait(false);
        if (isFirst)
        {
            DiscoveryLog.StoppedV5(_logger);
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
                DiscoveryLog.InitializedV5(_logger, NodeCount);
                break;
            case TalkReceived talk:
                // Observed: AnswerAsync never throws, and a host that has ended takes no answer.
                _ = AnswerAsync(talk);
                break;
        }

        _options.OnFact?.Invoke(output);
    }

    private async Task AnswerAsync(TalkReceived received)
    {
        Talk talk = received.Talk;
        var request = new TalkRequest(talk.Source, talk.Node, talk.From.ToEndPoint(), received.Protocol, received.Request);
        ReadOnlyMemory<byte> answer = await _talks.AnswerAsync(talk, request, _calls!.Stopped).ConfigureAwait(false);
        Host!.Post(_ => _machine!.AnswerTalk(talk, answer.Span));
    }

    /// <summary>A handler that can be removed.</summary>
    private sealed class TalkRegistration(DiscoveryV5 owner, string protocol, TalkHandler handler) : IDisposable
    {
        public void Dispose()
        {
            if (owner._talks.TryRemove(protocol, handler))
            {
                owner.Host?.Post(_ => owner._machine?.RemoveTalkProtocol(protocol));
            }
        }
    }
}
