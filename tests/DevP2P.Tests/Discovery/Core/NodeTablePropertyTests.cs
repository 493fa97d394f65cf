using System.Net;
using CsCheck;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;
using static DevP2P.Tests.Discovery.Core.TableNodes;

namespace DevP2P.Tests.Discovery.Core;

/// <summary>The table against what a plain list of nodes says about it.</summary>
public sealed class NodeTablePropertyTests
{
    private const int Population = 3000;

    private static readonly Node[] Nodes = [.. Enumerable.Range(0, Population).Select(NodeOf)];

    /// <summary>What happens, to which node, in which network.</summary>
    private static readonly Gen<(int What, int Number, int Network)[]> Histories =
        Gen.Select(Gen.Int[0, 19], Gen.Int[0, Population - 1], Gen.Int[0, 400]).Array[0, 400];

    [Fact]
    public void Any_history_leaves_the_table_as_the_rules_say() =>
        Gen.Select(Histories, Gen.Int).Sample((history, seed) => Play(history, seed, check: true), iter: 40);

    [Fact]
    public void The_same_seed_and_history_give_the_same_outputs() =>
        Gen.Select(Histories, Gen.Int).Sample(
            (history, seed) => Play(history, seed, check: false).SequenceEqual(Play(history, seed, check: false)), iter: 30);

    [Fact]
    public void The_closest_are_those_of_a_sorted_list() =>
        Gen.Select(Gen.Int[0, Population - 1], Gen.Int[0, 1500], Gen.Int[0, 40], Gen.Int[0, 300], Gen.Int).Sample(
            (self, size, count, prefix, seed) =>
            {
                // Next to one of the nodes, so that the lowest bucket has somebody in it.
                var table = new NodeTable(NextTo(IdOf(self)), new SeededRandomSource(seed));
                for (int i = 0; i < size; i++)
                {
                    table.AddFound(Start, Nodes[(self + i) % Population], Sender);
                }

                table.Run(Start, TimeSpan.FromSeconds(seed & 63), _ => true);
                NodeId target = TargetNear(NextTo(IdOf(self)), prefix, seed);
                Node[] closest = new Node[count];
                int found = table.GetClosest(target, preferLive: false, closest);
                List<Node> expected = [.. table.GetNodes().OrderBy(n => Xor(n.Id, target)).Take(count)];
                Assert.Equal(expected.Select(n => n.Id), closest[..found].Select(n => n.Id));

                found = table.GetClosest(target, preferLive: true, closest);
                List<Node> live = [.. table.GetNodes().Where(n => table.TryGet(n.Id, out TableEntry? e) && e.IsLive).OrderBy(n => Xor(n.Id, target)).Take(count)];
                Assert.Equal((live.Count > 0 ? live : expected).Select(n => n.Id), closest[..found].Select(n => n.Id));
            },
            iter: 150);

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Random_nodes_are_uniform_over_all_buckets(int atOnce)
    {
        var table = new NodeTable(NextTo(IdOf(1)), new SeededRandomSource(7));
        for (int i = 0; i < 60; i++)
        {
            table.AddFound(Start, Nodes[i], Sender);
        }

        // Some are live and some are not, some buckets are full and some hold one node.
        table.Run(Start, TimeSpan.FromMinutes(1), n => n.Address!.GetAddressBytes()[2] % 3 != 0);
        List<NodeId> live = [.. table.GetNodes().Where(n => table.TryGet(n.Id, out TableEntry? e) && e.IsLive).Select(n => n.Id)];
        Assert.InRange(live.Count, 20, table.Count - 1);
        Assert.Contains(IdOf(1), live);
        Assert.Equal(1, table.GetEntries(0).Length);

        const int PerCell = 400;
        int draws = PerCell * live.Count;
        Node[] chosen = new Node[atOnce];
        // How often each node is in each place.
        Dictionary<NodeId, int[]> counts = live.ToDictionary(id => id, _ => new int[atOnce]);
        for (int i = 0; i < draws; i++)
        {
            Assert.Equal(atOnce, table.GetRandom(liveOnly: true, chosen));
            Assert.Equal(atOnce, chosen.Distinct().Count());
            for (int place = 0; place < atOnce; place++)
            {
                counts[chosen[place].Id][place]++;
            }
        }

        for (int place = 0; place < atOnce; place++)
        {
            double chiSquare = counts.Values.Sum(c => Math.Pow(c[place] - PerCell, 2) / PerCell);
            // The distribution has the mean k and the variance 2k; four standard deviations are beyond 1 in 5,000.
            int freedom = live.Count - 1;
            Assert.InRange(chiSquare, freedom - (4 * Math.Sqrt(2 * freedom)), freedom + (4 * Math.Sqrt(2 * freedom)));
        }
    }

    private static NodeId TargetNear(NodeId self, int sharedBits, int seed)
    {
        byte[] bytes = self.ToArray();
        byte[] noise = new byte[32];
        new SeededRandomSource(seed).Fill(noise);
        for (int bit = sharedBits; bit < 256; bit++)
        {
            bytes[bit / 8] ^= (byte)(noise[bit / 8] & (0x80 >> (bit % 8)));
        }

        return new NodeId(bytes);
    }

    private static List<string> Play((int What, int Number, int Network)[] history, int seed, bool check)
    {
        var table = new NodeTable(NextTo(IdOf(0)), new SeededRandomSource(seed));
        var log = new List<string>();
        var entries = new HashSet<NodeId>();
        Timestamp now = Start;
        foreach ((int what, int number, int network) in history)
        {
            if (what < 16)
            {
                // Every fourth from one of few networks, so that all limits are met.
                IPAddress address = network switch
                {
                    < 50 => new IPAddress([8, 8, (byte)(network % 3), (byte)number]),
                    < 80 => IPAddress.Parse($"2a00:1:{network % 2}:{number % 4}::1"),
                    < 100 => new IPAddress([10, 0, 0, (byte)number]),
                    _ => AddressOf(number),
                };
                Node node = NodeOf(number, address);
                TableAddResult expected = check ? Predict(table, node) : default;
                TableAddResult result = table.AddFound(now, node, IPAddress.Parse("10.0.0.1"));
                Assert.True(!check || expected == result, $"{expected} expected, not {result}");
                log.Add($"{result}");
            }
            else if (what == 16)
            {
                table.MarkInitialized();
                log.Add($"{table.AddInbound(now, NodeOf(number, new IPAddress([8, 8, (byte)(network % 3), (byte)number])))}");
            }
            else if (what == 17 && table.Count > 0)
            {
                table.Remove(now, table.GetNodes()[number % table.Count].Id);
            }
            else if (what == 18)
            {
                table.QueryEnded(now, IdOf(number), network % 2 == 0);
            }
            else
            {
                now = table.Run(now, TimeSpan.FromSeconds(network % 20), n => n.Id.GetHashCode() % 3 != 0, (_, o) => Apply(o));
            }

            table.Drain().ForEach(Apply);
            if (check && number % 8 == 0)
            {
                CheckInvariants(table, entries);
            }
        }

        return log;

        void Apply(TableOutput output)
        {
            log.Add($"{output.Kind} {output.Node}");
            Assert.True(output.Kind switch
            {
                TableOutputKind.NodeAdded => entries.Add(output.Node.Id),
                TableOutputKind.NodeRemoved => entries.Remove(output.Node.Id),
                _ => entries.Contains(output.Node.Id),
            });
        }
    }

    /// <summary>What the rules say to a node that somebody names, by counting everything anew.</summary>
    private static TableAddResult Predict(NodeTable table, Node node)
    {
        int bucket = BucketOf(table, node.Id);
        List<Node> inBucket = [.. table.GetEntries(bucket).ToArray().Concat(table.GetReplacements(bucket).ToArray()).Select(e => e.Node)];
        if (inBucket.Any(n => n.Id == node.Id))
        {
            return TableAddResult.Known;
        }

        bool isLan = node.Address!.GetAddressBytes()[0] == 10;
        bool isLimited = inBucket.Count(n => Network(n, 64) == Network(node, 64)) >= 2
            || table.GetNodes(withReplacements: true).Count(n => Network(n, 48) == Network(node, 48)) >= 10;
        return isLimited && !isLan ? TableAddResult.NetworkLimit
            : table.GetEntries(bucket).Length < 16 ? TableAddResult.Added
            : TableAddResult.AddedAsReplacement;
    }

    private static void CheckInvariants(NodeTable table, HashSet<NodeId> entries)
    {
        int count = 0;
        for (int b = 0; b < NodeTable.BucketCount; b++)
        {
            TableEntry[] inBucket = table.GetEntries(b).ToArray();
            TableEntry[] replacements = table.GetReplacements(b).ToArray();
            count += inBucket.Length;
            Assert.True(inBucket.Length == 16 || replacements.Length == 0, "replacements wait though there is room");
            Assert.InRange(inBucket.Length, 0, 16);
            Assert.InRange(replacements.Length, 0, 10);
            Assert.All(inBucket, e => Assert.True(e.IsInBucket));
            Assert.All(replacements, e => Assert.False(e.IsInBucket || e.IsLive));
            Assert.All(inBucket.Concat(replacements), e => Assert.Equal(b, BucketOf(table, e.Node.Id)));
            Assert.All(Public([.. inBucket.Concat(replacements)], 64), n => Assert.InRange(n.Count(), 1, 2));
        }

        List<Node> all = table.GetNodes(withReplacements: true);
        Assert.Equal(all.Count, all.Select(n => n.Id).Distinct().Count());
        Assert.Equal(count, table.Count);
        Assert.True(entries.SetEquals(table.GetNodes().Select(n => n.Id)), "added and removed do not add up");
        Assert.All(all.Where(n => n.Address!.GetAddressBytes()[0] != 10).GroupBy(n => Network(n, 48)), n => Assert.InRange(n.Count(), 1, 10));
        Assert.Equal(count > 0, table.NextTimeout is not null);
    }

    private static IEnumerable<IGrouping<string, TableEntry>> Public(TableEntry[] entries, int prefixLength) =>
        entries.Where(e => e.Node.Address!.GetAddressBytes()[0] != 10).GroupBy(e => Network(e.Node, prefixLength));

    private static string Network(Node node, int ipv6PrefixLength)
    {
        byte[] bytes = node.Address!.GetAddressBytes();
        return Convert.ToHexString(bytes, 0, bytes.Length == 4 ? 3 : ipv6PrefixLength / 8);
    }

    private static int BucketOf(NodeTable table, NodeId id)
    {
        int distance = (int)Xor(NextTo(IdOf(0)), id).GetBitLength();
        int expected = distance <= 240 ? 0 : distance - 240;
        Assert.Equal(expected, table.GetBucketIndex(id));
        return expected;
    }
}
