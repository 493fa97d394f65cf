namespace DevP2P.Nodes;

/// <summary>
/// Rows by node id, one each, and which of them differ from the file. Whoever records keeps their number bounded; this keeps
/// what waits to be written bounded, too. The lock is the database's.
/// </summary>
/// <param name="values">What the file holds.</param>
/// <param name="maxRows">How many rows there are at most.</param>
internal sealed class NodeDatabaseRows<T>(Dictionary<NodeId, T> values, int maxRows)
    where T : struct
{
    private readonly HashSet<NodeId> _dirty = [];
    private bool _rewrite;

    /// <summary>The rows.</summary>
    public IReadOnlyDictionary<NodeId, T> Values => values;

    /// <summary>Whether the file has to follow.</summary>
    public bool HasChanges => _rewrite || _dirty.Count > 0;

    /// <summary>Sets or, with null, removes a row.</summary>
    public void Set(NodeId id, T? value)
    {
        if (value is { } row)
        {
            values[id] = row;
        }
        else if (!values.Remove(id))
        {
            return;
        }

        if (!_rewrite && _dirty.Add(id) && _dirty.Count > 2 * maxRows)
        {
            Rewrite();
        }
    }

    /// <summary>The whole table has to be written.</summary>
    public void Rewrite()
    {
        _rewrite = true;
        _dirty.Clear();
    }

    /// <summary>What has changed; from now on it counts as written.</summary>
    public NodeDatabaseRowsBatch<T> Take()
    {
        var batch = new NodeDatabaseRowsBatch<T>(
            _rewrite,
            _rewrite
                ? [.. values.Select(static row => new KeyValuePair<NodeId, T?>(row.Key, row.Value))]
                : [.. _dirty.Select(id => new KeyValuePair<NodeId, T?>(id, values.TryGetValue(id, out T value) ? value : null))]);
        _rewrite = false;
        _dirty.Clear();
        return batch;
    }

    /// <summary>A batch was not written.</summary>
    public void PutBack(NodeDatabaseRowsBatch<T> batch)
    {
        if (_rewrite || batch.Rewrite)
        {
            Rewrite();
            return;
        }

        foreach (KeyValuePair<NodeId, T?> row in batch.Rows)
        {
            _dirty.Add(row.Key);
        }
    }
}

/// <summary>Rows to write. One without a value is deleted.</summary>
/// <param name="Rewrite">Whether all rows on disk are deleted first.</param>
/// <param name="Rows">What changed.</param>
internal readonly record struct NodeDatabaseRowsBatch<T>(bool Rewrite, List<KeyValuePair<NodeId, T?>> Rows)
    where T : struct
{
    public bool IsEmpty => !Rewrite && Rows.Count == 0;
}

/// <summary>A ban as the database keeps it, times in UTC.</summary>
/// <param name="Since">When it began.</param>
/// <param name="Until">When it ends; null for never.</param>
/// <param name="Reason">Why.</param>
/// <param name="IsAutomatic">Whether the server itself made it.</param>
internal readonly record struct NodeDatabaseBan(DateTimeOffset Since, DateTimeOffset? Until, string Reason, bool IsAutomatic);

/// <summary>A node's standing as the database keeps it.</summary>
/// <param name="Score">The score at that time.</param>
/// <param name="At">The time, UTC.</param>
/// <param name="Bans">How often the server has banned the node by itself.</param>
internal readonly record struct NodeDatabaseStanding(double Score, DateTimeOffset At, int Bans);
