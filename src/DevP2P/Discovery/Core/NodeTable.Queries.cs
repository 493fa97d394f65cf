using System.Diagnostics.CodeAnalysis;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <content>Who is in the table.</content>
internal sealed partial class NodeTable
{
    /// <summary>A node's entry.</summary>
    /// <returns>False if the node is not in the table or only a replacement.</returns>
    public bool TryGet(NodeId id, [NotNullWhen(true)] out TableEntry? entry)
    {
        entry = TryFind(id, out Bucket? bucket, out int index) && index < Bucket.Capacity ? bucket[index] : null;
        return entry is not null;
    }

    /// <summary>The entries of a bucket, in the order in which they were added. Valid until the next fact.</summary>
    public ReadOnlySpan<TableEntry> GetEntries(int bucketIndex) => _buckets[bucketIndex] is { } bucket ? bucket.Entries : [];

    /// <summary>The replacements of a bucket, oldest first. Valid until the next fact.</summary>
    public ReadOnlySpan<TableEntry> GetReplacements(int bucketIndex) => _buckets[bucketIndex] is { } bucket ? bucket.Replacements : [];

    /// <summary>The nodes closest to a target, closest first. Allocates nothing.</summary>
    /// <param name="target">The target.</param>
    /// <param name="preferLive">Only nodes that are live, unless there are none at all: for answers to others.</param>
    /// <param name="destination">Takes the nodes.</param>
    /// <returns>How many there are: as many as <paramref name="destination"/> takes, unless the table has fewer.</returns>
    public int GetClosest(NodeId target, bool preferLive, Span<Node> destination)
    {
        int count = preferLive ? GetClosestOf(target, liveOnly: true, destination) : 0;
        return count > 0 ? count : GetClosestOf(target, liveOnly: false, destination);
    }

    /// <summary>Different nodes in random order, each set of them equally likely. Allocates nothing.</summary>
    /// <param name="liveOnly">Only nodes that are live.</param>
    /// <param name="destination">Takes the nodes.</param>
    /// <returns>How many there are: as many as <paramref name="destination"/> takes, unless the table has fewer.</returns>
    public int GetRandom(bool liveOnly, Span<Node> destination)
    {
        // All that qualify, by bucket and place.
        Span<ushort> places = stackalloc ushort[BucketCount * Bucket.Capacity];
        int found = 0;
        for (int b = 0; b < BucketCount; b++)
        {
            ReadOnlySpan<TableEntry> entries = GetEntries(b);
            for (int i = 0; i < entries.Length; i++)
            {
                if (!liveOnly || entries[i].IsLive)
                {
                    places[found++] = (ushort)((b * Bucket.Capacity) + i);
                }
            }
        }

        // The first steps of a Fisher-Yates shuffle.
        int count = Math.Min(found, destination.Length);
        for (int i = 0; i < count; i++)
        {
            int chosen = i + _random.Next(found - i);
            (places[i], places[chosen]) = (places[chosen], places[i]);
            destination[i] = _buckets[places[i] / Bucket.Capacity]![places[i] % Bucket.Capacity].Node;
        }

        return count;
    }

    /// <summary>
    /// Takes the buckets in the order of their distance from the target, until there are enough nodes. Bit b of our own
    /// distance from the target says whether the nodes of bucket b, whose ids first differ from ours in this bit, are closer
    /// to it than we are (1) or farther (0). Of the closer ones, those that differ in the highest bit are closest; of the
    /// farther ones, those that differ in the lowest. Bucket 0 has our own first 16 bits and is between them.
    /// </summary>
    private int GetClosestOf(in NodeId target, bool liveOnly, Span<Node> destination)
    {
        int closerBuckets = (int)(Distance.Leading(_self, target) >> (64 - BucketCount + 1)) << 1;
        int count = 0;
        for (int b = BucketCount - 1; b > 0 && count < destination.Length; b--)
        {
            if ((closerBuckets & (1 << b)) != 0)
            {
                count += GetClosestOfBucket(b, target, liveOnly, destination[count..]);
            }
        }

        for (int b = 0; b < BucketCount && count < destination.Length; b++)
        {
            if ((closerBuckets & (1 << b)) == 0)
            {
                count += GetClosestOfBucket(b, target, liveOnly, destination[count..]);
            }
        }

        return count;
    }

    private int GetClosestOfBucket(int index, in NodeId target, bool liveOnly, Span<Node> destination) =>
        _buckets[index]?.GetClosest(target, liveOnly, destination) ?? 0;
}
