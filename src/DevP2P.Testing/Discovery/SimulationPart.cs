using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;

namespace DevP2P.Testing.Discovery;

/// <summary>
/// A part of the network: some of the nodes, and what is to happen to them. One thread at a time; different parts may run at the
/// same time for less than the least latency, as nothing that one does reaches another before.
/// </summary>
/// <param name="network">The network.</param>
internal sealed class SimulationPart(DiscoverySimulation network)
{
    private readonly EventQueue _events = new();

    // Datagrams for each part, this one excepted. Two of each: what was sent in one window is fetched in the next.
    private readonly List<(EventTime Time, Event Event)>[,] _outgoing = CreateOutgoing(network.PartCount);
    private long _window;

    /// <summary>Where the outputs of all its nodes wait; drained after each event.</summary>
    public Queue<Output> Outputs { get; } = [];

    /// <summary>The records that its nodes know.</summary>
    public RecordCache Records { get; } = new(places: 1 << 16);

    /// <summary>The lookups that have ended and were not counted yet.</summary>
    public List<EndedLookup> EndedLookups { get; } = [];

    public long Handled { get; private set; }

    public long PacketsSent { get; private set; }

    public long PacketsLost { get; private set; }

    public long BytesSent { get; private set; }

    /// <summary>Lets all happen to its nodes that happens before a time.</summary>
    /// <param name="number">Which part this is.</param>
    /// <param name="window">The how-manieth call this is, the same for all parts.</param>
    /// <param name="end">The time, in ticks since the start.</param>
    public void Run(int number, long window, long end)
    {
        _window = window;
        for (int i = 0; i < network.PartCount; i++)
        {
            List<(EventTime Time, Event Event)> incoming = network.GetPart(i)._outgoing[(window - 1) & 1, number];
            foreach ((EventTime time, Event @event) in incoming)
            {
                _events.Add(time, @event);
            }

            incoming.Clear();
        }

        while (_events.TryTake(end, out Event @event, out long ticks))
        {
            Timestamp now = DiscoverySimulation.GetTime(ticks);
            if (@event.Content is not null)
            {
                Deliver(now, ticks, @event);
            }
            else if (@event.Source is { IsLive: true } node && node.WakesAt == ticks)
            {
                node.WakesAt = long.MaxValue;
                // What it was to wake for may have been settled in the meantime.
                if (node.TimeoutAt <= ticks)
                {
                    Wake(now, ticks, node);
                }
                else
                {
                    ScheduleWake(node);
                }
            }
        }
    }

    /// <summary>Takes what a machine has to say, and sees to it that it wakes in time.</summary>
    public void Drain(Timestamp now, SimulatedNode node)
    {
        node.SendWaiting(now);
        while (node.Machine.TryDequeue(out Output? output))
        {
            switch (output)
            {
                case SeedsWanted:
                    node.Machine.AddSeeds(now, []);
                    break;
                case LookupDone done:
                    EndedLookups.Add(new EndedLookup(now.Monotonic, node, done));
                    break;
                case Initialized:
                    node.IsInitialized = true;
                    break;
                default:
                    node.Take(now, output);
                    break;
            }
        }

        node.SendWaiting(now);
        node.TimeoutAt = node.Machine.NextTimeout is { } next
            ? Math.Max(DiscoverySimulation.GetTicks(now), DiscoverySimulation.GetTicks(next))
            : long.MaxValue;
        ScheduleWake(node);
    }

    /// <summary>A node of this part sends a datagram, which nobody else changes from now on.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node.</param>
    /// <param name="target">Where to; may be no node at all.</param>
    /// <param name="length">The datagram's length in bytes.</param>
    /// <param name="content">The datagram.</param>
    public void Send(Timestamp now, SimulatedNode node, int target, int length, object content)
    {
        PacketsSent++;
        BytesSent += length;
        if (network.Wire.Send(node.Index, node.Sent++, target) is not { } latency)
        {
            PacketsLost++;
            return;
        }

        EventTime time = node.At(DiscoverySimulation.GetTicks(now) + latency);
        var @event = new Event(node, target, content);
        int part = network.GetPartNumber(target);
        if (network.GetPart(part) == this)
        {
            _events.Add(time, @event);
        }
        else
        {
            _outgoing[_window & 1, part].Add((time, @event));
        }
    }

    private void Deliver(Timestamp now, long ticks, in Event @event)
    {
        Handled++;
        if (network.GetLive(@event.Target) is { } node)
        {
            ulong content = node.Receive(now, @event.Source, @event.Content!);
            node.Trace.Add(ticks, @event.Source.Index, content);
            Drain(now, node);
        }
    }

    private void Wake(Timestamp now, long ticks, SimulatedNode node)
    {
        Handled++;
        node.Trace.Add(ticks, node.Index, 0);
        node.Machine.HandleTimeout(now);
        Drain(now, node);
    }

    /// <summary>Sees to it that a node wakes in time for its timeout, unless it does already.</summary>
    private void ScheduleWake(SimulatedNode node)
    {
        if (node.TimeoutAt < node.WakesAt)
        {
            node.WakesAt = node.TimeoutAt;
            _events.Add(node.At(node.WakesAt), new Event(node, -1, null));
        }
    }

    private static List<(EventTime, Event)>[,] CreateOutgoing(int parts)
    {
        var outgoing = new List<(EventTime, Event)>[2, parts];
        for (int i = 0; i < parts; i++)
        {
            (outgoing[0, i], outgoing[1, i]) = ([], []);
        }

        return outgoing;
    }
}

/// <summary>A lookup that has ended.</summary>
/// <param name="At">When.</param>
/// <param name="Node">Whose it was.</param>
/// <param name="Done">What came of it.</param>
internal readonly record struct EndedLookup(TimeSpan At, SimulatedNode Node, LookupDone Done);
