using System.Net;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

internal sealed partial class TopicTable
{
    /// <summary>A used ticket is remembered as long as its window may be open.</summary>
    private static readonly TimeSpan Reuse = TimeSpan.FromSeconds(TopicLimits.TicketWindow + 3);

    private readonly Dictionary<Topic, TopicEntries> _topics = [];
    private readonly Dictionary<NodeId, Registrant> _registrants = [];
    private readonly DistinctNetworks _networks = new(TopicLimits.MaxEntriesPerNetwork, ipv6PrefixLength: 48);
    private TimeSpan _nextCollection;
    private long _requests;

    /// <summary>Registrations.</summary>
    public int Count { get; private set; }

    /// <summary>Topics that are remembered.</summary>
    public int TopicCount => _topics.Count;

    /// <summary>Nodes that are remembered.</summary>
    public int RegistrantCount => _registrants.Count;

    /// <summary>Of the nodes that are registered for a topic, some at random; an answer to a query.</summary>
    /// <param name="now">The time.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="max">How many at most.</param>
    public List<Node> GetEntries(TimeSpan now, Topic topic, int max)
    {
        CollectGarbage(now);
        if (!_topics.TryGetValue(topic, out TopicEntries? entries))
        {
            return [];
        }

        entries.RequestedAt = ++_requests;
        List<Node> nodes = [.. entries.Items.Where(entry => entry.ExpiresAt > now).Select(entry => entry.Node)];
        int count = Math.Min(max, nodes.Count);
        for (int i = 0; i < count; i++)
        {
            int other = i + _random.Next(nodes.Count - i);
            (nodes[i], nodes[other]) = (nodes[other], nodes[i]);
        }

        nodes.RemoveRange(count, nodes.Count - count);
        return nodes;
    }

    private TicketUse Register(TimeSpan now, Node node, UsedTicket ticket, Topic topic)
    {
        if (_registrants.TryGetValue(node.Id, out Registrant? registrant))
        {
            if (ticket.Serial == registrant.LastTicket.Serial && ticket.IssuedAt == registrant.LastTicket.IssuedAt)
            {
                if ((registrant.LastTicket.Topics & ticket.Topics) != 0)
                {
                    return TicketUse.Used;
                }

                ticket = ticket with { Topics = registrant.LastTicket.Topics | ticket.Topics };
            }
            else if (ticket.IssuedAt < registrant.LastTicket.IssuedAt)
            {
                return TicketUse.Used;
            }
            else if (now < registrant.PausedUntil)
            {
                return TicketUse.TooSoon;
            }
        }

        TicketUse use = registrant?.Entries.Find(entry => entry.Topic.Equals(topic)) is { } old
            ? Prolong(now, old, node)
            : TryAdd(now, node, topic, ref registrant);
        if (use is TicketUse.Registered or TicketUse.Prolonged)
        {
            if (registrant!.LastTicket.Serial != ticket.Serial || registrant.LastTicket.IssuedAt != ticket.IssuedAt)
            {
                registrant.PausedUntil = now + (TopicLimits.MeanRegistrationPause * TopicRandom.Exponential(_random));
            }

            (registrant.LastTicket, registrant.LastUsedAt) = (ticket, now);
        }

        return use;
    }

    /// <summary>An entry keeps its place in the line, so that nobody keeps others out by registering again and again.</summary>
    private TicketUse Prolong(TimeSpan now, Entry entry, Node node)
    {
        if (!Equals(node.Address, entry.Node.Address))
        {
            RemoveAddress(entry);
            if (!TryAddAddress(entry.Owner, node.Address!))
            {
                _ = TryAddAddress(entry.Owner, entry.Node.Address!);
                return TicketUse.NetworkFull;
            }
        }

        (entry.Node, entry.ExpiresAt) = (node, now + TopicLimits.EntryLifetime);
        return TicketUse.Prolonged;
    }

    private TicketUse TryAdd(TimeSpan now, Node node, Topic topic, ref Registrant? registrant)
    {
        if (registrant is null && _registrants.Count >= TopicLimits.MaxRegistrants)
        {
            return TicketUse.TableFull;
        }

        _ = _topics.TryGetValue(topic, out TopicEntries? entries);
        bool isFull = entries?.Items.Count >= TopicLimits.MaxEntriesPerTopic;
        if (isFull && !entries!.CanReplace(now))
        {
            return TicketUse.TopicBusy;
        }

        if (node.Address is not { } address)
        {
            return TicketUse.Invalid;
        }

        bool isNew = entries is null;
        entries ??= new TopicEntries(topic) { RequestedAt = _requests };
        if (!TryAddAddress(entries, address))
        {
            return TicketUse.NetworkFull;
        }

        if (isNew)
        {
            MakeRoomForTopic(now);
            _topics[topic] = entries;
        }

        if (isFull)
        {
            entries.Replaced(now);
            Remove(entries.Items[0]);
        }
        else if (Count >= TopicLimits.MaxEntries)
        {
            Remove(FindLeastRequested().Items[0]);
        }

        if (registrant is null)
        {
            _registrants[node.Id] = registrant = new Registrant();
        }
        else if (registrant.Entries.Count >= TopicLimits.MaxEntriesPerNode)
        {
            Remove(registrant.Entries[0]);
        }

        var entry = new Entry(entries, registrant, node, now + TopicLimits.EntryLifetime);
        entries.Items.Add(entry);
        registrant.Entries.Add(entry);
        Count++;
        entries.Wait.Registered(now);
        return TicketUse.Registered;
    }

    private bool TryAddAddress(TopicEntries entries, IPAddress address)
    {
        if (!_networks.TryAdd(address))
        {
            return false;
        }

        if (!entries.Networks.TryAdd(address))
        {
            _networks.Remove(address);
            return false;
        }

        return true;
    }

    private void RemoveAddress(Entry entry)
    {
        _networks.Remove(entry.Node.Address!);
        entry.Owner.Networks.Remove(entry.Node.Address!);
    }

    /// <summary>Topic and node stay until they are collected: their waiting times are not over.</summary>
    private void Remove(Entry entry)
    {
        RemoveAddress(entry);
        entry.Owner.Items.Remove(entry);
        entry.Registrant.Entries.Remove(entry);
        Count--;
    }

    /// <summary>The topic with entries that nobody has asked for for the longest time.</summary>
    private TopicEntries FindLeastRequested() => _topics.Values.Where(entries => entries.Items.Count > 0).MinBy(entries => entries.RequestedAt)!;

    /// <summary>As there are fewer entries than topics, one of them is empty when there are too many.</summary>
    private void MakeRoomForTopic(TimeSpan now)
    {
        if (_topics.Count >= TopicLimits.MaxTopics)
        {
            _topics.Remove(_topics.Values.Where(entries => entries.Items.Count == 0).MinBy(entries => entries.Wait.GetWait(now))!.Topic);
        }
    }

    private void CollectGarbage(TimeSpan now)
    {
        if (now < _nextCollection)
        {
            return;
        }

        _nextCollection = now + TopicLimits.CollectionInterval;
        foreach ((NodeId id, Registrant registrant) in _registrants)
        {
            foreach (Entry entry in registrant.Entries.FindAll(entry => entry.ExpiresAt <= now))
            {
                Remove(entry);
            }

            if (registrant.Entries.Count == 0 && registrant.PausedUntil <= now && registrant.LastUsedAt + Reuse <= now)
            {
                _registrants.Remove(id);
            }
        }

        foreach ((Topic topic, TopicEntries entries) in _topics)
        {
            if (entries.Items.Count == 0 && entries.Wait.GetWait(now) == TopicLimits.MinWait)
            {
                _topics.Remove(topic);
            }
        }
    }

    /// <summary>What is known of the ticket that a node has used last.</summary>
    /// <param name="Serial">Its serial number.</param>
    /// <param name="IssuedAt">When it was issued, in seconds.</param>
    /// <param name="Topics">The topics that it was used for, a bit each.</param>
    private readonly record struct UsedTicket(uint Serial, long IssuedAt, ulong Topics);

    private sealed class Entry(TopicEntries owner, Registrant registrant, Node node, TimeSpan expiresAt)
    {
        public TopicEntries Owner => owner;

        public Topic Topic => owner.Topic;

        public Registrant Registrant => registrant;

        public Node Node { get; set; } = node;

        public TimeSpan ExpiresAt { get; set; } = expiresAt;
    }

    /// <summary>What is known of a node.</summary>
    private sealed class Registrant
    {
        /// <summary>Its entries, the oldest first.</summary>
        public List<Entry> Entries { get; } = [];

        public UsedTicket LastTicket { get; set; }

        public TimeSpan LastUsedAt { get; set; }

        /// <summary>Until then it can use no other ticket.</summary>
        public TimeSpan PausedUntil { get; set; }
    }

    /// <summary>What is known of a topic.</summary>
    private sealed class TopicEntries(Topic topic)
    {
        private double _replacements;
        private TimeSpan _replacedAt;

        public WaitControl Wait;

        public Topic Topic => topic;

        /// <summary>The entries, the oldest first.</summary>
        public List<Entry> Items { get; } = [];

        public DistinctNetworks Networks { get; } = new(TopicLimits.MaxEntriesPerTopicAndNetwork, ipv6PrefixLength: 48);

        /// <summary>The number of the last query for it.</summary>
        public long RequestedAt { get; set; }

        /// <summary>Whether an entry may be replaced (threat T20): tickets that were hoarded and come at once replace few.</summary>
        public bool CanReplace(TimeSpan now) => GetReplacements(now) + 1 <= TopicLimits.ReplacementBurst;

        public void Replaced(TimeSpan now) => (_replacements, _replacedAt) = (GetReplacements(now) + 1, now);

        private double GetReplacements(TimeSpan now) => Math.Max(0, _replacements - ((now - _replacedAt) / TopicLimits.MinReplacementInterval));
    }
}
