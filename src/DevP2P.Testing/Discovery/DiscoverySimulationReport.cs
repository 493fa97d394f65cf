namespace DevP2P.Testing.Discovery;

/// <summary>How far the network is at one moment of a <see cref="DiscoverySimulation"/>.</summary>
/// <param name="Time">Virtual time since the start.</param>
/// <param name="LiveNodes">How many nodes are there.</param>
/// <param name="MeanTableSize">How many nodes a table has, on average over the nodes.</param>
/// <param name="TableFill">
/// That average divided by that of full tables: ones that have in every bucket as many nodes as it takes or as exist. More than
/// 1 is possible under churn, when tables hold nodes that have gone.
/// </param>
/// <param name="InitializedNodes">How many nodes have filled their table for the first time.</param>
/// <param name="Events">How many events have happened: datagrams that arrived and timers.</param>
public sealed record DiscoverySimulationProgress(
    TimeSpan Time, int LiveNodes, double MeanTableSize, double TableFill, int InitializedNodes, long Events);

/// <summary>What came out of a <see cref="DiscoverySimulation"/>. Depends on its options alone.</summary>
public sealed record DiscoverySimulationReport
{
    /// <summary>
    /// 64 hexadecimal digits: a hash over time, source and content of every event. The same options and the same
    /// version of the library give the same; any difference in what happened gives another.
    /// </summary>
    public required string TraceHash { get; init; }

    /// <summary>The last look at the tables.</summary>
    public required DiscoverySimulationProgress Final { get; init; }

    /// <summary>How many nodes have been there, replaced ones included.</summary>
    public required int NodesJoined { get; init; }

    /// <summary>How many nodes have vanished.</summary>
    public required int NodesLeft { get; init; }

    /// <summary>How many of the lookups have ended; others were still running, or their node vanished.</summary>
    public required int Lookups { get; init; }

    /// <summary>
    /// Of the 16 nodes that are closest to a target and live from the start of its lookup to its end, the part that was found;
    /// the average of all lookups. NaN without lookups.
    /// </summary>
    public required double LookupSuccess { get; init; }

    /// <summary>The worst lookup's success. NaN without lookups.</summary>
    public required double WorstLookupSuccess { get; init; }

    /// <summary>How many nodes, one after the other, led to the closest one; on average. NaN without lookups.</summary>
    public required double MeanHops { get; init; }

    /// <summary>How many nodes a lookup asked; on average. NaN without lookups.</summary>
    public required double MeanQueries { get; init; }

    /// <summary>How long a lookup took in virtual time, on average. Zero without lookups.</summary>
    public required TimeSpan MeanLookupTime { get; init; }

    /// <summary>How many datagrams were sent.</summary>
    public required long PacketsSent { get; init; }

    /// <summary>Of these, how many got lost.</summary>
    public required long PacketsLost { get; init; }

    /// <summary>How many bytes of UDP payload were sent.</summary>
    public required long BytesSent { get; init; }

    /// <summary>What came of topics; null for a protocol without.</summary>
    public TopicSimulationReport? Topics { get; init; }

    /// <summary>Datagrams sent per node that joined.</summary>
    public double PacketsPerNode => (double)PacketsSent / NodesJoined;

    /// <summary>Bytes sent per node that joined.</summary>
    public double BytesPerNode => (double)BytesSent / NodesJoined;
}
