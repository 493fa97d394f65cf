using DevP2P.Testing.Discovery;
using Xunit;

namespace DevP2P.Tests.Simulation;

/// <summary>Networks of discovery v5.1 in the simulator.</summary>
public sealed class DiscoveryV5SimulationTests
{
    private static DiscoverySimulationOptions Small => new()
    {
        Protocol = SimulatedProtocol.DiscoveryV5, Nodes = 40, Seed = 7, Duration = TimeSpan.FromMinutes(2), Lookups = 20,
    };

    [Fact]
    public void In_a_calm_network_lookups_find_the_true_closest_nodes()
    {
        DiscoverySimulationReport report = DiscoverySimulation.Run(
            Small with { Nodes = 300, Duration = TimeSpan.FromMinutes(10), Lookups = 50 });

        Assert.Equal(50, report.Lookups);
        Assert.True(report.LookupSuccess >= 0.99, $"found {report.LookupSuccess:0.00%}");
        Assert.True(report.Final.TableFill is >= 0.9 and <= 1, $"tables {report.Final.TableFill:0.0%} full");
        Assert.Equal(300, report.Final.InitializedNodes);
    }

    [Fact]
    public void With_loss_and_churn_lookups_find_nearly_all_live_nodes()
    {
        DiscoverySimulationReport report = DiscoverySimulation.Run(
            Small with { Nodes = 250, Duration = TimeSpan.FromMinutes(10), Loss = 0.05, Churn = 0.2, Lookups = 100 });

        Assert.InRange(report.Lookups, 90, 100);
        Assert.True(report.LookupSuccess >= 0.95, $"found {report.LookupSuccess:0.00%}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_same_seed_gives_the_same_run_and_another_seed_another(bool realCryptography)
    {
        DiscoverySimulationOptions options = Small with { Nodes = 20, RealCryptography = realCryptography, Loss = 0.05, Churn = 1 };
        DiscoverySimulationReport first = DiscoverySimulation.Run(options);

        Assert.Equal(first, DiscoverySimulation.Run(options));
        Assert.NotEqual(first.TraceHash, DiscoverySimulation.Run(options with { Seed = 8 }).TraceHash);
    }

    // What is left out must not change what happens: packets have the same sizes, and come at the same times.
    [Fact]
    public void With_and_without_cryptography_the_same_happens()
    {
        DiscoverySimulationReport simulated = DiscoverySimulation.Run(Small);
        DiscoverySimulationReport real = DiscoverySimulation.Run(Small with { RealCryptography = true });

        Assert.NotEqual(simulated.TraceHash, real.TraceHash);
        Assert.Equal(simulated.PacketsSent, real.PacketsSent);
        Assert.Equal(simulated.BytesSent, real.BytesSent);
        Assert.Equal(simulated.MeanQueries, real.MeanQueries);
        Assert.Equal(simulated.Final, real.Final);
    }
}
