using System.Runtime.InteropServices;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>What is searched for.</summary>
/// <param name="Id">The id whose closest nodes are wanted.</param>
/// <param name="Key">In v4, the key whose hash it is: that is what is asked for. Otherwise null.</param>
internal readonly record struct SearchTarget(NodeId Id, byte[]? Key = null);

/// <summary>A lookup, and what it is for.</summary>
internal sealed class Search(NodeId self, SearchTarget target, Action<Timestamp, Node>? answered, Action<Timestamp, Lookup> done, bool needsTable)
{
    public Lookup Lookup { get; } = new(self, target.Id);

    public SearchTarget Target => target;

    /// <summary>Told each node that answers.</summary>
    public Action<Timestamp, Node>? Answered => answered;

    /// <summary>Told the end, once.</summary>
    public Action<Timestamp, Lookup> Done => done;

    /// <summary>Whether it waits until an empty table is filled.</summary>
    public bool NeedsTable { get; set; } = needsTable;
}

/// <summary>
/// The lookups of a discovery machine, for itself, for its refresh and for its walks: which run, which wait, and what they learn
/// for the table. It knows no protocol: <paramref name="ask"/> sends a query, whose outcome comes back by <see cref="Ended"/>.
/// Sans-IO; not safe for concurrent calls.
/// </summary>
/// <param name="self">Our own id.</param>
/// <param name="table">Where lookups start, and what they fill.</param>
/// <param name="refresh">Fills an empty table.</param>
/// <param name="random">Chooses among nodes.</param>
/// <param name="chooseTarget">Makes a random target.</param>
/// <param name="ask">Asks a node for a search.</param>
internal sealed class Searches(
    NodeId self, NodeTable table, TableRefresh refresh, RandomSource random, Func<SearchTarget> chooseTarget, Action<Timestamp, Search, Node> ask)
{
    /// <summary>How many lookups run at once; others wait.</summary>
    public const int MaxRunning = 16;

    private readonly HashSet<Search> _running = [];
    private readonly Queue<Search> _queued = [];
    private readonly List<Search> _waitingForRefresh = [];

    // In the order of their ids, which rise. Few, and gone through after every packet: that allocates nothing with a list.
    private readonly List<Walk> _walks = [];
    private readonly Node[] _seeds = new Node[Lookup.ResultSize];

    /// <summary>When <see cref="Settle"/> has something to do, on the monotonic clock; null if only an event can bring that about.</summary>
    public TimeSpan? NextTimeout
    {
        get
        {
            TimeSpan? next = null;
            foreach (Walk walk in _walks)
            {
                next = next is null || walk.Nodes.NextTimeout < next ? walk.Nodes.NextTimeout : next;
            }

            return next;
        }
    }

    /// <summary>The nodes that a lookup found.</summary>
    public static Node[] GetResult(Lookup lookup)
    {
        var nodes = new Node[Lookup.ResultSize];
        return nodes[..lookup.GetResult(nodes)];
    }

    /// <summary>Wants a lookup; <see cref="Settle"/> starts it.</summary>
    /// <param name="target">Of what.</param>
    /// <param name="answered">Told each node that answers; may be null.</param>
    /// <param name="done">Told the end, once.</param>
    /// <param name="needsTable">Whether an empty table is filled first.</param>
    public void Want(SearchTarget target, Action<Timestamp, Node>? answered, Action<Timestamp, Lookup> done, bool needsTable = false) =>
        _queued.Enqueue(new Search(self, target, answered, done, needsTable));

    /// <summary>Wants what a refresh needs next: its lookups.</summary>
    /// <param name="selfTarget">Our own id.</param>
    /// <param name="step">A step that is a lookup.</param>
    public void Want(SearchTarget selfTarget, RefreshStep step) =>
        Want(step == RefreshStep.LookUpSelf ? selfTarget : chooseTarget(), null, (t, _) => refresh.LookupEnded(t));

    /// <summary>Begins an endless supply of random nodes.</summary>
    public void OpenWalk(long id) => _walks.Add(new Walk(id, new RandomWalk(table, random)));

    /// <summary>Wants one node more of a walk; <see cref="Settle"/> finds it, now or later.</summary>
    public void WantRandomNode(Timestamp now, long walkId)
    {
        if (_walks.Find(walk => walk.Id == walkId) is { } walk)
        {
            walk.Wanted++;
            if (table.Count == 0)
            {
                refresh.Request(now);
            }
        }
    }

    /// <summary>Ends a walk.</summary>
    public void CloseWalk(long walkId) => _walks.RemoveAll(walk => walk.Id == walkId);

    /// <summary>Serves the walks, and starts a lookup that waits, if one may start.</summary>
    /// <param name="now">The time.</param>
    /// <param name="outputs">Takes the nodes of the walks.</param>
    /// <returns>Whether there may be more to do.</returns>
    public bool Settle(Timestamp now, Queue<Output> outputs)
    {
        foreach (Walk walk in _walks)
        {
            while (walk.Wanted > 0 && walk.Nodes.TryTake(out Node? node))
            {
                walk.Wanted--;
                outputs.Enqueue(new RandomNode(walk.Id, node));
            }

            if (walk.Nodes.TryStartLookup(now))
            {
                Want(chooseTarget(), walk.Offer, walk.EndLookup);
            }
        }

        return TryStartNext(now);
    }

    /// <summary>A query has ended.</summary>
    /// <param name="now">The time.</param>
    /// <param name="search">The search that it was made for.</param>
    /// <param name="node">Who was asked.</param>
    /// <param name="nodes">The nodes that it named; null if it did not answer.</param>
    /// <param name="answers">In how many answers.</param>
    public void Ended(Timestamp now, Search search, Node node, List<Node>? nodes, int answers)
    {
        table.QueryEnded(now, node.Id, nodes is { Count: > 0 });
        if (nodes is null)
        {
            search.Lookup.QueryFailed(node.Id);
        }
        else
        {
            foreach (Node found in nodes)
            {
                table.AddFound(now, found, node.Address!);
            }

            search.Lookup.QueryAnswered(node.Id, CollectionsMarshal.AsSpan(nodes), answers);
            search.Answered?.Invoke(now, Newest(node));
        }

        Advance(now, search);
    }

    private bool TryStartNext(Timestamp now)
    {
        if (!refresh.IsRunning && _waitingForRefresh.Count > 0 && (table.Count > 0 || refresh.NextTimeout > now.Monotonic))
        {
            _waitingForRefresh.ForEach(_queued.Enqueue);
            _waitingForRefresh.Clear();
        }

        if (_running.Count >= MaxRunning || !_queued.TryDequeue(out Search? search))
        {
            return false;
        }

        if (search.NeedsTable && table.Count == 0)
        {
            // Once. If there is nobody after that, the lookup finds nobody.
            search.NeedsTable = false;
            refresh.Request(now);
            _waitingForRefresh.Add(search);
            return true;
        }

        int count = table.GetClosest(search.Target.Id, preferLive: false, _seeds);
        search.Lookup.AddSeeds(_seeds.AsSpan(0, count));
        _running.Add(search);
        Advance(now, search);
        return true;
    }

    private void Advance(Timestamp now, Search search)
    {
        while (search.Lookup.TryGetQuery(out Node? node))
        {
            ask(now, search, node);
        }

        if (search.Lookup.IsCompleted && _running.Remove(search))
        {
            search.Done(now, search.Lookup);
        }
    }

    /// <summary>A node as the table has it, if it does: with its record.</summary>
    private Node Newest(Node node) =>
        table.TryGet(node.Id, out TableEntry? entry) && Equals(entry.Node.UdpEndPoint, node.UdpEndPoint) ? entry.Node : node;

    private sealed class Walk(long id, RandomWalk nodes)
    {
        public long Id => id;

        public RandomWalk Nodes => nodes;

        public int Wanted { get; set; }

        public void Offer(Timestamp now, Node node) => nodes.Offer(node);

        public void EndLookup(Timestamp now, Lookup lookup) => nodes.LookupEnded();
    }
}
