using System.Runtime.InteropServices;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>
/// A network of nodes that find each other by discovery v4 or v5.1: in one thread, with virtual time, repeatable byte for byte. The
/// nodes are the state machines that the library itself runs on its socket; what is simulated is the network between them, and
/// cryptography, which is left out unless it is wanted. Nothing is sent anywhere.
/// </summary>
/// <remarks>Go: what <c>p2p/simulations</c> was for; there, nodes run in real time.</remarks>
public sealed class DiscoverySimulation
{
    /// <summary>What <see cref="DiscoverySimulationOptions.Churn"/> refers to.</summary>
    internal static readonly TimeSpan ChurnPeriod = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan s_reportInterval = TimeSpan.FromMinutes(1);

    /// <summary>After how many events the caller may cancel: seldom enough to cost nothing.</summary>
    private const int EventsPerCancellationCheck = 4096;

    // Both clocks begin at a plausible moment, so that no machine sees times before zero.
    private static readonly Timestamp s_start = new(TimeSpan.FromHours(100), DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));

    private readonly DiscoverySimulationOptions _options;
    private readonly Action<DiscoverySimulationProgress>? _progress;
    private readonly SimulationRandom _random;
    private readonly Wire _wire;
    private readonly EventQueue _events = new();
    private readonly List<SimulatedNode?> _nodes = [];
    private readonly List<SimulatedNode> _live = [];
    private readonly RecordCache _records = new(places: 1 << 16);
    private readonly Queue<Output> _outputs = [];
    private readonly List<Node> _bootstrap = [];
    private readonly LookupTally _lookups = new();
    private readonly TraceHash _trace = new();
    private Timestamp _now = s_start;
    private long _handled;
    private int _left;

    private DiscoverySimulation(DiscoverySimulationOptions options, Action<DiscoverySimulationProgress>? progress)
    {
        _options = options;
        _progress = progress;
        _random = new SimulationRandom(options.Seed, -1);
        _wire = new Wire(options);
    }

    private TimeSpan Elapsed => _now - s_start;

    /// <summary>Simulates a network from its first node to the end of the time. Takes one thread as long as it needs.</summary>
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
        using (simulation._trace)
        {
            simulation.Plan();
            return simulation.Run(cancellationToken);
        }
    }

    /// <summary>What is certain from the start.</summary>
    private void Plan()
    {
        TimeSpan joinPeriod = _options.EffectiveJoinPeriod;
        for (int i = 0; i < _options.Nodes; i++)
        {
            // All bootstrap nodes are there at once, the others come one after the other.
            Schedule(i < _options.BootstrapNodes ? TimeSpan.Zero : joinPeriod * ((double)i / _options.Nodes), new Event(EventKind.Join));
        }

        int replaced = (int)(_options.Churn * _options.Nodes * ((_options.Duration - joinPeriod) / ChurnPeriod));
        for (int i = 0; i < replaced; i++)
        {
            Schedule(joinPeriod + ((_options.Duration - joinPeriod) * _random.NextDouble()), new Event(EventKind.Leave));
        }

        TimeSpan firstLookup = _options.Duration * (2.0 / 3);
        for (int i = 0; i < _options.Lookups; i++)
        {
            // The last one has the time to end.
            Schedule(firstLookup + ((_options.Duration - firstLookup) * 0.9 * i / _options.Lookups), new Event(EventKind.Lookup));
        }

        for (TimeSpan at = s_reportInterval; at < _options.Duration; at += s_reportInterval)
        {
            Schedule(at, new Event(EventKind.Report));
        }
    }

    private DiscoverySimulationReport Run(CancellationToken cancellationToken)
    {
        long end = _options.Duration.Ticks;
        int untilCheck = 0;
        while (_events.TryTake(end, out Event @event, out long ticks))
        {
            if (--untilCheck < 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                untilCheck = EventsPerCancellationCheck;
            }

            _now = s_start + TimeSpan.FromTicks(ticks);
            Handle(@event, ticks);
        }

        _now = s_start + _options.Duration;
        DiscoverySimulationProgress final = Look();
        _progress?.Invoke(final);
        return new DiscoverySimulationReport
        {
            TraceHash = _trace.Finish(),
            Final = final,
            NodesJoined = _nodes.Count,
            NodesLeft = _left,
            Lookups = _lookups.Count,
            LookupSuccess = _lookups.MeanSuccess,
            WorstLookupSuccess = _lookups.WorstSuccess,
            MeanHops = _lookups.MeanHops,
            MeanQueries = _lookups.MeanQueries,
            MeanLookupTime = _lookups.MeanTime,
            PacketsSent = _wire.Sent,
            PacketsLost = _wire.Lost,
            BytesSent = _wire.Bytes,
        };
    }

    private void Handle(in Event @event, long ticks)
    {
        switch (@event.Kind)
        {
            case EventKind.Packet:
                Deliver(@event);
                break;
            case EventKind.Timer when @event.Source is { IsLive: true } node && node.WakesAt == ticks:
                Wake(node);
                break;
            case EventKind.Join:
                Join();
                break;
            case EventKind.Leave:
                Replace();
                break;
            case EventKind.Lookup:
                StartLookup();
                break;
            case EventKind.Report:
                _progress?.Invoke(Look());
                break;
        }
    }

    private void Deliver(in Event @event)
    {
        SimulatedNode sender = @event.Source!;
        Record(sender.Index, @event.Target, @event.Datagram.Span);
        if (GetLive(@event.Target) is { } node)
        {
            node.Receive(_now, sender, MemoryMarshal.AsMemory(@event.Datagram));
            Drain(node);
        }
    }

    private void Wake(SimulatedNode node)
    {
        node.WakesAt = long.MaxValue;
        // What it was to wake for may have been settled in the meantime.
        if (node.Machine.NextTimeout <= _now.Monotonic)
        {
            Record(node.Index, node.Index, default);
            node.Machine.HandleTimeout(_now);
        }

        Drain(node);
    }

    private void Join()
    {
        SimulatedNode node = CreateNode(_nodes.Count);
        node.Place = _live.Count;
        _nodes.Add(node);
        _live.Add(node);
        if (_bootstrap.Count < _options.BootstrapNodes)
        {
            // The machines share the list: the first ones learn of the others this way.
            _bootstrap.Add(node.Machine.Local.Node);
        }

        Record(node.Index, node.Index, node.PublicKey.Bytes);
        node.Machine.HandleTimeout(_now);
        Drain(node);
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

        Record(node.Index, -1, default);
        SimulatedNode last = _live[^1];
        (_live[node.Place], last.Place) = (last, node.Place);
        _live.RemoveAt(_live.Count - 1);
        node.IsLive = false;
        _nodes[node.Index] = null;
        _left++;
        Join();
    }

    private void StartLookup()
    {
        if (_live.Count == 0)
        {
            return;
        }

        SimulatedNode node = _live[_random.Next(_live.Count)];
        Span<byte> random = stackalloc byte[64];
        _random.Fill(random);
        Record(node.Index, node.Index, random);
        long id = node.StartLookup(_now, random, out NodeId target);
        _lookups.Started(node, id, target, _now.Monotonic);
        Drain(node);
    }

    /// <summary>Takes what a machine has to say, and sees to it that it wakes in time.</summary>
    private void Drain(SimulatedNode node)
    {
        node.SendWaiting(this);
        while (node.Machine.TryDequeue(out Output? output))
        {
            switch (output)
            {
                case SeedsWanted:
                    node.Machine.AddSeeds(_now, []);
                    break;
                case LookupDone done:
                    _lookups.Ended(node, done, _now.Monotonic, _live);
                    break;
                case Initialized:
                    node.IsInitialized = true;
                    break;
                default:
                    node.Take(_now, output, this);
                    break;
            }
        }

        node.SendWaiting(this);

        if (node.Machine.NextTimeout is { } next)
        {
            long ticks = Math.Max(Elapsed.Ticks, (next - s_start.Monotonic).Ticks);
            if (ticks < node.WakesAt)
            {
                node.WakesAt = ticks;
                Schedule(TimeSpan.FromTicks(ticks), new Event(EventKind.Timer, node));
            }
        }
    }

    /// <summary>A node sends a datagram, whose bytes nobody else changes from now on.</summary>
    internal void Send(SimulatedNode node, int target, ReadOnlyMemory<byte> datagram)
    {
        if (_wire.Send(node.Index, target, datagram.Length) is { } latency)
        {
            Schedule(Elapsed + latency, new Event(EventKind.Packet, node, target, datagram));
        }
    }

    private SimulatedNode CreateNode(int index)
    {
        var random = new SimulationRandom(_options.Seed, index);
        return _options.Protocol == SimulatedProtocol.DiscoveryV5
            ? new SimulatedV5Node(index, _options, random, _bootstrap, _now, _records, _outputs)
            : new SimulatedV4Node(index, _options, random, _bootstrap, _now, FindKnown, _outputs);
    }

    private void Schedule(TimeSpan at, in Event @event) => _events.Add(at.Ticks, @event);

    private void Record(int source, int destination, ReadOnlySpan<byte> bytes)
    {
        _handled++;
        _trace.Add(Elapsed, source, destination, bytes);
    }

    /// <summary>The one object for a node that packets of v4 describe; null for a description of none.</summary>
    private Node? FindKnown(Endpoint endpoint, ReadOnlySpan<byte> key)
    {
        int index = endpoint.Address is { } address ? Wire.GetNode(address, endpoint.UdpPort) : -1;
        return GetLive(index) is SimulatedV4Node { Announced: { } node }
            && node.TcpPort == endpoint.TcpPort && node.PublicKey.Bytes.SequenceEqual(key) ? node : null;
    }

    private SimulatedNode? GetLive(int index) => (uint)index < (uint)_nodes.Count ? _nodes[index] : null;

    private DiscoverySimulationProgress Look()
    {
        double mean = _live.Average(node => (double)node.Machine.Table.Count);
        return new DiscoverySimulationProgress(
            Elapsed, _live.Count, mean, mean / GroundTruth.GetMeanFullTable(_live), _live.Count(node => node.IsInitialized), _handled);
    }
}
