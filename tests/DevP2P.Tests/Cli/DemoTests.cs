using DevP2P.Cli.Commands;
using DevP2P.Cli.Demo;
using Xunit;

namespace DevP2P.Tests.Cli;

public sealed class DemoTests
{
    private static readonly DemoOptions s_options = new()
    {
        Duration = TimeSpan.FromSeconds(3),
        Nodes = 6,
        Rate = 20,
        DrainTimeout = TimeSpan.FromSeconds(10),
    };

    [Fact]
    public async Task Every_message_reaches_every_node()
    {
        var progress = new StringWriter();
        DemoReport report = await new DemoRunner(s_options, progress, console: null).RunAsync(TestContext.Current.CancellationToken);
        Assert.True(report.Ok, report.Failure);
        Assert.Equal((6, 6, 9, 0L), (report.Nodes, report.Connected, report.Links, report.Missing));
        Assert.True(report.Published > 0);
        Assert.Equal(report.Published * 5, report.Delivered);
        Assert.Contains("all nodes are connected", progress.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_node_makes_it_fail()
    {
        DemoReport report = await new DemoRunner(s_options with { Duration = TimeSpan.FromSeconds(1), Kill = 2, DrainTimeout = TimeSpan.FromMilliseconds(200) }, null, console: null)
            .RunAsync(TestContext.Current.CancellationToken);
        Assert.False(report.Ok);
        Assert.NotNull(report.Failure);
        Assert.Contains("node-2 has 0 of 3 peers", report.Failure, StringComparison.Ordinal);
        Assert.Contains("deliveries are missing", report.Failure, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', report.Failure);
        Assert.True(report.Missing > 0);
    }

    [Fact]
    public async Task A_stop_before_anything_happened_is_no_success()
    {
        DemoReport report = await new DemoRunner(s_options, null, console: null).RunAsync(new CancellationToken(canceled: true));
        Assert.False(report.Ok);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 3)]
    [InlineData(4, 6)]
    [InlineData(10, 15)]
    [InlineData(11, 16)]
    public void The_topology_is_a_ring_with_chords_and_has_no_link_twice(int nodes, int links)
    {
        List<(int From, int To)> topology = DemoNetwork.Topology(nodes);
        Assert.Equal(links, topology.Count);
        Assert.Equal(links, topology.Select(link => (Math.Min(link.From, link.To), Math.Max(link.From, link.To))).Distinct().Count());
        Assert.All(topology, link => Assert.NotEqual(link.From, link.To));
    }

    [Theory]
    [InlineData("20s", 20)]
    [InlineData("500ms", 0.5)]
    [InlineData("2m", 120)]
    [InlineData("1.5", 1.5)]
    [InlineData("1h", 3600)]
    public void Times(string text, double seconds) => Assert.Equal(seconds, DemoCommand.ParseDuration(text).TotalSeconds);
}
