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

    // Entries, from place 16 on replacements, oldest first. What queries and offers of known nodes need of them is kept side by side,
    // as each entry lies somewhere else in memory: the first words of their ids, which nearly always suffice, their nodes, and a bit
    // for each whether it is live.
    private TableEntry[] _entries = [];
    private ulong[] _leading = [];
    private Node[] _nodes = [];
    private uint _live;
    private int _count;

    /// <summary>The networks of entries and replacements.</summary>
    public DistinctNetworks Networks { get; } = DistinctNetworks.ForBucket();

    /// <summary>Whether a further node becomes a replacement.</summary>
    public bool IsFull => _count >= Capacity;

    /// <summary>The entries, oldest first. Valid until the next change.</summary>
    public ReadOnlySpan<TableEntry> Entries => _entries.AsSpan(0, Math.Min(_count, Capacity));

    /// <summary>The replacements, oldest first. Valid until the next change.</summary>
    public ReadOnlySpan<TableEntry> Replacements => IsFull ? _entries.AsSpan(Capacity, _count - Capacity) : [];

    public TableEntry this[int index] => _entries[index];

    /// <summary>The node at a place.</summary>
    public Node GetNode(int index) => _nodes[index];

    /// <summary>Changes what is known of an entry or a replacement.</summary>
    public void Update(int index, Node node, bool isLive)
    {
        TableEntry entry = _entries[index];
        entry.Set(node, isLive);
        Store(index, entry);
    }

    /// <summary>The place of a node: below <see cref="Capacity"/> an entry, from there on a replacement, -1 if it is not here.</summary>
    public int IndexOf(in NodeId id)
    {
        ulong leading = Distance.Leading(id, default);
        int index = -1;
        while (true)
        {
            int next = _leading.AsSpan(0, _count)[(index + 1)..].IndexOf(leading);
            index += next + 1;
            if (next < 0 || _nodes[index].Id == id)
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
        if (_count == _entries.Length)
        {
            int capacity = Math.Min(Math.Max(2, _count * 2), Capacity + MaxReplacements);
            Array.Resize(ref _entries, capacity);
            Array.Resize(ref _leading, capacity);
            Array.Resize(ref _nodes, capacity);
        }

        Store(_count++, entry);
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
        int entries = Math.Min(_count, Capacity);
        for (int i = 0; i < entries; i++)
        {
            ulong distance = leading ^ _leading[i];
            int place = i;
            for (; place > 0 && IsCloser(target, distance, i, distances[place - 1], order[place - 1]); place--)
            {
                (distances[place], order[place]) = (distances[place - 1], order[place - 1]);
            }

            (distances[place], order[place]) = (distance, (byte)i);
        }

        int count = 0;
        for (int i = 0; i < entries && count < destination.Length; i++)
        {
            int index = order[i];
            if (!liveOnly || (_live & (1u << index)) != 0)
            {
                destination[count++] = _nodes[index];
            }
        }

        return count;
    }

    private bool IsCloser(in NodeId target, ulong distance, int index, ulong otherDistance, int otherIndex) =>
        distance != otherDistance
            ? distance < otherDistance
            : Distance.Compare(target, _nodes[index].Id, _nodes[otherIndex].Id) < 0;

    private TableEntry RemoveAt(int index)
    {
        TableEntry removed = _entries[index];
        _count--;
        Array.Copy(_entries, index + 1, _entries, index, _count - index);
        Array.Copy(_leading, index + 1, _leading, index, _count - index);
        Array.Copy(_nodes, index + 1, _nodes, index, _count - index);
        uint before = (1u << index) - 1;
        _live = (_live & before) | ((_live >> 1) & ~before);
        (_entries[_count], _nodes[_count]) = (null!, null!);
        return removed;
    }

    /// <summary>Inserts where a removal has just made room.</summary>
    private void Insert(int index, TableEntry entry)
    {
        Array.Copy(_entries, index, _entries, index + 1, _count - index);
        Array.Copy(_leading, index, _leading, index + 1, _count - index);
        Array.Copy(_nodes, index, _nodes, index + 1, _count - index);
        uint before = (1u << index) - 1;
        _live = (_live & before) | ((_live & ~before) << 1);
        _count++;
        Store(index, entry);
    }

    private void Store(int index, TableEntry entry)
    {
        (_entries[index], _leading[index], _nodes[index]) = (entry, Distance.Leading(entry.Node.Id, default), entry.Node);
        _live = entry.IsLive ? _live | (1u << index) : _live & ~(1u << index);
    }
}
