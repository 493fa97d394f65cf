namespace DevP2P.Discovery.LegacyV5;

/// <summary>
/// The times and bounds of topic discovery. Those with a Go name are go-ethereum 1.8's; the others bound what it left open
/// (docs/decisions/0003-legacy-topics.md).
/// </summary>
internal static class TopicLimits
{
    /// <summary>The most topics of a ping that are answered with a ticket, so that the pong, with a number for each, fits a packet.</summary>
    public const int MaxTopicsPerPing = 64;

    /// <summary>Registrations in all. Go: <c>maxEntries</c>.</summary>
    public const int MaxEntries = 10_000;

    /// <summary>Registrations of one topic. Go: <c>maxEntriesPerTopic</c>.</summary>
    public const int MaxEntriesPerTopic = 50;

    /// <summary>Topics that one node is registered for here. go-ethereum keeps one, and drops it for the next.</summary>
    public const int MaxEntriesPerNode = 8;

    /// <summary>Registrations of one topic from one IPv4 /24 or IPv6 /48 outside the LAN.</summary>
    public const int MaxEntriesPerTopicAndNetwork = 2;

    /// <summary>Registrations in all from one IPv4 /24 or IPv6 /48 outside the LAN.</summary>
    public const int MaxEntriesPerNetwork = 20;

    /// <summary>Topics that are remembered: those with entries, and those whose waiting time has yet to fall.</summary>
    public const int MaxTopics = MaxEntries + 2_000;

    /// <summary>Nodes that are remembered: those with entries, and those that may not register yet.</summary>
    public const int MaxRegistrants = MaxEntries + 6_000;

    /// <summary>How long a registration lasts. Go: <c>fallbackRegistrationExpiry</c>.</summary>
    public static readonly TimeSpan EntryLifetime = TimeSpan.FromHours(1);

    /// <summary>How often what has ended is dropped. Go: <c>gcInterval</c>.</summary>
    public static readonly TimeSpan CollectionInterval = TimeSpan.FromMinutes(1);

    /// <summary>The shortest waiting time of a ticket. Go: <c>minWaitPeriod</c>.</summary>
    public static readonly TimeSpan MinWait = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The longest waiting time that we ask for. Without a bound, a burst of registrations would close a topic for days: nobody
    /// keeps such tickets, and only a registration makes the next shorter.
    /// </summary>
    public static readonly TimeSpan MaxWait = EntryLifetime;

    /// <summary>A full topic should get a new entry so often, which then lasts ten minutes. Go: <c>wcTargetRegInterval</c>.</summary>
    public static readonly TimeSpan TargetRegistrationInterval = TimeSpan.FromMinutes(10) / MaxEntriesPerTopic;

    /// <summary>How fast the waiting time follows. Go: <c>wcTimeConst</c>.</summary>
    public static readonly TimeSpan WaitTimeConstant = TimeSpan.FromMinutes(10);

    /// <summary>
    /// In a full topic, entries are replaced at most so often in the long run, whatever tickets are out: twice as often as they
    /// should be.
    /// </summary>
    public static readonly TimeSpan MinReplacementInterval = TargetRegistrationInterval / 2;

    /// <summary>So many entries of a full topic may be replaced at once.</summary>
    public const int ReplacementBurst = 5;

    /// <summary>A ticket is good for so many seconds, and one more at either end for the way. Go: <c>regTimeWindow</c>.</summary>
    public const int TicketWindow = 10;

    /// <summary>How long a node waits on average until it may use the next ticket. Go: <c>avgnoRegTimeout</c>.</summary>
    public static readonly TimeSpan MeanRegistrationPause = TimeSpan.FromMinutes(10);

    /// <summary>How long after the issue a pong with a ticket says that it expires. go-ethereum says the time of the issue, and checks nothing.</summary>
    public static readonly TimeSpan PongLifetime = TimeSpan.FromSeconds(20);

    /// <summary>How many topics we advertise at the same time: they are in every ping.</summary>
    public const int MaxAdvertisedTopics = 16;

    /// <summary>What these may have together, in bytes: they go with the pong into one packet to register.</summary>
    public const int MaxAdvertisedBytes = 640;

    /// <summary>A waiting time up to this one is always waited. Go: <c>keepTicketConst</c>.</summary>
    public static readonly TimeSpan KeepTicket = TimeSpan.FromMinutes(10);

    /// <summary>Beyond it, one in e is given up for every so much more. Go: <c>keepTicketExp</c>.</summary>
    public static readonly TimeSpan KeepTicketFalloff = TimeSpan.FromMinutes(5);

    /// <summary>We register so often for a topic. Go: <c>registerFrequency</c>.</summary>
    public static readonly TimeSpan RegisterInterval = TimeSpan.FromMinutes(1);

    /// <summary>
    /// One ticket per topic is collected so often: as often as one is used. Go: <c>collectFrequency</c>, 30 s; it drops half of them.
    /// </summary>
    public static readonly TimeSpan CollectInterval = RegisterInterval;

    /// <summary>So many more at once, when none have been for a while. Go: <c>maxCollectDebt</c>.</summary>
    public const int CollectBurst = 10;

    /// <summary>So many more at once, when we have not for a while. Go: <c>maxRegisterDebt</c>.</summary>
    public const int RegisterBurst = 5;

    /// <summary>Tickets of one topic that we hold.</summary>
    public const int MaxTicketsPerTopic = 100;

    /// <summary>Of those, from one IPv4 /24 or IPv6 /48 outside the LAN: others' networks shall not have all that we advertise.</summary>
    public const int MaxTicketsPerNetwork = 2;

    /// <summary>Nodes asked for a ticket after one lookup.</summary>
    public const int TicketsPerLookup = 4;

    /// <summary>Nodes that were asked for a ticket and have not answered, in all.</summary>
    public const int MaxTicketRequests = 1024;

    /// <summary>How long such a node is waited for, and not asked again.</summary>
    public static readonly TimeSpan TicketRequestLifetime = TimeSpan.FromSeconds(60);

    /// <summary>Where we have registered, we do not ask again for so long: the other side would refuse the ticket.</summary>
    public static readonly TimeSpan RegistrarPause = MeanRegistrationPause;

    /// <summary>The pause between a topic's first lookups (<see cref="EarlyLookups"/>).</summary>
    public static readonly TimeSpan EarlyLookupInterval = TimeSpan.FromSeconds(2);


    /// <summary>The pause between lookups after that, while tickets are wanted.</summary>
    public static readonly TimeSpan LookupInterval = TimeSpan.FromSeconds(10);

    /// <summary>The pause while enough tickets are held and only the radius is not certain.</summary>
    public static readonly TimeSpan IdleLookupInterval = TimeSpan.FromMinutes(2);

    /// <summary>A topic's first lookups come fast, and are for the radius: registrations far from the topic help nobody.</summary>
    public const int EarlyLookups = 8;

    /// <summary>
    /// After so many lookups for the radius, one for tickets comes, whether the radius is certain or not. go-ethereum waits for
    /// certainty, which may never come.
    /// </summary>
    public const int RadiusLookupsInRow = 1;

    /// <summary>The same for searches. Go: <c>searchForceQuery</c>.</summary>
    public const int SearchRadiusLookupsInRow = 4;

    /// <summary>The waiting time at which a node is on the rim of the radius. Go: <c>targetWaitTime</c>.</summary>
    public static readonly TimeSpan TargetWait = TimeSpan.FromMinutes(10);

    /// <summary>How fast samples of the radius are forgotten. Go: <c>radiusTC</c>.</summary>
    public static readonly TimeSpan RadiusTimeConstant = TimeSpan.FromMinutes(20);

    /// <summary>Samples of one topic's radius, a node each.</summary>
    public const int MaxRadiusSamples = 512;

    /// <summary>Of those, from one IPv4 /24 or IPv6 /48 outside the LAN.</summary>
    public const int MaxRadiusSamplesPerNetwork = 2;

    /// <summary>Searches at the same time.</summary>
    public const int MaxSearches = 64;

    /// <summary>Lookups for searches at the same time. Go: <c>maxSearchCount</c>.</summary>
    public const int MaxSearchLookups = 5;

    /// <summary>The shortest time between two lookups of a search.</summary>
    public static readonly TimeSpan MinSearchPeriod = TimeSpan.FromMilliseconds(100);

    /// <summary>How long an answer to a topic query may take. Go: <c>topicQueryTimeout</c>.</summary>
    public static readonly TimeSpan QueryTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How often a node is asked about one topic. Go: <c>topicQueryResend</c>.</summary>
    public static readonly TimeSpan QueryInterval = TimeSpan.FromMinutes(1);

    /// <summary>Queries that are remembered until they may be asked again.</summary>
    public const int MaxQueries = 8192;

    /// <summary>Nodes taken from the answer to one query. go-ethereum answers with ten.</summary>
    public const int MaxNodesPerQuery = 16;

    /// <summary>Of those, of one IPv4 /24 or IPv6 /48 outside the LAN.</summary>
    public const int MaxNodesPerQueryAndNetwork = 2;

    /// <summary>Found nodes that a search remembers, so as to report each once.</summary>
    public const int MaxReportedNodes = 2048;
}
