using DevP2P.Testing.Discovery;
using Xunit;

namespace DevP2P.Tests.Simulation;

/// <summary>The topic discovery of go-ethereum 1.8 in networks of our nodes.</summary>
public sealed class TopicSimulationTests
{
    private static DiscoverySimulationOptions Small => new()
    {
        Protocol = SimulatedProtocol.LegacyTopics, Nodes = 60, Seed = 7, Duration = TimeSpan.FromMinutes(8), Lookups = 10, Topics = 5, Searchers = 10,
    };

    /// <summary>The goal is nine tenths within an hour (docs/simulator.md); it is reached long before.</summary>
    [Fact]
    public void Of_a_thousand_nodes_nearly_all_that_advertise_a_topic_are_found()
    {
        DiscoverySimulationReport report = DiscoverySimulation.Run(new()
        {
            Protocol = SimulatedProtocol.LegacyTopics, Nodes = 1000, Seed = 7, Duration = TimeSpan.FromMinutes(15), Lookups = 0,
        });

        TopicSimulationReport topics = report.Topics!;
        Assert.Equal(1000, topics.Advertisers);
        Assert.InRange(topics.MostAdvertisers, 200, 350);
        Assert.InRange(topics.FewestAdvertisers, 3, 30);
        Assert.Equal(40, topics.Searchers);
        Assert.True(topics.MeanFound >= 0.9, $"found {topics.MeanFound:0.0%}");
        Assert.InRange(topics.MostEntries, 10, 500);
        Assert.InRange(topics.MostTickets, 1, 30);
    }

    [Fact]
    public void With_loss_and_churn_they_are_found_too()
    {
        DiscoverySimulationReport report = DiscoverySimulation.Run(new()
        {
            Protocol = SimulatedProtocol.LegacyTopics, Nodes = 120, Seed = 7, Duration = TimeSpan.FromMinutes(20), Loss = 0.05, Churn = 0.2, Lookups = 0, Topics = 8,
        });

        Assert.True(report.NodesLeft > 20);
        Assert.True(report.Topics!.MeanFound >= 0.8, $"found {report.Topics.MeanFound:0.0%}");
    }

    [Fact]
    public void The_same_seed_gives_the_same_run_whatever_the_number_of_threads()
    {
        DiscoverySimulationOptions options = Small with { Loss = 0.05, Churn = 0.5 };
        DiscoverySimulationReport first = DiscoverySimulation.Run(options with { Threads = 1 });

        Assert.Equal(first, DiscoverySimulation.Run(options with { Threads = 1 }));
        Assert.Equal(first, DiscoverySimulation.Run(options with { Threads = 3 }));
        Assert.NotEqual(first.TraceHash, DiscoverySimulation.Run(options with { Seed = 8 }).TraceHash);
        Assert.NotEqual(first.TraceHash, DiscoverySimulation.Run(options with { Topics = 6 }).TraceHash);
    }

    // What is left out must not change what happens: packets have the same sizes, and come at the same times.
    [Fact]
    public void With_and_without_signatures_the_same_happens()
    {
        DiscoverySimulationOptions options = Small with { Nodes = 30, Duration = TimeSpan.FromMinutes(4) };
        DiscoverySimulationReport simulated = DiscoverySimulation.Run(options);
        DiscoverySimulationReport real = DiscoverySimulation.Run(options with { RealCryptography = true });

        Assert.NotEqual(simulated.TraceHash, real.TraceHash);
        Assert.Equal(simulated with { TraceHash = "" }, real with { TraceHash = "" });
        Assert.True(simulated.Topics!.RegistrationsSent > 50);
    }

    [Fact]
    public void Other_protocols_have_no_topics()
    {
        Assert.Null(DiscoverySimulation.Run(Small with { Protocol = SimulatedProtocol.DiscoveryV4, Duration = TimeSpan.FromMinutes(1) }).Topics);
        Assert.Throws<ArgumentOutOfRangeException>(() => DiscoverySimulation.Run(Small with { Topics = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => DiscoverySimulation.Run(Small with { Searchers = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => DiscoverySimulation.Run(Small with { SearchPeriod = TimeSpan.Zero }));
    }
}
