namespace DevP2P.Nodes;

/// <summary>Figures of a <see cref="NodeDatabase"/> since it was opened.</summary>
internal readonly record struct NodeDatabaseStatistics
{
    /// <summary>Nodes remembered now.</summary>
    public int Nodes { get; init; }

    /// <summary>Nodes whose latest state is not on disk yet; always 0 in memory.</summary>
    public int Pending { get; init; }

    /// <summary>Nodes that made room for new ones because <see cref="NodeDatabaseOptions.MaxNodes"/> was reached.</summary>
    public long Evicted { get; init; }

    /// <summary>Nodes that were not taken because their network had its share.</summary>
    public long Refused { get; init; }

    /// <summary>Nodes dropped because they had been silent too long.</summary>
    public long Expired { get; init; }

    /// <summary>Changes that were written together with a later one of the same node.</summary>
    public long Coalesced { get; init; }

    /// <summary>Rows written to disk.</summary>
    public long Written { get; init; }

    /// <summary>Attempts to write that failed. What they were to write is kept and tried again.</summary>
    public long WriteFailures { get; init; }
}
