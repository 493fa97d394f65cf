using System.Diagnostics.CodeAnalysis;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>
/// An endless supply of random nodes: while its consumer takes nodes, it wants lookups of random targets, and hands out at
/// random those who answered (threat T02: not from one bucket, nor in the order in which somebody else named them). Sans-IO;
/// not safe for concurrent calls.
/// </summary>
/// <remarks>
/// <para>Go: <c>lookupIterator</c>.</para>
/// <para>
/// After any event, the owner calls <see cref="TryStartLookup"/>; if it returns true, the owner runs a <see cref="Lookup"/> of
/// a random target, calls <see cref="Offer"/> for each node that answers and <see cref="LookupEnded"/> once at the end.
/// </para>
/// </remarks>
internal sealed class RandomWalk(NodeTable table, RandomSource random)
{
    /// <summary>How many nodes are kept.</summary>
    public const int Capacity = 64;

    /// <summary>Below this many nodes a lookup is wanted.</summary>
    public const int LowWater = 16;

    /// <summary>The shortest time between the starts of two lookups, for networks that are so small that a lookup takes no time.</summary>
    public static readonly TimeSpan MinInterval = TimeSpan.FromSeconds(1);

    private Node[] _nodes = [];
    private TimeSpan _earliest = TimeSpan.MinValue;

    /// <summary>How many nodes can be taken.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a lookup is running.</summary>
    public bool IsLookupRunning { get; private set; }

    /// <summary>When <see cref="TryStartLookup"/> returns true at the latest, on the monotonic clock; null if only an event can bring that about.</summary>
    public TimeSpan? NextTimeout => IsLookupRunning || Count >= LowWater || table.Count == 0 ? null : _earliest;

    /// <summary>Offers a node that is known to be live. Another node may have to go for it.</summary>
    public void Offer(Node node)
    {
        NodeId id = node.Id;
        for (int i = 0; i < Count; i++)
        {
            if (_nodes[i].Id == id)
            {
                _nodes[i] = node;
                return;
            }
        }

        if (Count == Capacity)
        {
            _nodes[random.Next(Count)] = node;
            return;
        }

        if (Count == _nodes.Length)
        {
            Array.Resize(ref _nodes, Math.Max(LowWater, Count * 2));
        }

        _nodes[Count++] = node;
    }

    /// <summary>Takes a random node, if there is one. A node may come again after a later lookup.</summary>
    public bool TryTake([NotNullWhen(true)] out Node? node)
    {
        if (Count == 0)
        {
            node = null;
            return false;
        }

        int index = random.Next(Count);
        node = _nodes[index];
        _nodes[index] = _nodes[--Count];
        _nodes[Count] = null!;
        return true;
    }

    /// <summary>
    /// Whether a lookup of a random target is to start now; then it counts as started. Without a node in the table to begin
    /// with, none is.
    /// </summary>
    public bool TryStartLookup(Timestamp now)
    {
        if (NextTimeout is not TimeSpan due || due > now.Monotonic)
        {
            return false;
        }

        IsLookupRunning = true;
        _earliest = now.Monotonic + MinInterval;
        return true;
    }

    /// <summary>The lookup has ended, whatever it found.</summary>
    public void LookupEnded() => IsLookupRunning = false;
}
