using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>What one who sees all nodes at once knows.</summary>
internal static class GroundTruth
{
    /// <summary>The nodes closest to a target, by a plain sort.</summary>
    public static NodeId[] GetClosest(IEnumerable<SimulatedNode> nodes, NodeId target, int count) =>
        [.. nodes.Select(node => node.Id)
            .OrderBy(id => Distance.Leading(target, id))
            .ThenBy(id => id, Comparer<NodeId>.Create((a, b) => Distance.Compare(target, a, b)))
            .Take(count)];

    /// <summary>
    /// How many nodes the tables would have on average if every bucket had as many as it takes, or as there are for it.
    /// </summary>
    public static double GetMeanFullTable(IReadOnlyList<SimulatedNode> nodes)
    {
        ulong[] prefixes = [.. nodes.Select(node => Distance.Leading(node.Id, default))];
        Array.Sort(prefixes);
        long sum = 0;
        foreach (ulong prefix in prefixes)
        {
            int sharing = prefixes.Length;
            for (int bits = 1; bits < NodeTable.BucketCount; bits++)
            {
                int more = CountSharing(prefixes, prefix, bits);
                sum += Math.Min(Bucket.Capacity, sharing - more);
                sharing = more;
            }

            // Bucket 0 has all that share the most bits, except ourselves.
            sum += Math.Min(Bucket.Capacity, sharing - 1);
        }

        return (double)sum / prefixes.Length;
    }

    /// <summary>How many of the sorted numbers have the first bits of another.</summary>
    private static int CountSharing(ulong[] sorted, ulong prefix, int bits)
    {
        ulong tail = ulong.MaxValue >> bits;
        ulong last = prefix | tail;
        int first = CountBelow(sorted, prefix & ~tail);
        return (last == ulong.MaxValue ? sorted.Length : CountBelow(sorted, last + 1)) - first;
    }

    private static int CountBelow(ulong[] sorted, ulong value)
    {
        int low = 0;
        int high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = sorted[middle] < value ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
