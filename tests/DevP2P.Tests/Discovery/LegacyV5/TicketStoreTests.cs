using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using DevP2P.Tests.Discovery.Core;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

public sealed class TicketStoreTests
{
    private static readonly Topic A = Topic.FromText("a");
    private static readonly Topic B = Topic.FromText("b");
    private static readonly TimeSpan Start = TimeSpan.FromHours(1);

    private readonly TicketStore _store = new(new SeededRandomSource(1));

    [Fact]
    public void Nothing_is_done_without_topics()
    {
        Assert.Null(_store.NextTimeout);
        Assert.False(_store.TryGetLookup(Start, out _));
        Assert.False(_store.TryGetRegistration(Start, out _));
    }

    [Fact]
    public void Topics_are_as_many_as_fit_a_packet()
    {
        for (int i = 0; i < 10; i++)
        {
            Assert.True(_store.TryAdd(Start, Topic.FromText(new string((char)('a' + i), 64))));
        }

        Assert.False(_store.TryAdd(Start, A));
        Assert.True(_store.TryAdd(Start, Topic.FromText(new string('a', 64))));
        IReadOnlyList<Topic> before = _store.Topics;
        _store.Remove(Topic.FromText(new string('a', 64)));
        Assert.Equal(10, before.Count);
        Assert.Equal(9, _store.Topics.Count);
        for (int i = 0; i < 7; i++)
        {
            Assert.True(_store.TryAdd(Start, Topic.FromText($"{i}")));
        }

        Assert.False(_store.TryAdd(Start, A));
        Assert.Equal(TopicLimits.MaxAdvertisedTopics, _store.Topics.Count);
    }

    [Fact]
    public void The_first_registration_comes_minutes_after_the_start_though_the_radius_is_not_certain()
    {
        // go-ethereum 17501. What keeps it from ever being certain there: lookups that take their time, many nodes that are gone.
        var run = new AdvertiserRun(_store, new NetworkModel(1000, 1, A)) { LookupTime = TimeSpan.FromSeconds(8), AnswerRate = 0.3 };
        Assert.True(_store.TryAdd(run.Now, A));
        run.For(TimeSpan.FromMinutes(4));
        Assert.False(_store.GetRadius(A)!.IsConverged);
        Assert.NotEmpty(run.Registrations);
    }

    [Fact]
    public void It_registers_once_a_minute_in_the_long_run_with_the_nodes_around_the_topic()
    {
        var run = new AdvertiserRun(_store, new NetworkModel(1000, 1, A));
        Assert.True(_store.TryAdd(run.Now, A));
        run.For(TimeSpan.FromHours(2));
        Assert.InRange(run.Registrations.Count, 80, 130);
        Assert.All(run.Registrations, sent => Assert.True(sent.Ticket.RegisterAt <= sent.At && sent.At - sent.Ticket.RegisterAt < TimeSpan.FromSeconds(3)));
        NodeId center = A.ComputeHash();
        HashSet<Node> near = [.. run.Network.Nodes.OrderBy(node => Distance.Leading(node.Id, center)).Take(80)];
        List<Node> later = [.. run.Registrations.Where(sent => sent.At > Start + TimeSpan.FromMinutes(20)).Select(sent => sent.Ticket.Node)];
        Assert.True(later.Count(near.Contains) > 0.9 * later.Count, "it is not advertised around its hash");
        Assert.True(later.Distinct().Count() > 12, "hardly any nodes have it");
        // None twice before it would be accepted.
        Assert.All(run.Registrations.GroupBy(sent => sent.Ticket.Node.Id), group => Assert.All(
            group.Zip(group.Skip(1)), pair => Assert.True(pair.Second.At - pair.First.At >= TopicLimits.RegistrarPause)));
        Assert.True(run.Lookups < 450, $"{run.Lookups} lookups in two hours");
    }

    [Fact]
    public void Every_topic_gets_its_share()
    {
        var run = new AdvertiserRun(_store, new NetworkModel(1000, 2, A));
        Topic[] topics = [A, B, Topic.FromText("c"), Topic.FromText("d")];
        Assert.All(topics, topic => Assert.True(_store.TryAdd(run.Now, topic)));
        run.For(TimeSpan.FromMinutes(40));
        Assert.All(topics, topic => Assert.InRange(run.Registrations.Count(sent => sent.Ticket.Topic.Equals(topic)), 15, 60));
    }

    [Fact]
    public void A_pong_for_other_topics_is_no_ticket()
    {
        Node node = AskSomebody();
        Ticket good = new(0, Topic.HashOf([A]), 1, [60]);
        Assert.False(_store.AddTicket(Start, node, [A], good with { TopicHash = Topic.HashOf([B]) }, []));
        Assert.False(_store.AddTicket(Start, node, [A], good with { WaitPeriods = [] }, []));
        Assert.False(_store.AddTicket(Start, node, [A], good with { WaitPeriods = [60, 60] }, []));
        Assert.Equal(0, _store.TicketCount);
        Assert.True(_store.AddTicket(Start, node, [A], good, [1, 2, 3]));
        Assert.Equal(1, _store.TicketCount);
        Assert.False(_store.TryGetRegistration(Start + TimeSpan.FromSeconds(59), out _));
        Assert.True(_store.TryGetRegistration(Start + TimeSpan.FromSeconds(60), out HeldTicket? held));
        Assert.Equal((node, 0, A), (held.Node, held.Index, held.Topic));
        Assert.Equal([1, 2, 3], held.Pong.ToArray());
        Assert.False(_store.TryGetRegistration(Start + TimeSpan.FromSeconds(60), out _));
    }

    [Fact]
    public void Pongs_that_nobody_waits_for_are_ignored()
    {
        Assert.True(_store.TryAdd(Start, A));
        for (int i = 0; i < 1000; i++)
        {
            Assert.True(_store.AddTicket(Start, TableNodes.NodeOf(i), [A], new Ticket(0, Topic.HashOf([A]), 1, [60]), []));
        }

        Assert.Equal((0, 0), (_store.TicketCount, _store.GetRadius(A)!.SampleCount));
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_a_wait_that_nobody_should_wait_is_not_waited()
    {
        Node node = AskSomebody();
        Assert.True(_store.AddTicket(Start, node, [A], new Ticket(ulong.MaxValue, Topic.HashOf([A]), 1, [uint.MaxValue]), []));
        Assert.Equal(0, _store.TicketCount);
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_one_network_holds_two_of_our_tickets()
    {
        // All of the network is in one /24.
        Node[] sybils = [.. Enumerable.Range(0, 200).Select(i => TableNodes.NodeOf(i, $"99.1.2.{i}"))];
        Assert.True(_store.TryAdd(Start, A));
        TimeSpan now = Start;
        for (int i = 0; i < 60; i++, now += TimeSpan.FromSeconds(2))
        {
            if (!_store.TryGetLookup(now, out TopicLookup? lookup))
            {
                continue;
            }

            foreach (Node node in _store.LookupDone(now, lookup, [.. sybils.OrderBy(node => Distance.Leading(node.Id, lookup.Target)).Take(16)]))
            {
                _store.AddTicket(now, node, [A], new Ticket(0, Topic.HashOf([A]), 1, [600]), []);
            }
        }

        Assert.Equal(2, _store.TicketCount);
    }

    [Fact]
    public void What_is_waited_for_is_bounded_when_nobody_answers()
    {
        var run = new AdvertiserRun(_store, new NetworkModel(3000, 3, A)) { AnswerRate = 0, LookupTime = TimeSpan.Zero };
        Assert.True(_store.TryAdd(run.Now, A));
        int most = 0;
        for (int i = 0; i < 600; i++)
        {
            run.For(TimeSpan.FromSeconds(1));
            most = Math.Max(most, _store.RequestCount);
        }

        Assert.InRange(most, 16, 600);
        Assert.Empty(run.Registrations);
    }

    [Fact]
    public void A_topic_that_is_given_up_leaves_nothing()
    {
        var run = new AdvertiserRun(_store, new NetworkModel(1000, 4, A));
        Assert.True(_store.TryAdd(run.Now, A));
        run.For(TimeSpan.FromMinutes(1));
        Assert.True(_store.TicketCount > 0);
        run.IsStoppedInLookup = () => _store.Remove(A);
        run.For(TimeSpan.FromMinutes(5));
        Assert.Equal(0, _store.TicketCount);
        Assert.Null(_store.NextTimeout);
        Assert.Empty(_store.Topics);
    }

    [Fact]
    public void The_same_seed_does_the_same()
    {
        Assert.Equal(Run(), Run());
        Assert.NotEmpty(Run());

        static List<(TimeSpan, NodeId)> Run()
        {
            var store = new TicketStore(new SeededRandomSource(5));
            var run = new AdvertiserRun(store, new NetworkModel(500, 5, A));
            Assert.True(store.TryAdd(run.Now, A));
            run.For(TimeSpan.FromMinutes(20));
            return [.. run.Registrations.Select(sent => (sent.At, sent.Ticket.Node.Id))];
        }
    }

    /// <summary>A node that was asked for a ticket, not for the radius.</summary>
    private Node AskSomebody()
    {
        Assert.True(_store.TryAdd(Start, A));
        for (TimeSpan now = Start - TimeSpan.FromMinutes(5); ; now += TimeSpan.FromSeconds(2))
        {
            if (_store.TryGetLookup(Start, out TopicLookup? lookup) && _store.LookupDone(now, lookup, lookup.IsForRadius ? [] : [TableNodes.NodeOf(7)]) is [var node])
            {
                return node;
            }
        }
    }

    /// <summary>Runs a store against a network where each node answers pings with a ticket of a minute.</summary>
    private sealed class AdvertiserRun(TicketStore store, NetworkModel network)
    {
        private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(500);

        private readonly Random _random = new(1);
        private (TopicLookup Lookup, TimeSpan EndsAt)? _running;

        public NetworkModel Network => network;

        public TimeSpan Now { get; private set; } = Start;

        public TimeSpan LookupTime { get; init; } = TimeSpan.FromSeconds(1);

        public double AnswerRate { get; init; } = 0.95;

        public Action? IsStoppedInLookup { get; set; }

        public int Lookups { get; private set; }

        public List<(TimeSpan At, HeldTicket Ticket)> Registrations { get; } = [];

        public void For(TimeSpan time)
        {
            for (TimeSpan end = Now + time; Now < end; Now += Step)
            {
                while (store.TryGetRegistration(Now, out HeldTicket? ticket))
                {
                    Registrations.Add((Now, ticket));
                }

                if (store.TryGetLookup(Now, out TopicLookup? lookup))
                {
                    Assert.Null(_running);
                    _running = (lookup, Now + LookupTime);
                    Lookups++;
                    IsStoppedInLookup?.Invoke();
                }

                Assert.True(store.NextTimeout is not { } next || next > Now, "there is nothing to do at the time that it says");
                if (_running is { } running && running.EndsAt <= Now)
                {
                    _running = null;
                    foreach (Node node in store.LookupDone(Now, running.Lookup, network.Find(running.Lookup.Target)))
                    {
                        if (_random.NextDouble() < AnswerRate)
                        {
                            IReadOnlyList<Topic> topics = store.Topics;
                            Assert.True(store.AddTicket(
                                Now, node, topics, new Ticket(0, Topic.HashOf(topics), 1, [.. topics.Select(_ => 60U)]), [1]));
                        }
                    }
                }
            }
        }
    }
}
