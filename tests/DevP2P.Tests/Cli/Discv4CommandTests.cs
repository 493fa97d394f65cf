using System.Net;
using System.Text.Json;
using DevP2P.Cli.Commands;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Cli.InProcessCommand;

namespace DevP2P.Tests.Cli;

/// <summary><c>devp2p discv4</c>, within this process, against nodes on loopback.</summary>
public sealed class Discv4CommandTests : IAsyncDisposable
{
    private readonly List<DiscoveryV4> _nodes = [];
    private readonly InProcessCommand _command = new(Discv4Command.Create);

    public async ValueTask DisposeAsync()
    {
        foreach (DiscoveryV4 node in _nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Ping_measures_and_says_how_the_node_sees_us()
    {
        DiscoveryV4 node = await StartAsync();
        JsonElement json = Parse(await _command.UntilAsync(
            text => Parse(text).GetProperty("roundTripsMs").EnumerateArray().All(time => time.ValueKind == JsonValueKind.Number),
            "ping", node.Self.ToString(), "--count", "2", "--json"));
        Assert.Equal(node.Self.ToString(), json.GetProperty("node").GetString());
        Assert.Equal(2, json.GetProperty("roundTripsMs").GetArrayLength());
        Assert.All(json.GetProperty("roundTripsMs").EnumerateArray(), time => Assert.True(time.GetDouble() > 0));
        Assert.StartsWith("127.0.0.1:", json.GetProperty("seenAs").GetString(), StringComparison.Ordinal);
        Assert.Equal(node.Self.Sequence, json.GetProperty("recordSequence").GetUInt64());
        Assert.False(json.TryGetProperty("error", out _));

        string[] lines = Lines(await _command.UntilAsync(text => !text.Contains("no answer", StringComparison.Ordinal), "ping", node.Self.Record!.ToString(), "--count", "2"));
        Assert.Matches("^ping 1: [0-9.]+(us|ms), sees us as 127\\.0\\.0\\.1:[0-9]+, record [0-9]+$", lines[0]);
        Assert.StartsWith("2 of 2 answered: min ", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_does_not_answer_is_a_failure()
    {
        // Another key than the one of the node there: its answers count for nothing.
        DiscoveryV4 node = await StartAsync();
        string nobody = Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, 0, node.LocalEndPoint!.Port).ToString();
        Result ping = await _command.RunAsync("ping", nobody, "--count", "1", "--json");
        Assert.Equal("the node does not answer", ping.Error);
        using JsonDocument json = JsonDocument.Parse(ping.Output);
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("roundTripsMs")[0].ValueKind);
        Assert.Equal("the node does not answer", json.RootElement.GetProperty("error").GetString());
        Assert.Equal(new Result("", "the node does not answer"), await _command.RunAsync("request-record", nobody));
    }

    [Fact]
    public async Task A_record_is_requested_and_shown()
    {
        DiscoveryV4 node = await StartAsync();
        node.LocalNode.Set("hello", "world");
        JsonElement json = await _command.JsonAsync("request-record", node.Self.ToString(), "--json");
        Assert.Equal(node.Self.Record!.ToString(), json.GetProperty("record").GetString());
        Assert.Equal(node.LocalEndPoint!.Port, json.GetProperty("udp").GetInt32());
        Assert.Contains("hello:       0x85776f726c64", await _command.UntilAsync("request-record", node.Self.ToString()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_is_found_through_a_bootnode()
    {
        DiscoveryV4 bootnode = await StartAsync();
        DiscoveryV4 node = await StartAsync(bootnode.Self);
        string key = node.Self.PublicKey.ToString();
        string id = node.Self.Id.ToString();
        string boot = bootnode.Self.ToString();

        // The bootnode names a node only after it has checked on it.
        JsonElement lookup = Parse(await _command.UntilAsync(
            text => Parse(text).GetProperty("nodes").EnumerateArray().Count() == 2, "lookup", key, "--bootnodes", boot, "--json"));
        Assert.Equal(id, lookup.GetProperty("target").GetString());
        Assert.Equal([id, bootnode.Self.Id.ToString()], lookup.GetProperty("nodes").EnumerateArray().Select(Id));
        await _command.UntilAsync(text => text.StartsWith(node.Self.ToString(), StringComparison.Ordinal), "lookup", key, "--bootnodes", boot);

        JsonElement resolved = await _command.JsonAsync("resolve", key, "--bootnodes", boot, "--json");
        Assert.Equal(node.Self.Record!.ToString(), resolved.GetProperty("record").GetString());

        string crawl = await _command.UntilAsync(
            text => Lines(text).Count(line => line.Contains("enr:", StringComparison.Ordinal)) == 2,
            "crawl-once", "--bootnodes", boot, "--for", "60s", "--quiet", "2s", "--json");
        JsonElement[] found = [.. Lines(crawl).Select(Parse)];
        Assert.Equal(new[] { id, bootnode.Self.Id.ToString() }.Order(), found.Select(Id).Order());
        Assert.Equal(node.Self.Record!.ToString(), found.Single(n => Id(n) == id).GetProperty("record").GetString());
    }

    [Fact]
    public async Task Resolve_asks_the_node_itself_first()
    {
        DiscoveryV4 node = await StartAsync();
        JsonElement resolved = await _command.JsonAsync("resolve", node.Self.ToString(), "--json");
        Assert.Equal(node.Self.Record!.ToString(), resolved.GetProperty("record").GetString());
    }

    [Fact]
    public async Task A_crawl_that_finds_nobody_is_a_failure()
    {
        string nobody = Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, 0, 9).ToString();
        Assert.Equal(new Result("", "no node answers"), await _command.RunAsync("crawl-once", "--bootnodes", nobody, "--for", "300ms"));
    }

    [Theory]
    [InlineData("ping KEY", "the node has no address or no UDP port: ")]
    [InlineData("ping foo", "'foo' is not a node: ")]
    [InlineData("ping KEY@127.0.0.1:9 --count 0", "--count: 0 is not between 1 and 1000000")]
    [InlineData("ping enode://KEY@127.0.0.1:9 --listen 127.0.0.1", "--listen: '127.0.0.1' is not an address with a port")]
    [InlineData("ping enode://KEY@127.0.0.1:9 --key-file /nonexistent/key", "there is no key file /nonexistent/key")]
    [InlineData("lookup KEY", "--bootnodes is needed")]
    [InlineData("lookup enode://KEY@127.0.0.1:9", "--bootnodes is needed")]
    [InlineData("resolve KEY", "--bootnodes is needed")]
    [InlineData("resolve KEY --bootnodes foo", "--bootnodes: 'foo' is not a node: ")]
    [InlineData("resolve KEY --bootnodes KEY", "--bootnodes: enode://")]
    [InlineData("crawl-once", "--bootnodes is needed")]
    [InlineData("crawl-once --for x", "--for: 'x' is not a time")]
    [InlineData("crawl-once --quiet x", "--quiet: 'x' is not a time")]
    public async Task What_is_wrong_is_said_in_one_line(string arguments, string expected)
    {
        Result result = await _command.RunAsync(arguments.Replace("KEY", PrivateKey.Generate().PublicKey.ToString(), StringComparison.Ordinal).Split(' '));
        Assert.StartsWith(expected, result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }

    [Theory]
    [InlineData("127.0.0.1 127.0.0.2", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("127.0.0.1 192.0.2.1", null)]
    [InlineData("127.0.0.1 ::1", null)]
    public void Nothing_but_loopback_is_listened_on_when_all_nodes_are_there(string nodes, string? expected) => Assert.Equal(
        expected is null ? DevP2P.Cli.Configuration.ListenAddress.Any : IPAddress.Parse(expected),
        DevP2P.Cli.Configuration.ListenAddress.DefaultFor([.. nodes.Split(' ').Select(IPAddress.Parse)]));

    private async Task<DiscoveryV4> StartAsync(params Node[] bootnodes)
    {
        var node = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate(), BootstrapNodes = bootnodes });
        _nodes.Add(node);
        await node.StartAsync();
        return node;
    }
}
