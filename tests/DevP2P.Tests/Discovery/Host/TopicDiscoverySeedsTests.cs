using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;

namespace DevP2P.Tests.Discovery.Host;

public sealed class TopicDiscoverySeedsTests
{
    private readonly SeededRandomSource _random = new(5);
    private readonly Clock _clock = new();

    [Fact]
    public async Task Seeds_are_there_in_the_next_run_apart_from_other_nodes()
    {
        await using NodeDatabase database = NodeDatabase.Open(null);
        Node v6 = Node.Create(PrivateKey.Generate(_random).PublicKey, IPAddress.Parse("2001:4860::1"), 0, 30303);
        Node v4 = NewNode(1);
        var seeds = new TopicDiscoverySeeds(database, _clock);
        seeds.Add(v6);
        _clock.Now += TimeSpan.FromSeconds(1);
        seeds.Add(v4);

        Assert.Equal([v4, v6], new TopicDiscoverySeeds(database, _clock).Get());
        Assert.Equal(0, database.NodeCount);
        _clock.Now += TopicDiscoverySeeds.MaxAge;
        Assert.Equal([v4], new TopicDiscoverySeeds(database, _clock).Get());
    }

    [Fact]
    public async Task The_oldest_gives_way_but_not_at_once()
    {
        await using NodeDatabase database = NodeDatabase.Open(null);
        var seeds = new TopicDiscoverySeeds(database, _clock);
        Node[] nodes = [.. Enumerable.Range(0, TopicDiscoverySeeds.MaxSeeds).Select(NewNode)];
        foreach (Node node in nodes)
        {
            seeds.Add(node);
            _clock.Now += TimeSpan.FromSeconds(1);
        }

        Node late = NewNode(200);
        seeds.Add(late);
        Assert.DoesNotContain(late, seeds.Get());

        _clock.Now += TopicDiscoverySeeds.KeepFor;
        seeds.Add(nodes[0]);
        seeds.Add(late);

        Assert.Equal(TopicDiscoverySeeds.MaxSeeds, seeds.Get().Count);
        Assert.Contains(nodes[0], seeds.Get());
        Assert.DoesNotContain(nodes[1], seeds.Get());
    }

    [Fact]
    public async Task What_is_damaged_is_left_out()
    {
        await using NodeDatabase database = NodeDatabase.Open(null);
        var seeds = new TopicDiscoverySeeds(database, _clock);
        seeds.Add(NewNode(1));
        byte[] good = database.GetMeta("legacy-v5/seeds")!;
        for (int i = 0; i < good.Length; i++)
        {
            byte[] damaged = [.. good];
            damaged[i] ^= 0x41;
            database.SetMeta("legacy-v5/seeds", damaged);
            Assert.InRange(new TopicDiscoverySeeds(database, _clock).Get().Count, 0, 1);
            database.SetMeta("legacy-v5/seeds", good[..i]);
            Assert.Empty(new TopicDiscoverySeeds(database, _clock).Get());
        }
    }

    private Node NewNode(int i) => Node.Create(PrivateKey.Generate(_random).PublicKey, new IPAddress([52, 1, (byte)i, 1]), 30303, 30301);

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
