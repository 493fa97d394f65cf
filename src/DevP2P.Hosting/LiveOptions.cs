using DevP2P.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace DevP2P.Hosting;

/// <summary>
/// Follows the configuration while the server runs. What can change does, of everything else the log says once that it needs a restart, and
/// what cannot be used is refused as a whole.
/// </summary>
/// <remarks>
/// It listens to what an <see cref="IOptionsMonitor{T}"/> listens to, and makes the options itself: of a wrong value the monitor would throw
/// into the code that watches the file, where nobody sees it.
/// </remarks>
internal sealed class LiveOptions(
    Server server, IOptions<DevP2PHostOptions> atStart, IOptionsFactory<DevP2PHostOptions> factory,
    IEnumerable<IOptionsChangeTokenSource<DevP2PHostOptions>> sources, OptionNames names, ILoggerFactory loggers) : IDisposable
{
    /// <summary>What needs a restart, as texts that can be compared. Never logged: the key is among them.</summary>
    private static readonly (string Name, Func<DevP2PHostOptions, string?> Get)[] s_fixed =
    [
        (nameof(DevP2PHostOptions.PrivateKey), static o => o.PrivateKey),
        (nameof(DevP2PHostOptions.PrivateKeyFile), static o => o.PrivateKeyFile),
        (nameof(DevP2PHostOptions.Name), static o => o.Name),
        (nameof(DevP2PHostOptions.ListenAddress), static o => o.ListenAddress),
        (nameof(DevP2PHostOptions.MaxPendingPeers), static o => $"{o.MaxPendingPeers}"),
        (nameof(DevP2PHostOptions.DialRatio), static o => $"{o.DialRatio}"),
        (nameof(DevP2PHostOptions.NoDial), static o => $"{o.NoDial}"),
        (nameof(DevP2PHostOptions.Discovery), static o => $"{o.Discovery}"),
        (nameof(DevP2PHostOptions.DiscoveryV4), static o => $"{o.DiscoveryV4}"),
        (nameof(DevP2PHostOptions.DiscoveryV5), static o => $"{o.DiscoveryV5}"),
        (nameof(DevP2PHostOptions.DiscoveryV5Address), static o => o.DiscoveryV5Address),
        (nameof(DevP2PHostOptions.LegacyTopicDiscovery), static o => $"{o.LegacyTopicDiscovery}"),
        (nameof(DevP2PHostOptions.BootstrapNodes), static o => string.Join('\n', o.BootstrapNodes)),
        (nameof(DevP2PHostOptions.BootstrapNodesV5), static o => string.Join('\n', o.BootstrapNodesV5)),
        (nameof(DevP2PHostOptions.NetRestrict), static o => string.Join('\n', o.NetRestrict)),
        (nameof(DevP2PHostOptions.Nat), static o => o.Nat),
        (nameof(DevP2PHostOptions.AdvertisedEndPoints), static o => string.Join('\n',
            o.AdvertisedEndPoints.IPv4Address, o.AdvertisedEndPoints.IPv6Address, o.AdvertisedEndPoints.TcpPort,
            o.AdvertisedEndPoints.UdpPort, o.AdvertisedEndPoints.Tcp6Port, o.AdvertisedEndPoints.Udp6Port)),
        (nameof(DevP2PHostOptions.SntpServer), static o => o.SntpServer),
        (nameof(DevP2PHostOptions.NodeDatabase), static o => o.NodeDatabase),
        (nameof(DevP2PHostOptions.EnableMessageEvents), static o => $"{o.EnableMessageEvents}"),
        (nameof(DevP2PHostOptions.MaxBufferedBytes), static o => $"{o.MaxBufferedBytes}"),
        (nameof(DevP2PHostOptions.MaxBufferedBytesPerPeer), static o => $"{o.MaxBufferedBytesPerPeer}"),
    ];

    private readonly ILogger _logger = loggers.CreateLogger(Log.Category);
    private readonly Lock _gate = new();
    private readonly List<IDisposable> _subscriptions = [];
    private readonly Dictionary<string, string?> _seen = [];
    private ServerLimits _limits = ReadLimits(atStart.Value);
    private Dictionary<NodeId, Node> _static = [];
    private Dictionary<NodeId, Node> _trusted = [];

    /// <summary>Names of the options that need a restart.</summary>
    public static IEnumerable<string> Fixed => s_fixed.Select(static option => option.Name);

    /// <summary>From now on changes count, and those since the options were first read.</summary>
    public void Start()
    {
        var reader = new ServerOptionsReader(atStart.Value, names);
        _static = ById(reader.StaticNodes);
        _trusted = ById(reader.TrustedNodes);
        foreach ((string name, Func<DevP2PHostOptions, string?> get) in s_fixed)
        {
            _seen[name] = get(atStart.Value);
        }

        foreach (IOptionsChangeTokenSource<DevP2PHostOptions> source in sources)
        {
            _subscriptions.Add(ChangeToken.OnChange(source.GetChangeToken, Take));
        }

        Take();
    }

    public void Dispose()
    {
        foreach (IDisposable subscription in _subscriptions)
        {
            subscription.Dispose();
        }
    }

    private void Take()
    {
        lock (_gate)
        {
            try
            {
                DevP2PHostOptions options = factory.Create(Options.DefaultName);
                var reader = new ServerOptionsReader(options, names);
                TakeLimits(ReadLimits(options));
                TakeStatic(ById(reader.StaticNodes), ById(reader.TrustedNodes));
                TakeTrusted(ById(reader.TrustedNodes));
                TakeFixed(options);
            }
            catch (ArgumentException e)
            {
                Log.ChangeRefused(_logger, names.Translate(e));
            }
            catch (Exception e)
            {
                // Wrong values, and whatever the application's own code for options throws: the node goes on.
                Log.ChangeRefused(_logger, e.Message);
            }
        }
    }

    /// <summary>What the configuration has left as it was stays as it is: it may have been changed by a call.</summary>
    private void TakeLimits(ServerLimits next)
    {
        if (next == _limits)
        {
            return;
        }

        ServerLimits before = _limits;
        ServerLimits running = server.Limits;
        server.SetLimits(new ServerLimits
        {
            MaxPeers = next.MaxPeers == before.MaxPeers ? running.MaxPeers : next.MaxPeers,
            UploadBytesPerSecond = Choose(before.UploadBytesPerSecond, next.UploadBytesPerSecond, running.UploadBytesPerSecond),
            DownloadBytesPerSecond = Choose(before.DownloadBytesPerSecond, next.DownloadBytesPerSecond, running.DownloadBytesPerSecond),
            PeerUploadBytesPerSecond = Choose(before.PeerUploadBytesPerSecond, next.PeerUploadBytesPerSecond, running.PeerUploadBytesPerSecond),
            PeerDownloadBytesPerSecond = Choose(before.PeerDownloadBytesPerSecond, next.PeerDownloadBytesPerSecond, running.PeerDownloadBytesPerSecond),
        });
        _limits = next;

        static long? Choose(long? before, long? next, long? running) => next == before ? running : next;
    }

    private static ServerLimits ReadLimits(DevP2PHostOptions options) => new()
    {
        MaxPeers = options.MaxPeers,
        UploadBytesPerSecond = options.UploadBytesPerSecond,
        DownloadBytesPerSecond = options.DownloadBytesPerSecond,
        PeerUploadBytesPerSecond = options.PeerUploadBytesPerSecond,
        PeerDownloadBytesPerSecond = options.PeerDownloadBytesPerSecond,
    };

    private void TakeStatic(Dictionary<NodeId, Node> next, Dictionary<NodeId, Node> trusted)
    {
        (List<Node> added, List<Node> removed) = Compare(_static, next);
        foreach (Node node in removed)
        {
            server.RemovePeer(node);
            if (trusted.ContainsKey(node.Id))
            {
                // It may come back by itself, at once.
                server.AddTrustedPeer(node);
            }
        }

        added.ForEach(server.AddPeer);
        _static = next;
        Report(nameof(DevP2PHostOptions.StaticNodes), added, removed);
    }

    private void TakeTrusted(Dictionary<NodeId, Node> next)
    {
        (List<Node> added, List<Node> removed) = Compare(_trusted, next);
        removed.ForEach(server.RemoveTrustedPeer);
        added.ForEach(server.AddTrustedPeer);
        _trusted = next;
        Report(nameof(DevP2PHostOptions.TrustedNodes), added, removed);
    }

    private void TakeFixed(DevP2PHostOptions options)
    {
        foreach ((string name, Func<DevP2PHostOptions, string?> get) in s_fixed)
        {
            string? value = get(options);
            if (value == _seen[name])
            {
                continue;
            }

            _seen[name] = value;
            if (value != get(atStart.Value))
            {
                Log.NeedsRestart(_logger, names.Of(name));
            }
        }
    }

    private void Report(string option, List<Node> added, List<Node> removed)
    {
        if (added.Count + removed.Count > 0)
        {
            Log.NodesChanged(_logger, names.Of(option), added.Count, removed.Count);
        }
    }

    private static Dictionary<NodeId, Node> ById(IReadOnlyList<Node> nodes)
    {
        var byId = new Dictionary<NodeId, Node>();
        foreach (Node node in nodes)
        {
            byId[node.Id] = node;
        }

        return byId;
    }

    /// <summary>A node with another address is removed, and added anew.</summary>
    private static (List<Node> Added, List<Node> Removed) Compare(Dictionary<NodeId, Node> old, Dictionary<NodeId, Node> next) => (
        [.. next.Values.Where(node => !old.TryGetValue(node.Id, out Node? before) || !before.Equals(node))],
        [.. old.Values.Where(node => !next.TryGetValue(node.Id, out Node? after) || !after.Equals(node))]);
}
