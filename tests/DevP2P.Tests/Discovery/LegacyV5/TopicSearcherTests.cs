using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using DevP2P.Tests.Discovery.Core;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

public sealed class TopicSearcherTests
{
    private static readonly Topic A = Topic.FromText("a");
    private static readonly Topic B = Topic.FromText("b");
    private static readonly TimeSpan Start = TimeSpan.FromHours(1);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly TopicSearcher _searcher = new(new SeededRandomSource(1));

    [Fact]
    public void Nothing_is_done_without_searches()
    {
        Assert.Null(_searcher.NextTimeout);
        Assert.False(_searcher.TryGetLookup(Start, out _));
    }

    [Fact]
    public void It_looks_once_in_a_period_which_can_be_changed_at_any_time()
    {
        Assert.True(_searcher.TrySetPeriod(Start, A, 60 * Second));
        Assert.Equal(Start, _searcher.NextTimeout);
        Assert.Equal(10, CountLookups(Start, TimeSpan.FromMinutes(10)));
        TimeSpan later = Start + TimeSpan.FromMinutes(10);
        Assert.True(_searcher.TrySetPeriod(later + Second, A, Second));
        Assert.InRange(CountLookups(later, TimeSpan.FromMinutes(1)), 58, 60);
        Assert.True(_searcher.TrySetPeriod(later + (60 * Second), A, TimeSpan.FromHours(1)));
        Assert.InRange(CountLookups(later + (60 * Second), TimeSpan.FromMinutes(10)), 0, 1);
        _searcher.Stop(A);
        Assert.Null(_searcher.NextTimeout);
        Assert.Equal(0, CountLookups(later, TimeSpan.FromHours(2)));
    }

    [Fact]
    public void A_period_of_nothing_is_the_shortest()
    {
        Assert.True(_searcher.TrySetPeriod(Start, A, TimeSpan.Zero));
        Assert.Equal(10, CountLookups(Start, Second));
    }

    [Fact]
    public void There_are_five_lookups_at_once_and_all_searches_have_their_turn()
    {
        Topic[] topics = [.. Enumerable.Range(0, 10).Select(i => Topic.FromText($"{i}"))];
        Assert.All(topics, topic => Assert.True(_searcher.TrySetPeriod(Start, topic, Second)));
        var running = new Queue<TopicLookup>();
        var done = new List<Topic>();
        for (int i = 0; i < 50; i++)
        {
            while (_searcher.TryGetLookup(Start + (i * Second), out TopicLookup? lookup))
            {
                running.Enqueue(lookup);
            }

            Assert.Equal(TopicLimits.MaxSearchLookups, running.Count);
            Assert.Null(_searcher.NextTimeout);
            done.Add(running.Peek().Topic);
            _ = _searcher.LookupDone(Start + (i * Second), running.Dequeue(), []);
        }

        Assert.All(topics, topic => Assert.Equal(5, done.Count(topic.Equals)));
    }

    [Fact]
    public void Searches_are_bounded()
    {
        for (int i = 0; i < TopicLimits.MaxSearches; i++)
        {
            Assert.True(_searcher.TrySetPeriod(Start, Topic.FromText($"{i}"), Second));
        }

        Assert.False(_searcher.TrySetPeriod(Start, A, Second));
        Assert.True(_searcher.TrySetPeriod(Start, Topic.FromText("1"), 2 * Second));
    }

    [Fact]
    public void A_node_is_asked_once_a_minute_for_each_topic()
    {
        Assert.True(_searcher.TrySetPeriod(Start, A, Second));
        _searcher.QuerySent(Start, TableNodes.IdOf(1), A, Hash(1));
        Assert.False(_searcher.CanQuery(Start + (59 * Second), TableNodes.IdOf(1), A));
        Assert.True(_searcher.CanQuery(Start + (59 * Second), TableNodes.IdOf(1), B));
        Assert.True(_searcher.CanQuery(Start + (59 * Second), TableNodes.IdOf(2), A));
        Assert.True(_searcher.CanQuery(Start + (60 * Second), TableNodes.IdOf(1), A));
        Assert.Equal((0, 0), (_searcher.QueryCount, _searcher.RecentQueryCount));
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void Answers_come_from_whom_was_asked_with_the_hash_of_the_query_and_in_time()
    {
        Assert.True(_searcher.TrySetPeriod(Start, A, Second));
        Node asked = TableNodes.NodeOf(1);
        Node[] found = [TableNodes.NodeOf(10), TableNodes.NodeOf(11)];
        _searcher.QuerySent(Start, asked.Id, A, Hash(1));
        Assert.Empty(_searcher.HandleNodes(Start, asked, Hash(2), found, out Topic? topic));
        Assert.Null(topic);
        Assert.Empty(_searcher.HandleNodes(Start, TableNodes.NodeOf(2), Hash(1), found, out topic));
        Assert.Null(topic);
        Assert.Equal(found, _searcher.HandleNodes(Start + (5 * Second), asked, Hash(1), found, out topic));
        Assert.Equal(A, topic);
        Assert.Empty(_searcher.HandleNodes(Start + (5.1 * Second), asked, Hash(1), [TableNodes.NodeOf(12)], out topic));
        Assert.Null(topic);
    }

    [Fact]
    public void A_node_is_reported_once_unless_it_has_moved()
    {
        Assert.True(_searcher.TrySetPeriod(Start, A, Second));
        Assert.True(_searcher.TrySetPeriod(Start, B, Second));
        Assert.Single(Answer(1, A, TableNodes.NodeOf(10)));
        Assert.Empty(Answer(2, A, TableNodes.NodeOf(10)));
        Assert.Single(Answer(3, B, TableNodes.NodeOf(10)));
        Assert.Single(Answer(4, A, TableNodes.NodeOf(10, "88.1.2.3")));
        Assert.Empty(Answer(5, A, TableNodes.NodeOf(10, "88.1.2.3")));
        for (int i = 0; i < TopicLimits.MaxReportedNodes; i++)
        {
            Assert.Single(Answer(100 + i, A, TableNodes.NodeOf(100 + i)));
        }

        Assert.Single(Answer(6, A, TableNodes.NodeOf(10)));
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_of_one_answer_sixteen_nodes_are_taken_and_two_of_one_network()
    {
        Assert.True(_searcher.TrySetPeriod(Start, A, Second));
        Assert.Equal(16, Answer(1, A, [.. Enumerable.Range(100, 50).Select(TableNodes.NodeOf)]).Count);
        Assert.Empty(_searcher.HandleNodes(Start, TableNodes.NodeOf(1), Hash(1), [TableNodes.NodeOf(500)], out _));
        Node[] sybils = [.. Enumerable.Range(200, 10).Select(i => TableNodes.NodeOf(i, $"99.1.2.{i}"))];
        Assert.Equal(2, Answer(2, A, sybils).Count);
    }

    [Fact]
    public void What_comes_for_a_search_that_has_ended_is_dropped()
    {
        Assert.True(_searcher.TrySetPeriod(Start, A, Second));
        Assert.True(_searcher.TryGetLookup(Start, out TopicLookup? lookup));
        _searcher.QuerySent(Start, TableNodes.IdOf(1), A, Hash(1));
        _searcher.Stop(A);
        Assert.Empty(_searcher.LookupDone(Start, lookup, [TableNodes.NodeOf(5)]).Queries);
        Assert.Empty(_searcher.HandleNodes(Start, TableNodes.NodeOf(1), Hash(1), [TableNodes.NodeOf(6)], out _));
    }

    [Fact]
    public void What_is_remembered_of_queries_is_bounded()
    {
        Assert.True(_searcher.TrySetPeriod(Start, A, Second));
        for (int i = 0; i < 20_000; i++)
        {
            _searcher.QuerySent(Start, TableNodes.IdOf(i), A, Hash(i));
        }

        Assert.Equal((TopicLimits.MaxQueries, TopicLimits.MaxQueries), (_searcher.QueryCount, _searcher.RecentQueryCount));
        Assert.False(_searcher.CanQuery(Start, TableNodes.IdOf(30_000), A));
        Assert.True(_searcher.CanQuery(Start + (60 * Second), TableNodes.IdOf(30_000), A));
    }

    [Theory]
    [InlineData(40, 1)]
    [InlineData(400, 10)]
    [InlineData(2, 30)]
    public void It_finds_who_advertises_around_the_topic(int advertisers, int places)
    {
        // A thousand nodes; those within a tenth of all space have entries: each advertiser is with some of them.
        var network = new NetworkModel(1000, 3, A);
        ulong rim = ulong.MaxValue / 10;
        Node[] registrars = [.. network.Nodes.Where(node => Distance.Leading(node.Id, A.ComputeHash()) < rim)];
        var random = new Random(1);
        var entries = registrars.ToDictionary(node => node.Id, _ => new List<Node>());
        for (int i = 0; i < advertisers; i++)
        {
            for (int j = 0; j < places; j++)
            {
                entries[registrars[random.Next(registrars.Length)].Id].Add(TableNodes.NodeOf(900_000 + i));
            }
        }

        Assert.True(_searcher.TrySetPeriod(Start, A, 5 * Second));
        var found = new HashSet<NodeId>();
        bool hasConverged = false;
        int hash = 0;
        for (TimeSpan now = Start; now < Start + TimeSpan.FromMinutes(30); now += Second)
        {
            if (!_searcher.TryGetLookup(now, out TopicLookup? lookup))
            {
                continue;
            }

            SearchStep step = _searcher.LookupDone(now, lookup, network.Find(lookup.Target));
            hasConverged |= step.IsConverged;
            foreach (Node node in step.Queries)
            {
                _searcher.QuerySent(now, node.Id, A, Hash(++hash));
                Node[] some = entries.TryGetValue(node.Id, out List<Node>? list) ? [.. list.Distinct().OrderBy(_ => random.Next()).Take(10)] : [];
                found.UnionWith(_searcher.HandleNodes(now, node, Hash(hash), some, out _).Select(each => each.Id));
            }
        }

        Assert.True(hasConverged);
        Assert.InRange(found.Count, 0.95 * advertisers, advertisers);
    }

    private static NodeId Hash(int number) => TableNodes.IdOf(1_000_000 + number);

    private List<Node> Answer(int asked, Topic topic, params Node[] nodes)
    {
        _searcher.QuerySent(Start, TableNodes.IdOf(asked), topic, Hash(asked));
        return _searcher.HandleNodes(Start, TableNodes.NodeOf(asked), Hash(asked), nodes, out _);
    }

    private int CountLookups(TimeSpan from, TimeSpan time)
    {
        int count = 0;
        for (TimeSpan now = from; now < from + time; now += TimeSpan.FromMilliseconds(50))
        {
            while (_searcher.TryGetLookup(now, out TopicLookup? lookup))
            {
                count++;
                _ = _searcher.LookupDone(now, lookup, []);
            }
        }

        return count;
    }
}
