using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using DevP2P.Hosting;
using DevP2P.Hosting.Rpc;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace DevP2P.HostingTests.Rpc;

public sealed class SubscriptionTests
{
    [Fact]
    public async Task Peer_events_come_in_geths_form()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);
        await using WebSocketClient client = await WebSocketClient.ConnectAsync(site.Url);

        string id = (await client.CallAsync("admin_subscribe", """["peerEvents"]""")).GetProperty("result").GetString()!;
        await site.Server.AddPeerAsync(site.Other.Self, TestContext.Current.CancellationToken);
        JsonElement added = await client.ReadAsync();
        site.Server.RemovePeer(site.Other.Self);
        JsonElement dropped = await client.ReadAsync();

        Assert.Matches("^0x[1-9a-f][0-9a-f]*$", id);
        Assert.Equal(["jsonrpc", "method", "params"], added.EnumerateObject().Select(property => property.Name));
        Assert.Equal("admin_subscription", added.GetProperty("method").GetString());
        Assert.Equal(id, added.GetProperty("params").GetProperty("subscription").GetString());
        JsonElement result = added.GetProperty("params").GetProperty("result");
        Assert.Equal("add", result.GetProperty("type").GetString());
        Assert.Equal(site.Other.Self.Id.ToString(), result.GetProperty("peer").GetString());
        Assert.Equal("drop", dropped.GetProperty("params").GetProperty("result").GetProperty("type").GetString());

        Assert.True((await client.CallAsync("admin_unsubscribe", $"[\"{id}\"]")).GetProperty("result").GetBoolean());
        Assert.Equal((-32000, "subscription not found"), TestSite.ErrorOf(await client.CallAsync("admin_unsubscribe", $"[\"{id}\"]")));
        Assert.Equal(0, site.Endpoint.Subscriptions.Value);
    }

    [Fact]
    public async Task Our_events_tell_of_dials_and_peers()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);
        await using WebSocketClient client = await WebSocketClient.ConnectAsync(site.Url);

        string id = (await client.CallAsync("devp2p_subscribe", """["events"]""")).GetProperty("result").GetString()!;
        await site.Server.AddPeerAsync(site.Other.Self, TestContext.Current.CancellationToken);

        // Until both are through with it, a side that stops just closes the connection.
        await TestSite.UntilAsync(() => site.Other.PeerCount == 1, "the other side has added it, too");
        await site.Other.StopAsync();
        var seen = new Dictionary<string, JsonElement>();
        while (!seen.ContainsKey("peerDropped") || !seen.ContainsKey("dial"))
        {
            JsonElement notification = await client.ReadAsync();
            Assert.Equal("devp2p_subscription", notification.GetProperty("method").GetString());
            Assert.Equal(id, notification.GetProperty("params").GetProperty("subscription").GetString());
            JsonElement e = notification.GetProperty("params").GetProperty("result");
            Assert.EndsWith("Z", e.GetProperty("at").GetString());
            seen.TryAdd(e.GetProperty("type").GetString()!, e);
        }

        string peer = site.Other.Self.Id.ToString();
        Assert.Equal(peer, seen["peerAdded"].GetProperty("peer").GetString());
        Assert.True(seen["dial"].GetProperty("succeeded").GetBoolean());
        Assert.Equal(peer, seen["dial"].GetProperty("id").GetString());
        Assert.True(seen["peerDropped"].GetProperty("isRemote").GetBoolean(), seen["peerDropped"].GetRawText());
        Assert.Equal("client quitting", seen["peerDropped"].GetProperty("reason").GetString());
    }

    [Fact]
    public async Task Our_events_tell_of_changes_by_this_API()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);
        await using WebSocketClient client = await WebSocketClient.ConnectAsync(site.Url);
        await client.CallAsync("devp2p_subscribe", """["events"]""");
        string id = new('5', 64);

        await site.CallAsync("devp2p_setLimits", """{"maxPeers":11}""");
        await site.CallAsync("devp2p_banPeer", $"[\"{id}\",60,\"test\"]");
        await site.CallAsync("devp2p_unbanPeer", $"[\"{id}\"]");
        JsonElement limits = await ReadEventAsync(client);
        JsonElement banned = await ReadEventAsync(client);
        JsonElement unbanned = await ReadEventAsync(client);

        Assert.Equal(11, limits.GetProperty("limits").GetProperty("maxPeers").GetInt32());
        Assert.Equal(
            ("limits", "banned", "unbanned"),
            (limits.GetProperty("type").GetString(), banned.GetProperty("type").GetString(), unbanned.GetProperty("type").GetString()));
        Assert.Equal((id, "test"), (banned.GetProperty("id").GetString(), banned.GetProperty("reason").GetString()));
        Assert.Equal(id, unbanned.GetProperty("id").GetString());
    }

    private static async Task<JsonElement> ReadEventAsync(WebSocketClient client) => (await client.ReadAsync()).GetProperty("params").GetProperty("result");

    [Fact]
    public async Task Subscriptions_have_names_and_belong_to_their_namespace_and_connection()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);
        await using WebSocketClient one = await WebSocketClient.ConnectAsync(site.Url);
        await using WebSocketClient two = await WebSocketClient.ConnectAsync(site.Url);

        Assert.Equal((-32601, "no \"newHeads\" subscription in admin namespace"), TestSite.ErrorOf(await one.CallAsync("admin_subscribe", """["newHeads"]""")));
        Assert.Equal((-32601, "the method eth_subscribe does not exist/is not available"), TestSite.ErrorOf(await one.CallAsync("eth_subscribe", """["newHeads"]""")));
        string id = (await one.CallAsync("admin_subscribe", """["peerEvents"]""")).GetProperty("result").GetString()!;
        Assert.Equal(-32000, TestSite.ErrorOf(await two.CallAsync("admin_unsubscribe", $"[\"{id}\"]")).Code);
        Assert.Equal(-32000, TestSite.ErrorOf(await one.CallAsync("devp2p_unsubscribe", $"[\"{id}\"]")).Code);
        Assert.Equal(1, site.Endpoint.Subscriptions.Value);
        await one.DisposeAsync();
        await TestSite.UntilAsync(() => site.Endpoint.Subscriptions.Value == 0, "the subscription has ended with its connection");
    }

    [Fact]
    public async Task A_call_that_waits_holds_nobody_up()
    {
        await using TestSite site = await TestSite.StartAsync(node: options => options with { Dialer = new NeverDialer() }, connect: false);
        await using WebSocketClient client = await WebSocketClient.ConnectAsync(site.Url);

        await client.SendAsync($$"""{"jsonrpc":"2.0","id":"slow","method":"devp2p_connect","params":["{{site.Other.Self}}"]}""");
        await client.SendAsync("""{"jsonrpc":"2.0","id":"fast","method":"net_version"}""");

        Assert.Equal("fast", (await client.ReadAsync()).GetProperty("id").GetString());
    }

    [Fact]
    [Trait("Threat", "T19")]
    public async Task Who_does_not_read_loses_the_oldest_events_and_learns_how_many()
    {
        var stream = new EventStream(missed => Encoding.ASCII.GetBytes($"missed {missed}"));
        using EventQueue slow = stream.Subscribe();
        using EventQueue fast = stream.Subscribe();
        var read = new List<string>();
        for (int i = 0; i < RpcLimits.MaxQueuedEvents + 500; i++)
        {
            stream.Publish(Encoding.ASCII.GetBytes($"{i}"));
            read.Add(Encoding.ASCII.GetString(await fast.ReadAsync(TestContext.Current.CancellationToken)));
        }

        Assert.Equal(Enumerable.Range(0, RpcLimits.MaxQueuedEvents + 500).Select(i => $"{i}"), read);
        Assert.Equal("missed 500", Encoding.ASCII.GetString(await slow.ReadAsync(TestContext.Current.CancellationToken)));
        Assert.Equal("500", Encoding.ASCII.GetString(await slow.ReadAsync(TestContext.Current.CancellationToken)));
    }

    [Fact]
    [Trait("Threat", "T19")]
    public async Task Who_does_not_read_at_all_is_disconnected()
    {
        var time = new ManualTime();
        await using var server = new Server(TestSite.Options());
        using var endpoint = new RpcEndpoint(server, new AdminOptions(), NullLoggerFactory.Instance, time);
        var aborted = new TaskCompletionSource();
        var writing = new TaskCompletionSource();
        await using var connection = new RpcConnection(endpoint, "test", async (_, token) =>
        {
            writing.SetResult();
            await Task.Delay(Timeout.Infinite, token);
        }, aborted.SetResult);

        RpcBuffer request = endpoint.CreateRequest();
        """{"jsonrpc":"2.0","id":1,"method":"net_version"}"""u8.CopyTo(request.GetSpan(100));
        request.Advance(47);
        await connection.HandleAsync(request);
        await writing.Task.WaitAsync(TestSite.Deadline, TestContext.Current.CancellationToken);
        time.Advance(RpcLimits.SendTimeout - TimeSpan.FromTicks(1));
        Assert.False(aborted.Task.IsCompleted);
        time.Advance(TimeSpan.FromTicks(1));

        await aborted.Task.WaitAsync(TestSite.Deadline, TestContext.Current.CancellationToken);
        Assert.Equal("does not read what it is sent", connection.AbortReason);
    }

    [Fact]
    public async Task The_answer_comes_before_the_first_event()
    {
        await using var server = new Server(TestSite.Options());
        using var endpoint = new RpcEndpoint(server, new AdminOptions(), NullLoggerFactory.Instance, TimeProvider.System);
        var sent = new ConcurrentQueue<string>();
        var gate = new TaskCompletionSource();
        await using var connection = new RpcConnection(endpoint, "test", async (message, _) =>
        {
            await gate.Task;
            sent.Enqueue(Encoding.UTF8.GetString(message.Span));
        }, () => { });
        var subscriptions = new RpcSubscriptions(connection, endpoint.Subscriptions);
        var stream = new EventStream(_ => []);
        var caller = new RpcCaller("test", Security.Rates.Plenty, subscriptions);

        caller.Subscribe(() => stream, "x_subscription");
        stream.Publish("1"u8.ToArray());
        Task answer = connection.SendAsync("answer"u8.ToArray(), TestContext.Current.CancellationToken);
        gate.SetResult();
        await answer;
        Assert.Equal(["answer"], sent);
        caller.Activate();
        await TestSite.UntilAsync(() => sent.Count == 2, "the event has been sent");

        await subscriptions.DisposeAsync();
        Assert.False(stream.HasSubscribers);
    }

    private sealed class NeverDialer : DevP2P.Dialing.IDialer
    {
        public async ValueTask<DevP2P.Dialing.DialedConnection> ConnectAsync(
            DevP2P.Nodes.Node node, IReadOnlyList<System.Net.IPEndPoint> endPoints, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException();
        }
    }
}
