using System.Diagnostics.CodeAnalysis;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>
/// A search for the nodes closest to a target: asks the closest known nodes, which name closer ones, until the closest
/// <see cref="ResultSize"/> have answered. A state machine without I/O and without timers: whoever sends the queries says
/// what came of them. Not safe for concurrent calls.
/// </summary>
/// <remarks>
/// <para>Go: <c>lookup</c>. Specified in discv4.md, "Recursive Lookup".</para>
/// <para>
/// <see cref="AddSeeds"/>, then after that and after each <see cref="QueryAnswered"/> or <see cref="QueryFailed"/>: drain
/// <see cref="TryGetQuery"/>; when <see cref="IsCompleted"/>, take <see cref="GetResult"/>. A lookup that is not wanted any
/// more is just dropped.
/// </para>
/// <para>
/// Other than in Go, nodes that fail give up their place among the closest, so that the next ones are asked, and only nodes
/// that answered are in the result. As failed nodes stay known, nobody is asked twice.
/// </para>
/// </remarks>
internal sealed class Lookup(NodeId self, NodeId target)
{
    /// <summary>Kademlia's alpha: how many queries run at a time.</summary>
    public const int MaxActive = 3;

    /// <summary>How many nodes a lookup is to find.</summary>
    public const int ResultSize = Bucket.Capacity;

    /// <summary>How many nodes of one answer count; no honest node sends more.</summary>
    public const int MaxPerAnswer = Bucket.Capacity;

    /// <summary>How many nodes are known at a time; farther ones are forgotten.</summary>
    public const int MaxCandidates = 4 * ResultSize;

    /// <summary>How many nodes are asked at most, so that no chain of invented nodes keeps a lookup running.</summary>
    public const int MaxQueries = 8 * ResultSize;

    /// <summary>
    /// How many nodes of one IPv4 /24 or IPv6 /64 outside of the LAN are candidates, as in a bucket: otherwise whoever makes up
    /// enough ids in one network is the only result (threat T01).
    /// </summary>
    public const int MaxPerNetwork = DistinctNetworks.BucketLimit;

    private readonly NodeId _target = target;

    // Sorted by distance; the distance being different for each id, the order also finds duplicates. The list never shrinks:
    // what was forgotten at its end cannot come back, unless the list has room that it never had before.
    private Candidate[] _candidates = [];
    private int _count;

    private readonly NodeId[] _active = new NodeId[MaxActive];
    private int _activeCount;

    private enum State : byte
    {
        New,
        Asked,
        Answered,
        Failed,
    }

    /// <summary>What is looked for.</summary>
    public NodeId Target => _target;

    /// <summary>How many nodes were asked.</summary>
    public int Queries { get; private set; }

    /// <summary>How many queries are running.</summary>
    public int ActiveQueries => _activeCount;

    /// <summary>Whether nobody is left to ask and nobody is being asked.</summary>
    public bool IsCompleted => _activeCount == 0 && FindNext() < 0;

    /// <summary>
    /// How many nodes one after the other named the next, from our own table to the closest node that answered; 0 if that one
    /// was in our table, or if there is none.
    /// </summary>
    public int Hops
    {
        get
        {
            foreach (ref readonly Candidate candidate in _candidates.AsSpan(0, _count))
            {
                if (candidate.State == State.Answered)
                {
                    return candidate.Hops;
                }
            }

            return 0;
        }
    }

    /// <summary>The nodes to begin with: the closest of our own table.</summary>
    public void AddSeeds(ReadOnlySpan<Node> nodes)
    {
        foreach (Node node in nodes)
        {
            Add(node, hops: 0);
        }
    }

    /// <summary>The next node to query, if one is to be queried now.</summary>
    public bool TryGetQuery([NotNullWhen(true)] out Node? node)
    {
        int index = _activeCount < MaxActive ? FindNext() : -1;
        if (index < 0)
        {
            node = null;
            return false;
        }

        ref Candidate candidate = ref _candidates[index];
        candidate.State = State.Asked;
        _active[_activeCount++] = candidate.Id;
        Queries++;
        node = candidate.Node;
        return true;
    }

    /// <summary>A node has answered, with whatever nodes.</summary>
    /// <param name="id">The node.</param>
    /// <param name="nodes">Those that it named.</param>
    /// <param name="answers">In how many answers, if the protocol takes more than one question for all that it knows.</param>
    /// <returns>How many of them are new candidates; -1 if that node was not asked or has answered already.</returns>
    public int QueryAnswered(NodeId id, ReadOnlySpan<Node> nodes, int answers = 1)
    {
        if (!End(id, State.Answered, out int hops))
        {
            return -1;
        }

        int added = 0;
        foreach (Node node in nodes[..Math.Min(nodes.Length, answers * MaxPerAnswer)])
        {
            added += Add(node, hops + 1) ? 1 : 0;
        }

        return added;
    }

    /// <summary>A node has not answered in time, or could not be asked.</summary>
    /// <returns>False if that node was not asked or has answered already.</returns>
    public bool QueryFailed(NodeId id) => End(id, State.Failed, out _);

    /// <summary>The closest nodes that have answered, closest first.</summary>
    /// <returns>How many there are: as many as <paramref name="destination"/> takes, unless fewer have answered.</returns>
    public int GetResult(Span<Node> destination)
    {
        int count = 0;
        for (int i = 0; i < _count && count < destination.Length; i++)
        {
            if (_candidates[i].State == State.Answered)
            {
                destination[count++] = _candidates[i].Node;
            }
        }

        return count;
    }

    /// <summary>A node of which the lookup has heard, whether it has answered or not: to resolve the target itself.</summary>
    public bool TryGetCandidate(NodeId id, [NotNullWhen(true)] out Node? node)
    {
        int index = Find(id);
        node = index >= 0 ? _candidates[index].Node : null;
        return node is not null;
    }

    /// <summary>The closest node that was not asked yet, among the closest <see cref="ResultSize"/> that have not failed; -1 if there is none.</summary>
    private int FindNext()
    {
        if (Queries >= MaxQueries)
        {
            return -1;
        }

        for ((int i, int rank) = (0, 0); i < _count && rank < ResultSize; i++)
        {
            State state = _candidates[i].State;
            if (state == State.New)
            {
                return i;
            }

            rank += state == State.Failed ? 0 : 1;
        }

        return -1;
    }

    private bool End(NodeId id, State state, out int hops)
    {
        hops = 0;
        int active = _active.AsSpan(0, _activeCount).IndexOf(id);
        if (active < 0)
        {
            return false;
        }

        _active[active] = _active[--_activeCount];
        // Forgotten, if enough closer ones were found meanwhile; what it says still counts.
        if (Find(id) is >= 0 and int index)
        {
            _candidates[index].State = state;
            hops = _candidates[index].Hops;
        }

        return true;
    }

    private bool Add(Node node, int hops)
    {
        NodeId id = node.Id;
        if (id == self || node.Address is null || node.UdpPort == 0 || Find(id) is not (< 0 and int notFound))
        {
            return false;
        }

        int index = ~notFound;
        if (index == MaxCandidates)
        {
            return false;
        }

        ulong? network = DistinctNetworks.GetNetwork(node.Address, ipv6PrefixLength: 64);
        if (!TryMakeRoom(index, network))
        {
            return false;
        }

        Array.Copy(_candidates, index, _candidates, index + 1, _count - index);
        _candidates[index] = new Candidate(node, id, network, (byte)Math.Min(hops, byte.MaxValue));
        _count++;
        return true;
    }

    /// <summary>
    /// Makes room for a candidate at a place: if its network has its share already, at the expense of that network's farthest
    /// one behind that place that was not asked yet; else at the expense of the last one, if the list is full.
    /// </summary>
    private bool TryMakeRoom(int index, ulong? network)
    {
        int others = 0;
        int farthest = -1;
        for (int i = 0; network is not null && i < _count; i++)
        {
            if (_candidates[i].Network == network)
            {
                others++;
                farthest = i >= index && _candidates[i].State == State.New ? i : farthest;
            }
        }

        if (others >= MaxPerNetwork)
        {
            if (farthest < 0)
            {
                return false;
            }

            _count--;
            Array.Copy(_candidates, farthest + 1, _candidates, farthest, _count - farthest);
        }
        else if (_count == MaxCandidates)
        {
            _count--;
        }

        if (_count == _candidates.Length)
        {
            Array.Resize(ref _candidates, Math.Min(Math.Max(ResultSize, _count * 2), MaxCandidates));
        }

        return true;
    }

    /// <summary>The place of a node, or the complement of the place where it would be.</summary>
    private int Find(in NodeId id)
    {
        (int low, int high) = (0, _count - 1);
        while (low <= high)
        {
            int middle = (low + high) / 2;
            int order = Distance.Compare(_target, _candidates[middle].Id, id);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return ~low;
    }

    private struct Candidate(Node node, NodeId id, ulong? network, byte hops)
    {
        public readonly Node Node = node;
        public readonly NodeId Id = id;
        public readonly ulong? Network = network;
        public readonly byte Hops = hops;
        public State State;
    }
}
