using System.Net;
using System.Text;
using System.Text.Json;
using DevP2P.Cli.Commands;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Cli.InProcessCommand;

namespace DevP2P.Tests.Cli;

/// <summary><c>devp2p discv5</c>, within this process, against nodes on loopback.</summary>
public sealed class Discv5CommandTests : IAsyncDisposable
{
    private readonly List<DiscoveryV5> _nodes = [];
    private readonly InProcessCommand _command = new(Discv5Command.Create);

    public async ValueTask DisposeAsync()
    {
        foreach (DiscoveryV5 node in _nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Ping_measures_and_says_how_the_node_sees_us()
    {
        DiscoveryV5 node = await StartAsync();
        JsonElement json = Parse(await _command.UntilAsync(
            text => Parse(text).GetProperty("roundTripsMs").EnumerateArray().All(time => time.ValueKind == JsonValueKind.Number),
            "ping", node.LocalRecord.ToString(), "--count", "2", "--json"));
        Assert.Equal(2, json.GetProperty("roundTripsMs").GetArrayLength());
        Assert.StartsWith("127.0.0.1:", json.GetProperty("seenAs").GetString(), StringComparison.Ordinal);
        Assert.Equal(node.LocalRecord.Sequence, json.GetProperty("recordSequence").GetUInt64());

        // An enode URL has all that it takes, too.
        await _command.UntilAsync(text => !text.Contains("no answer", StringComparison.Ordinal), "ping", node.Self.ToString(), "--count", "1");
    }

    [Fact]
    public async Task A_node_that_does_not_answer_is_a_failure()
    {
        // Another key than the one of the node there: it cannot read what is meant for that one.
        DiscoveryV5 node = await StartAsync();
        string nobody = Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, 0, node.LocalEndPoint!.Port).ToString();
        Result ping = await _command.RunAsync("ping", nobody, "--count", "1", "--json");
        Assert.Equal("the node does not answer", ping.Error);
        Assert.Equal("the node does not answer", Parse(ping.Output).GetProperty("error").GetString());
        Assert.Equal(new Result("", "the node does not answer"), await _command.RunAsync("find-node", nobody));
        Assert.Equal(new Result("", "the node does not answer"), await _command.RunAsync("talk", nobody, "test"));
        Assert.Equal(new Result("", "the node was not found"), await _command.RunAsync("resolve", nobody));
        Assert.Equal("no node answers", (await _command.RunAsync("lookup", nobody, "--bootnodes", nobody)).Error);
    }

    [Fact]
    public async Task Find_node_asks_at_distances()
    {
        DiscoveryV5 bootnode = await StartAsync();
        DiscoveryV5 node = await StartAsync(bootnode.Self);
        JsonElement self = await _command.JsonAsync("find-node", bootnode.Self.ToString(), "--distance", "0", "--json");
        Assert.Equal([0], self.GetProperty("distances").EnumerateArray().Select(d => d.GetInt32()));
        Assert.Equal([bootnode.LocalRecord.ToString()], self.GetProperty("nodes").EnumerateArray().Select(n => n.GetProperty("record").GetString()));

        await WaitUntilNamedAsync(bootnode, node);
        string[] distances = [.. Enumerable.Range(240, 17).Select(d => $"{d}")];
        await _command.UntilAsync(
            text => text.Contains(node.LocalRecord.ToString(), StringComparison.Ordinal),
            "find-node", bootnode.LocalRecord.ToString(), "--distance", string.Join(',', distances[..16]), "--distance", distances[16]);
        JsonElement far = await _command.JsonAsync("find-node", bootnode.LocalRecord.ToString(), "--json");
        Assert.Equal([256, 255, 254], far.GetProperty("distances").EnumerateArray().Select(d => d.GetInt32()));
    }

    [Fact]
    public async Task Talk_prints_the_answer()
    {
        DiscoveryV5 node = await StartAsync();
        using IDisposable registration = node.RegisterTalkHandler("reverse", (request, _) =>
        {
            byte[] answer = request.Payload.ToArray();
            Array.Reverse(answer);
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(answer);
        });
        string enode = node.Self.ToString();
        string line = Environment.NewLine;
        Assert.Equal("olleh" + line, await _command.UntilAsync("talk", enode, "reverse", "hello"));
        Assert.Equal("ff00" + line, await _command.UntilAsync("talk", enode, "reverse", "0x00FF", "--hex"));
        Assert.Equal("0xa9c3" + line, await _command.UntilAsync("talk", enode, "reverse", "é"));
        Assert.Equal("\\u001b!" + line, await _command.UntilAsync("talk", enode, "reverse", "!\u001b"));
        Assert.Equal(line, await _command.UntilAsync("talk", enode, "another", "hello"));

        JsonElement json = await _command.JsonAsync("talk", node.LocalRecord.ToString(), "reverse", "hello", "--json");
        Assert.Equal(("reverse", "6f6c6c6568", "olleh"), (
            json.GetProperty("protocol").GetString(), json.GetProperty("answer").GetString(), json.GetProperty("text").GetString()));
        Assert.Equal("", (await _command.JsonAsync("talk", enode, "reverse", "--json")).GetProperty("answer").GetString());
    }

    [Fact]
    public async Task A_node_is_found_through_a_bootnode()
    {
        DiscoveryV5 bootnode = await StartAsync();
        DiscoveryV5 node = await StartAsync(bootnode.Self);
        string key = node.Self.PublicKey.ToString();
        string boot = bootnode.LocalRecord.ToString();
        await WaitUntilNamedAsync(bootnode, node);
        JsonElement lookup = Parse(await _command.UntilAsync(
            text => Parse(text).GetProperty("nodes").EnumerateArray().Count() == 2, "lookup", key, "--bootnodes", boot, "--json"));
        Assert.Equal(node.Self.Id.ToString(), lookup.GetProperty("target").GetString());
        Assert.Equal([node.Self.Id.ToString(), bootnode.Self.Id.ToString()], lookup.GetProperty("nodes").EnumerateArray().Select(Id));

        JsonElement resolved = await _command.JsonAsync("resolve", key, "--bootnodes", boot, "--json");
        Assert.Equal(node.LocalRecord.ToString(), resolved.GetProperty("record").GetString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Listen_shows_nodes_and_talk_requests_and_echoes_these(bool json)
    {
        DiscoveryV5 bootnode = await StartAsync();
        using var output = new SharedWriter();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var stop = new CancellationTokenSource();
        Task listening = _command.RunAsync(
            output, stop.Token, ["listen", "--echo", "test", "--bootnodes", bootnode.LocalRecord.ToString(), .. json ? new[] { "--json" } : []]);
        string[] first = await LinesAsync(json ? 1 : 2);
        var listener = Node.Parse(json ? Parse(first[0]).GetProperty("record").GetString()! : first[1]);
        Assert.Equal(listener.ToString(), json ? Parse(first[0]).GetProperty("enode").GetString() : first[0]);

        string found = Assert.Single((await LinesAsync(json ? 2 : 3))[(json ? 1 : 2)..]);
        Assert.Contains(bootnode.LocalRecord.ToString(), found, StringComparison.Ordinal);
        Assert.StartsWith(json ? "{\"event\":\"node\"," : "node enode://", found, StringComparison.Ordinal);

        byte[]? answer = null;
        while (answer is null)
        {
            Assert.False(deadline.IsCancellationRequested);
            answer = await bootnode.TalkAsync(listener, "test", Encoding.UTF8.GetBytes("hello"), deadline.Token);
        }

        Assert.Equal("hello", Encoding.UTF8.GetString(answer));
        string talk = (await LinesAsync(json ? 3 : 4))[json ? 2 : 3];
        if (json)
        {
            JsonElement request = Parse(talk);
            Assert.Equal(("talk", bootnode.Self.Id.ToString(), "test", "68656c6c6f", "hello"), (
                request.GetProperty("event").GetString(), Id(request), request.GetProperty("protocol").GetString(),
                request.GetProperty("payload").GetString(), request.GetProperty("text").GetString()));
        }
        else
        {
            Assert.Equal($"talk {bootnode.Self.Id.ToShortString()} {bootnode.LocalEndPoint} test: hello", talk);
        }

        await stop.CancelAsync();
        await listening.WaitAsync(deadline.Token);

        Task<string[]> LinesAsync(int count) => output.LinesAsync(count, listening, deadline.Token);
    }

    [Theory]
    [InlineData("ping KEY", "the node has no address or no UDP port: ")]
    [InlineData("find-node foo", "'foo' is not a node: ")]
    [InlineData("find-node enode://KEY@127.0.0.1:9 --distance 257", "--distance: '257' is not a whole number from 0 to 256")]
    [InlineData("find-node enode://KEY@127.0.0.1:9 --distance 1,-1", "--distance: '-1' is not a whole number from 0 to 256")]
    [InlineData("talk enode://KEY@127.0.0.1:9 test abc --hex", "PAYLOAD: 'abc' is not an even number of hexadecimal digits")]
    [InlineData("talk enode://KEY@127.0.0.1:9 KEYKEYKEYKEYKEYKEYKEYKEYKEYKEY", "PROTOCOL and PAYLOAD have 1280 bytes together, more than the ")]
    [InlineData("lookup KEY", "--bootnodes is needed")]
    [InlineData("resolve KEY", "--bootnodes is needed")]
    [InlineData("listen --listen 127.0.0.1", "--listen: '127.0.0.1' is not an address with a port")]
    public async Task What_is_wrong_is_said_in_one_line(string arguments, string expected)
    {
        Result result = await _command.RunAsync(arguments.Replace("KEY", PrivateKey.Generate().PublicKey.ToString(), StringComparison.Ordinal).Split(' '));
        Assert.StartsWith(expected, result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }

    /// <summary>
    /// A bootnode names a node only after it has checked on it. One node asks until then: each run of the command is another
    /// one, and so many of them would keep the bootnode busy with checks.
    /// </summary>
    private static async Task WaitUntilNamedAsync(DiscoveryV5 bootnode, DiscoveryV5 node)
    {
        await using var asking = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate() });
        await asking.StartAsync();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        int[] all = [.. Enumerable.Range(200, 57)];
        while (await asking.FindNodeAsync(bootnode.Self, all, deadline.Token) is not { } named || named.All(n => n.Id != node.Self.Id))
        {
            await Task.Delay(50, deadline.Token);
        }
    }

    private async Task<DiscoveryV5> StartAsync(params Node[] bootnodes)
    {
        var node = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate(), BootstrapNodes = bootnodes });
        _nodes.Add(node);
        await node.StartAsync();
        return node;
    }
}
