using System.Text.Json;
using DevP2P.Crypto;
using DevP2P.Hosting.Rpc;
using Xunit;

namespace DevP2P.HostingTests.Rpc;

/// <summary>Every method against two live nodes.</summary>
public sealed class MethodTests
{
    [Fact]
    public async Task Geths_methods_about_peers()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);
        string url = $"[\"{site.Other.Self}\"]";

        Assert.True((await site.CallAsync("admin_addPeer", url)).GetBoolean());
        await TestSite.UntilAsync(() => site.Server.PeerCount == 1, "the node is a peer");
        JsonElement peer = Assert.Single((await site.CallAsync("admin_peers")).EnumerateArray().ToArray());
        Assert.Equal(
            ["enode", "id", "name", "caps", "network", "protocols"], peer.EnumerateObject().Select(property => property.Name).Where(name => name != "enr"));
        Assert.Equal(site.Other.Self.Id.ToString(), peer.GetProperty("id").GetString());
        Assert.Equal("sink/1", peer.GetProperty("caps")[0].GetString());
        Assert.Equal(
            ["localAddress", "remoteAddress", "inbound", "trusted", "static"], peer.GetProperty("network").EnumerateObject().Select(property => property.Name));
        Assert.True(peer.GetProperty("network").GetProperty("static").GetBoolean());
        Assert.Equal(1, peer.GetProperty("protocols").GetProperty("sink").GetProperty("version").GetInt32());

        Assert.True((await site.CallAsync("admin_addTrustedPeer", url)).GetBoolean());
        await TestSite.UntilAsync(() => site.Server.Peers.Single().IsTrusted, "the peer is trusted");
        Assert.True((await site.CallAsync("admin_removeTrustedPeer", url)).GetBoolean());
        await TestSite.UntilAsync(() => !site.Server.Peers.Single().IsTrusted, "the peer is no longer trusted");

        Assert.True((await site.CallAsync("admin_removePeer", url)).GetBoolean());
        await TestSite.UntilAsync(() => site.Server.PeerCount == 0, "the peer is gone");
        Assert.Equal(0, (await site.CallAsync("admin_peers")).GetArrayLength());
    }

    [Fact]
    public async Task Geths_methods_about_the_node()
    {
        await using TestSite site = await TestSite.StartAsync(options =>
        {
            options.DataDirectory = "/var/lib/test";
            options.NetworkId = 560048;
        });

        JsonElement info = await site.CallAsync("admin_nodeInfo");
        Assert.Equal(
            ["id", "name", "enode", "enr", "ip", "ports", "listenAddr", "protocols"], info.EnumerateObject().Select(property => property.Name));
        Assert.Equal(site.Server.Self.ToString(), info.GetProperty("enode").GetString());
        Assert.Equal(site.Server.Self.TcpPort, info.GetProperty("ports").GetProperty("listener").GetInt32());
        Assert.Equal("""{"genesis":"0x12","height":7}""", info.GetProperty("protocols").GetProperty("sink").GetRawText());
        Assert.Equal("/var/lib/test", (await site.CallAsync("admin_datadir")).GetString());
        Assert.Equal("560048", (await site.CallAsync("net_version")).GetString());
        Assert.True((await site.CallAsync("net_listening")).GetBoolean());
        Assert.Equal("0x1", (await site.CallAsync("net_peerCount")).GetString());
        Assert.Equal("hosting-test", (await site.CallAsync("web3_clientVersion")).GetString());
        Assert.Equal("""{"admin":"1.0","devp2p":"1.0","net":"1.0","rpc":"1.0","web3":"1.0"}""", (await site.CallAsync("rpc_modules")).GetRawText());
    }

    [Theory]
    [InlineData("admin_addPeer")]
    [InlineData("admin_removePeer")]
    [InlineData("admin_addTrustedPeer")]
    [InlineData("admin_removeTrustedPeer")]
    [InlineData("devp2p_connect")]
    public async Task What_is_no_node_is_the_error_that_geth_gives(string method)
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);

        (int code, string message) = await site.FailAsync(method, """["enode://12@127.0.0.1:1"]""");

        Assert.Equal(-32000, code);
        Assert.StartsWith("invalid enode: ", message);
    }

    [Fact]
    public async Task Status_tells_how_the_node_is()
    {
        await using TestSite site = await TestSite.StartAsync();

        JsonElement status = await site.CallAsync("devp2p_status");

        Assert.True(JsonElement.DeepEquals(await site.CallAsync("admin_nodeInfo"), status.GetProperty("node")));
        Assert.True(status.GetProperty("uptimeSeconds").GetDouble() > 0);
        Assert.NotEmpty(status.GetProperty("version").GetString()!);
        Assert.Equal("""{"total":1,"inbound":0,"outbound":1,"static":1,"trusted":0,"max":25}""", status.GetProperty("peers").GetRawText());
        Assert.False(status.GetProperty("discovery").GetProperty("v4").GetBoolean());
        Assert.Equal(JsonValueKind.Null, status.GetProperty("clockOffsetMs").ValueKind);
        Assert.Equal(site.Server.ListenEndPoints[0].ToString(), Assert.Single(status.GetProperty("listening").EnumerateArray().ToArray()).GetString());
        Assert.Equal(JsonValueKind.Null, status.GetProperty("reachability").GetProperty("nat").ValueKind);
        Assert.Equal(
            $$"""{"ip":"127.0.0.1","tcp":{{site.Server.Self.TcpPort}}}""", status.GetProperty("reachability").GetProperty("advertised").GetRawText());
        Assert.Equal(1, status.GetProperty("counters").GetProperty("dialed").GetInt64());
        Assert.Equal("{}", status.GetProperty("counters").GetProperty("dropped").GetRawText());
        Assert.Equal(25, status.GetProperty("limits").GetProperty("maxPeers").GetInt32());
    }

    [Fact]
    public async Task Peers_are_those_of_geth_and_more()
    {
        await using TestSite site = await TestSite.StartAsync();

        JsonElement peer = Assert.Single((await site.CallAsync("devp2p_peers")).EnumerateArray().ToArray());
        JsonElement geths = Assert.Single((await site.CallAsync("admin_peers")).EnumerateArray().ToArray());

        foreach (JsonProperty property in geths.EnumerateObject())
        {
            Assert.True(JsonElement.DeepEquals(property.Value, peer.GetProperty(property.Name)), property.Name);
        }

        Assert.InRange(peer.GetProperty("connectedSeconds").GetDouble(), 0, TestSite.Deadline.TotalSeconds);
    }

    [Fact]
    public async Task Traffic_is_told_by_peer_and_by_protocol()
    {
        await using TestSite site = await TestSite.StartAsync();
        var sink = new Capability("sink", 1);
        await TestSite.UntilAsync(() => site.Other.PeerCount == 1, "the other side has added it, too");
        await site.Server.BroadcastAsync(sink, 0, new byte[1000], slow: SlowPeerPolicy.Skip, cancellationToken: TestContext.Current.CancellationToken);
        JsonElement protocol = default;
        for (DateTime end = DateTime.UtcNow + TestSite.Deadline; DateTime.UtcNow < end;)
        {
            protocol = (await site.CallAsync("devp2p_trafficByProtocol")).EnumerateArray().FirstOrDefault(item => item.GetProperty("protocol").GetString() == "sink/1");
            if (protocol.ValueKind == JsonValueKind.Object && protocol.GetProperty("messagesOut").GetInt64() == 1)
            {
                break;
            }
        }

        JsonElement peer = Assert.Single((await site.CallAsync("devp2p_peers")).EnumerateArray().ToArray());

        Assert.Equal(1000, protocol.GetProperty("bytesOut").GetInt64());
        Assert.Equal(
            ["protocol", "messagesIn", "messagesOut", "bytesIn", "bytesOut", "wireBytesIn", "wireBytesOut"], protocol.EnumerateObject().Select(property => property.Name));
        Assert.InRange(peer.GetProperty("traffic").GetProperty("messagesOut").GetInt64(), 1, 100);
        Assert.Equal(["messagesIn", "messagesOut", "bytesIn", "bytesOut"], peer.GetProperty("traffic").EnumerateObject().Select(property => property.Name));
        Assert.Equal(JsonValueKind.Number, peer.GetProperty("score").ValueKind);
    }

    [Fact]
    public async Task Limits_change_one_by_one()
    {
        await using TestSite site = await TestSite.StartAsync(node: options => options with { MaxPeers = 7, UploadBytesPerSecond = 100_000 }, connect: false);
        const string atFirst = """{"maxPeers":7,"uploadBytesPerSecond":100000,"downloadBytesPerSecond":null,"peerUploadBytesPerSecond":null,"peerDownloadBytesPerSecond":null}""";

        Assert.Equal(atFirst, (await site.CallAsync("devp2p_limits")).GetRawText());
        Assert.Equal(atFirst, (await site.CallAsync("devp2p_setLimits", "{}")).GetRawText());
        Assert.Equal(
            """{"maxPeers":9,"uploadBytesPerSecond":null,"downloadBytesPerSecond":5000000000,"peerUploadBytesPerSecond":null,"peerDownloadBytesPerSecond":null}""",
            (await site.CallAsync("devp2p_setLimits", """[{"maxPeers":9,"uploadBytesPerSecond":null,"downloadBytesPerSecond":5000000000}]""")).GetRawText());
        Assert.Equal(9, site.Server.Limits.MaxPeers);
        Assert.Null(site.Server.Limits.UploadBytesPerSecond);
        Assert.Equal(9, (await site.CallAsync("devp2p_status")).GetProperty("limits").GetProperty("maxPeers").GetInt32());
        Assert.Equal(-32602, (await site.FailAsync("devp2p_setLimits", """{"uploadBytesPerSecond":1}""")).Code);
        Assert.Equal(-32602, (await site.FailAsync("devp2p_setLimits", """{"maxPeers":0}""")).Code);
        Assert.Equal(9, site.Server.Limits.MaxPeers);
    }

    [Fact]
    public async Task Bans_keep_nodes_out_until_they_end()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);
        await site.Other.AddPeerAsync(site.Server.Self, TestContext.Current.CancellationToken);
        await TestSite.UntilAsync(() => site.Server.PeerCount == 1, "the node has come");
        string id = site.Other.Self.Id.ToString();

        JsonElement ban = await site.CallAsync("devp2p_banPeer", $"[\"{id}\",3600,\"spam\"]");
        await TestSite.UntilAsync(() => site.Server.PeerCount == 0, "the node is disconnected");
        Assert.Equal(["id", "since", "until", "reason", "automatic"], ban.EnumerateObject().Select(property => property.Name));
        Assert.Equal(TimeSpan.FromHours(1), ban.GetProperty("until").GetDateTimeOffset() - ban.GetProperty("since").GetDateTimeOffset());
        Assert.Equal("spam", ban.GetProperty("reason").GetString());
        Assert.True(JsonElement.DeepEquals(ban, Assert.Single((await site.CallAsync("devp2p_bans")).EnumerateArray().ToArray())));

        Assert.Equal(JsonValueKind.Null, (await site.CallAsync("devp2p_banPeer", $"[\"{site.Other.Self}\"]")).GetProperty("until").ValueKind);
        Assert.True((await site.CallAsync("devp2p_unbanPeer", $"[\"{id}\"]")).GetBoolean());
        Assert.False((await site.CallAsync("devp2p_unbanPeer", $"[\"{id}\"]")).GetBoolean());
        Assert.Equal(0, (await site.CallAsync("devp2p_bans")).GetArrayLength());

        Assert.Equal(-32602, (await site.FailAsync("devp2p_banPeer", $"[\"{site.Server.Self.Id}\"]")).Code);
        Assert.Equal(-32602, (await site.FailAsync("devp2p_banPeer", $"[\"{id}\",0]")).Code);
        site.Server.AddTrustedPeer(site.Other.Self);
        Assert.Equal(-32000, (await site.FailAsync("devp2p_banPeer", $"[\"{id}\"]")).Code);
    }

    [Fact]
    public async Task The_dial_history_is_of_all_nodes_or_one()
    {
        await using TestSite site = await TestSite.StartAsync();
        string absent = $"enode://{Convert.ToHexStringLower(PrivateKey.Generate().PublicKey.Bytes)}@127.0.0.1:1";
        string other = (await site.CallAsync("devp2p_connect", $"[\"{absent}\"]")).GetProperty("id").GetString()!;

        JsonElement all = await site.CallAsync("devp2p_dialHistory");
        Assert.Equal([other, site.Other.Self.Id.ToString()], all.EnumerateArray().Select(dial => dial.GetProperty("id").GetString()));
        Assert.Equal(
            ["at", "id", "enode", "remote", "stage", "succeeded", "reason", "disconnectReason", "durationMs", "static"],
            all[0].EnumerateObject().Select(property => property.Name));
        Assert.Equal(1, (await site.CallAsync("devp2p_dialHistory", "[null,1]")).GetArrayLength());
        JsonElement one = await site.CallAsync("devp2p_dialHistory", $$"""{"id":"{{site.Other.Self.Id}}"}""");
        Assert.Equal("admitted", Assert.Single(one.EnumerateArray().ToArray()).GetProperty("stage").GetString());

        // A node that has no peer for long does not hold it against others that it cannot reach them.
        Assert.Equal($$"""{"id":"{{other}}","score":0,"bans":0,"facts":[]}""", (await site.CallAsync("devp2p_reputation", $"[\"{other}\"]")).GetRawText());
    }

    [Fact]
    public void Reputation_has_its_reasons()
    {
        var at = new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var reputation = new DevP2P.Reputation.NodeReputation
        {
            Id = DevP2P.Nodes.NodeId.Parse(new string('a', 64)),
            Score = -12.34567,
            Bans = 2,
            Facts = [new DevP2P.Reputation.ReputationFact(at, -5, "fell silent")],
        };

        Assert.Equal(
            $$"""{"id":"{{new string('a', 64)}}","score":-12.346,"bans":2,"facts":[{"at":"2030-01-02T03:04:05Z","points":-5,"reason":"fell silent"}]}""",
            JsonSerializer.Serialize(ReputationReport.From(reputation), AdminJson.Default.ReputationReport));
    }

    [Fact]
    public async Task Connect_waits_for_the_outcome()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);

        JsonElement good = await site.CallAsync("devp2p_connect", $"[\"{site.Other.Self}\", 20000]");
        Assert.True(good.GetProperty("succeeded").GetBoolean());
        Assert.Equal("admitted", good.GetProperty("stage").GetString());
        Assert.Equal(site.Other.Self.Id.ToString(), good.GetProperty("id").GetString());
        Assert.EndsWith("Z", good.GetProperty("at").GetString());
        Assert.Equal(site.Other.ListenEndPoints[0].ToString(), good.GetProperty("remote").GetString());
        Assert.True(good.GetProperty("static").GetBoolean());
        Assert.False(good.TryGetProperty("type", out _));

        // Another key than the one that answers there.
        string impostor = site.Other.Self.ToString().Replace(
            Convert.ToHexStringLower(site.Other.Self.PublicKey.Bytes), Convert.ToHexStringLower(PrivateKey.Generate().PublicKey.Bytes));
        JsonElement bad = await site.CallAsync("devp2p_connect", $$"""{"url":"{{impostor}}"}""");
        Assert.False(bad.GetProperty("succeeded").GetBoolean());
        Assert.Equal("encryptionHandshake", bad.GetProperty("stage").GetString());
        Assert.NotEmpty(bad.GetProperty("reason").GetString()!);
    }

    [Fact]
    public async Task Connect_gives_up_in_time()
    {
        await using TestSite site = await TestSite.StartAsync(node: options => options with { Dialer = new SilentDialer() }, connect: false);

        (int code, string message) = await site.FailAsync("devp2p_connect", $"[\"{site.Other.Self}\", 50]");

        Assert.Equal((-32000, "no outcome after 50 ms; the node is dialed further"), (code, message));
    }

    [Fact]
    public async Task Disconnect_tells_whether_there_was_a_connection()
    {
        await using TestSite site = await TestSite.StartAsync();
        string id = site.Other.Self.Id.ToString();

        Assert.True((await site.CallAsync("devp2p_disconnect", $"[\"0x{id}\"]")).GetBoolean());
        await TestSite.UntilAsync(() => site.Server.PeerCount == 0, "the peer is gone");
        Assert.False((await site.CallAsync("devp2p_disconnect", $"[\"{site.Other.Self}\"]")).GetBoolean());
        Assert.Equal(-32602, (await site.FailAsync("devp2p_disconnect", """["12"]""")).Code);
    }

    [Fact]
    public async Task Lookups_find_nodes_by_both_versions()
    {
        await using TestSite site = await TestSite.StartAsync(
            node: options => options with { NoDiscovery = false, DiscoveryV4 = true, DiscoveryV5 = true, NoDial = true }, connect: false);
        await using var neighbour = new Server(TestSite.Options() with
        {
            NoDiscovery = false,
            DiscoveryV4 = true,
            DiscoveryV5 = true,
            NoDial = true,
            BootstrapNodes = [site.Server.Self],
            BootstrapNodesV5 = [site.Server.Self],
        });
        await neighbour.StartAsync(TestContext.Current.CancellationToken);
        await TestSite.UntilAsync(() => site.Server.DiscoveryV4!.NodeCount == 1 && site.Server.DiscoveryV5!.NodeCount == 1, "they have found each other");
        string id = neighbour.Self.Id.ToString();

        JsonElement byKey = await site.CallAsync("devp2p_lookup", $"[\"v4\",\"{Convert.ToHexStringLower(neighbour.Self.PublicKey.Bytes)}\"]");
        JsonElement byId = await site.CallAsync("devp2p_lookup", $"[\"v5\",\"{id}\"]");
        JsonElement anywhere = await site.CallAsync("devp2p_lookup", """["v5"]""");

        Assert.Equal((id, 0), Describe(byKey.EnumerateArray().First()));
        Assert.Equal((id, 0), Describe(byId.EnumerateArray().First()));
        Assert.Contains(anywhere.EnumerateArray(), node => Describe(node) is var (found, distance) && found == id && distance > 200);
        Assert.Equal(neighbour.Self.ToString(), byId[0].GetProperty("enode").GetString());
        Assert.Equal(-32602, (await site.FailAsync("devp2p_lookup", $"[\"v4\",\"{id}\"]")).Code);

        foreach (string version in (string[])["v4", "v5"])
        {
            JsonElement table = await site.CallAsync("devp2p_table", $"[\"{version}\"]");
            Assert.Equal(version, table.GetProperty("version").GetString());
            Assert.Equal(1, table.GetProperty("count").GetInt32());
            JsonElement bucket = table.GetProperty("buckets").EnumerateArray().Single(bucket => bucket.GetProperty("nodes").GetArrayLength() == 1);
            JsonElement entry = bucket.GetProperty("nodes")[0];
            Assert.Equal(id, entry.GetProperty("id").GetString());
            Assert.Equal("127.0.0.1", entry.GetProperty("ip").GetString());
            Assert.Equal(neighbour.Self.UdpPort, entry.GetProperty("udp").GetInt32());
            Assert.Equal(neighbour.Self.TcpPort, entry.GetProperty("tcp").GetInt32());
            Assert.InRange(bucket.GetProperty("maxDistance").GetInt32(), bucket.GetProperty("minDistance").GetInt32(), 256);
            Assert.Equal(JsonValueKind.Array, bucket.GetProperty("replacements").ValueKind);
        }

        Assert.Equal((-32000, "discovery legacy is off"), await site.FailAsync("devp2p_table", """["legacy"]"""));

        static (string, int) Describe(JsonElement node) => (node.GetProperty("id").GetString()!, node.GetProperty("distance").GetInt32());
    }

    [Fact]
    public async Task A_lookup_without_discovery_says_so()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);

        Assert.Equal((-32000, "discovery v5 is off"), await site.FailAsync("devp2p_lookup", """["v5"]"""));
        Assert.Equal((-32000, "discovery v4 is off"), await site.FailAsync("devp2p_lookup", """["v4"]"""));
        Assert.Equal((-32602, "invalid argument 0: want one of v4, v5"), await site.FailAsync("devp2p_lookup", """["v6"]"""));
    }

    [Fact]
    public async Task Subscriptions_are_not_for_POST()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);

        Assert.Equal((-32601, "notifications not supported"), await site.FailAsync("admin_subscribe", """["peerEvents"]"""));
        Assert.Equal((-32601, "notifications not supported"), await site.FailAsync("devp2p_subscribe", """["events"]"""));
        Assert.Equal((-32601, "notifications not supported"), await site.FailAsync("devp2p_unsubscribe", """["0x1"]"""));
    }

    [Fact]
    public async Task A_batch_by_POST_is_answered_in_order_and_notifications_with_nothing()
    {
        await using TestSite site = await TestSite.StartAsync(connect: false);

        Assert.Equal(
            """[{"jsonrpc":"2.0","id":"a","result":"1"},{"jsonrpc":"2.0","id":"b","result":"0x0"}]""",
            await site.PostAsync("""[{"jsonrpc":"2.0","id":"a","method":"net_version"},{"jsonrpc":"2.0","method":"net_version"},{"jsonrpc":"2.0","id":"b","method":"net_peerCount"}]"""));
        Assert.Equal("", await site.PostAsync("""{"jsonrpc":"2.0","method":"net_version"}"""));
        Assert.Equal(0, site.Endpoint.BytesInFlight);
    }

    [Fact]
    public void Every_method_that_changes_the_node_is_marked_as_such()
    {
        using var server = new DisposableServer();
        using var endpoint = new RpcEndpoint(
            server.Server, new DevP2P.Hosting.AdminOptions(), Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, TimeProvider.System);

        string[] changing = ["add", "remove", "connect", "disconnect", "ban", "unban", "set"];

        Assert.All(endpoint.Methods.All, method => Assert.Equal(
            changing.Any(verb => method.Name[(method.Namespace.Length + 1)..].StartsWith(verb, StringComparison.Ordinal) && method.Name != "devp2p_bans"), method.ChangesNode));
    }

    /// <summary>Nobody ever answers.</summary>
    private sealed class SilentDialer : DevP2P.Dialing.IDialer
    {
        public async ValueTask<DevP2P.Dialing.DialedConnection> ConnectAsync(
            DevP2P.Nodes.Node node, IReadOnlyList<System.Net.IPEndPoint> endPoints, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException();
        }
    }

    private sealed class DisposableServer : IDisposable
    {
        public Server Server { get; } = new(TestSite.Options());

        public void Dispose() => Server.StopAsync().GetAwaiter().GetResult();
    }
}
