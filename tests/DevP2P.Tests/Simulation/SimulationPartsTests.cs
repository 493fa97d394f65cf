using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Testing.Discovery;
using Xunit;

namespace DevP2P.Tests.Simulation;

/// <summary>The parts whose mistakes would make all results wrong.</summary>
public sealed class SimulationPartsTests
{
    [Fact]
    public void Every_node_has_a_public_address_in_a_network_of_its_own()
    {
        int[] nodes = [0, 1, 255, 256, 65_535, 65_536, DiscoverySimulationOptions.MaxNodes - 1];
        Assert.All(nodes, node =>
        {
            IPEndPoint endPoint = Wire.GetEndPoint(node);
            Assert.Equal(node, Wire.GetNode(endPoint));
            Assert.False(AddressRules.IsLan(endPoint.Address));
            Assert.False(AddressRules.IsSpecialNetwork(endPoint.Address));
        });
        Assert.Equal(nodes.Length, nodes.Select(node => Convert.ToHexString(Wire.GetEndPoint(node).Address.GetAddressBytes()[..3])).Distinct().Count());
    }

    [Fact]
    public void A_pair_of_nodes_has_nearly_the_same_latency_in_both_directions_and_always()
    {
        var wire = new Wire(new DiscoverySimulationOptions());
        double[] latencies = [.. Enumerable.Range(0, 100).Select(i => ToMilliseconds(i % 2 == 0 ? wire.Send(3, i, 9) : wire.Send(9, i, 3)))];
        double[] others = [.. Enumerable.Range(0, 100).Select(i => ToMilliseconds(wire.Send(3, 1000 + i, 10 + i)))];
        static double ToMilliseconds(long? ticks) => new TimeSpan(ticks!.Value).TotalMilliseconds;

        Assert.True(latencies.Max() <= 1.1 * latencies.Min());
        Assert.True(latencies.Distinct().Count() > 50);
        Assert.True(others.Max() > 2 * others.Min());
        Assert.All(others.Concat(latencies), latency => Assert.InRange(latency, 10, 220));
    }

    [Fact]
    public void Full_tables_are_counted_as_the_table_counts()
    {
        SimulatedNode[] nodes = [.. Enumerable.Range(0, 100).Select(i => CreateNode(i, 5))];
        double expected = nodes.Average(node => nodes
            .Where(other => other != node)
            .GroupBy(other => node.Machine.Table.GetBucketIndex(other.Id))
            .Sum(bucket => (double)Math.Min(Bucket.Capacity, bucket.Count())));

        Assert.Equal(expected, GroundTruth.GetMeanFullTable(nodes), 1e-9);
    }

    [Fact]
    public void The_closest_nodes_are_those_of_a_naive_sort()
    {
        SimulatedNode[] nodes = [.. Enumerable.Range(0, 60).Select(i => CreateNode(i, 6))];
        NodeId target = nodes[0].Id;
        byte[] Xor(NodeId id) => [.. id.ToArray().Zip(target.ToArray(), (a, b) => (byte)(a ^ b))];
        NodeId[] expected = [.. nodes.Select(node => node.Id).OrderBy(id => Convert.ToHexString(Xor(id)), StringComparer.Ordinal).Take(16)];

        Assert.Equal(expected, GroundTruth.GetClosest(nodes, target, 16));
    }

    [Fact]
    public void Time_source_bytes_and_order_all_count_for_the_trace()
    {
        static string Hash(params (int Ticks, int Source, byte[] Bytes)[] events)
        {
            var trace = default(TraceHash);
            foreach ((int ticks, int source, byte[] bytes) in events)
            {
                trace.Add(ticks, source, TraceHash.Digest(bytes));
            }

            byte[] hash = new byte[TraceHash.Size];
            trace.CopyTo(hash);
            return Convert.ToHexString(hash);
        }

        string[] hashes =
        [
            Hash((1, 2, [4])), Hash((2, 2, [4])), Hash((1, 3, [4])), Hash((1, 2, [5])), Hash((1, 2, [4, 0])), Hash((1, 2, [])),
            Hash((1, 2, [4]), (1, 3, [5])), Hash((1, 3, [5]), (1, 2, [4])), Hash((1, 2, new byte[8])), Hash((1, 2, new byte[16])),
        ];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.Equal(hashes[0], Hash((1, 2, [4])));
    }

    [Fact]
    public void Every_byte_counts_for_a_digest()
    {
        byte[] bytes = new byte[100];
        var digests = new HashSet<ulong> { TraceHash.Digest(bytes) };
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = 1;
            Assert.True(digests.Add(TraceHash.Digest(bytes)));
            bytes[i] = 0;
        }
    }

    private static SimulatedV4Node CreateNode(int index, int seed) => new(
        index,
        new DiscoverySimulationOptions(),
        new SimulationRandom(seed, index),
        [],
        DiscoverySimulation.CreatePart(),
        new Timestamp(TimeSpan.Zero, DateTimeOffset.UnixEpoch),
        (_, _) => null);
}
