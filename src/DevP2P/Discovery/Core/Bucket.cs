using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>
/// The nodes at one logarithmic distance: up to <see cref="Capacity"/> entries, and up to <see cref="MaxReplacements"/>
/// replacements for them once they are full. Both count for <see cref="Networks"/>.
/// </summary>
/// <remarks>Go: <c>bucket</c>.</remarks>
internal sealed class Bucket
{
    /// <summary>Kademlia's k.</summary>
    public const int Capacity = 16;

    /// <summary>How many nodes wait for a place; a newer one pushes out the oldest.</summary>
    public const int MaxReplacements = 10;

    // Entries, from place 16 on replacements, oldest first. The first words of their ids are kept side by side because they are
    // searched and compared far more often than anything else of an entry is read; they nearly always suffice.
    private TableEntry[] _nodes = [];
    private ulong[] _leading = [];
    private int _count;

    /// <summary>The networks of entries and replacements.</summary>
    public DistinctNetworks Networks { get; } = DistinctNetworks.ForBucket();

    /// <summary>Whether a further node becomes a replacement.</summary>
    public bool IsFull => _count >= Capacity;

    /// <summary>The entries, oldest first. Valid until the next change.</summary>
    public ReadOnlySpan<TableEntry> Entries => _nodes.AsSpan(0, Math.Min(_count, Capacity));

    /// <summary>The replacements, oldest first. Valid until the next change.</summary>
    public ReadOnlySpan<TableEntry> Replacements => IsFull ? _nodes.AsSpan(Capacity, _count - Capacity) : [];

    public TableEntry this[int index] => _nodes[index];

    /// <summary>The place of a node: below <see cref="Capacity"/> an entry, from there on a replacement, -1 if it is not here.</summary>
    public int IndexOf(in NodeId id)
    {
        ulong leading = Distance.Leading(id, default);
        int index = -1;
        while (true)
        {
            int next = _leading.AsSpan(0, _count)[(index + 1)..].IndexOf(leading);
            index += next + 1;
            if (next < 0 || _nodes[index].Node.Id == id)
            {
                return next < 0 ? -1 : index;
            }
        }
    }

    /// <summary>Makes room for one more: takes out the oldest replacement if there are as many as there may be.</summary>
    public TableEntry? MakeRoom() => _count == Capacity + MaxReplacements ? RemoveAt(Capacity) : null;

    /// <summary>Adds a node that is not here, as an entry if there is room, else as the newest replacement; see <see cref="MakeRoom"/>.</summary>
    public void Add(TableEntry entry)
    {
        if (_count == _nodes.Length)
        {
            int capacity = Math.Min(Math.Max(2, _count * 2), Capacity + MaxReplacements);
            Array.Resize(ref _nodes, capacity);
            Array.Resize(ref _leading, capacity);
        }

        (_nodes[_count], _leading[_count]) = (entry, Distance.Leading(entry.Node.Id, default));
        _count++;
    }

    /// <summary>Removes an entry, whose place a random replacement takes, or a replacement.</summary>
    /// <param name="index">Its place.</param>
    /// <param name="random">Chooses the replacement.</param>
    /// <param name="promoted">The replacement that is an entry now.</param>
    public TableEntry RemoveAt(int index, RandomSource random, out TableEntry? promoted)
    {
        promoted = null;
        int replacements = Replacements.Length;
        if (index < Capacity && replacements > 0)
        {
            promoted = RemoveAt(Capacity + random.Next(replacements));
            TableEntry removed = RemoveAt(index);
            Insert(Capacity - 1, promoted);
            return removed;
        }

        return RemoveAt(index);
    }

    /// <summary>Adds the entries closest to a target, closest first.</summary>
    /// <returns>How many were added: as many as there are, or as fit.</returns>
    public int GetClosest(in NodeId target, bool liveOnly, Span<Node> destination)
    {
        Span<ulong> distances = stackalloc ulong[Capacity];
        Span<byte> order = stackalloc byte[Capacity];
        ulong leading = Distance.Leading(target, default);
        ReadOnlySpan<TableEntry> entries = Entries;
        for (int i = 0; i < entries.Length; i++)
        {
            ulong distance = leading ^ _leading[i];
            int place = i;
            for (; place > 0 && IsCloser(target, distance, i, distances[place - 1], order[place - 1]); place--)
            {
                (distances[place], order[place]) = (distances[place - 1], order[place - 1]);
            }

            (distances[place], order[place]) = (distance, (byte)i);
        }

        // Only now are entries touched, and only as many as are wanted: each lies somewhere else in memory.
        int count = 0;
        for (int i = 0; i < entries.Length && count < destination.Length; i++)
        {
            TableEntry entry = entries[order[i]];
            if (!liveOnly || entry.IsLive)
            {
                destination[count++] = entry.Node;
            }
        }

        return count;
    }

    private bool IsCloser(in NodeId target, ulong distance, int index, ulong otherDistance, int otherIndex) =>
        distance != otherDistance
            ? distance < otherDistance
            : Distance.Compare(target, _nodes[index].Node.Id, _nodes[otherIndex].Node.Id) < 0;

    private TableEntry RemoveAt(int index)
    {
        TableEntry removed = _nodes[index];
        _count--;
        Array.Copy(_nodes, index + 1, _nodes, index, _count - index);
        Array.Copy(_leading, index + 1, _leading, index, _count - index);
        _nodes[_count] = null!;
        return removed;
    }

    /// <summary>Inserts where a removal has just made room.</summary>
    private void Insert(int index, TableEntry entry)
    {
        Array.Copy(_nodes, index, _nodes, index + 1, _count - index);
        Array.Copy(_leading, index, _leading, index + 1, _count - index);
        (_nodes[index], _leading[index]) = (entry, Distance.Leading(entry.Node.Id, default));
        _count++;
    }
}
