using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery;

/// <summary>A discovery protocol's node table at one moment. Immutable; what changes later does not show in it.</summary>
/// <remarks>Go: what <c>Table.Nodes</c> returns, of which a <c>BucketNode</c> is one entry.</remarks>
public sealed record RoutingTable
{
    /// <summary>Whose table it is: "v4", "v5" or "legacy".</summary>
    public required string Version { get; init; }

    /// <summary>Our own id, from which distances are measured.</summary>
    public required NodeId Self { get; init; }

    /// <summary>When it was taken, in UTC.</summary>
    public required DateTimeOffset TakenAt { get; init; }

    /// <summary>All buckets, also the empty ones, closest first.</summary>
    public required IReadOnlyList<RoutingTableBucket> Buckets { get; init; }

    /// <summary>How many entries there are, without replacements.</summary>
    public int Count => Buckets.Sum(static bucket => bucket.Entries.Count);

    internal static RoutingTable From(string version, NodeId self, NodeTable? table, Timestamp now)
    {
        var buckets = new RoutingTableBucket[table is null ? 0 : NodeTable.BucketCount];
        for (int i = 0; i < buckets.Length; i++)
        {
            (int min, int max) = NodeTable.GetDistances(i);
            buckets[i] = new RoutingTableBucket
            {
                Index = i,
                MinDistance = min,
                MaxDistance = max,
                Entries = Copy(table!.GetEntries(i), now),
                Replacements = Copy(table.GetReplacements(i), now),
            };
        }

        return new RoutingTable { Version = version, Self = self, TakenAt = now.Utc, Buckets = buckets };
    }

    private static RoutingTableEntry[] Copy(ReadOnlySpan<TableEntry> entries, Timestamp now)
    {
        var copies = new RoutingTableEntry[entries.Length];
        for (int i = 0; i < copies.Length; i++)
        {
            TableEntry entry = entries[i];
            copies[i] = new RoutingTableEntry
            {
                Node = entry.Node,
                IsLive = entry.IsLive,
                LivenessChecks = entry.LivenessChecks,
                FailedQueries = entry.FailedQueries,
                AddedAt = now.Utc - (now.Monotonic - entry.AddedToTable),
            };
        }

        return copies;
    }
}

/// <summary>The nodes at a range of distances.</summary>
public sealed record RoutingTableBucket
{
    /// <summary>Its place; 0 is the closest.</summary>
    public required int Index { get; init; }

    /// <summary>The least logarithmic distance of its nodes from us: 256 minus the number of leading bits that the ids have in common.</summary>
    public required int MinDistance { get; init; }

    /// <summary>The greatest one.</summary>
    public required int MaxDistance { get; init; }

    /// <summary>The nodes, oldest first; at most 16.</summary>
    public required IReadOnlyList<RoutingTableEntry> Entries { get; init; }

    /// <summary>Nodes that wait for a place, oldest first; at most 10.</summary>
    public required IReadOnlyList<RoutingTableEntry> Replacements { get; init; }
}

/// <summary>A node in a table. When it was last seen is not in it: the table does not keep that.</summary>
public sealed record RoutingTableEntry
{
    /// <summary>The node, with the newest endpoint and record that are known.</summary>
    public required Node Node { get; init; }

    /// <summary>True if the node has passed a liveness check at the endpoint that it has now.</summary>
    public required bool IsLive { get; init; }

    /// <summary>How many liveness checks it has passed; a failed one divides the number by three.</summary>
    public required int LivenessChecks { get; init; }

    /// <summary>How many queries in a row it has left without a useful answer.</summary>
    public required int FailedQueries { get; init; }

    /// <summary>When it was stored, as an entry or a replacement, in UTC.</summary>
    public required DateTimeOffset AddedAt { get; init; }
}
