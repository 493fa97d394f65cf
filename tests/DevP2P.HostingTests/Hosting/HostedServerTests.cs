using System.Net;
using System.Net.Sockets;
using DevP2P.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>The server lives as long as its host runs.</summary>
public sealed class HostedServerTests
{
    [Fact]
    public async Task The_server_starts_and_stops_with_the_host()
    {
        await using Server other = await TestNode.StartServerAsync();
        var log = new LogLines();
        using IHost host = await TestNode.StartAsync(
            TestNode.Section(("StaticNodes:0", other.Self.ToString())), log, services => services.AddDevP2PProtocol(TestNode.Sink("sink")));
        await TestNode.UntilAsync(() => other.PeerCount == 1, "the nodes are connected");
        Assert.Equal(host.Server().Self.Id, Assert.Single(other.Peers).Id);
        Assert.Contains(log.All, line => line.StartsWith("Started P2P networking", StringComparison.Ordinal));

        await host.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, host.Server().PeerCount);
        Assert.Contains("P2P networking stopped", log.All);
        Assert.Empty(log.WithId(1003));
        await TestNode.UntilAsync(() => other.PeerCount == 0, "the other has noticed");
    }

    [Fact]
    public async Task A_port_that_is_taken_stops_the_host()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        await Assert.ThrowsAsync<P2PException>(() => TestNode.StartAsync(TestNode.Section(("ListenAddress", taken.LocalEndPoint!.ToString()))));
    }

    [Fact]
    public async Task The_host_waits_for_the_servers_end_no_longer_than_it_may()
    {
        var running = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        Protocol stubborn = TestNode.Sink("sink") with
        {
            RunAsync = async (_, _, _) =>
            {
                running.TrySetResult();
                await release.Task;
            },
        };
        await using Server other = await TestNode.StartServerAsync();
        var log = new LogLines();
        using IHost host = await TestNode.StartAsync(TestNode.Section(("StaticNodes:0", other.Self.ToString())), log, services => services
            .AddDevP2PProtocol(stubborn)
            .Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(100)));
        await running.Task.WaitAsync(TestNode.Deadline, TestContext.Current.CancellationToken);

        await host.StopAsync(TestContext.Current.CancellationToken);

        Assert.Single(log.WithId(1003));
        Assert.DoesNotContain("P2P networking stopped", log.All);
        release.SetResult();
        await host.Server().StopAsync().WaitAsync(TestNode.Deadline, TestContext.Current.CancellationToken);
    }
}
