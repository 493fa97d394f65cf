using System.Security.Cryptography;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>
/// A network of nodes that find each other by discovery v4, v5.1 or the topic discovery of old: in virtual time, repeatable in every detail. The nodes are the
/// state machines that the library itself runs on its socket; what is simulated is the network between them, and cryptography,
/// which is left out unless it is wanted. Nothing is sent anywhere.
/// </summary>
/// <remarks>
/// <para>Go: what <c>p2p/simulations</c> was for; there, nodes run in real time.</para>
/// <para>
/// Large networks are divided into parts, one for each thread. All parts run for one window of time, which is no longer than the
/// least latency, and thus cannot reach each other within it; then they exchange what they have sent. What happens to the network
/// as a whole happens between two windows. The result does not depend on the number of parts.
/// </para>
/// </remarks>
public sealed class DiscoverySimulation
{
    /// <summary>What <see cref="DiscoverySimulationOptions.Churn"/> refers to.</summary>
    internal static readonly TimeSpan ChurnPeriod = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan s_reportInterval = TimeSpan.FromMinutes(1);

    /// <summary>A longer time without network events is divided, so that the caller can cancel.</summary>
    private static readonly TimeSpan s_longestRun = TimeSpan.FromSeconds(1);

    // Both clocks begin at a plausible moment, so that no machine sees times before zero.
    private static readonly Timestamp s_start = new(TimeSpan.FromHours(100), DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));

    private readonly DiscoverySimulationOptions _options;
    private readonly Action<DiscoverySimulationProgress>? _progress;
    private readonly SimulationRandom _random;
    private readonly SimulationPart[] _parts;
    private readonly PriorityQueue<NetworkEvent, EventTime> _events = new();
    private readonly List<SimulatedNode?> _nodes = [];

    // What packets say of each, beside one another: an answer names sixteen.
    private readonly List<Node?> _announced = [];
    private readonly List<SimulatedNode> _live = [];
    private readonly List<Node> _bootstrap = [];
    private readonly LookupTally _lookups = new();
    private readonly TopicPlan? _topics;
    private readonly byte[] _traces;
    private long _now;
    private int _left;

    private DiscoverySimulation(DiscoverySimulationOptions options, Action<DiscoverySimulationProgress>? progress)
    {
        _options = options;
        _progress = progress;
        _random = new SimulationRandom(options.Seed, -1);
        _topics = options.Protocol == SimulatedProtocol.LegacyTopics ? new TopicPlan(options) : null;
        Wire = new Wire(options);
        _parts = new SimulationPart[options.EffectiveThreads];
        for (int i = 0; i < _parts.Length; i++)
        {
            _parts[i] = new SimulationPart(this);
        }

        _traces = new byte[options.TotalNodes * TraceHash.Size];
    }

    /// <summary>How many parts there are.</summary>
    internal int PartCount => _parts.Length;

    internal Wire Wire { get; }

    /// <summary>Simulates a network from its first node to the end of the time.</summary>
    /// <param name="options">The network.</param>
    /// <param name="progress">Told after each virtual minute, in the calling thread; may be null.</param>
    /// <param name="cancellationToken">Stops early.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    /// <exception cref="OperationCanceledException">Stopped early.</exception>
    public static DiscoverySimulationReport Run(
        DiscoverySimulationOptions options,
        Action<DiscoverySimulationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var simulation = new DiscoverySimulation(options, progress);
        simulation.Plan();
        return simulation.Run(cancellationToken);
    }

    /// <summary>A part of a network without nodes.</summary>
    internal static SimulationPart CreatePart() => new DiscoverySimulation(new DiscoverySimulationOptions { Threads = 1 }, null).GetPart(0);

    internal static Timestamp GetTime(long ticks) => s_start + TimeSpan.FromTicks(ticks);

    internal static long GetTicks(Timestamp now) => (now - s_start).Ticks;

    /// <summary>The same of a moment on the monotonic clock.</summary>
    internal static long GetTicks(TimeSpan monotonic) => (monotonic - s_start.Monotonic).Ticks;

    internal SimulationPart GetPart(int number) => _parts[number];

    internal int GetPartNumber(int node) => (int)((uint)node % (uint)_parts.Length);

    internal SimulatedNode? GetLive(int index) => (uint)index < (uint)_nodes.Count ? _nodes[index] : null;

    /// <summary>What is certain from the start.</summary>
    private void Plan()
    {
        TimeSpan joinPeriod = _options.EffectiveJoinPeriod;
        for (int i = 0; i < _options.Nodes; i++)
        {
            // All bootstrap nodes are there at once, the others come one after the other.
            Schedule(i < _options.BootstrapNodes ? TimeSpan.Zero : joinPeriod * ((double)i / _options.Nodes), NetworkEvent.Join);
        }

        for (int i = 0; i < _options.ReplacedNodes; i++)
        {
            Schedule(joinPeriod + ((_options.Duration - joinPeriod) * _random.NextDouble()), NetworkEvent.Leave);
        }

        TimeSpan firstLookup = _options.Duration * (2.0 / 3);
        for (int i = 0; i < _options.Lookups; i++)
        {
            // The last one has the time to end.
            Schedule(firstLookup + ((_options.Duration - firstLookup) * 0.9 * i / _options.Lookups), NetworkEvent.Lookup);
        }

        if (_topics is not null)
        {
            for (int i = 0; i < _options.Nodes; i++)
            {
                Schedule((joinPeriod * ((double)i / _options.Nodes)) + TopicPlan.AdvertiseAfter, NetworkEvent.Advertise);
            }

            for (int i = 0; i < _options.Searchers; i++)
            {
                Schedule(joinPeriod + TopicPlan.GetSearchStart(i), NetworkEvent.Search);
            }
        }

        for (TimeSpan at = s_reportInterval; at < _options.Duration; at += s_reportInterval)
        {
            Schedule(at, NetworkEvent.Report);
        }
    }

    private DiscoverySimulationReport Run(CancellationToken cancellationToken)
    {
        long end = _options.Duration.Ticks;
        long window = _parts.Length > 1 ? _options.MinLatency.Ticks : s_longestRun.Ticks;
        using var runner = new SimulationRunner(_parts);
        while (_now < end)
        {
            cancellationToken.ThrowIfCancellationRequested();
            HandleNetworkEvents();
            long next = Math.Min(_events.TryPeek(out _, out EventTime time) ? time.Ticks : end, _now + s_longestRun.Ticks);
            next = Math.Min(next, end);
            runner.Run(_now, next, window);
            _now = next;
            CountLookups();
        }

        DiscoverySimulationProgress final = Look();
        _progress?.Invoke(final);
        return new DiscoverySimulationReport
        {
            TraceHash = GetTraceHash(),
            Final = final,
            NodesJoined = _nodes.Count,
            NodesLeft = _left,
            Lookups = _lookups.Count,
            LookupSuccess = _lookups.MeanSuccess,
            WorstLookupSuccess = _lookups.WorstSuccess,
            MeanHops = _lookups.MeanHops,
            MeanQueries = _lookups.MeanQueries,
            MeanLookupTime = _lookups.MeanTime,
            PacketsSent = _parts.Sum(static part => part.PacketsSent),
            PacketsLost = _parts.Sum(static part => part.PacketsLost),
            BytesSent = _parts.Sum(static part => part.BytesSent),
            Topics = _topics is null ? null : TopicPlan.GetReport(_live),
        };
    }

    /// <summary>Does what is due by now.</summary>
    private void HandleNetworkEvents()
    {
        while (_events.TryPeek(out NetworkEvent @event, out EventTime time) && time.Ticks <= _now)
        {
            _events.Dequeue();
            switch (@event)
            {
                case NetworkEvent.Join:
                    Join();
                    break;
                case NetworkEvent.Leave:
                    Replace();
                    break;
                case NetworkEvent.Lookup:
                    StartLookup();
                    break;
                case NetworkEvent.Advertise:
                    Do(_topics!.Advertise(GetTime(_now), _live));
                    break;
                case NetworkEvent.Search:
                    Do(_topics!.Search(GetTime(_now), _live));
                    break;
                case NetworkEvent.Report:
                    _progress?.Invoke(Look());
                    break;
            }
        }
    }

    private void Join()
    {
        Timestamp now = GetTime(_now);
        SimulatedNode node = CreateNode(_nodes.Count, now);
        node.Place = _live.Count;
        _nodes.Add(node);
        _announced.Add(node.Announced);
        _live.Add(node);
        if (_bootstrap.Count < _options.BootstrapNodes)
        {
            // The machines share the list: the first ones learn of the others this way.
            _bootstrap.Add(node.Machine.Local.Node);
        }

        node.Trace.Add(_now, node.Index, TraceHash.Digest(node.PublicKey.Bytes));
        node.Machine.HandleTimeout(now);
        node.Part.Drain(now, node);
    }

    /// <summary>A node vanishes, another one comes.</summary>
    private void Replace()
    {
        if (_live.Count <= _options.BootstrapNodes)
        {
            return;
        }

        SimulatedNode node;
        do
        {
            node = _live[_random.Next(_live.Count)];
        }
        while (node.Index < _options.BootstrapNodes);

        SimulatedNode last = _live[^1];
        (_live[node.Place], last.Place) = (last, node.Place);
        _live.RemoveAt(_live.Count - 1);
        node.IsLive = false;
        KeepTrace(node);
        (_nodes[node.Index], _announced[node.Index]) = (null, null);
        _left++;
        Join();
    }

    private void StartLookup()
    {
        if (_live.Count == 0)
        {
            return;
        }

        Timestamp now = GetTime(_now);
        SimulatedNode node = _live[_random.Next(_live.Count)];
        Span<byte> random = stackalloc byte[64];
        _random.Fill(random);
        node.Trace.Add(_now, node.Index, TraceHash.Digest(random));
        long id = node.StartLookup(now, random, out NodeId target);
        _lookups.Started(node, id, target, now.Monotonic);
        node.Part.Drain(now, node);
    }

    /// <summary>Lets out what a command has made of a node; null for none.</summary>
    private void Do(SimulatedNode? node)
    {
        if (node is not null)
        {
            node.Trace.Add(_now, node.Index, 0);
            node.Part.Drain(GetTime(_now), node);
        }
    }

    /// <summary>Compares with the truth what has ended in a run of the parts, in the course of which nobody came and nobody left.</summary>
    private void CountLookups()
    {
        if (!Array.Exists(_parts, static part => part.EndedLookups.Count > 0))
        {
            return;
        }

        foreach (EndedLookup ended in _parts.SelectMany(static part => part.EndedLookups).OrderBy(static e => (e.At, e.Node.Index, e.Done.Id)))
        {
            _lookups.Ended(ended.Node, ended.Done, ended.At, _live);
        }

        Array.ForEach(_parts, static part => part.EndedLookups.Clear());
    }

    private SimulatedNode CreateNode(int index, Timestamp now)
    {
        var random = new SimulationRandom(_options.Seed, index);
        SimulationPart part = _parts[GetPartNumber(index)];
        return _options.Protocol switch
        {
            SimulatedProtocol.DiscoveryV5 => new SimulatedV5Node(index, _options, random, _bootstrap, part, now),
            SimulatedProtocol.LegacyTopics => new SimulatedLegacyNode(index, _options, random, _bootstrap, part, now, FindKnown),
            _ => new SimulatedV4Node(index, _options, random, _bootstrap, part, now, FindKnown),
        };
    }

    private void Schedule(TimeSpan at, NetworkEvent @event) => _events.Enqueue(@event, new EventTime(at.Ticks, _events.Count));

    /// <summary>The one object for a node that packets describe; null for a description of none.</summary>
    private Node? FindKnown(Endpoint endpoint, ReadOnlyMemory<byte> key)
    {
        int index = endpoint.Address is { } address ? Wire.GetNode(address, endpoint.UdpPort) : -1;
        return (uint)index < (uint)_announced.Count && _announced[index] is { } node && node.TcpPort == endpoint.TcpPort
            && (node.PublicKey.Memory.Equals(key) || node.PublicKey.Bytes.SequenceEqual(key.Span)) ? node : null;
    }

    private DiscoverySimulationProgress Look()
    {
        double mean = _live.Average(node => (double)node.Machine.Table.Count);
        return new DiscoverySimulationProgress(
            TimeSpan.FromTicks(_now), _live.Count, mean, mean / GroundTruth.GetMeanFullTable(_live), _live.Count(node => node.IsInitialized), _parts.Sum(static part => part.Handled));
    }

    private void KeepTrace(SimulatedNode node) => node.Trace.CopyTo(_traces.AsSpan(node.Index * TraceHash.Size));

    private string GetTraceHash()
    {
        _live.ForEach(KeepTrace);
        return Convert.ToHexStringLower(SHA256.HashData(_traces));
    }
}
