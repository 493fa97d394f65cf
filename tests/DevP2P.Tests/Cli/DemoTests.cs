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
        Assert.Equal((6, 6, 0L), (report.Nodes, report.Connected, report.Missing));
        Assert.All(report.PerNode, node => Assert.True(node.Peers >= 2, $"{node}"));
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
        Assert.Contains("node-2 was killed", report.Failure, StringComparison.Ordinal);
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

    /// <summary>Discovery alone can tell the nodes of one another: a star around the first node would not do.</summary>
    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 3)]
    public async Task The_nodes_find_each_other_by_the_first_one(int nodes, int links)
    {
        DemoReport report = await new DemoRunner(s_options with { Duration = TimeSpan.FromMilliseconds(300), Nodes = nodes }, null, console: null)
            .RunAsync(TestContext.Current.CancellationToken);
        Assert.True(report.Ok, report.Failure);
        Assert.Equal(links, report.Links);
    }

    [Fact]
    public async Task Nodes_that_do_not_find_each_other_in_time_make_it_fail()
    {
        DemoReport report = await new DemoRunner(s_options with { ConnectTimeout = TimeSpan.Zero, Nodes = 20 }, null, console: null)
            .RunAsync(TestContext.Current.CancellationToken);
        Assert.False(report.Ok);
        Assert.StartsWith("not all nodes found their peers within 0 s: ", report.Failure, StringComparison.Ordinal);
        Assert.Matches("node-19 has [01] peers", report.Failure);
    }

    [Theory]
    [InlineData("20s", 20)]
    [InlineData("500ms", 0.5)]
    [InlineData("2m", 120)]
    [InlineData("1.5", 1.5)]
    [InlineData("1h", 3600)]
    public void Times(string text, double seconds) => Assert.Equal(seconds, DemoCommand.ParseDuration(text).TotalSeconds);
}
