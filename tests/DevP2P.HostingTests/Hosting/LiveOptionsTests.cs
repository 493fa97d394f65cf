using DevP2P.Hosting;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>Changes of the configuration while the node runs.</summary>
public sealed class LiveOptionsTests
{
    [Fact]
    public async Task Static_nodes_come_and_go()
    {
        await using Server first = await TestNode.StartServerAsync();
        await using Server second = await TestNode.StartServerAsync();
        var log = new LogLines();
        using IHost host = await StartAsync(log, ("StaticNodes:0", first.Self.ToString()));
        await TestNode.UntilAsync(() => first.PeerCount == 1, "the first is connected");

        host.Change(("StaticNodes:0", second.Self.ToString()));

        await TestNode.UntilAsync(() => second.PeerCount == 1 && first.PeerCount == 0, "the second has taken the first's place");
        Assert.Equal(["DevP2P:StaticNodes has changed added=1 removed=1"], log.WithId(1011));
        Assert.Equal(second.Self.Id, Assert.Single(await host.Server().GetStaticNodesAsync()).Node.Id);
    }

    [Fact]
    public async Task A_node_that_is_only_trusted_from_now_on_may_come_back_at_once()
    {
        await using Server other = await TestNode.StartServerAsync();
        using IHost host = await StartAsync(new LogLines(), ("StaticNodes:0", other.Self.ToString()), ("TrustedNodes:0", other.Self.ToString()));
        await TestNode.UntilAsync(() => other.PeerCount == 1, "the nodes are connected");

        host.Change(("StaticNodes:0", ""));
        await TestNode.UntilAsync(() => other.PeerCount == 0, "it is disconnected");

        Assert.True((await other.AddPeerAsync(host.Server().Self, TestContext.Current.CancellationToken)).Succeeded);
        await TestNode.UntilAsync(() => host.Server().PeerCount == 1, "it is back");
        Assert.True(host.Server().Peers.Single().IsTrusted);
    }

    [Fact]
    public async Task Trusted_nodes_are_trusted_at_once_and_no_longer()
    {
        await using Server other = await TestNode.StartServerAsync();
        using IHost host = await StartAsync(new LogLines(), ("StaticNodes:0", other.Self.ToString()));
        await TestNode.UntilAsync(() => host.Server().PeerCount == 1, "the nodes are connected");
        Peer peer = host.Server().Peers.Single();
        Assert.False(peer.IsTrusted);

        host.Change(("TrustedNodes:0", other.Self.ToString()));
        await TestNode.UntilAsync(() => peer.IsTrusted, "it is trusted");

        host.Change(("TrustedNodes:0", ""));
        await TestNode.UntilAsync(() => !peer.IsTrusted, "it is trusted no more");
        Assert.Equal(1, host.Server().PeerCount);
    }

    [Fact]
    public async Task Limits_change_and_those_that_a_call_has_set_stay()
    {
        var log = new LogLines();
        using IHost host = await StartAsync(log, ("MaxPeers", "5"), ("UploadBytesPerSecond", "50000"));
        Server server = host.Server();
        Assert.Equal((5, 50_000), (server.Limits.MaxPeers, server.Limits.UploadBytesPerSecond));
        server.SetLimits(server.Limits with { DownloadBytesPerSecond = 77_777 });

        host.Change(("MaxPeers", "6"), ("PeerUploadBytesPerSecond", "9000"), ("PeerDownloadBytesPerSecond", "8000"));
        Assert.Equal(
            new ServerLimits { MaxPeers = 6, UploadBytesPerSecond = 50_000, DownloadBytesPerSecond = 77_777, PeerUploadBytesPerSecond = 9000, PeerDownloadBytesPerSecond = 8000 },
            server.Limits);

        host.Change(("UploadBytesPerSecond", ""), ("DownloadBytesPerSecond", "66666"));
        Assert.Equal((null, 66_666), (server.Limits.UploadBytesPerSecond, server.Limits.DownloadBytesPerSecond));
        Assert.Empty(log.WithId(1010));
    }

    [Fact]
    public async Task A_limit_that_cannot_be_is_refused_by_its_key()
    {
        var log = new LogLines();
        using IHost host = await StartAsync(log);

        host.Change(("MaxPeers", "0"), ("UploadBytesPerSecond", "50000"));

        Assert.Contains("DevP2P:MaxPeers must be at least 1, not 0", Assert.Single(log.WithId(1012)), StringComparison.Ordinal);
        Assert.Equal((25, null), (host.Server().Limits.MaxPeers, host.Server().Limits.UploadBytesPerSecond));
    }

    [Fact]
    public async Task Other_changes_are_said_to_need_a_restart_once_and_without_their_value()
    {
        const string Key = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";
        var log = new LogLines();
        using IHost host = await StartAsync(log);

        host.Change(("ListenAddress", "127.0.0.1:1"), ("PrivateKey", Key), ("AdvertisedEndPoints:TcpPort", "77"));
        host.Change();
        Assert.Equal(
            ["DevP2P:AdvertisedEndPoints has changed; that needs a restart", "DevP2P:ListenAddress has changed; that needs a restart", "DevP2P:PrivateKey has changed; that needs a restart"],
            log.WithId(1010).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(log.All, line => line.Contains(Key, StringComparison.Ordinal));

        // Back to what runs, and away again.
        host.Change(("ListenAddress", "127.0.0.1:0"));
        Assert.Equal(3, log.WithId(1010).Count());
        host.Change(("ListenAddress", "127.0.0.1:1"));
        Assert.Equal(4, log.WithId(1010).Count());
    }

    [Theory]
    [InlineData("StaticNodes:0", "nobody", "DevP2P:StaticNodes:0: \"nobody\" is not a node")]
    [InlineData("DialRatio", "x", "'DevP2P:DialRatio'")]
    public async Task A_change_that_cannot_be_used_is_refused_as_a_whole(string option, string value, string message)
    {
        await using Server other = await TestNode.StartServerAsync();
        var log = new LogLines();
        using IHost host = await StartAsync(log, ("StaticNodes:0", other.Self.ToString()));
        await TestNode.UntilAsync(() => other.PeerCount == 1, "the nodes are connected");
        Dictionary<string, string> before = new() { ["StaticNodes:0"] = other.Self.ToString(), ["DialRatio"] = "3" };

        host.Change((option, value), ("TrustedNodes:0", other.Self.ToString()), ("Name", "new"));

        Assert.Contains(message, Assert.Single(log.WithId(1012)), StringComparison.Ordinal);
        Assert.Empty(log.WithId(1010));
        await host.Server().GetStaticNodesAsync();
        Assert.Equal(1, other.PeerCount);
        Assert.False(Assert.Single(host.Server().Peers).IsTrusted);

        host.Change((option, before[option]));
        await TestNode.UntilAsync(() => host.Server().Peers.Single().IsTrusted, "the rest of the change is taken when the mistake is gone");
        Assert.Single(log.WithId(1010));
    }

    [Fact]
    public async Task A_change_between_the_making_of_the_server_and_its_start_counts()
    {
        await using Server other = await TestNode.StartServerAsync();
        using IHost host = TestNode.Build(TestNode.Section(), more: services => services.AddDevP2PProtocol(TestNode.Sink("sink")));
        Assert.Empty(host.Server().Options.StaticNodes);
        host.Change(("StaticNodes:0", other.Self.ToString()));
        await host.StartAsync(TestContext.Current.CancellationToken);
        await TestNode.UntilAsync(() => other.PeerCount == 1, "the node is dialed");
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Every_option_either_changes_or_says_that_it_does_not()
    {
        string[] live =
        [
            nameof(DevP2PHostOptions.MaxPeers), nameof(DevP2PHostOptions.UploadBytesPerSecond), nameof(DevP2PHostOptions.DownloadBytesPerSecond),
            nameof(DevP2PHostOptions.PeerUploadBytesPerSecond), nameof(DevP2PHostOptions.PeerDownloadBytesPerSecond),
            nameof(DevP2PHostOptions.StaticNodes), nameof(DevP2PHostOptions.TrustedNodes),
        ];
        Assert.Equal(
            typeof(DevP2PHostOptions).GetProperties().Select(p => p.Name).Order(StringComparer.Ordinal),
            LiveOptions.Fixed.Concat(live).Order(StringComparer.Ordinal));
    }

    private static Task<IHost> StartAsync(LogLines log, params (string Key, string? Value)[] section) =>
        TestNode.StartAsync(TestNode.Section(section), log, services => services.AddDevP2PProtocol(TestNode.Sink("sink")));
}
