using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>
/// A node in a <see cref="NodeTable"/>, with what the table knows of it. The same object from the moment the node is stored
/// until it is removed; only the table changes it.
/// </summary>
/// <remarks>Go: <c>tableNode</c>, <c>discover.BucketNode</c>.</remarks>
internal sealed class TableEntry(Node node, TimeSpan now)
{
    /// <summary>The node, with its newest endpoint and record.</summary>
    public Node Node { get; private set; } = node;

    /// <summary>When the node was stored, as an entry or a replacement, on the monotonic clock.</summary>
    public TimeSpan AddedToTable { get; private set; } = now;

    /// <summary>When the node became an entry of its bucket, on the monotonic clock. Before that, when it became a replacement.</summary>
    public TimeSpan AddedToBucket { get; internal set; } = now;

    /// <summary>How many liveness checks the node has passed; a failed one divides it by <see cref="NodeTable.FailedCheckDivisor"/>.</summary>
    public int LivenessChecks { get; internal set; }

    /// <summary>How many queries in a row the node has left without a useful answer.</summary>
    public int FailedQueries { get; internal set; }

    /// <summary>Whether the node has passed a liveness check at the endpoint that it has now.</summary>
    public bool IsLive { get; private set; }

    /// <summary>Whether the node is an entry of its bucket: not a replacement, not removed.</summary>
    public bool IsInBucket => List is not null;

    /// <summary>The revalidation list that an entry is in; null for replacements and removed nodes.</summary>
    internal RevalidationList? List { get; set; }

    /// <summary>The place in <see cref="List"/>.</summary>
    internal int ListIndex { get; set; }

    /// <summary>For <see cref="Bucket.Update"/>, which keeps a copy of both.</summary>
    internal void Set(Node node, bool isLive) => (Node, IsLive) = (node, isLive);

    /// <summary>Makes the entry that of another node. Only for one that has never been more than a replacement: nobody else knows it.</summary>
    internal void Reuse(Node node, TimeSpan now) => (Node, AddedToTable, AddedToBucket, FailedQueries) = (node, now, now, 0);
}
