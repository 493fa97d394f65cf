using System.Diagnostics.CodeAnalysis;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>
/// Advertises topics: says what to look up, whom to ping for tickets, and when to register with which. Not safe for concurrent
/// calls. Times are of the monotonic clock.
/// </summary>
/// <remarks>
/// <para>
/// Go: <c>ticketStore</c>, the part for registrations. Use: whenever <see cref="NextTimeout"/> has come or anything was told,
/// <see cref="TryGetLookup"/> and <see cref="TryGetRegistration"/> until they have nothing; after a lookup <see cref="LookupDone"/>
/// says whom to ping with <see cref="Topics"/>; each verified pong goes to <see cref="AddTicket"/>.
/// </para>
/// <para>
/// Unlike Go's, it collects tickets before the radius is certain (docs/decisions/0003-legacy-topics.md), asks some of the nodes found
/// and not all, and does not go back to a node that would refuse the next ticket.
/// </para>
/// </remarks>
internal sealed class TicketStore(RandomSource random)
{
    private readonly List<Advertisement> _advertisements = [];
    private readonly Dictionary<NodeId, Request> _requests = [];
    private readonly Dictionary<NodeId, TimeSpan> _busyUntil = [];
    private IReadOnlyList<Topic> _topics = [];
    private TopicLookup? _lookup;

    /// <summary>What we advertise; the topics to ping with. A new list whenever it changes.</summary>
    public IReadOnlyList<Topic> Topics => _topics;

    /// <summary>When there will be a lookup or a registration to do, if nothing is told before; null if never.</summary>
    public TimeSpan? NextTimeout
    {
        get
        {
            TimeSpan? next = null;
            foreach (Advertisement ad in _advertisements)
            {
                next = Earlier(next, _lookup is null ? ad.NextLookup : null);
                next = Earlier(next, ad.Tickets.Count > 0 ? ad.Tickets[0].RegisterAt : null);
            }

            return next;
        }
    }

    /// <summary>Tickets that are waiting for their time.</summary>
    public int TicketCount => _advertisements.Sum(ad => ad.Tickets.Count);

    /// <summary>Nodes that were asked for tickets and have not answered.</summary>
    public int RequestCount => _requests.Count;

    /// <summary>Begins to advertise a topic.</summary>
    /// <returns>False if there are too many or they are too long together; true as well if it was advertised already.</returns>
    public bool TryAdd(TimeSpan now, Topic topic)
    {
        if (Find(topic) is not null)
        {
            return true;
        }

        if (_topics.Count >= TopicLimits.MaxAdvertisedTopics
            || _topics.Sum(other => other.Bytes.Length) + topic.Bytes.Length > TopicLimits.MaxAdvertisedBytes)
        {
            return false;
        }

        _advertisements.Add(new Advertisement(topic, now, random));
        _topics = [.. _topics, topic];
        return true;
    }

    /// <summary>Ends the advertisement of a topic; what is registered expires by itself.</summary>
    public void Remove(Topic topic)
    {
        _advertisements.RemoveAll(ad => ad.Topic.Equals(topic));
        _topics = [.. _topics.Where(other => !other.Equals(topic))];
    }

    /// <summary>Whether a topic is advertised.</summary>
    public bool Contains(Topic topic) => Find(topic) is not null;

    /// <summary>The radius of a topic that is advertised, for reading; null if it is not.</summary>
    public TopicRadius? GetRadius(Topic topic) => Find(topic)?.Radius;

    /// <summary>A lookup to do now. One at a time: the next comes only after <see cref="LookupDone"/>.</summary>
    public bool TryGetLookup(TimeSpan now, [NotNullWhen(true)] out TopicLookup? lookup)
    {
        lookup = null;
        if (_lookup is null && _advertisements.Where(ad => ad.NextLookup <= now).MinBy(ad => ad.NextLookup) is { } ad)
        {
            lookup = _lookup = ad.StartLookup(now);
        }

        return lookup is not null;
    }

    /// <summary>A lookup has ended.</summary>
    /// <param name="now">The time.</param>
    /// <param name="lookup">The one of <see cref="TryGetLookup"/>.</param>
    /// <param name="nodes">What it found, the closest first, without us.</param>
    /// <returns>Whom to ping, with all <see cref="Topics"/>.</returns>
    public List<Node> LookupDone(TimeSpan now, TopicLookup lookup, IReadOnlyList<Node> nodes)
    {
        if (ReferenceEquals(lookup, _lookup))
        {
            _lookup = null;
        }

        if (Find(lookup.Topic) is not { } ad)
        {
            return [];
        }

        Sweep(now);
        ad.EndLookup(now, lookup);
        var asked = new List<Node>();
        for (int i = 0; i < nodes.Count; i++)
        {
            bool isNear = i == 0 || Distance.Leading(nodes[i].Id, lookup.Target) < ad.Radius.MinRadius;
            if (isNear && !_requests.ContainsKey(nodes[i].Id) && (lookup.IsForRadius ? !ad.Radius.HasSample(now, nodes[i].Id) : MayHold(ad, nodes[i])))
            {
                asked.Add(nodes[i]);
            }
        }

        if (!lookup.IsForRadius)
        {
            Choose(asked, ad.WantsTickets(now) ? TopicLimits.TicketsPerLookup : 0);
        }

        Choose(asked, TopicLimits.MaxTicketRequests - _requests.Count);
        foreach (Node node in asked)
        {
            _requests[node.Id] = new Request(lookup, now);
        }

        return asked;
    }

    /// <summary>Takes what a pong says: of a node that was to be pinged, it is a ticket or teaches the radius; of others, nothing.</summary>
    /// <param name="now">When it came.</param>
    /// <param name="node">Who has sent it, in answer to our ping.</param>
    /// <param name="topics">The topics of the ping.</param>
    /// <param name="ticket">What the pong says of them.</param>
    /// <param name="pong">The packet.</param>
    /// <returns>False if the ticket is not for these topics; true also if it is of no use.</returns>
    public bool AddTicket(TimeSpan now, Node node, IReadOnlyList<Topic> topics, Ticket ticket, ReadOnlySpan<byte> pong)
    {
        if (ticket.WaitPeriods.Length != topics.Count || (topics.Count > 0 && Topic.HashOf(topics) != ticket.TopicHash))
        {
            return false;
        }

        if (!_requests.Remove(node.Id, out Request request))
        {
            return true;
        }

        for (int i = 0; i < topics.Count; i++)
        {
            double inside = (TimeSpan.FromSeconds(ticket.WaitPeriods[i]) / TopicLimits.TargetWait) - 0.5;
            Find(topics[i])?.Radius.AddSample(now, node, Math.Clamp(inside, 0, 1));
        }

        if (!request.Lookup.IsForRadius && Find(request.Lookup.Topic) is { } ad && IndexOf(topics, ad.Topic) is >= 0 and int index)
        {
            TimeSpan wait = TimeSpan.FromSeconds(ticket.WaitPeriods[index]);
            if (wait < TopicLimits.KeepTicket + (TopicLimits.KeepTicketFalloff * Math.Min(TopicRandom.Exponential(random), 10)) && MayHold(ad, node))
            {
                ad.Hold(now, new HeldTicket(node, topics, index, now + wait, pong.ToArray()));
            }
        }

        return true;
    }

    /// <summary>A registration to send now.</summary>
    public bool TryGetRegistration(TimeSpan now, [NotNullWhen(true)] out HeldTicket? ticket)
    {
        ticket = null;
        foreach (Advertisement ad in _advertisements)
        {
            if (ad.TryTake(now, out HeldTicket? taken))
            {
                ticket = taken;
                _busyUntil[taken.Node.Id] = now + TopicLimits.RegistrarPause;
                return true;
            }
        }

        return false;
    }

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null || b < a ? b : a;

    private static int IndexOf(IReadOnlyList<Topic> topics, Topic topic)
    {
        for (int i = 0; i < topics.Count; i++)
        {
            if (topics[i].Equals(topic))
            {
                return i;
            }
        }

        return -1;
    }

    private Advertisement? Find(Topic topic) => _advertisements.Find(ad => ad.Topic.Equals(topic));

    /// <summary>A node gives us one ticket at a time: it would refuse a second one that is used soon after the first.</summary>
    private bool MayHold(Advertisement ad, Node node) =>
        node.Address is not null && !_busyUntil.ContainsKey(node.Id) && ad.HasRoomFor(node)
        && !_advertisements.Exists(other => other.Tickets.Exists(held => held.Node.Id == node.Id));

    /// <summary>Keeps some at random.</summary>
    private void Choose(List<Node> nodes, int count)
    {
        while (nodes.Count > Math.Max(count, 0))
        {
            nodes.RemoveAt(random.Next(nodes.Count));
        }
    }

    private void Sweep(TimeSpan now)
    {
        foreach ((NodeId id, Request request) in _requests)
        {
            if (request.At + TopicLimits.TicketRequestLifetime <= now)
            {
                _requests.Remove(id);
            }
        }

        foreach ((NodeId id, TimeSpan until) in _busyUntil)
        {
            if (until <= now)
            {
                _busyUntil.Remove(id);
            }
        }
    }

    private readonly record struct Request(TopicLookup Lookup, TimeSpan At);

    /// <summary>A topic that we advertise.</summary>
    private sealed class Advertisement(Topic topic, TimeSpan now, RandomSource random)
    {
        private readonly DistinctNetworks _networks = new(TopicLimits.MaxTicketsPerNetwork, ipv6PrefixLength: 48);
        private TimeSpan _nextTicket = now - (TopicLimits.CollectInterval * TopicLimits.CollectBurst);
        private TimeSpan _nextRegistration = now - (TopicLimits.RegisterInterval * TopicLimits.RegisterBurst);
        private TimeSpan _lookedAt = now - TopicLimits.IdleLookupInterval;
        private int _lookups;
        private int _radiusLookupsInRow;

        public Topic Topic => topic;

        public TopicRadius Radius { get; } = new(topic, random);

        /// <summary>When tickets are wanted; or, for the radius alone, if that is not certain, now and then.</summary>
        public TimeSpan NextLookup
        {
            get
            {
                TimeSpan pause = _lookups < TopicLimits.EarlyLookups ? TopicLimits.EarlyLookupInterval : TopicLimits.LookupInterval;
                TimeSpan idle = _lookedAt + TopicLimits.IdleLookupInterval;
                return Later(_lookedAt + pause, Radius.IsConverged || _nextTicket < idle ? _nextTicket : idle);
            }
        }

        /// <summary>The tickets, the next first.</summary>
        public List<HeldTicket> Tickets { get; } = [];

        public bool WantsTickets(TimeSpan now) => _nextTicket <= now;

        public bool HasRoomFor(Node node) =>
            Tickets.Count < TopicLimits.MaxTicketsPerTopic && _networks.CountNear(node.Address!) < TopicLimits.MaxTicketsPerNetwork;

        public TopicLookup StartLookup(TimeSpan now)
        {
            bool isForRadius = !WantsTickets(now) || _lookups < TopicLimits.EarlyLookups || _radiusLookupsInRow < TopicLimits.RadiusLookupsInRow;
            TopicLookup lookup = Radius.NextLookup(now, isForRadius);
            _radiusLookupsInRow = lookup.IsForRadius ? _radiusLookupsInRow + 1 : 0;
            return lookup;
        }

        public void EndLookup(TimeSpan now, TopicLookup lookup)
        {
            Radius.LookupEnded(now, lookup.Target);
            _lookedAt = now;
            _lookups++;
        }

        public void Hold(TimeSpan now, HeldTicket ticket)
        {
            _networks.TryAdd(ticket.Node.Address!);
            int index = Tickets.FindIndex(other => other.RegisterAt > ticket.RegisterAt);
            Tickets.Insert(index < 0 ? Tickets.Count : index, ticket);
            _nextTicket = Later(_nextTicket, now - (TopicLimits.CollectInterval * TopicLimits.CollectBurst)) + TopicLimits.CollectInterval;
        }

        /// <summary>Takes the next ticket that is due and may be used; drops those that came too early after others or are over.</summary>
        public bool TryTake(TimeSpan now, [NotNullWhen(true)] out HeldTicket? ticket)
        {
            while (Tickets.Count > 0 && Tickets[0].RegisterAt <= now)
            {
                ticket = Tickets[0];
                Tickets.RemoveAt(0);
                _networks.Remove(ticket.Node.Address!);
                if (ticket.RegisterAt >= _nextRegistration && now <= ticket.RegisterAt + TimeSpan.FromSeconds(TopicLimits.TicketWindow))
                {
                    _nextRegistration = Later(_nextRegistration, now - (TopicLimits.RegisterInterval * TopicLimits.RegisterBurst))
                        + TopicLimits.RegisterInterval;
                    return true;
                }
            }

            ticket = null;
            return false;
        }

        private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
    }
}
