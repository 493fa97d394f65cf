using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using DevP2P.Hosting.Rpc;
using DevP2P.Hosting.Security;
using Xunit;

namespace DevP2P.HostingTests.Security;

/// <summary>T19: too much of everything, from a caller who may call. The node does not notice, and nothing is kept.</summary>
[Trait("Threat", "T19")]
public sealed class FloodTests
{
    private const int HundredMegabytes = 100 * 1024 * 1024;

    [Fact]
    public async Task T19_a_request_of_100_MB_is_refused_before_it_is_read()
    {
        await using TestSite site = await TestSite.StartAsync();
        await using RawHttp raw = await RawHttp.ConnectAsync(site.Url.Port);

        await raw.SendAsync($"POST / HTTP/1.1\r\nHost: {site.Url.Authority}\r\nContent-Type: application/json\r\nContent-Length: {HundredMegabytes}\r\n\r\n[");

        Assert.Equal(413, await raw.ReadStatusAsync());
        Assert.Equal(0, site.Endpoint.BytesInFlight);
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_a_request_that_does_not_say_how_long_it_is_is_read_to_the_limit()
    {
        await using TestSite site = await TestSite.StartAsync();
        await using RawHttp raw = await RawHttp.ConnectAsync(site.Url.Port);
        await raw.SendAsync($"POST / HTTP/1.1\r\nHost: {site.Url.Authority}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
        byte[] chunk = Encoding.Latin1.GetBytes("100000\r\n" + new string(' ', 0x100000) + "\r\n");

        for (int sent = 0; sent <= RpcLimits.MaxRequestBytes; sent += 0x100000)
        {
            await raw.SendAsync(chunk);
        }

        Assert.Equal(413, await raw.ReadStatusAsync());
        await TestSite.UntilAsync(() => site.Endpoint.BytesInFlight == 0, "nothing is kept");
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_a_message_of_100_MB_ends_its_WebSocket()
    {
        await using TestSite site = await TestSite.StartAsync();
        await using WebSocketClient client = await WebSocketClient.ConnectAsync(site.Url);
        byte[] piece = new byte[1024 * 1024];
        long peak = 0;
        Task reading = client.ReadAsync();
        for (int sent = 0; sent < HundredMegabytes && !reading.IsCompleted; sent += piece.Length)
        {
            await client.Socket.SendAsync(piece, WebSocketMessageType.Text, endOfMessage: false, TestContext.Current.CancellationToken);
            peak = Math.Max(peak, site.Endpoint.BytesInFlight);
        }

        await reading;
        Assert.Equal(WebSocketCloseStatus.MessageTooBig, client.Socket.CloseStatus);
        Assert.InRange(peak, 0, 4 * RpcLimits.MaxRequestBytes);
        await TestSite.UntilAsync(() => site.Endpoint.BytesInFlight == 0, "nothing is kept");
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_a_batch_of_10000_is_refused_as_a_whole()
    {
        await using TestSite site = await TestSite.StartAsync();
        string remove = $$"""{"jsonrpc":"2.0","id":1,"method":"devp2p_disconnect","params":["{{site.Other.Self.Id}}"]}""";

        JsonElement answer = JsonElement.Parse(await site.PostAsync("[" + string.Join(',', Enumerable.Repeat(remove, 10_000)) + "]"));

        Assert.Equal((-32005, "batch too large"), TestSite.ErrorOf(Assert.Single(answer.EnumerateArray().ToArray())));
        Assert.Equal(0, site.Endpoint.BytesInFlight);
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_of_10000_subscriptions_a_connection_has_few()
    {
        await using TestSite site = await TestSite.StartAsync();
        await using WebSocketClient client = await WebSocketClient.ConnectAsync(site.Url);
        const string subscribe = """{"jsonrpc":"2.0","id":1,"method":"devp2p_subscribe","params":["events"]}""";
        string batch = "[" + string.Join(',', Enumerable.Repeat(subscribe, RpcLimits.MaxBatch)) + "]";
        int made = 0;
        for (int i = 0; i < 10_000 / RpcLimits.MaxBatch; i++)
        {
            await client.SendAsync(batch);
            foreach (JsonElement answer in (await client.ReadAsync()).EnumerateArray())
            {
                made += answer.TryGetProperty("result", out _) ? 1 : 0;
                Assert.True(answer.TryGetProperty("result", out _) || TestSite.ErrorOf(answer).Code == -32005, answer.GetRawText());
            }
        }

        Assert.Equal(RpcLimits.MaxSubscriptionsPerConnection, made);
        Assert.Equal(RpcLimits.MaxSubscriptionsPerConnection, site.Endpoint.Subscriptions.Value);
        await client.DisposeAsync();
        await TestSite.UntilAsync(() => site.Endpoint.Subscriptions.Value == 0 && site.Endpoint.BytesInFlight == 0, "nothing is kept");
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_all_connections_together_have_a_bound_of_subscriptions_and_there_is_one_of_connections()
    {
        await using TestSite site = await TestSite.StartAsync();
        string batch = "[" + string.Join(',', Enumerable.Repeat(
            """{"jsonrpc":"2.0","id":1,"method":"admin_subscribe","params":["peerEvents"]}""", RpcLimits.MaxSubscriptionsPerConnection)) + "]";
        var clients = new List<WebSocketClient>();
        int made = 0;
        for (int i = 0; i < RpcLimits.MaxConnections; i++)
        {
            WebSocketClient client = await WebSocketClient.ConnectAsync(site.Url);
            clients.Add(client);
            await client.SendAsync(batch);
            made += (await client.ReadAsync()).EnumerateArray().Count(answer => answer.TryGetProperty("result", out _));
        }

        Assert.Equal(RpcLimits.MaxSubscriptions, made);
        await Assert.ThrowsAsync<WebSocketException>(() => WebSocketClient.ConnectAsync(site.Url));
        Assert.Equal("1", (await site.CallAsync("net_version")).GetString());
        foreach (WebSocketClient client in clients)
        {
            await client.DisposeAsync();
        }

        await TestSite.UntilAsync(() => site.Endpoint.Subscriptions.Value == 0 && site.Endpoint.BytesInFlight == 0, "nothing is kept");
        await using WebSocketClient again = await WebSocketClient.ConnectAsync(site.Url);
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_requests_that_are_never_finished_share_a_bound_of_memory()
    {
        await using TestSite site = await TestSite.StartAsync();
        var clients = new List<RawHttp>();
        byte[] part = new byte[4 * 1024 * 1024];
        part.AsSpan().Fill((byte)' ');
        for (int i = 0; i < 24; i++)
        {
            RawHttp client = await RawHttp.ConnectAsync(site.Url.Port);
            clients.Add(client);
            await client.SendAsync($"POST / HTTP/1.1\r\nHost: {site.Url.Authority}\r\nContent-Type: application/json\r\nContent-Length: {part.Length + 1}\r\n\r\n");
            try
            {
                await client.SendAsync(part);
            }
            catch (IOException)
            {
                // Refused and closed.
            }

            Assert.InRange(site.Endpoint.BytesInFlight, 0, RpcLimits.MaxBytesInFlight);
        }

        Assert.Equal(503, await clients[^1].ReadStatusAsync());
        foreach (RawHttp client in clients)
        {
            await client.DisposeAsync();
        }

        await TestSite.UntilAsync(() => site.Endpoint.BytesInFlight == 0, "nothing is kept");
        Assert.Equal("1", (await site.CallAsync("net_version")).GetString());
        site.AssertUndisturbed();
    }

    [Fact]
    public async Task T19_guessing_tokens_is_limited()
    {
        await using TestSite site = await TestSite.StartAsync(options => options.Token = "0123456789abcdef");
        int guesses = 0;
        while (true)
        {
            using HttpResponseMessage response = await site.Http.PostAsync("/", TestSite.Json("{}"), TestContext.Current.CancellationToken);
            if ((int)response.StatusCode == 429)
            {
                break;
            }

            Assert.Equal(401, (int)response.StatusCode);
            Assert.True(++guesses < 100 * RpcLimits.CallBurst, "it never ends");
        }

        Assert.True(guesses >= RpcLimits.CallBurst);
        site.AssertUndisturbed();
    }

    [Fact]
    public void T19_remotes_beyond_the_bound_share_one_count_until_others_are_idle()
    {
        var time = new ManualTime();
        var rates = new RemoteRates(time);
        CallBucket[] own = [.. Enumerable.Range(0, RpcLimits.MaxRemotes).Select(i => rates.Get(Address(i)))];
        Array.ForEach(own, bucket => bucket.TryTake());

        CallBucket shared = rates.Get(Address(5000));
        Assert.Equal(RpcLimits.MaxRemotes, own.Distinct().Count());
        Assert.DoesNotContain(shared, own);
        Assert.Same(shared, rates.Get(Address(5001)));
        Assert.Same(own[0], rates.Get(Address(0)));

        time.Advance(TimeSpan.FromMinutes(1));
        Assert.NotSame(shared, rates.Get(Address(5002)));

        static System.Net.IPAddress Address(int i) => new([10, 0, (byte)(i >> 8), (byte)i]);
    }
}
