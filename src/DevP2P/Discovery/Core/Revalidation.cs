using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>
/// When which entry of a table is checked for liveness: new, moved and failing entries often, proven ones less often. Part of
/// <see cref="NodeTable"/>, which says what the outcome does to an entry. Sans-IO.
/// </summary>
/// <remarks>Go: <c>tableRevalidation</c>.</remarks>
internal sealed class Revalidation(RandomSource random)
{
    /// <summary>A new, moved or failing entry is checked whenever a random time below this has passed.</summary>
    public static readonly TimeSpan FastInterval = TimeSpan.FromSeconds(3);

    /// <summary>A proven entry is checked whenever a random time below this has passed.</summary>
    public static readonly TimeSpan SlowInterval = FastInterval * 3;

    // Nodes whose check is running. One that was removed and stored again meanwhile is not checked twice.
    private readonly List<NodeId> _active = [];

    /// <summary>New, moved and failing entries.</summary>
    public RevalidationList Fast { get; } = new(FastInterval, random);

    /// <summary>Proven entries.</summary>
    public RevalidationList Slow { get; } = new(SlowInterval, random);

    /// <summary>How many checks are running.</summary>
    public int ActiveChecks => _active.Count;

    /// <summary>When the next check is due, on the monotonic clock; null if the table is empty.</summary>
    public TimeSpan? NextTimeout
    {
        get
        {
            (TimeSpan? fast, TimeSpan? slow) = (Fast.NextTimeout, Slow.NextTimeout);
            return slow is null || fast <= slow ? fast : slow;
        }
    }

    /// <summary>Puts an entry into a list, out of the one it is in.</summary>
    public static void Move(TimeSpan now, TableEntry entry, RevalidationList list)
    {
        if (entry.List != list)
        {
            entry.List?.Remove(entry);
            list.Add(now, entry);
        }
    }

    /// <summary>Begins the check that is due in a list, if one is.</summary>
    public TableEntry? TryBegin(TimeSpan now, RevalidationList list)
    {
        TableEntry? entry = list.TakeDue(now, _active);
        if (entry is not null)
        {
            _active.Add(entry.Node.Id);
        }

        return entry;
    }

    /// <summary>A check has ended.</summary>
    /// <returns>False if it was not running.</returns>
    public bool End(NodeId id) => _active.Remove(id);
}
