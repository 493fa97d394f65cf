using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Discovery.Core.TableNodes;

namespace DevP2P.Tests.Discovery.Core;

/// <summary>Whoever has many ids, but few networks.</summary>
[Trait("Threat", "T01")]
public sealed class EclipseTests
{
    private const int Identities = 10_000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Ten_thousand_identities_in_two_networks_hold_twenty_places(bool isIPv6)
    {
        List<Node> attackers = [.. Enumerable.Range(0, Identities).Select(i => NodeOf(i, AttackerAddress(i, isIPv6)))];
        List<Node> honest = [.. Enumerable.Range(Identities, 2000).Select(NodeOf)];

        // The attacker is first, at every door.
        NodeTable table = CreateTable();
        Timestamp now = Attack(table, Start, attackers);
        honest.ForEach(n => table.AddFound(now, n, Sender));
        now = Attack(table, now, attackers);
        now = table.Run(now, TimeSpan.FromMinutes(30), _ => true);
        now = Attack(table, now, attackers);
        AssertLimits(table, attackers);
        Assert.InRange(table.GetNodes(withReplacements: true).Count(honest.Contains), 100, int.MaxValue);

        // After a restart, the seeds are the nodes that were live: of those, the attacker offers as many as possible.
        NodeTable restarted = CreateTable(seed: 1, isInitialized: false);
        List<Node> seeds = [.. attackers, .. table.GetNodes()];
        seeds.ForEach(n => restarted.AddSeed(now, n, isOperatorNamed: false));
        Attack(restarted, now, attackers);
        restarted.MarkInitialized();
        now = Attack(restarted, now, attackers);
        restarted.Run(now, TimeSpan.FromMinutes(30), _ => true);
        AssertLimits(restarted, attackers);
        Assert.InRange(restarted.GetNodes().Count(honest.Contains), 50, int.MaxValue);
    }

    [Fact]
    public void Random_nodes_of_an_attacked_table_are_mostly_honest()
    {
        NodeTable table = CreateTable();
        List<Node> attackers = [.. Enumerable.Range(0, Identities).Select(i => NodeOf(i, AttackerAddress(i, false)))];
        Timestamp now = Attack(table, Start, attackers);
        Enumerable.Range(Identities, 2000).ToList().ForEach(i => table.AddFound(now, NodeOf(i), Sender));
        HashSet<NodeId> ids = [.. attackers.Select(n => n.Id)];
        // Those of which a random one is: 20 at most.
        Assert.InRange(table.GetNodes().Count(n => ids.Contains(n.Id)), 0, 20);
        Assert.InRange(table.Count, 100, int.MaxValue);
    }

    [Fact]
    public void A_lookup_in_a_network_of_invented_nodes_has_two_of_each_network_in_its_result()
    {
        List<Node> attackers = [.. Enumerable.Range(0, Identities).Select(i => NodeOf(i, AttackerAddress(i, false)))];
        List<Node> honest = [.. Enumerable.Range(Identities, 500).Select(NodeOf)];
        NodeId target = IdOf(77);
        List<Node> closestAttackers = [.. attackers.OrderBy(n => Xor(n.Id, target))];
        List<Node> closestHonest = [.. honest.OrderBy(n => Xor(n.Id, target))];

        var lookup = new Lookup(IdOf(1_000_000), target);
        lookup.AddSeeds(honest.Take(16).ToArray());
        int page = 0;
        while (lookup.TryGetQuery(out Node? asked))
        {
            // An attacker names accomplices only, every time others.
            lookup.QueryAnswered(asked.Id, attackers.Contains(asked)
                ? closestAttackers.Skip(16 * page++).Take(16).ToArray()
                : [.. closestHonest.Take(12), .. closestAttackers.Take(4)]);
        }

        Assert.True(lookup.IsCompleted);
        Node[] result = new Node[16];
        Assert.Equal(16, lookup.GetResult(result));
        Assert.InRange(result.Count(attackers.Contains), 1, 4);
        Assert.InRange(lookup.Queries, 16, 40);
    }

    private static Timestamp Attack(NodeTable table, Timestamp now, List<Node> attackers)
    {
        foreach (Node node in attackers)
        {
            table.AddInbound(now, node);
            table.AddFound(now, node, Sender);
        }

        table.Drain();
        return now + TimeSpan.FromSeconds(10);
    }

    /// <summary>Two /24s, or two /48s with as many /64s as the attacker likes.</summary>
    private static IPAddress AttackerAddress(int number, bool isIPv6) => isIPv6
        ? IPAddress.Parse($"2a00:1:{number % 2}:{number / 2:x}::1")
        : new IPAddress([8, 8, (byte)(number % 2), (byte)(number / 2)]);

    private static void AssertLimits(NodeTable table, List<Node> attackers)
    {
        var ids = attackers.Select(n => n.Id).ToHashSet();
        int total = 0;
        for (int b = 0; b < NodeTable.BucketCount; b++)
        {
            List<Node> held = [.. table.GetEntries(b).ToArray().Concat(table.GetReplacements(b).ToArray()).Select(e => e.Node).Where(n => ids.Contains(n.Id))];
            total += held.Count;
            Assert.All(held.GroupBy(NetworkOf), g => Assert.InRange(g.Count(), 1, DistinctNetworks.BucketLimit));
        }

        Assert.InRange(total, 1, 2 * DistinctNetworks.TableLimit);
    }

    /// <summary>The /24 or /64.</summary>
    private static string NetworkOf(Node node)
    {
        byte[] bytes = node.Address!.GetAddressBytes();
        return Convert.ToHexString(bytes, 0, bytes.Length == 4 ? 3 : 8);
    }
}
