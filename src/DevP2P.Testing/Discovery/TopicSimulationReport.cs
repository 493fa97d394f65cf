namespace DevP2P.Testing.Discovery;

/// <summary>What came of the topics in a <see cref="DiscoverySimulation"/>.</summary>
public sealed record TopicSimulationReport
{
    /// <summary>How many nodes advertised a topic at the end.</summary>
    public required int Advertisers { get; init; }

    /// <summary>Of these, how many had the topic that most had.</summary>
    public required int MostAdvertisers { get; init; }

    /// <summary>Of these, how many had the topic that fewest had.</summary>
    public required int FewestAdvertisers { get; init; }

    /// <summary>How many nodes searched for a topic that another one advertised.</summary>
    public required int Searchers { get; init; }

    /// <summary>Of the nodes that advertised a topic at the end, the part that a searcher for it had found; the average. NaN without searchers.</summary>
    public required double MeanFound { get; init; }

    /// <summary>The same of the searcher that had found the smallest part. NaN without searchers.</summary>
    public required double WorstFound { get; init; }

    /// <summary>How many registrations were sent.</summary>
    public required long RegistrationsSent { get; init; }

    /// <summary>How many registrations of others a node held at the end, on average.</summary>
    public required double MeanEntries { get; init; }

    /// <summary>How many the node held that held most.</summary>
    public required int MostEntries { get; init; }

    /// <summary>How many tickets a node held at the end, on average.</summary>
    public required double MeanTickets { get; init; }

    /// <summary>How many the node held that held most.</summary>
    public required int MostTickets { get; init; }
}
