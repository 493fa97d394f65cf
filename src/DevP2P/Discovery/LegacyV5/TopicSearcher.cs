using System.Diagnostics.CodeAnalysis;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>What follows from a lookup for a search.</summary>
/// <param name="Queries">Whom to ask for the topic.</param>
/// <param name="IsConverged">Whether the radius is certain.</param>
internal sealed record SearchStep(List<Node> Queries, bool IsConverged);

/// <summary>
/// Searches for nodes that advertise topics: says what to look up and whom to ask. Not safe for concurrent calls. Times are of the
/// monotonic clock.
/// </summary>
/// <remarks>
/// Go: <c>ticketStore</c>, the part for searches. Use: whenever <see cref="NextTimeout"/> has come or anything was told,
/// <see cref="TryGetLookup"/> until it has nothing; after a lookup <see cref="LookupDone"/> says whom to ask;
/// <see cref="QuerySent"/> when that is done, and <see cref="HandleNodes"/> for each answer.
/// </remarks>
internal sealed class TopicSearcher(RandomSource random)
{
    private readonly List<Search> _searches = [];
    private readonly Dictionary<NodeId, Query> _queries = [];
    private readonly HashSet<(NodeId Node, Topic Topic)> _recentlyAsked = [];
    private readonly Queue<(NodeId Node, Topic Topic, TimeSpan At)> _asked = [];
    private readonly Queue<(NodeId Hash, TimeSpan At)> _sent = [];
    private readonly HashSet<TopicLookup> _lookups = new(ReferenceEqualityComparer.Instance);

    /// <summary>When there will be a lookup to do, if nothing is told before; null if never.</summary>
    public TimeSpan? NextTimeout =>
        _searches.Count == 0 || _lookups.Count >= TopicLimits.MaxSearchLookups ? null : _searches.Min(search => search.NextLookup);

    /// <summary>Queries that are waited for.</summary>
    public int QueryCount => _queries.Count;

    /// <summary>Queries whose nodes are not asked again yet.</summary>
    public int RecentQueryCount => _asked.Count;

    /// <summary>Begins a search, or changes how often one that is running looks.</summary>
    /// <param name="now">The time.</param>
    /// <param name="topic">What for.</param>
    /// <param name="period">The time between two lookups, at least <see cref="TopicLimits.MinSearchPeriod"/>.</param>
    /// <returns>False if there are too many searches.</returns>
    public bool TrySetPeriod(TimeSpan now, Topic topic, TimeSpan period)
    {
        period = period > TopicLimits.MinSearchPeriod ? period : TopicLimits.MinSearchPeriod;
        if (Find(topic) is { } search)
        {
            // A shorter period counts at once.
            search.NextLookup = search.NextLookup < now + period ? search.NextLookup : now + period;
            search.Period = period;
            return true;
        }

        if (_searches.Count >= TopicLimits.MaxSearches)
        {
            return false;
        }

        _searches.Add(new Search(topic, now, period, random));
        return true;
    }

    /// <summary>Ends a search. What comes later for it is dropped.</summary>
    public void Stop(Topic topic) => _searches.RemoveAll(search => search.Topic.Equals(topic));

    /// <summary>Whether a topic is searched for.</summary>
    public bool Contains(Topic topic) => Find(topic) is not null;

    /// <summary>The radius of a topic that is searched for, for reading; null if it is not.</summary>
    public TopicRadius? GetRadius(Topic topic) => Find(topic)?.Radius;

    /// <summary>A lookup to do now. There are few at the same time: more come only after <see cref="LookupDone"/>.</summary>
    public bool TryGetLookup(TimeSpan now, [NotNullWhen(true)] out TopicLookup? lookup)
    {
        lookup = null;
        if (_lookups.Count < TopicLimits.MaxSearchLookups && _searches.Where(search => search.NextLookup <= now).MinBy(search => search.NextLookup) is { } next)
        {
            lookup = next.StartLookup(now);
            _lookups.Add(lookup);
        }

        return lookup is not null;
    }

    /// <summary>A lookup has ended.</summary>
    /// <param name="now">The time.</param>
    /// <param name="lookup">One of <see cref="TryGetLookup"/>.</param>
    /// <param name="nodes">What it found, the closest first, without us.</param>
    public SearchStep LookupDone(TimeSpan now, TopicLookup lookup, IReadOnlyList<Node> nodes)
    {
        _lookups.Remove(lookup);
        if (Find(lookup.Topic) is not { } search)
        {
            return new SearchStep([], false);
        }

        search.Radius.LookupEnded(now, lookup.Target);
        var asked = new List<Node>();
        for (int i = 0; i < nodes.Count; i++)
        {
            bool isNear = i == 0 || Distance.Leading(nodes[i].Id, lookup.Target) < search.Radius.MinRadius;
            if (isNear && CanQuery(now, nodes[i].Id, lookup.Topic))
            {
                asked.Add(nodes[i]);
            }
        }

        return new SearchStep(asked, search.Radius.IsConverged);
    }

    /// <summary>Whether a node may be asked for a topic: not long ago it was not.</summary>
    public bool CanQuery(TimeSpan now, NodeId node, Topic topic)
    {
        Sweep(now);
        return _asked.Count < TopicLimits.MaxQueries && !_recentlyAsked.Contains((node, topic));
    }

    /// <summary>A node was asked.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">Who.</param>
    /// <param name="topic">For what.</param>
    /// <param name="hash">The packet's hash, which the answer has.</param>
    public void QuerySent(TimeSpan now, NodeId node, Topic topic, NodeId hash)
    {
        Sweep(now);
        if (_asked.Count < TopicLimits.MaxQueries && _recentlyAsked.Add((node, topic)))
        {
            _asked.Enqueue((node, topic, now));
            if (_queries.TryAdd(hash, new Query(node, topic)))
            {
                _sent.Enqueue((hash, now));
            }
        }
    }

    /// <summary>Takes an answer, or a part of one.</summary>
    /// <param name="now">The time.</param>
    /// <param name="from">Who has sent it, with the address that it came from.</param>
    /// <param name="hash">The hash in it, of the query.</param>
    /// <param name="nodes">The nodes in it that may be believed at all.</param>
    /// <param name="topic">What they advertise; null if nobody has asked, or no longer waits.</param>
    /// <returns>Those that are news to the search.</returns>
    public List<Node> HandleNodes(TimeSpan now, Node from, NodeId hash, IReadOnlyList<Node> nodes, out Topic? topic)
    {
        Sweep(now);
        topic = null;
        if (!_queries.TryGetValue(hash, out Query? query) || query.Node != from.Id || query.Taken >= TopicLimits.MaxNodesPerQuery)
        {
            return [];
        }

        topic = query.Topic;
        if (Find(topic) is not { } search)
        {
            return [];
        }

        if (nodes.Count > 0 || query.Taken == 0)
        {
            search.Radius.AddSample(now, from, inside: nodes.Count > 0 ? 1 : 0);
        }

        var found = new List<Node>();
        foreach (Node node in nodes)
        {
            if (query.Taken >= TopicLimits.MaxNodesPerQuery)
            {
                break;
            }

            query.Taken++;
            if (node.Address is { } address && query.Networks.TryAdd(address) && search.IsNews(node))
            {
                found.Add(node);
            }
        }

        return found;
    }

    private Search? Find(Topic topic) => _searches.Find(search => search.Topic.Equals(topic));

    private void Sweep(TimeSpan now)
    {
        while (_sent.TryPeek(out (NodeId Hash, TimeSpan At) sent) && sent.At + TopicLimits.QueryTimeout < now)
        {
            _queries.Remove(_sent.Dequeue().Hash);
        }

        while (_asked.TryPeek(out (NodeId Node, Topic Topic, TimeSpan At) asked) && asked.At + TopicLimits.QueryInterval <= now)
        {
            _recentlyAsked.Remove((asked.Node, asked.Topic));
            _asked.Dequeue();
        }
    }

    /// <summary>A query that is waited for.</summary>
    private sealed class Query(NodeId node, Topic topic)
    {
        public NodeId Node => node;

        public Topic Topic => topic;

        /// <summary>How many nodes were in the answer so far.</summary>
        public int Taken { get; set; }

        public DistinctNetworks Networks { get; } = new(TopicLimits.MaxNodesPerQueryAndNetwork, ipv6PrefixLength: 48);
    }

    /// <summary>A topic that is searched for.</summary>
    private sealed class Search(Topic topic, TimeSpan now, TimeSpan period, RandomSource random)
    {
        private readonly Dictionary<NodeId, Node> _reported = [];
        private readonly Queue<NodeId> _reportedInOrder = [];
        private int _radiusLookupsInRow;

        public Topic Topic => topic;

        public TopicRadius Radius { get; } = new(topic, random);

        public TimeSpan Period { get; set; } = period;

        public TimeSpan NextLookup { get; set; } = now;

        public TopicLookup StartLookup(TimeSpan now)
        {
            NextLookup = now + Period;
            TopicLookup lookup = Radius.NextLookup(now, isForRadius: _radiusLookupsInRow < TopicLimits.SearchRadiusLookupsInRow);
            _radiusLookupsInRow = lookup.IsForRadius ? _radiusLookupsInRow + 1 : 0;
            return lookup;
        }

        /// <summary>Whether a node was not reported yet, or not with this address.</summary>
        public bool IsNews(Node node)
        {
            if (_reported.TryGetValue(node.Id, out Node? known))
            {
                _reported[node.Id] = node;
                return !known.Equals(node);
            }

            if (_reportedInOrder.Count >= TopicLimits.MaxReportedNodes)
            {
                _reported.Remove(_reportedInOrder.Dequeue());
            }

            _reported.Add(node.Id, node);
            _reportedInOrder.Enqueue(node.Id);
            return true;
        }
    }
}
