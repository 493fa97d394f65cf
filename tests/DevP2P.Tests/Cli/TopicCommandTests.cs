using System.Text.Json;
using DevP2P.Cli.Commands;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;
using DevP2P.Tests.Threats;
using Xunit;
using static DevP2P.Tests.Cli.InProcessCommand;

namespace DevP2P.Tests.Cli;

/// <summary><c>devp2p topic</c>, within this process, against nodes on loopback.</summary>
public sealed class TopicCommandTests : IAsyncDisposable
{
    private readonly List<TopicDiscovery> _nodes = [];
    private readonly InProcessCommand _command = new(TopicCommand.Create);

    public async ValueTask DisposeAsync()
    {
        foreach (TopicDiscovery node in _nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Register_and_search_find_each_other_through_a_bootnode(bool json)
    {
        string boot = (await StartAsync(TimeProvider.System)).Self.ToString();
        string[] more = json ? ["--json"] : [];
        using var output = new SharedWriter();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var stop = new CancellationTokenSource();
        Task registering = _command.RunAsync(output, stop.Token, ["register", "foo", "--legacy", "--bootnodes", boot, .. more]);
        string first = (await output.LinesAsync(1, registering, deadline.Token))[0];
        string enode = json ? Parse(first).GetProperty("enode").GetString()! : first;
        if (json)
        {
            Assert.Equal(("started", "foo"), (Parse(first).GetProperty("event").GetString(), Parse(first).GetProperty("topic").GetString()));
            Assert.Equal(Parse(first).GetProperty("listen").GetString(), Node.Parse(enode).UdpEndPoint?.ToString());
            Assert.Equal(Node.Parse(enode).Id.ToString(), Id(Parse(first)));
        }

        Result search = await _command.RunAsync(
            ["search", "foo", "--legacy", "--bootnodes", boot, "--period", "100ms", "--count", "1", "--for", "60s", .. more]);
        Assert.Null(search.Error);
        string[] lines = Lines(search.Output);
        Node found;
        if (json)
        {
            JsonElement[] events = [.. lines.Select(Parse)];
            found = Node.Parse(Assert.Single(events, e => Event(e) == "node").GetProperty("node").GetProperty("enode").GetString()!);
            JsonElement[] lookups = [.. events.Where(e => Event(e) == "lookup")];
            Assert.Equal(events.Length - 1, lookups.Length);
            Assert.Equal(Enumerable.Range(1, lookups.Length), lookups.Select(e => e.GetProperty("number").GetInt32()));
            Assert.All(lookups, e => Assert.True(e.GetProperty("converged").ValueKind is JsonValueKind.True or JsonValueKind.False));
        }
        else
        {
            found = Node.Parse(Assert.Single(lines));
        }

        Assert.Equal((Node.Parse(enode).Id, Node.Parse(enode).UdpEndPoint), (found.Id, found.UdpEndPoint));

        await stop.CancelAsync();
        await registering.WaitAsync(deadline.Token);
    }

    [Fact]
    public async Task A_search_that_finds_nothing_fails_and_says_whether_anybody_answered()
    {
        TopicDiscovery bootnode = await StartAsync(TimeProvider.System);
        bootnode.RegisterTopic("foo", CancellationToken.None);
        string[] search = ["search", "bar", "--legacy", "--bootnodes", bootnode.Self.ToString(), "--period", "100ms", "--for"];
        // Long enough for an answer on a machine that has much else to do.
        Result result = await _command.RunAsync([.. search, "10s", "--json"]);
        Assert.Equal("no node was found that advertises 'bar'", result.Error);
        Assert.All(Lines(result.Output), line => Assert.Equal("lookup", Event(Parse(line))));

        await bootnode.StopAsync();
        Assert.Equal(new Result("", "no node answers"), await _command.RunAsync([.. search, "2s"]));
    }

    [Fact]
    public async Task Register_shows_where_registrations_are_sent_to()
    {
        // A minute and more passes until the first one.
        var clock = new StepClock();
        TopicDiscovery registrar = await StartAsync(clock);
        TopicDiscovery advertiser = await StartAsync(clock, registrar.Self);
        using var output = new SharedWriter();
        using var stop = new CancellationTokenSource();
        Task registering = TopicRegister.RegisterAsync(advertiser, "foo", new LineWriter(output, json: true), stop.Token);

        TimeSpan waited = await clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(200), () => registrar.RegistrationCount == 1, "the topic is registered");

        Assert.True(waited > TimeSpan.FromMinutes(1), $"{waited}");
        using var deadline = new CancellationTokenSource(TestNet.Deadline);
        JsonElement[] events = [.. (await output.LinesAsync(2, registering, deadline.Token)).Select(Parse)];
        Assert.Equal(["started", "registration"], events.Select(Event));
        Assert.Equal(registrar.Self.Id.ToString(), Id(events[1].GetProperty("node")));

        await stop.CancelAsync();
        await registering.WaitAsync(deadline.Token);
    }

    [Theory]
    [InlineData("register foo", "--legacy is needed: the topic discovery of go-ethereum 1.8 is the only one so far")]
    [InlineData("search foo --bootnodes enode://KEY@127.0.0.1:9", "--legacy is needed: ")]
    [InlineData("search foo --legacy", "--bootnodes is needed")]
    [InlineData("register LONG --legacy", "TOPIC: 'xxx")]
    [InlineData("register foo --legacy --listen 127.0.0.1", "--listen: '127.0.0.1' is not an address with a port")]
    [InlineData("register foo --legacy --bootnodes KEY", "--bootnodes: ")]
    [InlineData("search foo --legacy --bootnodes enode://KEY@127.0.0.1:9 --for never", "--for: 'never' is not a time")]
    [InlineData("search foo --legacy --bootnodes enode://KEY@127.0.0.1:9 --count 0", "--count: 0 is not between 1 and ")]
    [InlineData("search foo --legacy --bootnodes enode://KEY@127.0.0.1:9 --period 10ms", "--period: 10ms is less than 100ms")]
    public async Task What_is_wrong_is_said_in_one_line(string arguments, string expected)
    {
        string line = arguments.Replace("KEY", PrivateKey.Generate().PublicKey.ToString(), StringComparison.Ordinal)
            .Replace("LONG", new string('x', 256), StringComparison.Ordinal);
        Result result = await _command.RunAsync(line.Split(' '));
        Assert.StartsWith(expected, result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }

    private static string? Event(JsonElement line) => line.GetProperty("event").GetString();

    private async Task<TopicDiscovery> StartAsync(TimeProvider time, params Node[] bootnodes)
    {
        var node = new TopicDiscovery(new TopicDiscoveryOptions { PrivateKey = PrivateKey.Generate(), BootstrapNodes = bootnodes, TimeProvider = time });
        _nodes.Add(node);
        await node.StartAsync();
        return node;
    }
}
