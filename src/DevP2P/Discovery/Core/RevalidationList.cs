using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>Entries of which one at random is checked whenever a random time below the interval has passed.</summary>
/// <remarks>Go: <c>revalidationList</c>.</remarks>
internal sealed class RevalidationList(TimeSpan interval, RandomSource random)
{
    private TableEntry[] _entries = [];

    /// <summary>How many entries are in the list.</summary>
    public int Count { get; private set; }

    /// <summary>When the next check is due, on the monotonic clock; null while the list is empty.</summary>
    public TimeSpan? NextTimeout { get; private set; }

    /// <summary>Adds an entry that is in no list.</summary>
    public void Add(TimeSpan now, TableEntry entry)
    {
        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, Math.Max(4, Count * 2));
        }

        (entry.List, entry.ListIndex) = (this, Count);
        _entries[Count++] = entry;
        NextTimeout ??= now + RandomDelay.Below(random, interval);
    }

    /// <summary>Removes an entry of this list.</summary>
    public void Remove(TableEntry entry)
    {
        TableEntry last = _entries[--Count];
        _entries[entry.ListIndex] = last;
        last.ListIndex = entry.ListIndex;
        _entries[Count] = null!;
        entry.List = null;
        if (Count == 0)
        {
            NextTimeout = null;
        }
    }

    /// <summary>If the time has come: chooses an entry at random and the next time.</summary>
    /// <returns>The entry; null if it is too early or all of them are <paramref name="excluded"/>.</returns>
    public TableEntry? TakeDue(TimeSpan now, List<NodeId> excluded)
    {
        if (NextTimeout is not TimeSpan due || due > now)
        {
            return null;
        }

        NextTimeout = now + RandomDelay.Below(random, interval);
        // Few are excluded, so that taking the next one instead hardly favors anybody.
        int start = random.Next(Count);
        for (int i = 0; i < Count; i++)
        {
            TableEntry entry = _entries[(start + i) % Count];
            if (!excluded.Contains(entry.Node.Id))
            {
                return entry;
            }
        }

        return null;
    }
}
