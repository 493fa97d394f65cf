using System.Net;
using CsCheck;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using DevP2P.Tests.Discovery.Core;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

public sealed class TopicTableTests
{
    private static readonly Topic A = Topic.FromText("a");
    private static readonly Topic B = Topic.FromText("b");
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly TopicTable _table = new(TableNodes.Start, new SeededRandomSource(1));
    private TimeSpan _now = TableNodes.Start.Monotonic;

    [Fact]
    public void A_node_registers_after_the_wait_that_its_ticket_says_and_is_found()
    {
        Node node = TableNodes.NodeOf(1);
        Ticket ticket = _table.GetTicket(_now, node, [A, B]);
        Assert.Equal([60U, 60U], ticket.WaitPeriods);
        Assert.Equal(Topic.HashOf([A, B]), ticket.TopicHash);
        _now += 60 * Second;
        Assert.Equal(TicketUse.Registered, _table.UseTicket(_now, node, ticket, [A, B], 1));
        Assert.Equal([node], _table.GetEntries(_now, B, 10));
        Assert.Empty(_table.GetEntries(_now, A, 10));
        Assert.Equal(1, _table.Count);
    }

    [Fact]
    public void The_pong_of_a_ticket_has_not_expired_when_it_is_sent()
    {
        // go-ethereum looks at it only as its issuer; others may take it for what it says it is.
        DateTimeOffset sent = TableNodes.Start.Utc + (_now - TableNodes.Start.Monotonic);
        Assert.Equal(sent.ToUnixTimeSeconds() + 20, (long)_table.GetTicket(_now, TableNodes.NodeOf(1), []).Expiration);
    }

    [Theory]
    [InlineData(58, false)]
    [InlineData(59, true)]
    [InlineData(71, true)]
    [InlineData(72, false)]
    [Trait("Threat", "T20")]
    public void A_ticket_has_a_window(int seconds, bool isOpen)
    {
        Node node = TableNodes.NodeOf(1);
        Ticket ticket = _table.GetTicket(_now, node, [A]);
        TicketUse use = _table.UseTicket(_now + (seconds * Second), node, ticket, [A], 0);
        Assert.Equal(isOpen ? TicketUse.Registered : TicketUse.OutsideWindow, use);
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_a_ticket_serves_nobody_else_and_nothing_else()
    {
        Node node = TableNodes.NodeOf(1);
        Ticket ticket = _table.GetTicket(_now, node, [A, B]);
        _now += 60 * Second;
        Assert.Equal(TicketUse.Invalid, Use(TableNodes.NodeOf(2), ticket, [A, B], 0));
        Assert.Equal(TicketUse.Invalid, Use(TableNodes.NodeOf(1, "99.1.2.3"), ticket, [A, B], 0));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket, [A, Topic.FromText("c")], 1));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket, [B, A], 0));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket, [A], 0));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket, [A, B], 2));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket, [A, B], -1));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket, [A, B], int.MinValue));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket with { Serial = ticket.Serial + 1 }, [A, B], 0));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket with { Expiration = ticket.Expiration - 1 }, [A, B], 0));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket with { Expiration = ulong.MaxValue }, [A, B], 0));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket with { WaitPeriods = [0, 0] }, [A, B], 0));
        Assert.Equal(TicketUse.Invalid, Use(node, ticket with { WaitPeriods = new uint[10_000] }, [A, B], 0));
        Assert.Equal(TicketUse.Invalid, new TopicTable(TableNodes.Start, new SeededRandomSource(2)).UseTicket(_now, node, ticket, [A, B], 0));
        Assert.Equal((0, 0, 0), (_table.Count, _table.TopicCount, _table.RegistrantCount));
        Assert.Equal(TicketUse.Registered, Use(node, ticket, [A, B], 0));
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_a_ticket_is_used_once_for_each_of_its_topics()
    {
        Node node = TableNodes.NodeOf(1);
        Ticket ticket = _table.GetTicket(_now, node, [A, B]);
        _now += 60 * Second;
        Assert.Equal(TicketUse.Registered, Use(node, ticket, [A, B], 0));
        Assert.Equal(TicketUse.Used, Use(node, ticket, [A, B], 0));
        Assert.Equal(TicketUse.Registered, Use(node, ticket, [A, B], 1));
        _now += 5 * Second;
        Assert.Equal(TicketUse.Used, Use(node, ticket, [A, B], 0));
        Assert.Equal(TicketUse.Used, Use(node, ticket, [A, B], 1));
        Assert.Equal(2, _table.Count);
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_of_the_tickets_that_a_node_hoards_one_is_used_in_ten_minutes_on_average()
    {
        int used = 0;
        for (int number = 0; number < 50; number++)
        {
            var table = new TopicTable(TableNodes.Start, new SeededRandomSource(number));
            Node node = TableNodes.NodeOf(number);
            // A ticket every second for an hour, each used at its time.
            var tickets = new Queue<Ticket>();
            for (int second = 0; second < 3660; second++)
            {
                TimeSpan now = TableNodes.Start.Monotonic + (second * Second);
                tickets.Enqueue(table.GetTicket(now, node, [A]));
                if (second >= 60 && table.UseTicket(now, node, tickets.Dequeue(), [A], 0) is TicketUse.Registered or TicketUse.Prolonged)
                {
                    used++;
                }
            }

            Assert.Equal(1, table.Count);
        }

        Assert.InRange(used / 50.0, 4, 10);
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void An_older_ticket_than_the_last_is_over()
    {
        Node node = TableNodes.NodeOf(1);
        Ticket first = _table.GetTicket(_now, node, [A]);
        _now += 2 * Second;
        Ticket second = _table.GetTicket(_now, node, [A]);
        _now += 60 * Second;
        Assert.Equal(TicketUse.Registered, Use(node, second, [A], 0));
        Assert.Equal(TicketUse.Used, Use(node, first, [A], 0));
    }

    [Fact]
    public void Entries_last_an_hour_unless_prolonged_and_then_nothing_is_left()
    {
        Node node = TableNodes.NodeOf(1);
        Register(node, A);
        TimeSpan end = _now + TopicLimits.EntryLifetime;
        Assert.Single(_table.GetEntries(end - Second, A, 10));
        Assert.Empty(_table.GetEntries(end, A, 10));
        _ = _table.GetTicket(end + TimeSpan.FromHours(1), node, []);
        _ = _table.GetTicket(end + TimeSpan.FromHours(2), node, []);
        Assert.Equal((0, 0, 0), (_table.Count, _table.TopicCount, _table.RegistrantCount));
    }

    [Fact]
    public void Registering_again_prolongs_the_entry_and_keeps_its_place()
    {
        Register(TableNodes.NodeOf(1), A);
        RegisterAll(2, TopicLimits.MaxEntriesPerTopic - 1, Second);
        _now += TimeSpan.FromMinutes(50);
        Assert.Equal(TicketUse.Prolonged, Register(TableNodes.NodeOf(1), A));
        Assert.Equal(TicketUse.Registered, Register(TableNodes.NodeOf(1000), A));
        List<Node> entries = _table.GetEntries(_now, A, 100);
        Assert.Equal(TopicLimits.MaxEntriesPerTopic, entries.Count);
        Assert.DoesNotContain(TableNodes.NodeOf(1), entries);
        Assert.Contains(TableNodes.NodeOf(1000), entries);
    }

    [Fact]
    public void Answers_are_random_and_no_longer_than_wanted()
    {
        RegisterAll(0, 40, Second);
        var seen = new HashSet<NodeId>();
        for (int i = 0; i < 60; i++)
        {
            List<Node> some = _table.GetEntries(_now, A, 10);
            Assert.Equal(10, some.Select(node => node.Id).Distinct().Count());
            seen.UnionWith(some.Select(node => node.Id));
        }

        Assert.Equal(40, seen.Count);
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void A_node_has_eight_topics_and_the_ninth_takes_the_place_of_its_first()
    {
        Node node = TableNodes.NodeOf(1);
        Topic[] topics = [.. Enumerable.Range(0, 9).Select(i => Topic.FromText($"t{i}"))];
        Ticket ticket = _table.GetTicket(_now, node, topics);
        _now += 60 * Second;
        for (int i = 0; i < topics.Length; i++)
        {
            Assert.Equal(TicketUse.Registered, Use(node, ticket, topics, i));
        }

        Assert.Equal(8, _table.Count);
        Assert.Empty(_table.GetEntries(_now, topics[0], 10));
        Assert.All(topics[1..], topic => Assert.Single(_table.GetEntries(_now, topic, 10)));
    }

    [Fact]
    public void When_all_is_full_the_topic_goes_that_nobody_asks_for()
    {
        Topic wanted = Topic.FromText("wanted");
        Node first = TableNodes.NodeOf(0);
        Register(first, wanted);
        // 10 nodes for each of 1,000 topics at once, in networks of their own.
        var tickets = new List<(Node Node, Ticket Ticket, Topic Topic)>();
        for (int i = 1; i < TopicLimits.MaxEntries + 2; i++)
        {
            (Node node, Topic topic) = (TableNodes.NodeOf(i), Topic.FromText($"topic {i / 10}"));
            tickets.Add((node, _table.GetTicket(_now, node, [topic]), topic));
        }

        _now += 60 * Second;
        foreach ((Node node, Ticket ticket, Topic topic) in tickets[..^1])
        {
            Assert.Equal(TicketUse.Registered, Use(node, ticket, [topic], 0));
            Assert.Equal([first], _table.GetEntries(_now, wanted, 10));
        }

        Assert.Single(_table.GetEntries(_now, tickets[^1].Topic, 1));
        Assert.Equal(TicketUse.Registered, Use(tickets[^1].Node, tickets[^1].Ticket, [tickets[^1].Topic], 0));
        Assert.Equal(TopicLimits.MaxEntries, _table.Count);
        Assert.Equal([first], _table.GetEntries(_now, wanted, 10));
    }

    [Fact]
    public void The_wait_converges_to_where_a_full_topic_gets_an_entry_every_twelve_seconds()
    {
        // 100 nodes that do nothing but register here: each waits and comes at once for the next ticket, under a new name, so that
        // no pause holds it back. At a wait of 20 minutes, one comes every 12 seconds.
        var due = new PriorityQueue<(Node Node, Ticket Ticket), TimeSpan>();
        int names = 0;
        for (int i = 0; i < 100; i++)
        {
            Take(_now + (TimeSpan.FromSeconds(i) / 3));
        }

        TimeSpan end = _now + TimeSpan.FromHours(8);
        var waits = new List<double>();
        while (due.TryDequeue(out (Node Node, Ticket Ticket) next, out TimeSpan at) && at < end)
        {
            if (_table.UseTicket(at, next.Node, next.Ticket, [A], 0) == TicketUse.Registered && at > end - TimeSpan.FromHours(2))
            {
                waits.Add(_table.GetWait(at, A).TotalSeconds);
            }

            Take(at);
        }

        Assert.InRange(waits.Average(), 900, 1500);
        // 600 in two hours.
        Assert.InRange(waits.Count, 480, 720);

        void Take(TimeSpan at)
        {
            Node node = TableNodes.NodeOf(++names);
            Ticket ticket = _table.GetTicket(at, node, [A]);
            due.Enqueue((node, ticket), at + TimeSpan.FromSeconds(ticket.WaitPeriods[0]));
        }
    }

    [Fact]
    public void The_wait_falls_also_when_nobody_registers()
    {
        RegisterAll(0, 1000, TimeSpan.FromSeconds(6));
        TimeSpan busy = _table.GetWait(_now, A);
        Assert.InRange(busy, 3 * TopicLimits.MinWait, TopicLimits.MaxWait);
        Assert.InRange(_table.GetWait(_now + TimeSpan.FromMinutes(10), A) / busy, 0.3, 0.45);
        Assert.Equal(TopicLimits.MinWait, _table.GetWait(_now + TimeSpan.FromHours(1), A));
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_no_flood_of_registrations_closes_a_topic_for_more_than_an_hour()
    {
        var control = default(WaitControl);
        for (int i = 0; i < 10_000; i++)
        {
            control.Registered(_now);
        }

        Assert.Equal(TimeSpan.FromHours(1), control.GetWait(_now));
        Assert.InRange(control.GetWait(_now + TimeSpan.FromMinutes(20)), TimeSpan.Zero, TopicLimits.KeepTicket);
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_hoarded_tickets_that_come_at_once_take_a_few_places_of_a_full_topic()
    {
        FillWithHonest();
        // devp2p issue 111: 1,000 identities, in as many networks, get tickets for the same moment.
        (Node Node, Ticket Ticket)[] hoard = [.. Enumerable.Range(5000, 1000)
            .Select(i => (TableNodes.NodeOf(i), _table.GetTicket(_now, TableNodes.NodeOf(i), [A])))];
        _now += TimeSpan.FromSeconds(hoard[0].Ticket.WaitPeriods[0]);
        int registered = hoard.Count(held => Use(held.Node, held.Ticket, [A], 0) == TicketUse.Registered);
        Assert.Equal(5, registered);
        // And for all the time that their tickets are good.
        for (int i = 0; i < 11; i++)
        {
            _now += Second;
            registered += hoard.Count(held => Use(held.Node, held.Ticket, [A], 0) == TicketUse.Registered);
        }

        Assert.InRange(registered, TopicLimits.ReplacementBurst, TopicLimits.ReplacementBurst + 3);
        int honest = _table.GetEntries(_now, A, 100).Count(node => IsHonest(node));
        Assert.InRange(honest, TopicLimits.MaxEntriesPerTopic - registered, TopicLimits.MaxEntriesPerTopic);
        // Nobody who is honest is kept out by a wait that has jumped.
        Assert.InRange(_table.GetWait(_now, A), TopicLimits.MinWait, TopicLimits.KeepTicket);
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_one_network_has_two_places_of_a_topic_and_twenty_in_all()
    {
        Node[] sybils = [.. Enumerable.Range(0, 200).Select(i => TableNodes.NodeOf(i, $"99.1.2.{i}"))];
        (Node Node, Ticket Ticket, Topic Topic)[] hoard = [.. sybils.SelectMany((node, i) => new[] { A, Topic.FromText($"t{i % 50}") }
            .Select(topic => (node, _table.GetTicket(_now, node, [topic]), topic)))];
        _now += 60 * Second;
        foreach ((Node node, Ticket ticket, Topic topic) in hoard)
        {
            _ = Use(node, ticket, [topic], 0);
        }

        Assert.Equal(2, _table.GetEntries(_now, A, 100).Count);
        Assert.Equal(20, _table.Count);
        Assert.Equal(TicketUse.Registered, Register(TableNodes.NodeOf(1000), A));
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_asking_for_tickets_leaves_no_trace()
    {
        for (int i = 0; i < 20_000; i++)
        {
            _ = _table.GetTicket(_now, TableNodes.NodeOf(i), [Topic.FromText($"t{i}")]);
            _ = _table.GetEntries(_now, Topic.FromText($"q{i}"), 10);
        }

        Assert.Equal((0, 0, 0), (_table.Count, _table.TopicCount, _table.RegistrantCount));
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_a_flood_of_registrations_for_invented_topics_stays_within_the_bounds()
    {
        // Every second 40 nodes, each with a network and a topic of its own, for 15 minutes: 36,000.
        var tickets = new Queue<(TimeSpan At, Node Node, Ticket Ticket, Topic Topic)>();
        int number = 0;
        for (int second = 0; second < 15 * 60; second++, _now += Second)
        {
            for (int i = 0; i < 40; i++, number++)
            {
                (Node node, Topic topic) = (TableNodes.NodeOf(number), Topic.FromText($"t{number}"));
                tickets.Enqueue((_now + (60 * Second), node, _table.GetTicket(_now, node, [topic]), topic));
            }

            while (tickets.TryPeek(out var next) && next.At <= _now)
            {
                tickets.Dequeue();
                _ = Use(next.Node, next.Ticket, [next.Topic], 0);
            }

            Assert.InRange(_table.Count, 0, 10_000);
            Assert.InRange(_table.TopicCount, 0, 12_000);
            Assert.InRange(_table.RegistrantCount, 0, 16_000);
        }

        Assert.Equal(TopicLimits.MaxEntries, _table.Count);
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void No_history_breaks_a_limit_or_the_bookkeeping() => Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[50, 400]).Sample((seed, steps) =>
    {
        var random = new Random(seed);
        var table = new TopicTable(TableNodes.Start, new SeededRandomSource(seed));
        TimeSpan now = TableNodes.Start.Monotonic;
        Topic[] topics = [A, B, Topic.FromText("c")];
        var tickets = new List<(Node Node, Ticket Ticket, Topic[] Topics, TimeSpan At)>();
        for (int step = 0; step < steps; step++)
        {
            now += TimeSpan.FromSeconds(random.Next(40));
            Node node = TableNodes.NodeOf(random.Next(30), new IPAddress([99, 1, (byte)random.Next(6), (byte)random.Next(200)]));
            Topic[] some = [.. topics.Where(_ => random.Next(2) == 0)];
            tickets.Add((node, table.GetTicket(now, node, some), some, now));
            (Node owner, Ticket ticket, Topic[] its, TimeSpan at) = tickets[Math.Max(0, tickets.Count - 1 - random.Next(6))];
            int index = random.Next(4) - 1;
            TicketUse use = table.UseTicket(now, owner, ticket, its, index);
            if (use is TicketUse.Registered or TicketUse.Prolonged)
            {
                double age = (now - at).TotalSeconds - ticket.WaitPeriods[index];
                Assert.InRange(age, -2, 12);
                Assert.Contains(owner, table.GetEntries(now, its[index], 100));
            }

            List<Node>[] entries = [.. topics.Select(topic => table.GetEntries(now, topic, 100))];
            Assert.True(entries.Sum(list => list.Count) <= table.Count);
            foreach (List<Node> list in entries)
            {
                Assert.Equal(list.Count, list.Select(entry => entry.Id).Distinct().Count());
                Assert.All(list.GroupBy(entry => entry.Address!.GetAddressBytes()[2]), group => Assert.InRange(group.Count(), 1, 2));
            }
        }
    }, iter: 200);

    private static bool IsHonest(Node node) => Enumerable.Range(0, 200).Any(i => TableNodes.NodeOf(i).Equals(node));

    private TicketUse Use(Node node, Ticket ticket, Topic[] topics, int index) => _table.UseTicket(_now, node, ticket, topics, index);

    /// <summary>Gets a ticket, waits and uses it.</summary>
    private TicketUse Register(Node node, Topic topic)
    {
        Ticket ticket = _table.GetTicket(_now, node, [topic]);
        _now += TimeSpan.FromSeconds(ticket.WaitPeriods[0]);
        return Use(node, ticket, [topic], 0);
    }

    /// <summary>Nodes that get tickets for a topic at a pace, and use them at their time.</summary>
    private void RegisterAll(int first, int count, TimeSpan pace)
    {
        var due = new PriorityQueue<(Node Node, Ticket Ticket), TimeSpan>();
        for (int i = first; i < first + count; i++, _now += pace)
        {
            UseDue();
            Ticket ticket = _table.GetTicket(_now, TableNodes.NodeOf(i), [A]);
            due.Enqueue((TableNodes.NodeOf(i), ticket), _now + TimeSpan.FromSeconds(ticket.WaitPeriods[0]));
        }

        for (; due.Count > 0; _now += Second)
        {
            UseDue();
        }

        void UseDue()
        {
            while (due.TryPeek(out (Node Node, Ticket Ticket) next, out TimeSpan at) && at <= _now)
            {
                due.Dequeue();
                _ = Use(next.Node, next.Ticket, [A], 0);
            }
        }
    }

    /// <summary>A topic as it is when all is well: full, with an entry every 12 seconds.</summary>
    private void FillWithHonest() => RegisterAll(0, 150, TopicLimits.TargetRegistrationInterval);
}
