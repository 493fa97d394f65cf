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
    /// <summary>Bans that changed.</summary>
    public NodeDatabaseRowsBatch<NodeDatabaseBan> Bans { get; init; } = new(false, []);

    /// <summary>Standings that changed.</summary>
    public NodeDatabaseRowsBatch<NodeDatabaseStanding> Standings { get; init; } = new(false, []);

    public int Count => Nodes.Count + Local.Count + Meta.Count + Bans.Rows.Count + Standings.Rows.Count;

    public bool IsEmpty => Count == 0 && !Rewrite && Bans.IsEmpty && Standings.IsEmpty;
}

/// <summary>An own node's last record, as its sequence number and its bytes.</summary>
internal readonly record struct NodeDatabaseLocal(ulong Sequence, ReadOnlyMemory<byte> Record);

/// <summary>What a file held when it was opened.</summary>
internal sealed class NodeDatabaseContents
{
    public Dictionary<NodeId, NodeDatabaseEntry> Nodes { get; } = [];

    public Dictionary<NodeId, NodeDatabaseLocal> Local { get; } = [];

    public Dictionary<string, byte[]> Meta { get; } = [];

    public Dictionary<NodeId, NodeDatabaseBan> Bans { get; } = [];

    public Dictionary<NodeId, NodeDatabaseStanding> Standings { get; } = [];

    /// <summary>Rows that made no sense: a wrong length, a key that is no key, a contact of no node.</summary>
    public int Skipped { get; set; }
}
