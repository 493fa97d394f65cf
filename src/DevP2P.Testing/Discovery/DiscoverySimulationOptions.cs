namespace DevP2P.Testing.Discovery;

/// <summary>A protocol that can be simulated.</summary>
public enum SimulatedProtocol
{
    /// <summary>Node Discovery v4.</summary>
    DiscoveryV4,

    /// <summary>Node Discovery v5.1.</summary>
    DiscoveryV5,

    /// <summary>
    /// The topic discovery of go-ethereum 1.8. Every node advertises one of <see cref="DiscoverySimulationOptions.Topics"/>, and
    /// <see cref="DiscoverySimulationOptions.Searchers"/> search.
    /// </summary>
    LegacyTopics,
}

/// <summary>What a <see cref="DiscoverySimulation"/> simulates. Times are virtual.</summary>
public sealed record DiscoverySimulationOptions
{
    /// <summary>The most nodes that one run can have, replaced ones included: each has an IPv4 /24 of its own.</summary>
    public const int MaxNodes = 1_000_000;

    /// <summary>What the nodes speak.</summary>
    public SimulatedProtocol Protocol { get; init; } = SimulatedProtocol.DiscoveryV4;

    /// <summary>
    /// Whether packets are as on the wire. In v4, they are encoded, hashed and signed, and decoded from these bytes; else, nodes are
    /// handed what a packet says. In v5, handshakes, encryption and the signatures of records are real; else, packets have the same
    /// sizes and handshakes the same steps, but nothing is encrypted. It takes far longer than all the rest; thus off unless wanted.
    /// </summary>
    public bool RealCryptography { get; init; }

    /// <summary>How many nodes there are, bootstrap nodes included; at least 2.</summary>
    public int Nodes { get; init; } = 1000;

    /// <summary>What everything random follows from: the same options with the same seed give the same run, byte for byte.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>How long the network is watched; at least a minute.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Over which time from the start the nodes join; null for a sixth of <see cref="Duration"/>, but at most 5 minutes.</summary>
    public TimeSpan? JoinPeriod { get; init; }

    /// <summary>The part of the datagrams that get lost, 0 to 1.</summary>
    public double Loss { get; init; }

    /// <summary>
    /// The part of the nodes that, in 10 minutes, vanish without a word, each replaced by a new one with another key and address;
    /// at least 0. It begins when all have joined. Bootstrap nodes stay.
    /// </summary>
    public double Churn { get; init; }

    /// <summary>The latency of the fastest pairs of nodes, one way.</summary>
    public TimeSpan MinLatency { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>The latency of the slowest pairs of nodes, one way. Every datagram varies by up to a tenth of its pair's.</summary>
    public TimeSpan MaxLatency { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How many nodes all others know from the start.</summary>
    public int BootstrapNodes { get; init; } = 4;

    /// <summary>
    /// How many lookups, of random nodes for random targets, are compared with the truth. They are spread over the last third of
    /// <see cref="Duration"/>.
    /// </summary>
    public int Lookups { get; init; } = 200;

    /// <summary>
    /// Of v4: whether nodes announce records (EIP-868), which then everybody fetches of everybody in his table. Their signatures are real,
    /// and checking them takes far longer than all the rest; thus off unless wanted.
    /// </summary>
    public bool NodeRecords { get; init; }

    /// <summary>Of topic discovery: how many topics there are. The second is half as popular as the first, the third a third, and so on.</summary>
    public int Topics { get; init; } = 20;

    /// <summary>Of topic discovery: how many nodes search, for each topic in turn, from shortly after all have joined.</summary>
    public int Searchers { get; init; } = 40;

    /// <summary>Of topic discovery: the time between two lookups of a search.</summary>
    public TimeSpan SearchPeriod { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How many threads the simulation has; null for as many as there are processors and as is useful for so many nodes. The result
    /// does not depend on it. At most <see cref="MaxThreads"/>; more than one needs a <see cref="MinLatency"/> of a millisecond.
    /// </summary>
    public int? Threads { get; init; }

    /// <summary>The most <see cref="Threads"/>.</summary>
    public const int MaxThreads = 64;

    /// <summary>With fewer nodes per thread, threads would mostly wait for each other.</summary>
    private const int MinNodesPerThread = 500;

    /// <summary>With a shorter latency, threads would mostly wait for each other.</summary>
    private static readonly TimeSpan s_minLatencyForThreads = TimeSpan.FromMilliseconds(1);

    internal int EffectiveThreads =>
        Threads ?? (MinLatency < s_minLatencyForThreads ? 1 : Math.Clamp(Math.Min(Environment.ProcessorCount, Nodes / MinNodesPerThread), 1, MaxThreads));

    /// <summary>How many nodes vanish.</summary>
    internal int ReplacedNodes => (int)(Churn * Nodes * ((Duration - EffectiveJoinPeriod) / DiscoverySimulation.ChurnPeriod));

    /// <summary>How many nodes there are in all, those that vanish included.</summary>
    internal int TotalNodes => Nodes + ReplacedNodes;

    internal TimeSpan EffectiveJoinPeriod =>
        JoinPeriod ?? TimeSpan.FromTicks(Math.Min(Duration.Ticks / 6, TimeSpan.FromMinutes(5).Ticks));

    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Nodes, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(Duration, TimeSpan.FromMinutes(1));
        CheckFraction(Loss, 1, nameof(Loss));
        CheckFraction(Churn, 1000, nameof(Churn));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(MinLatency, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxLatency, MinLatency);
        ArgumentOutOfRangeException.ThrowIfLessThan(BootstrapNodes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BootstrapNodes, Nodes);
        ArgumentOutOfRangeException.ThrowIfNegative(Lookups);
        ArgumentOutOfRangeException.ThrowIfLessThan(Topics, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Searchers);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(SearchPeriod, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(EffectiveJoinPeriod, TimeSpan.Zero, nameof(JoinPeriod));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(EffectiveJoinPeriod, Duration, nameof(JoinPeriod));
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads ?? 1, 1, nameof(Threads));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Threads ?? 1, MaxThreads, nameof(Threads));
        if (Threads > 1 && MinLatency < s_minLatencyForThreads)
        {
            throw new ArgumentOutOfRangeException(nameof(Threads), Threads, $"more than one thread needs a {nameof(MinLatency)} of {s_minLatencyForThreads.TotalMilliseconds} ms");
        }

        double nodes = Nodes * (1 + (Churn * (Duration / DiscoverySimulation.ChurnPeriod)));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nodes, MaxNodes, nameof(Nodes));
    }

    private static void CheckFraction(double value, double max, string name)
    {
        if (!(value >= 0 && value <= max))
        {
            throw new ArgumentOutOfRangeException(name, value, $"not between 0 and {max}");
        }
    }
}
