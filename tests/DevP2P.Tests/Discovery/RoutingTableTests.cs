using DevP2P.Discovery;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Discovery.Core.TableNodes;

namespace DevP2P.Tests.Discovery;

/// <summary>What is shown of a table.</summary>
public sealed class RoutingTableTests
{
    [Fact]
    public void A_snapshot_has_all_nodes_in_the_bucket_of_their_distance()
    {
        NodeTable table = CreateTable(self: 0);
        for (int i = 1; i < 500; i++)
        {
            table.AddFound(Start, NodeOf(i), Sender);
        }

        RoutingTable snapshot = RoutingTable.From("v4", IdOf(0), table, Start + TimeSpan.FromMinutes(5));

        Assert.Equal(table.Count, snapshot.Count);
        Assert.True(snapshot.Buckets.Sum(b => b.Replacements.Count) > 0, "no bucket is full");
        Assert.Equal(Enumerable.Range(0, NodeTable.BucketCount), snapshot.Buckets.Select(b => b.Index));
        int next = 1;
        foreach (RoutingTableBucket bucket in snapshot.Buckets)
        {
            Assert.Equal(next, bucket.MinDistance);
            next = bucket.MaxDistance + 1;
            Assert.Equal(table.GetEntries(bucket.Index).Length, bucket.Entries.Count);
            Assert.Equal(table.GetReplacements(bucket.Index).Length, bucket.Replacements.Count);
            foreach (RoutingTableEntry entry in bucket.Entries.Concat(bucket.Replacements))
            {
                Assert.InRange(Distance.Log(IdOf(0), entry.Node.Id), bucket.MinDistance, bucket.MaxDistance);
                Assert.Equal((false, 0, 0, Start.Utc), (entry.IsLive, entry.LivenessChecks, entry.FailedQueries, entry.AddedAt));
            }
        }

        Assert.Equal(Distance.Max + 1, next);
    }

    [Fact]
    public void What_changes_later_does_not_show_in_it()
    {
        NodeTable table = CreateTable(self: 0);
        table.AddFound(Start, NodeOf(1), Sender);
        RoutingTable before = RoutingTable.From("v5", IdOf(0), table, Start);
        Assert.True(table.TryGet(IdOf(1), out TableEntry? entry));
        table.Drain();
        table.MarkLive(entry.Node);
        entry.LivenessChecks = 3;
        RoutingTable after = RoutingTable.From("v5", IdOf(0), table, Start);
        table.Remove(Start, IdOf(1));

        Assert.False(before.Buckets.SelectMany(b => b.Entries).Single().IsLive);
        Assert.Equal((true, 3), after.Buckets.SelectMany(b => b.Entries).Select(e => (e.IsLive, e.LivenessChecks)).Single());
        Assert.Equal(1, after.Count);
    }

    [Fact]
    public async Task Every_discovery_shows_its_table()
    {
        await using Server bootnode = new(Options());
        Assert.Null(bootnode.DiscoveryV4);
        await bootnode.StartAsync(TestContext.Current.CancellationToken);
        await using Server server = await TestNet.StartAsync(
            Options() with { BootstrapNodes = [bootnode.Self], BootstrapNodesV5 = [bootnode.Self] });

        await TestNet.UntilAsync(
            () => Ids(server.DiscoveryV4!.GetTable()).Contains(bootnode.Self.Id) && Ids(server.DiscoveryV5!.GetTable()).Contains(bootnode.Self.Id)
                && Ids(server.TopicDiscovery!.GetTable()).Contains(bootnode.Self.Id),
            "all tables have the bootnode");
        Assert.Equal(["v4", "v5", "legacy"], Tables(server).Select(t => t.Version));
        Assert.All(Tables(server), t => Assert.Equal(server.Self.Id, t.Self));
        Assert.All(Tables(server), t => Assert.InRange(t.Buckets.SelectMany(b => b.Entries).Single().AddedAt, t.TakenAt - TimeSpan.FromMinutes(1), t.TakenAt));

        RoutingTable[] live = Tables(server);
        await server.StopAsync().WithinDeadline();
        Assert.Equal(live.Select(t => t.Count), Tables(server).Select(t => t.Count));

        await using var unused = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = server.Options.PrivateKey });
        Assert.Equal(0, unused.GetTable().Count);
    }

    private static RoutingTable[] Tables(Server server) =>
        [server.DiscoveryV4!.GetTable(), server.DiscoveryV5!.GetTable(), server.TopicDiscovery!.GetTable()];

    private static IEnumerable<NodeId> Ids(RoutingTable table) => table.Buckets.SelectMany(b => b.Entries).Select(e => e.Node.Id);

    private static ServerOptions Options() => TestNet.Options() with
    {
        NoDiscovery = false, DiscoveryV4 = true, DiscoveryV5 = true, LegacyTopicDiscovery = true, NoDial = true,
    };
}
