using System.Net;
using System.Numerics;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;

namespace DevP2P.Tests.Discovery.Core;

/// <summary>Nodes for tests of the table: the same number always gives the same node.</summary>
internal static class TableNodes
{
    public static readonly Timestamp Start = new(TimeSpan.FromHours(1), new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>Another node's address, outside of the LAN.</summary>
    public static readonly IPAddress Sender = IPAddress.Parse("81.2.3.4");

    /// <summary>Keys that nobody has: nothing is signed with them, and making them costs nothing.</summary>
    public static PublicKey KeyOf(int number)
    {
        byte[] xy = new byte[64];
        BitConverter.TryWriteBytes(xy, number);
        return PublicKey.FromValidated(xy);
    }

    public static NodeId IdOf(int number) => KeyOf(number).NodeId;

    /// <summary>An address in a /24 of its own.</summary>
    public static IPAddress AddressOf(int number) => new([(byte)(60 + (number >> 16)), (byte)(number >> 8), (byte)number, 7]);

    public static Node NodeOf(int number) => NodeOf(number, AddressOf(number));

    public static Node NodeOf(int number, string address) => NodeOf(number, IPAddress.Parse(address));

    public static Node NodeOf(int number, IPAddress address) => Node.Create(KeyOf(number), address, 30303, 30303);

    /// <summary>A node with a signed record.</summary>
    public static Node Signed(PrivateKey key, ulong sequence, string address, int port = 30303) => Node.FromRecord(
        new NodeRecordBuilder { Sequence = sequence }.SetAddress(IPAddress.Parse(address)).SetTcpPort(port).SetUdpPort(port).Sign(key));

    public static PrivateKey PrivateKeyOf(int seed) => PrivateKey.Generate(new SeededRandomSource(seed));

    /// <summary>An id that differs from a node's in the last bit only, so that this node is its closest possible neighbor.</summary>
    public static NodeId NextTo(NodeId id)
    {
        byte[] bytes = id.ToArray();
        bytes[^1] ^= 1;
        return new NodeId(bytes);
    }

    /// <summary>Numbers of nodes in one bucket of a table.</summary>
    public static IEnumerable<int> InBucket(NodeTable table, int bucket, int from = 0) =>
        Enumerable.Range(from, int.MaxValue - from).Where(i => table.GetBucketIndex(IdOf(i)) == bucket);

    public static NodeTable CreateTable(int seed = 0, bool isInitialized = true, int self = 1_000_000)
    {
        var table = new NodeTable(IdOf(self), new SeededRandomSource(seed));
        if (isInitialized)
        {
            table.MarkInitialized();
        }

        return table;
    }

    public static List<TableOutput> Drain(this NodeTable table)
    {
        var outputs = new List<TableOutput>();
        while (table.TryDequeue(out TableOutput output))
        {
            outputs.Add(output);
        }

        return outputs;
    }

    public static List<Node> GetNodes(this NodeTable table, bool withReplacements = false)
    {
        var nodes = new List<Node>();
        for (int b = 0; b < NodeTable.BucketCount; b++)
        {
            nodes.AddRange(table.GetEntries(b).ToArray().Select(e => e.Node));
            nodes.AddRange(withReplacements ? table.GetReplacements(b).ToArray().Select(e => e.Node) : []);
        }

        return nodes;
    }

    /// <summary>Lets time pass, every check answered as <paramref name="isUp"/> says.</summary>
    public static Timestamp Run(this NodeTable table, Timestamp now, TimeSpan duration, Func<Node, bool> isUp, Action<Timestamp, TableOutput>? seen = null)
    {
        Timestamp end = now + duration;
        while (table.NextTimeout is TimeSpan due && due <= end.Monotonic)
        {
            now += due - now.Monotonic;
            table.HandleTimeout(now);
            while (table.TryDequeue(out TableOutput output))
            {
                seen?.Invoke(now, output);
                if (output.Kind is not TableOutputKind.Check)
                {
                    continue;
                }

                if (isUp(output.Node))
                {
                    table.CheckPassed(now, output.Check);
                }
                else
                {
                    table.CheckFailed(now, output.Check);
                }
            }
        }

        return end;
    }

    /// <summary>The distance, the slow way.</summary>
    public static BigInteger Xor(NodeId a, NodeId b) => ToNumber(a) ^ ToNumber(b);

    private static BigInteger ToNumber(NodeId id) => new(id.ToArray(), isUnsigned: true, isBigEndian: true);
}
