using CsCheck;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;
using static DevP2P.Tests.Discovery.Core.TableNodes;

namespace DevP2P.Tests.Discovery.Core;

public sealed class LookupTests
{
    private static readonly NodeId Self = IdOf(1_000_000);
    private static readonly NodeId Target = IdOf(2_000_000);

    /// <summary>Nodes in the order of their distance from the target.</summary>
    private static readonly Node[] Sorted = [.. Enumerable.Range(0, 400).Select(NodeOf).OrderBy(n => Xor(n.Id, Target))];

    [Fact]
    public void Three_queries_run_at_a_time_the_closest_first()
    {
        Lookup lookup = Create(Sorted[..10]);
        Assert.Equal(Sorted[..3], TakeQueries(lookup));
        Assert.Equal((3, 3), (lookup.Queries, lookup.ActiveQueries));
        lookup.QueryAnswered(Sorted[1].Id, []);
        Assert.Equal([Sorted[3]], TakeQueries(lookup));
        lookup.QueryFailed(Sorted[0].Id);
        Assert.Equal([Sorted[4]], TakeQueries(lookup));
    }

    [Fact]
    public void A_lookup_without_seeds_has_ended()
    {
        var lookup = new Lookup(Self, Target);
        Assert.True(lookup.IsCompleted);
        Assert.False(lookup.TryGetQuery(out _));
        Assert.Equal(0, lookup.GetResult(new Node[16]));
    }

    [Fact]
    public void It_ends_when_the_closest_sixteen_have_answered()
    {
        Lookup lookup = Create(Sorted[100..116]);
        int asked = 0;
        while (lookup.TryGetQuery(out Node? node))
        {
            asked++;
            lookup.QueryAnswered(node.Id, Sorted[..16]);
        }

        Assert.True(lookup.IsCompleted);
        Assert.Equal(17, asked);
        Assert.Equal(Sorted[..16], Result(lookup));
        Assert.Equal(1, lookup.Hops);
    }

    [Fact]
    public void The_next_ones_take_the_places_of_those_that_fail()
    {
        Lookup lookup = Create(Sorted[..40]);
        HashSet<Node> dead = [.. Sorted[..8]];
        while (lookup.TryGetQuery(out Node? node))
        {
            Assert.True(dead.Contains(node) ? lookup.QueryFailed(node.Id) : lookup.QueryAnswered(node.Id, []) == 0);
        }

        Assert.True(lookup.IsCompleted);
        Assert.Equal(24, lookup.Queries);
        Assert.Equal(Sorted[8..24], Result(lookup));
    }

    [Fact]
    public void It_has_not_ended_while_a_query_runs()
    {
        Lookup lookup = Create(Sorted[..2]);
        Assert.False(lookup.IsCompleted);
        Assert.Equal(2, TakeQueries(lookup).Count);
        lookup.QueryFailed(Sorted[0].Id);
        Assert.False(lookup.IsCompleted);
        lookup.QueryAnswered(Sorted[1].Id, []);
        Assert.True(lookup.IsCompleted);
    }

    [Fact]
    public void Neither_the_owner_nor_nodes_without_an_endpoint_are_asked()
    {
        Lookup lookup = Create([NodeOf(1_000_000), Node.Create(KeyOf(1), null, 1, 1), Node.Create(KeyOf(2), AddressOf(2), 1, 0)]);
        Assert.True(lookup.IsCompleted);
    }

    [Fact]
    public void Answers_of_nodes_that_were_not_asked_do_not_count()
    {
        Lookup lookup = Create(Sorted[..4]);
        Assert.Equal(-1, lookup.QueryAnswered(Sorted[0].Id, Sorted[10..20]));
        TakeQueries(lookup);
        Assert.Equal(-1, lookup.QueryAnswered(Sorted[3].Id, Sorted[10..20]));
        Assert.False(lookup.QueryFailed(Sorted[3].Id));
        Assert.Equal(2, lookup.QueryAnswered(Sorted[0].Id, Sorted[2..6]));
        Assert.Equal(-1, lookup.QueryAnswered(Sorted[0].Id, Sorted[10..20]));
        Assert.False(lookup.QueryFailed(Sorted[0].Id));
    }

    [Fact]
    public void Sixteen_nodes_of_an_answer_count()
    {
        Lookup lookup = Create(Sorted[..1]);
        TakeQueries(lookup);
        Assert.Equal(16, lookup.QueryAnswered(Sorted[0].Id, Sorted[1..101]));
    }

    [Fact]
    public void Hops_count_who_named_whom()
    {
        Lookup lookup = Create([Sorted[30]]);
        for (int i = 30; i > 0; i -= 10)
        {
            Assert.True(lookup.TryGetQuery(out Node? node));
            lookup.QueryAnswered(node.Id, [Sorted[i - 10]]);
        }

        Assert.True(lookup.TryGetQuery(out _));
        Assert.Equal(2, lookup.Hops);
        lookup.QueryAnswered(Sorted[0].Id, []);
        Assert.Equal(3, lookup.Hops);
    }

    [Fact]
    public void The_target_can_be_resolved_whether_it_answers_or_not()
    {
        var lookup = new Lookup(Self, Sorted[5].Id);
        lookup.AddSeeds([Sorted[0]]);
        Assert.False(lookup.TryGetCandidate(Sorted[5].Id, out _));
        TakeQueries(lookup);
        lookup.QueryAnswered(Sorted[0].Id, [Sorted[5]]);
        Assert.True(lookup.TryGetCandidate(Sorted[5].Id, out Node? node));
        Assert.Same(Sorted[5], node);
    }

    [Fact]
    public void A_chain_of_invented_nodes_comes_to_an_end()
    {
        // Each one names closer ones that nobody has heard of.
        Node[] chain = [.. Enumerable.Range(0, 4000).Select(i => NodeOf(i)).OrderByDescending(n => Xor(n.Id, Target))];
        Lookup lookup = Create(chain[..3]);
        int next = 3;
        while (lookup.TryGetQuery(out Node? node))
        {
            lookup.QueryAnswered(node.Id, chain.AsSpan(next, 3));
            next += 3;
        }

        Assert.True(lookup.IsCompleted);
        Assert.Equal(Lookup.MaxQueries, lookup.Queries);
    }

    [Fact]
    [Trait("Threat", "T01")]
    public void Of_one_network_the_closest_two_are_candidates()
    {
        Node[] sameNetwork = [.. Enumerable.Range(0, 20).Select(i => NodeOf(i, $"8.8.8.{i}")).OrderBy(n => Xor(n.Id, Target))];
        Lookup lookup = Create([.. sameNetwork.Reverse()]);
        Assert.Equal(sameNetwork[..2], TakeQueries(lookup));
        Assert.Equal(0, lookup.QueryAnswered(sameNetwork[0].Id, sameNetwork[2..]));
        lookup.QueryAnswered(sameNetwork[1].Id, []);
        Assert.True(lookup.IsCompleted);

        Node[] lan = [.. Enumerable.Range(0, 20).Select(i => NodeOf(i, $"10.0.0.{i}"))];
        lookup = Create(lan);
        while (lookup.TryGetQuery(out Node? node))
        {
            lookup.QueryAnswered(node.Id, []);
        }

        Assert.Equal(16, lookup.Queries);
    }

    /// <summary>Everybody answers or fails at random, with random nodes, in random order.</summary>
    [Fact]
    public void Any_network_is_searched_by_the_rules() =>
        Gen.Select(Gen.Int[0, 30], Gen.Int[1, 400], Gen.Int[0, 100], Gen.Bool, Gen.Int).Sample((seeds, size, failing, isLan, seed) =>
        {
            var random = new Random(seed);
            Node[] nodes = [.. Enumerable.Range(0, size).Select(i => isLan ? NodeOf(i, $"10.0.{i >> 8}.{i & 255}") : NodeOf(i, $"8.8.{random.Next(200)}.1"))];
            var lookup = new Lookup(nodes[0].Id, Target);
            Node[] first = [.. nodes.OrderBy(_ => random.Next()).Take(seeds)];
            lookup.AddSeeds(first);
            var known = first.ToHashSet();
            var asked = new HashSet<Node>();
            var answered = new HashSet<Node>();
            var active = new List<Node>();
            while (!lookup.IsCompleted)
            {
                while (random.Next(3) != 0 && lookup.TryGetQuery(out Node? node))
                {
                    Assert.True(asked.Add(node), "asked twice");
                    Assert.Contains(node, known);
                    active.Add(node);
                    Assert.InRange(active.Count, 1, 3);
                }

                Assert.Equal(active.Count, lookup.ActiveQueries);
                if (active.Count == 0)
                {
                    continue;
                }

                Node done = active[random.Next(active.Count)];
                active.Remove(done);
                if (random.Next(100) < failing)
                {
                    Assert.True(lookup.QueryFailed(done.Id));
                }
                else
                {
                    Node[] named = [.. nodes.OrderBy(_ => random.Next()).Take(random.Next(20))];
                    Assert.InRange(lookup.QueryAnswered(done.Id, named), 0, 16);
                    answered.Add(done);
                    known.UnionWith(named[..Math.Min(named.Length, 16)]);
                }
            }

            Assert.Empty(active);
            Assert.DoesNotContain(nodes[0], asked);
            Assert.Equal(asked.Count, lookup.Queries);
            Assert.InRange(asked.Count, 0, Lookup.MaxQueries);
            List<Node> result = Result(lookup);
            Assert.Equal(result.OrderBy(n => Xor(n.Id, Target)), result);
            Assert.All(result, n => Assert.Contains(n, answered));
            if (isLan && failing <= 50 && asked.Count < Lookup.MaxQueries)
            {
                // Without the limits: the closest that have not failed have all answered.
                known.Remove(nodes[0]);
                known.ExceptWith(asked.Except(answered));
                Assert.Equal(known.OrderBy(n => Xor(n.Id, Target)).Take(Math.Min(16, result.Count)), result);
                Assert.True(result.Count == 16 || known.Count == result.Count || asked.Count > 40);
            }
        }, iter: 200);

    /// <summary>A network of real tables, some of their nodes dead.</summary>
    [Theory]
    [InlineData(0, 99)]
    [InlineData(20, 95)]
    public void Lookups_find_the_closest_live_nodes(int deadPercent, int foundPercent)
    {
        const int Size = 400;
        var random = new Random(1);
        Node[] nodes = [.. Enumerable.Range(0, Size).Select(NodeOf)];
        var tables = nodes.ToDictionary(n => n.Id, n => new NodeTable(n.Id, new SeededRandomSource(n.Id.GetHashCode())));
        foreach (NodeTable table in tables.Values)
        {
            // Who knows whom is a matter of chance.
            random.Shuffle(nodes);
            foreach (Node node in nodes.AsSpan(0, Size * 3 / 4))
            {
                table.AddFound(Start, node, Sender);
            }
        }

        HashSet<Node> dead = [.. nodes.Where(_ => random.Next(100) < deadPercent)];
        (int found, int expected, int hops) = (0, 0, 0);
        for (int i = 0; i < 60; i++)
        {
            NodeId target = IdOf(5_000_000 + i);
            Node from = nodes.First(n => !dead.Contains(n) && random.Next(10) == 0);
            var lookup = new Lookup(from.Id, target);
            Node[] closest = new Node[16];
            lookup.AddSeeds(closest.AsSpan(0, tables[from.Id].GetClosest(target, preferLive: false, closest)));
            while (lookup.TryGetQuery(out Node? node))
            {
                if (dead.Contains(node))
                {
                    lookup.QueryFailed(node.Id);
                }
                else
                {
                    lookup.QueryAnswered(node.Id, closest.AsSpan(0, tables[node.Id].GetClosest(target, preferLive: true, closest)));
                }
            }

            List<Node> truth = [.. nodes.Where(n => n != from && !dead.Contains(n)).OrderBy(n => Xor(n.Id, target)).Take(16)];
            found += Result(lookup).Intersect(truth).Count();
            expected += truth.Count;
            hops += lookup.Hops;
        }

        Assert.InRange(100.0 * found / expected, foundPercent, 100);
        Assert.InRange(hops / 60.0, 0.5, 4);
    }

    private static Lookup Create(Node[] seeds)
    {
        var lookup = new Lookup(Self, Target);
        lookup.AddSeeds(seeds);
        return lookup;
    }

    private static List<Node> TakeQueries(Lookup lookup)
    {
        var nodes = new List<Node>();
        while (lookup.TryGetQuery(out Node? node))
        {
            nodes.Add(node);
        }

        return nodes;
    }

    private static List<Node> Result(Lookup lookup)
    {
        Node[] result = new Node[Lookup.ResultSize];
        return [.. result[..lookup.GetResult(result)]];
    }
}
