using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <content>
/// Topics: drives the registrar, the advertiser and the searcher, which know no packets: does the lookups that they want, sends what
/// they say, and tells them what came of it.
/// </content>
internal sealed partial class LegacyDiscovery
{
    private readonly TopicTable _registrar;
    private readonly TicketStore _advertiser;
    private readonly TopicSearcher _searcher;

    // Our queries, while their answers are awaited: their hashes, and who was asked.
    private readonly Dictionary<PacketHash, CompactEndPoint> _topicQueries = [];
    private Timers.Timer? _topicTimer;

    /// <summary>What others have registered here, for reading.</summary>
    public TopicTable Registrar => _registrar;

    /// <summary>What we advertise, for reading.</summary>
    public TicketStore Advertiser => _advertiser;

    /// <summary>What we search for, for reading.</summary>
    public TopicSearcher Searcher => _searcher;

    /// <summary>How many queries for topics wait for an answer.</summary>
    public int TopicQueryCount => _topicQueries.Count;

    /// <summary>Begins to advertise a topic.</summary>
    /// <returns>False if there are too many or they are too long together.</returns>
    /// <remarks>Go: <c>Network.RegisterTopic</c>.</remarks>
    public bool TryRegisterTopic(Timestamp now, Topic topic)
    {
        bool isAdded = _advertiser.TryAdd(now.Monotonic, topic);
        RunTopics(now);
        Settle(now);
        return isAdded;
    }

    /// <summary>Ends that; what is registered expires by itself.</summary>
    public void UnregisterTopic(Timestamp now, Topic topic)
    {
        _advertiser.Remove(topic);
        RunTopics(now);
        Settle(now);
    }

    /// <summary>
    /// Begins to search for a topic, or changes how often one that is searched for is looked up. <see cref="TopicNodeFound"/> and
    /// <see cref="TopicLookupEnded"/> say what comes of it.
    /// </summary>
    /// <returns>False if there are too many searches.</returns>
    /// <remarks>Go: <c>Network.SearchTopic</c>.</remarks>
    public bool TrySearchTopic(Timestamp now, Topic topic, TimeSpan period)
    {
        bool isAdded = _searcher.TrySetPeriod(now.Monotonic, topic, period);
        RunTopics(now);
        Settle(now);
        return isAdded;
    }

    /// <summary>Ends that.</summary>
    public void StopSearch(Timestamp now, Topic topic)
    {
        _searcher.Stop(topic);
        RunTopics(now);
        Settle(now);
    }

    /// <summary>Does what advertiser and searcher want now, and sets the timer for what they want later.</summary>
    private void RunTopics(Timestamp now)
    {
        while (_advertiser.TryGetLookup(now.Monotonic, out TopicLookup? lookup))
        {
            LookUp(new SearchTarget(lookup.Target), (t, nodes) => EndAdvertiserLookup(t, lookup, nodes));
        }

        while (_advertiser.TryGetRegistration(now.Monotonic, out HeldTicket? ticket))
        {
            SendRegistration(ticket);
        }

        while (_searcher.TryGetLookup(now.Monotonic, out TopicLookup? lookup))
        {
            LookUp(new SearchTarget(lookup.Target), (t, nodes) => EndSearcherLookup(t, lookup, nodes));
        }

        TimeSpan? next = Earlier(_advertiser.NextTimeout, _searcher.NextTimeout);
        if (next != _topicTimer?.Due || _topicTimer?.IsRunning != true)
        {
            _topicTimer?.Cancel();
            _topicTimer = next is { } due ? Timers.Start(due, RunTopics) : null;
        }
    }

    private void EndAdvertiserLookup(Timestamp now, TopicLookup lookup, Node[] nodes)
    {
        foreach (Node node in _advertiser.LookupDone(now.Monotonic, lookup, nodes))
        {
            RequestTicket(now, node);
        }

        RunTopics(now);
    }

    private void TakeTicket(Timestamp now, Remote remote, IReadOnlyList<Topic> topics, Ticket ticket, ReadOnlySpan<byte> pong)
    {
        if (topics.Count > 0 && Codec.FitsRegistration(topics, pong.Length))
        {
            _advertiser.AddTicket(now.Monotonic, remote.Node, topics, ticket, pong);
            RunTopics(now);
        }
    }

    private void SendRegistration(HeldTicket ticket)
    {
        if (ticket.Node.UdpEndPoint is { } to)
        {
            Send(to, new TopicRegister(ticket.Topics, (ulong)ticket.Index, ticket.Pong));
            Put(new TopicRegistrationSent(ticket.Topic, ticket.Node));
        }
    }

    private void EndSearcherLookup(Timestamp now, TopicLookup lookup, Node[] nodes)
    {
        SearchStep step = _searcher.LookupDone(now.Monotonic, lookup, nodes);
        if (_searcher.Contains(lookup.Topic))
        {
            Put(new TopicLookupEnded(lookup.Topic, step.IsConverged));
        }

        foreach (Node node in step.Queries)
        {
            Verify(now, node, (t, remote) => SendQuery(t, remote, lookup.Topic));
        }

        RunTopics(now);
    }

    private void SendQuery(Timestamp now, Remote? remote, Topic topic)
    {
        if (remote is null || !_searcher.Contains(topic) || !_searcher.CanQuery(now.Monotonic, remote.Key.Id, topic))
        {
            return;
        }

        ulong expiration = Expiration(now);
        TopicQuery query;
        PacketHash hash;
        ReadOnlyMemory<byte> datagram;
        do
        {
            // An answer says no more than the hash. Within a second, all would be asked with the same.
            query = new TopicQuery(topic, expiration++);
            hash = _options.Encode(query, out datagram);
        }
        while (!_topicQueries.TryAdd(hash, remote.Key.EndPoint));

        Put(new Transmit(remote.EndPoint, query, hash, datagram));
        Timers.Start(now.Monotonic + TopicLimits.QueryTimeout, _ => _topicQueries.Remove(hash));
        _searcher.QuerySent(now.Monotonic, remote.Key.Id, topic, ToId(hash));
    }

    private void HandleTopicNodes(Timestamp now, Remote remote, TopicNodes packet)
    {
        IPAddress sender = remote.EndPoint.Address;
        var nodes = new List<Node>(packet.Nodes.Count);
        foreach (Neighbor neighbor in packet.Nodes)
        {
            // Who advertises a topic itself, and does not know its own address, names none, or the one that it listens on.
            bool isItself = neighbor.Endpoint.Address is { } address && (IPAddress.IsLoopback(address) || IsUnspecified(address));
            Neighbor named = isItself ? neighbor with { Endpoint = neighbor.Endpoint with { Address = sender } } : neighbor;
            if (Check(named, sender) is { } node && node.Id != Local.Id)
            {
                nodes.Add(node);
            }
        }

        foreach (Node node in _searcher.HandleNodes(now.Monotonic, remote.Node, ToId(packet.QueryHash), nodes, out Topic? topic))
        {
            Put(new TopicNodeFound(topic!, node));
        }
    }

    /// <summary>What a registration must fulfil whoever sends it; before the signatures are looked at.</summary>
    private static bool IsWellFormed(TopicRegister register) =>
        register.Index < (ulong)register.Topics.Count
        && Codec.TryReadPong(register.Pong.Span, out Pong? pong)
        && pong.Ticket.WaitPeriods.Length == register.Topics.Count
        && pong.Ticket.TopicHash == Topic.HashOf(register.Topics);

    private void HandleTopicRegister(Timestamp now, Remote remote, TopicRegister register)
    {
        if (IsWellFormed(register) && register.PongSigner?.NodeId == Local.Id && Codec.TryReadPong(register.Pong.Span, out Pong? pong))
        {
            _registrar.UseTicket(now.Monotonic, remote.Node, pong.Ticket, register.Topics, (int)register.Index);
        }
    }

    private void AnswerTopicQuery(Timestamp now, Remote remote, PacketHash hash, TopicQuery query)
    {
        IPAddress asker = remote.EndPoint.Address;
        var nodes = new List<Neighbor>(TopicNodes.MaxPerAnswer);

        // We do not register with ourselves.
        if (_advertiser.Contains(query.Topic))
        {
            Endpoint own = GetOwnEndpoint();
            bool isToldIt = own.Address is { } address && AddressRules.CheckRelayAddress(asker, address) is null;
            nodes.Add(new Neighbor(isToldIt ? own : own with { Address = IPAddress.Any }, Local.PublicKey.Memory));
        }

        foreach (Node node in _registrar.GetEntries(now.Monotonic, query.Topic, TopicNodes.MaxPerAnswer - nodes.Count))
        {
            if (ToNeighbor(node, asker) is { } neighbor)
            {
                nodes.Add(neighbor);
            }
        }

        Send(remote.EndPoint, new TopicNodes(hash, nodes));
    }

    private static bool IsUnspecified(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static NodeId ToId(PacketHash hash)
    {
        Span<byte> bytes = stackalloc byte[PacketHash.Size];
        hash.CopyTo(bytes);
        return new NodeId(bytes);
    }
}
