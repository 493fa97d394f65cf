namespace DevP2P.Nodes;

/// <summary>What one transaction writes. A node without an entry is deleted.</summary>
/// <param name="Rewrite">Whether all nodes on disk are forgotten first.</param>
/// <param name="Nodes">Nodes that changed.</param>
/// <param name="Local">Own nodes' last records.</param>
/// <param name="Meta">Values by key; null deletes.</param>
internal readonly record struct NodeDatabaseBatch(
    bool Rewrite,
    List<KeyValuePair<NodeId, NodeDatabaseEntry?>> Nodes,
    List<KeyValuePair<NodeId, NodeDatabaseLocal>> Local,
    List<KeyValuePair<string, byte[]?>> Meta)
{
    public int Count => Nodes.Count + Local.Count + Meta.Count;

    public bool IsEmpty => Count == 0 && !Rewrite;
}

/// <summary>An own node's last record, as its sequence number and its bytes.</summary>
internal readonly record struct NodeDatabaseLocal(ulong Sequence, ReadOnlyMemory<byte> Record);

/// <summary>What a file held when it was opened.</summary>
internal sealed class NodeDatabaseContents
{
    public Dictionary<NodeId, NodeDatabaseEntry> Nodes { get; } = [];

    public Dictionary<NodeId, NodeDatabaseLocal> Local { get; } = [];

    public Dictionary<string, byte[]> Meta { get; } = [];

    /// <summary>Rows that made no sense: a wrong length, a key that is no key, a contact of no node.</summary>
    public int Skipped { get; set; }
}
