using System.Diagnostics;
using System.Globalization;
using DevP2P.Cli.Logging;
using DevP2P.Nodes;

namespace DevP2P.Cli.Demo;

/// <summary>
/// The demo's nodes on loopback. Each knows the first one when it starts, and finds the others by discovery. The nodes share
/// nothing but sockets; this class only starts them, watches them and adds up.
/// </summary>
internal sealed class DemoNetwork : IAsyncDisposable
{
    private const int MaxEvents = 200;

    /// <summary>Who has so many peers has found others than the first node.</summary>
    private const int MinPeers = 2;

    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(25);

    private readonly DemoOptions _options;
    private readonly List<DemoNode> _nodes = [];
    private readonly Dictionary<NodeId, DemoNode> _byId = [];
    private readonly List<PeerEventSubscription> _subscriptions = [];
    private readonly List<Task> _watching = [];
    private readonly Queue<string> _events = new();
    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly CancellationTokenSource _publishing = new();
    private readonly List<Task> _publishers = [];
    private string? _connectFailure;

    public DemoNetwork(DemoOptions options)
    {
        _options = options;
        for (int i = 0; i < options.Nodes; i++)
        {
            var node = new DemoNode(i);
            _nodes.Add(node);
            _byId.Add(node.Id, node);
        }
    }

    public IReadOnlyList<DemoNode> Nodes => _nodes;

    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>Starts all nodes and waits until they have found each other and are one network.</summary>
    /// <returns>False if they have not in time; <see cref="Evaluate"/> then says which.</returns>
    public async Task<bool> ConnectAsync(CancellationToken cancellationToken)
    {
        foreach (DemoNode node in _nodes)
        {
            await node.StartAsync(_nodes[0].Server?.Self, _nodes.Count, server => Watch(node, server), cancellationToken);
        }

        long deadline = Stopwatch.GetTimestamp() + (long)(_options.ConnectTimeout.TotalSeconds * Stopwatch.Frequency);
        while (DescribeMissingNodes(Math.Min(MinPeers, _nodes.Count - 1)) is { } missing)
        {
            if (Stopwatch.GetTimestamp() > deadline)
            {
                _connectFailure = $"not all nodes found their peers within {_options.ConnectTimeout.TotalSeconds:0.#} s: {missing}";
                return false;
            }

            await Task.Delay(s_pollInterval, cancellationToken);
        }

        return true;
    }

    /// <summary>Lets all nodes publish.</summary>
    public void StartPublishing()
    {
        foreach (DemoNode node in _nodes)
        {
            _publishers.Add(node.PublishAsync(_options.Rate, _publishing.Token));
        }
    }

    /// <summary>Ends one node in the middle of it all.</summary>
    public async Task KillAsync(int index)
    {
        AddEvent($"{_nodes[index].Name} is killed");
        await _nodes[index].KillAsync();
    }

    /// <summary>Stops publishing and waits until the last message is everywhere, or has had its time.</summary>
    public async Task DrainAsync()
    {
        await _publishing.CancelAsync();
        await Task.WhenAll(_publishers);
        long deadline = Stopwatch.GetTimestamp() + (long)(_options.DrainTimeout.TotalSeconds * Stopwatch.Frequency);
        while (CountMissing().Messages > 0 && Stopwatch.GetTimestamp() < deadline)
        {
            await Task.Delay(s_pollInterval);
        }
    }

    /// <summary>The sum of it all, and whether it is what it should be.</summary>
    public DemoReport Evaluate()
    {
        DemoTotals totals = Totals();
        (long missing, string? where) = CountMissing();
        string? failure = _connectFailure;
        if (failure is null && DescribeMissingNodes() is { } absent)
        {
            failure = $"not all nodes are connected: {absent}";
        }

        if (missing > 0)
        {
            string text = string.Create(CultureInfo.InvariantCulture, $"{missing} deliveries are missing ({where})");
            failure = failure is null ? text : $"{failure}; {text}";
        }
        else if (failure is null && totals.Published == 0)
        {
            failure = "no message was published";
        }

        return new DemoReport(
            failure is null, failure, Math.Round(Elapsed.TotalSeconds, 1), _nodes.Count, totals.Connected, totals.Links,
            totals.Published, totals.Delivered, missing, totals.Duplicates, totals.Sent, LatencyReport.From(totals.Latencies),
            [.. _nodes.Select(node => new DemoNodeReport(
                node.Name, node.Id.ToString(), node.Gossip.Links, (long)node.Gossip.Published, node.Gossip.Delivered))]);
    }

    /// <summary>The counters of all nodes.</summary>
    public DemoTotals Totals()
    {
        var latencies = new Latencies();
        foreach (DemoNode node in _nodes)
        {
            latencies.Add(node.Gossip.Latencies);
        }

        return new DemoTotals(
            Reached().Count,
            _nodes.Sum(node => node.Gossip.Links) / 2,
            _nodes.Sum(node => (long)node.Gossip.Published),
            _nodes.Sum(node => node.Gossip.Delivered),
            _nodes.Sum(node => node.Gossip.Duplicates),
            _nodes.Sum(node => node.Gossip.Sent),
            latencies);
    }

    /// <summary>The newest events, oldest first.</summary>
    public IReadOnlyList<string> LatestEvents(int count)
    {
        lock (_gate)
        {
            return [.. _events.Skip(Math.Max(0, _events.Count - count))];
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _publishing.CancelAsync();
        await Task.WhenAll(_publishers);
        await Task.WhenAll(_nodes.Select(node => node.DisposeAsync().AsTask()));
        _subscriptions.ForEach(subscription => subscription.Dispose());
        await Task.WhenAll(_watching);
        _publishing.Dispose();
    }

    private void Watch(DemoNode node, Server server)
    {
        PeerEventSubscription subscription = server.SubscribeEvents();
        _subscriptions.Add(subscription);
        _watching.Add(WatchAsync(node, subscription));
    }

    private async Task WatchAsync(DemoNode node, PeerEventSubscription subscription)
    {
        await foreach (PeerEvent e in subscription)
        {
            string? text = e.Type switch
            {
                PeerEventType.Add => $"{node.Name} + {NameOf(e.Peer)}",
                PeerEventType.Drop => $"{node.Name} - {NameOf(e.Peer)}: {LogText.Escape(e.Error ?? "")}",
                _ => null,
            };
            if (text is not null)
            {
                AddEvent(text);
            }
        }
    }

    private void AddEvent(string text)
    {
        string line = string.Create(CultureInfo.InvariantCulture, $"{Elapsed.TotalSeconds,6:0.00}s  {text}");
        lock (_gate)
        {
            _events.Enqueue(line);
            if (_events.Count > MaxEvents)
            {
                _events.Dequeue();
            }
        }
    }

    private string NameOf(NodeId id) => _byId.TryGetValue(id, out DemoNode? node) ? node.Name : id.ToShortString();

    /// <summary>The nodes that a message of the first living one would reach.</summary>
    public IReadOnlyCollection<DemoNode> Reached()
    {
        var reached = new List<DemoNode>(_nodes.Where(node => !node.IsKilled).Take(1));
        for (int i = 0; i < reached.Count; i++)
        {
            reached.AddRange(_nodes.Except(reached).Where(reached[i].IsLinkedWith));
        }

        return reached;
    }

    private string? DescribeMissingNodes(int minPeers = 0)
    {
        IReadOnlyCollection<DemoNode> reached = Reached();
        string[] missing = [.. _nodes
            .Where(node => node.Gossip.Links < minPeers || !reached.Contains(node))
            .Select(node => node.IsKilled ? $"{node.Name} was killed" : $"{node.Name} has {node.Gossip.Links} peers")];
        return missing.Length == 0 ? null : string.Join(", ", missing);
    }

    private (long Messages, string? Where) CountMissing()
    {
        long missing = 0;
        string? where = null;
        foreach (DemoNode origin in _nodes)
        {
            ulong published = origin.Gossip.Published;
            foreach (DemoNode node in _nodes)
            {
                if (node != origin && node.Gossip.DeliveredFrom(origin.Id) is var delivered && delivered < published)
                {
                    missing += (long)(published - delivered);
                    where ??= $"{node.Name} has {delivered} of {published} messages of {origin.Name}";
                }
            }
        }

        return (missing, where);
    }
}

/// <summary>The counters of all nodes at one moment.</summary>
internal sealed record DemoTotals(int Connected, int Links, long Published, long Delivered, long Duplicates, long Sent, Latencies Latencies);

/// <summary>One node's part of <see cref="DemoReport"/>.</summary>
internal sealed record DemoNodeReport(string Name, string Id, int Peers, long Published, long Delivered);

/// <summary>What <c>devp2p demo --json</c> prints. Latencies are in milliseconds, from publication to each arrival.</summary>
internal sealed record DemoReport(
    bool Ok, string? Failure, double Seconds, int Nodes, int Connected, int Links, long Published, long Delivered, long Missing,
    long Duplicates, long Sent, LatencyReport LatencyMs, IReadOnlyList<DemoNodeReport> PerNode);
