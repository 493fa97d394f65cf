using System.Collections.Immutable;
using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>
/// The latest dial attempts of each node. Bounded: when it is full, the node that was dialed longest ago is forgotten,
/// nodes that were offered by sources before nodes that the operator named, so that no source can wash out the
/// history that the operator wants to read. Besides, the latest attempts of all nodes in order.
/// </summary>
/// <remarks>
/// <see cref="Record"/> belongs to the owner of the scheduler. <see cref="Get"/> and <see cref="GetLatest"/> may be called from any
/// thread: they read immutable collections.
/// </remarks>
internal sealed class DialHistory
{
    /// <summary>How many attempts are kept per node.</summary>
    public const int AttemptsPerNode = 8;

    /// <summary>How many nodes are remembered.</summary>
    public const int MaxNodes = 1024;

    /// <summary>How many attempts are kept of all nodes together.</summary>
    public const int MaxAttempts = 1024;

    // Least recently dialed first.
    private readonly LinkedList<NodeId> _learned = new();
    private readonly LinkedList<NodeId> _named = new();
    private readonly Dictionary<NodeId, LinkedListNode<NodeId>> _positions = [];
    private volatile ImmutableDictionary<NodeId, ImmutableArray<DialAttempt>> _attempts =
        ImmutableDictionary<NodeId, ImmutableArray<DialAttempt>>.Empty;

    private volatile ImmutableList<DialAttempt> _latest = [];

    /// <summary>The number of nodes that are remembered.</summary>
    public int NodeCount => _attempts.Count;

    /// <summary>The attempts to reach a node, the oldest first; empty for an unknown node.</summary>
    public IReadOnlyList<DialAttempt> Get(NodeId id) =>
        _attempts.TryGetValue(id, out ImmutableArray<DialAttempt> attempts) ? attempts : [];

    /// <summary>The latest attempts to reach any node, the newest first.</summary>
    public IReadOnlyList<DialAttempt> GetLatest(int limit)
    {
        ImmutableList<DialAttempt> latest = _latest;
        var newest = new DialAttempt[Math.Min(limit, latest.Count)];
        for (int i = 0; i < newest.Length; i++)
        {
            newest[i] = latest[^(i + 1)];
        }

        return newest;
    }

    /// <summary>Adds an attempt.</summary>
    public void Record(DialAttempt attempt)
    {
        NodeId id = attempt.Node.Id;
        ImmutableDictionary<NodeId, ImmutableArray<DialAttempt>> all = _attempts;
        if (_positions.Remove(id, out LinkedListNode<NodeId>? position))
        {
            position.List!.Remove(position);
        }
        else if (all.Count == MaxNodes)
        {
            LinkedListNode<NodeId> oldest = _learned.First ?? _named.First!;
            oldest.List!.Remove(oldest);
            _positions.Remove(oldest.Value);
            all = all.Remove(oldest.Value);
        }

        _positions[id] = (attempt.IsStatic ? _named : _learned).AddLast(id);
        ImmutableArray<DialAttempt> attempts = all.GetValueOrDefault(id, []);
        ImmutableList<DialAttempt> latest = _latest;
        _latest = (latest.Count == MaxAttempts ? latest.RemoveAt(0) : latest).Add(attempt);
        _attempts = all.SetItem(id, (attempts.Length == AttemptsPerNode ? attempts.RemoveAt(0) : attempts).Add(attempt));
    }
}
