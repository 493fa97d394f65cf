using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;
using static DevP2P.Tests.Discovery.Core.TableNodes;

namespace DevP2P.Tests.Discovery.Core;

public sealed class RandomWalkTests
{
    private readonly NodeTable _table = CreateTable();
    private readonly RandomWalk _walk;

    public RandomWalkTests()
    {
        _walk = new RandomWalk(_table, new SeededRandomSource(3));
    }

    [Fact]
    public void Lookups_wait_for_the_table_to_have_a_node()
    {
        Assert.Null(_walk.NextTimeout);
        Assert.False(_walk.TryStartLookup(Start));
        _table.AddFound(Start, NodeOf(1), Sender);
        Assert.True(_walk.TryStartLookup(Start));
    }

    [Fact]
    public void One_lookup_runs_at_a_time_and_one_starts_each_second()
    {
        _table.AddFound(Start, NodeOf(1), Sender);
        Assert.True(_walk.TryStartLookup(Start));
        Assert.True(_walk.IsLookupRunning);
        Assert.False(_walk.TryStartLookup(Start + TimeSpan.FromMinutes(1)));
        Assert.Null(_walk.NextTimeout);
        _walk.LookupEnded();
        Assert.Equal(Start.Monotonic + TimeSpan.FromSeconds(1), _walk.NextTimeout);
        Assert.False(_walk.TryStartLookup(Start + TimeSpan.FromSeconds(0.999)));
        Assert.True(_walk.TryStartLookup(Start + TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void Enough_nodes_make_lookups_unnecessary_until_they_are_taken()
    {
        _table.AddFound(Start, NodeOf(1), Sender);
        for (int i = 0; i < RandomWalk.LowWater; i++)
        {
            _walk.Offer(NodeOf(i));
        }

        Assert.Null(_walk.NextTimeout);
        Assert.False(_walk.TryStartLookup(Start));
        Assert.True(_walk.TryTake(out _));
        Assert.True(_walk.TryStartLookup(Start));
    }

    [Fact]
    public void What_is_kept_is_bounded()
    {
        for (int i = 0; i < 1000; i++)
        {
            _walk.Offer(NodeOf(i));
        }

        Assert.Equal(RandomWalk.Capacity, _walk.Count);
        var taken = new HashSet<NodeId>();
        while (_walk.TryTake(out Node? node))
        {
            Assert.True(taken.Add(node.Id));
        }

        Assert.Equal(RandomWalk.Capacity, taken.Count);
        Assert.Contains(taken, id => id != IdOf(999));
    }

    [Fact]
    public void A_node_is_kept_once_as_it_was_last_seen()
    {
        _walk.Offer(NodeOf(1));
        _walk.Offer(NodeOf(1, "9.9.9.9"));
        Assert.True(_walk.TryTake(out Node? node));
        Assert.Equal(NodeOf(1, "9.9.9.9"), node);
        Assert.False(_walk.TryTake(out _));
    }

    [Fact]
    [Trait("Threat", "T02")]
    public void The_order_is_random_whatever_the_order_of_the_offers()
    {
        int[] first = new int[10];
        for (int i = 0; i < 2000; i++)
        {
            var walk = new RandomWalk(_table, new SeededRandomSource(i));
            for (int number = 0; number < 10; number++)
            {
                walk.Offer(NodeOf(number));
            }

            Assert.True(walk.TryTake(out Node? node));
            first[Array.IndexOf([.. Enumerable.Range(0, 10).Select(IdOf)], node.Id)]++;
        }

        Assert.All(first, n => Assert.InRange(n, 140, 260));
    }
}
