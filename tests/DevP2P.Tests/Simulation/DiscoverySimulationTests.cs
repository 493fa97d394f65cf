using DevP2P.Testing.Discovery;
using Xunit;

namespace DevP2P.Tests.Simulation;

/// <summary>The simulator, and what networks of our nodes do in it.</summary>
public sealed class DiscoverySimulationTests
{
    private static DiscoverySimulationOptions Small => new() { Nodes = 40, Seed = 7, Duration = TimeSpan.FromMinutes(2), Lookups = 20 };

    [Fact]
    public void In_a_calm_network_lookups_find_the_true_closest_nodes()
    {
        DiscoverySimulationReport report = DiscoverySimulation.Run(
            new() { Nodes = 300, Seed = 7, Duration = TimeSpan.FromMinutes(10), Lookups = 50 });

        Assert.Equal(50, report.Lookups);
        Assert.True(report.LookupSuccess >= 0.99, $"found {report.LookupSuccess:0.00%}");
        Assert.True(report.Final.TableFill is >= 0.9 and <= 1, $"tables {report.Final.TableFill:0.0%} full");
        Assert.Equal(300, report.Final.InitializedNodes);
        Assert.Equal(0, report.PacketsLost);
    }

    [Fact]
    public void With_loss_lookups_still_find_nearly_all_nodes()
    {
        DiscoverySimulationReport report = DiscoverySimulation.Run(
            new() { Nodes = 200, Seed = 7, Duration = TimeSpan.FromMinutes(4), Loss = 0.05, Lookups = 100 });

        Assert.Equal(100, report.Lookups);
        Assert.InRange((double)report.PacketsLost / report.PacketsSent, 0.04, 0.06);
        Assert.True(report.LookupSuccess >= 0.95, $"found {report.LookupSuccess:0.00%}");
    }

    /// <summary>The goal for large networks (docs/simulator.md), in a small one.</summary>
    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    public void With_loss_and_churn_lookups_find_nearly_all_live_nodes(int seed)
    {
        DiscoverySimulationReport report = DiscoverySimulation.Run(
            new() { Nodes = 250, Seed = seed, Duration = TimeSpan.FromMinutes(10), Loss = 0.05, Churn = 0.2, Lookups = 100 });

        Assert.Equal(41, report.NodesLeft);
        Assert.InRange(report.Lookups, 90, 100);
        Assert.True(report.LookupSuccess >= 0.95, $"found {report.LookupSuccess:0.00%}");
    }

    [Fact]
    public void The_same_seed_gives_the_same_run_and_another_seed_another()
    {
        DiscoverySimulationOptions options = Small with { Loss = 0.05, Churn = 1 };
        DiscoverySimulationReport first = DiscoverySimulation.Run(options);

        Assert.Equal(first, DiscoverySimulation.Run(options));
        Assert.NotEqual(first.TraceHash, DiscoverySimulation.Run(options with { Seed = 8 }).TraceHash);
        Assert.Equal(64, first.TraceHash.Length);
    }

    [Theory]
    [InlineData(SimulatedProtocol.DiscoveryV4)]
    [InlineData(SimulatedProtocol.DiscoveryV5)]
    public void The_number_of_threads_changes_nothing(SimulatedProtocol protocol)
    {
        DiscoverySimulationOptions options = Small with { Protocol = protocol, Loss = 0.05, Churn = 1 };
        DiscoverySimulationReport one = DiscoverySimulation.Run(options with { Threads = 1 });

        Assert.Equal(one, DiscoverySimulation.Run(options with { Threads = 2 }));
        Assert.Equal(one, DiscoverySimulation.Run(options with { Threads = 7 }));
    }

    // What is left out must not change what happens: packets have the same sizes, and come at the same times.
    [Fact]
    public void With_and_without_signatures_the_same_happens()
    {
        DiscoverySimulationReport simulated = DiscoverySimulation.Run(Small);
        DiscoverySimulationReport real = DiscoverySimulation.Run(Small with { RealCryptography = true });

        Assert.NotEqual(simulated.TraceHash, real.TraceHash);
        Assert.Equal(simulated with { TraceHash = "" }, real with { TraceHash = "" });
    }

    [Fact]
    public void Loss_latency_and_churn_change_the_trace()
    {
        string[] hashes =
        [
            .. new[]
            {
                Small,
                Small with { Loss = 0.01 },
                Small with { Churn = 0.5 },
                Small with { MaxLatency = TimeSpan.FromMilliseconds(100) },
            }.Select(options => DiscoverySimulation.Run(options).TraceHash),
        ];

        Assert.Equal(hashes.Length, hashes.Distinct().Count());
    }

    [Fact]
    public void Churn_replaces_nodes()
    {
        // 20 seconds of joining, then 100 seconds at 6 nodes in ten of them per 100 seconds.
        DiscoverySimulationReport report = DiscoverySimulation.Run(Small with { Churn = 3.6 });

        Assert.Equal(24, report.NodesLeft);
        Assert.Equal(64, report.NodesJoined);
        Assert.Equal(40, report.Final.LiveNodes);
        Assert.True(report.LookupSuccess > 0.5, $"found {report.LookupSuccess:0.00%}");
    }

    [Fact]
    public void Nobody_finds_anybody_when_everything_gets_lost()
    {
        DiscoverySimulationReport report = DiscoverySimulation.Run(Small with { Loss = 1 });

        Assert.Equal(report.PacketsSent, report.PacketsLost);
        Assert.Equal(20, report.Lookups);
        Assert.Equal(0, report.LookupSuccess);
    }

    [Fact]
    public void Progress_is_told_every_virtual_minute_and_at_the_end()
    {
        var times = new List<TimeSpan>();
        DiscoverySimulation.Run(Small with { Duration = TimeSpan.FromSeconds(150) }, progress => times.Add(progress.Time));

        Assert.Equal([TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2), TimeSpan.FromSeconds(150)], times);
    }

    [Fact]
    public void It_can_be_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(
            () => DiscoverySimulation.Run(Small with { Duration = TimeSpan.FromHours(20) }, _ => cancellation.Cancel(), cancellation.Token));
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        DiscoverySimulationOptions[] wrong =
        [
            Small with { Nodes = 1 },
            Small with { Nodes = 2_000_000 },
            Small with { Loss = 1.1 },
            Small with { Loss = double.NaN },
            Small with { Churn = -1 },
            Small with { Duration = TimeSpan.Zero },
            Small with { MinLatency = TimeSpan.FromSeconds(1) },
            Small with { BootstrapNodes = 0 },
            Small with { JoinPeriod = TimeSpan.FromHours(1) },
            Small with { Threads = 0 },
            Small with { Threads = 2, MinLatency = TimeSpan.FromMicroseconds(1) },
        ];

        Assert.All(wrong, options => Assert.Throws<ArgumentOutOfRangeException>(() => DiscoverySimulation.Run(options)));
    }
}
