using System.Text.Json;
using DevP2P.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>Live and ready.</summary>
public sealed class HealthTests
{
    [Fact]
    public async Task A_node_is_ready_when_it_has_as_many_peers_as_are_asked_for()
    {
        await using Server other = await TestNode.StartServerAsync();
        await using WebNode node = await StartAsync(TestNode.Section(("Discovery", "true"), ("DiscoveryV5", "true")), options => options.MinPeers = 1);

        (int status, JsonElement body) = await node.GetJsonAsync("/health/ready");
        Assert.Equal((503, "Unhealthy"), (status, body.GetProperty("status").GetString()));
        JsonElement check = Assert.Single(body.GetProperty("checks").EnumerateArray());
        Assert.Equal(("devp2p-ready", "0 peers, 1 are wanted"), (check.GetProperty("name").GetString(), check.GetProperty("description").GetString()));
        JsonElement data = check.GetProperty("data");
        Assert.Equal((0, 1), (data.GetProperty("peers").GetInt32(), data.GetProperty("minPeers").GetInt32()));
        Assert.Equal(node.Server.ListenEndPoints[0].ToString(), Assert.Single(data.GetProperty("listening").EnumerateArray()).GetString());
        Assert.Equal((0, 0), (data.GetProperty("v4Nodes").GetInt32(), data.GetProperty("v5Nodes").GetInt32()));
        Assert.False(data.TryGetProperty("legacyNodes", out _));

        Assert.True((await node.Server.AddPeerAsync(other.Self, TestContext.Current.CancellationToken)).Succeeded);
        (status, body) = await node.GetJsonAsync("/health/ready");
        Assert.Equal((200, "Healthy"), (status, body.GetProperty("status").GetString()));
    }

    [Fact]
    public async Task A_node_whose_server_has_stopped_is_neither_live_nor_without_a_reason()
    {
        await using WebNode node = await StartAsync(TestNode.Section());
        (int status, JsonElement body) = await node.GetJsonAsync("/health/live");
        Assert.Equal((200, "devp2p-live"), (status, Assert.Single(body.GetProperty("checks").EnumerateArray()).GetProperty("name").GetString()));
        Assert.Equal(200, (await node.GetJsonAsync("/health/ready")).Status);

        await node.Server.StopAsync();

        (status, body) = await node.GetJsonAsync("/health/live");
        Assert.Equal((503, "the server has stopped"), (status, body.GetProperty("checks")[0].GetProperty("description").GetString()));
    }

    [Fact]
    public async Task A_server_that_was_never_started_is_not_ready()
    {
        await using ServiceProvider services = new ServiceCollection()
            .AddDevP2P(options =>
            {
                options.PrivateKey = Crypto.PrivateKey.Generate().ExportHex();
                options.ListenAddress = "127.0.0.1:0";
                options.LegacyTopicDiscovery = true;
            })
            .AddDevP2PHealthChecks().Services.BuildServiceProvider();
        HealthReport report = await services.GetRequiredService<HealthCheckService>()
            .CheckHealthAsync(static check => check.Tags.Contains(DevP2PHealthExtensions.ReadyTag), TestContext.Current.CancellationToken);
        Assert.Equal(
            "not listening on 127.0.0.1:0; discovery v4 is not up; discovery legacy is not up", Assert.Single(report.Entries).Value.Description);
    }

    [Fact]
    public async Task Checks_of_the_application_join_by_their_tag_and_what_they_say_is_written()
    {
        await using WebNode node = await StartAsync(TestNode.Section(), checks: checks => checks
            .AddCheck("chain", static () => HealthCheckResult.Degraded("syncing", data: new Dictionary<string, object> { ["head"] = 5UL }), [DevP2PHealthExtensions.ReadyTag])
            .AddCheck("secret", static () => throw new InvalidOperationException("password"), [DevP2PHealthExtensions.LiveTag])
            .AddCheck("other", static () => HealthCheckResult.Unhealthy()));

        (int status, JsonElement body) = await node.GetJsonAsync("/health/ready");
        Assert.Equal((200, "Degraded"), (status, body.GetProperty("status").GetString()));
        JsonElement chain = Assert.Single(body.GetProperty("checks").EnumerateArray(), c => c.GetProperty("name").GetString() == "chain");
        Assert.Equal("5", chain.GetProperty("data").GetProperty("head").GetString());
        Assert.DoesNotContain("other", body.ToString(), StringComparison.Ordinal);
        Assert.Equal(503, (await node.GetJsonAsync("/health/live")).Status);
    }

    private static Task<WebNode> StartAsync(Dictionary<string, string?> section, Action<DevP2PHealthOptions>? options = null, Action<IHealthChecksBuilder>? checks = null) =>
        WebNode.StartAsync(
            section,
            services =>
            {
                IHealthChecksBuilder builder = services.AddDevP2PHealthChecks(options);
                checks?.Invoke(builder);
            },
            static app => app.MapDevP2PHealth());
}
