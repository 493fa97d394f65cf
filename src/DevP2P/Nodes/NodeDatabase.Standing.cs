namespace DevP2P.Nodes;

/// <content>Who is banned, and what others have earned. Kept for nodes that the database need not know otherwise.</content>
internal sealed partial class NodeDatabase
{
    /// <summary>The most bans that are kept.</summary>
    public const int MaxBans = 4096;

    /// <summary>The most nodes whose standing is kept.</summary>
    public const int MaxStandings = 8192;

    private readonly NodeDatabaseRows<NodeDatabaseBan> _bans;
    private readonly NodeDatabaseRows<NodeDatabaseStanding> _standings;

    /// <summary>The bans; for a start.</summary>
    public IReadOnlyList<KeyValuePair<NodeId, NodeDatabaseBan>> GetBans()
    {
        lock (_gate)
        {
            return [.. _bans.Values];
        }
    }

    /// <summary>The standings; for a start.</summary>
    public IReadOnlyList<KeyValuePair<NodeId, NodeDatabaseStanding>> GetStandings()
    {
        lock (_gate)
        {
            return [.. _standings.Values];
        }
    }

    /// <summary>Stores a ban, at once; null removes it. The caller keeps to <see cref="MaxBans"/>.</summary>
    public void SetBan(NodeId id, NodeDatabaseBan? ban)
    {
        lock (_gate)
        {
            _bans.Set(id, ban);
            MarkRows(urgent: true);
        }
    }

    /// <summary>Stores a node's standing; null removes it. The caller keeps to <see cref="MaxStandings"/>.</summary>
    public void SetStanding(NodeId id, NodeDatabaseStanding? standing)
    {
        lock (_gate)
        {
            _standings.Set(id, standing);
            MarkRows(urgent: false);
        }
    }

    private void MarkRows(bool urgent)
    {
        if (Path is null || _disposed)
        {
            return;
        }

        if (urgent)
        {
            Wake();
        }
        else
        {
            ArmTimer(WriteDelay);
        }
    }
}
