using System.Security.Cryptography;
using System.Text.Json;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.InteropTests;

/// <summary>Our discovery v5.1 with <c>@chainsafe/discv5</c>, in both directions.</summary>
public sealed class ForeignDiscv5Tests : IAsyncDisposable
{
    private const string Newest = Discv5Peer.Newest;
    private const string Older = Discv5Peer.Older;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly List<IAsyncDisposable> _started = [];

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable item in Enumerable.Reverse(_started))
        {
            await item.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(Newest)]
    [InlineData(Older)]
    public async Task OursAsksTheirs(string version)
    {
        Discv5Peer theirs = await StartTheirsAsync(version, "--entry", "test=82cafe");
        DiscoveryV5 ours = await StartOursAsync();
        Node node = Node.Parse(theirs.Record);

        DiscoveryPing ping = await AnsweredAsync(() => ours.PingAsync(node));
        Assert.Equal(ours.LocalEndPoint, ping.SeenAs);
        Assert.Equal(1UL, ping.RecordSequence);

        IReadOnlyList<Node> self = await AnsweredAsync(() => ours.FindNodeAsync(node, [0]));
        Assert.Equal(theirs.Record, Assert.Single(self).Record!.ToString());
        DiscoveryV5 known = await StartOursAsync();
        await AnsweredAsync(() => known.PingAsync(node));
        await UntilAsync(
            async () => (await ours.FindNodeAsync(node, [.. Enumerable.Range(241, 16)]) ?? []).Any(n => known.LocalRecord.Equals(n.Record)),
            "theirs names another one of ours");

        byte[] payload = RandomNumberGenerator.GetBytes(700);
        Assert.Equal(payload, await AnsweredAsync(() => ours.TalkAsync(node, "echo", payload)));
        Assert.Empty(await AnsweredAsync(() => ours.TalkAsync(node, "unknown", payload)));
        // One handshake for each of ours.
        Assert.Equal(2, (await theirs.StatsAsync()).GetProperty("established").GetInt32());
    }

    [Theory]
    [InlineData(Newest)]
    [InlineData(Older)]
    public async Task TheirsAsksOurs(string version)
    {
        Discv5Peer theirs = await StartTheirsAsync(version);
        DiscoveryV5 ours = await StartOursAsync();
        using IDisposable echo = ours.RegisterTalkHandler("echo", (request, _) => ValueTask.FromResult(request.Payload));
        string record = ours.LocalRecord.ToString();

        JsonElement pong = await theirs.PingAsync(record);
        Assert.Equal($"127.0.0.1:{theirs.Port}", pong.GetProperty("seenAs").GetString());
        Assert.Equal(ours.LocalRecord.Sequence, pong.GetProperty("enrSeq").GetUInt64());
        Assert.Equal([record], await theirs.FindNodeAsync(record, 0));
        byte[] payload = RandomNumberGenerator.GetBytes(700);
        Assert.Equal(payload, await theirs.TalkAsync(record, "echo", payload));
        Assert.Empty(await theirs.TalkAsync(record, "unknown", payload));
        await UntilAsync(() => Task.FromResult(ours.NodeCount == 1), "theirs is in our table");
    }

    [Theory]
    [InlineData(Newest, 10_000)]
    [InlineData(Older, 1_000)]
    public async Task ManyTalksOfOursComeBackUnchanged(string version, int count)
    {
        Discv5Peer theirs = await StartTheirsAsync(version, "--quiet");
        DiscoveryV5 ours = await StartOursAsync();
        Node node = Node.Parse(theirs.Record);
        await AnsweredAsync(() => ours.PingAsync(node));
        int wrong = 0;
        int unanswered = 0;

        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, stop) =>
        {
            byte[] payload = BitConverter.GetBytes(i);
            byte[]? answer = await ours.TalkAsync(node, "echo", payload, stop);
            Interlocked.Add(ref unanswered, answer is null ? 1 : 0);
            Interlocked.Add(ref wrong, answer is null || answer.AsSpan().SequenceEqual(payload) ? 0 : 1);
        });

        Assert.Equal(0, wrong);
        // A packet may get lost even on loopback when a buffer is full, or an answer be late on a busy machine.
        Assert.InRange(unanswered, 0, count / 1000);
        Assert.True((await theirs.StatsAsync()).GetProperty("talkRequests").GetProperty("echo").GetInt32() >= count - unanswered);
    }

    [Theory]
    [InlineData(Newest, 10_000)]
    [InlineData(Older, 1_000)]
    public async Task ManyTalksOfTheirsComeBackUnchanged(string version, int count)
    {
        Discv5Peer theirs = await StartTheirsAsync(version);
        DiscoveryV5 ours = await StartOursAsync();
        int taken = 0;
        using IDisposable echo = ours.RegisterTalkHandler("echo", (request, _) =>
        {
            Interlocked.Increment(ref taken);
            return ValueTask.FromResult(request.Payload);
        });

        JsonElement talked = await theirs.TalkAsync(ours.LocalRecord.ToString(), "echo", size: 100, count: count);

        Assert.True(talked.GetProperty("answered").GetInt32() == count, talked.ToString());
        Assert.True(talked.GetProperty("wrong").GetInt32() == 0, talked.ToString());
        Assert.Equal(count, taken);
        Assert.Equal(1, ours.Counters.HandshakesAccepted);
    }

    [Theory]
    [InlineData(Newest)]
    [InlineData(Older)]
    public async Task ASessionThatIsLostOnEitherSideComesBack(string version)
    {
        Discv5Peer theirs = await StartTheirsAsync(version, "--plain-ids");
        PrivateKey key = PrivateKey.Generate();
        DiscoveryV5 ours = await StartOursAsync(key);
        Node node = Node.Parse(theirs.Record);
        await AnsweredAsync(() => ours.TalkAsync(node, "echo", new byte[] { 1 }));

        // Theirs forgets.
        Assert.Equal(1, await theirs.ForgetSessionAsync(ours.Self.Id.ToString()));
        Assert.Equal(new byte[] { 2 }, await AnsweredAsync(() => ours.TalkAsync(node, "echo", new byte[] { 2 })));

        // Ours starts anew, at the same endpoint and with the same key.
        System.Net.IPEndPoint endPoint = ours.LocalEndPoint!;
        await ours.StopAsync();
        DiscoveryV5 again = await StartOursAsync(key, endPoint);
        using IDisposable echo = again.RegisterTalkHandler("echo", (request, _) => ValueTask.FromResult(request.Payload));
        // What theirs had under way when ours stopped is lost; what it is asked for meanwhile waits behind that and fails with it.
        await UntilAsync(async () => await theirs.TryTalkAsync(again.LocalRecord.ToString(), "echo", [3]) is [3], "theirs reaches ours again");
        Assert.Equal(new byte[] { 4 }, await AnsweredAsync(() => again.TalkAsync(node, "echo", new byte[] { 4 })));
    }

    [Theory]
    [InlineData(Newest)]
    [InlineData(Older)]
    public async Task AThirdNodeIsFoundThroughTheOneBetween(string version)
    {
        // Ours finds ours through theirs.
        Discv5Peer between = await StartTheirsAsync(version);
        DiscoveryV5 third = await StartOursAsync();
        await AnsweredAsync(() => third.PingAsync(Node.Parse(between.Record)));
        DiscoveryV5 searcher = await StartOursAsync(bootstrap: Node.Parse(between.Record));
        await UntilAsync(
            async () => (await searcher.ResolveAsync(Node.Create(third.Self.PublicKey, null, 0, 0)))?.Record?.Equals(third.LocalRecord) == true,
            "ours is found through theirs");

        // Theirs finds ours through ours, which names only whom it has checked.
        DiscoveryV5 ourBetween = await StartOursAsync();
        DiscoveryV5 sought = await StartOursAsync(bootstrap: ourBetween.Self);
        await UntilAsync(() => Task.FromResult(ourBetween.NodeCount >= 1), "ours knows ours");
        Discv5Peer theirSearcher = await StartTheirsAsync(version);
        await theirSearcher.AddAsync(ourBetween.LocalRecord.ToString());
        await UntilAsync(
            async () => (await theirSearcher.LookupAsync(sought.Self.Id.ToString())).Contains(sought.LocalRecord.ToString()),
            "ours is found through ours by theirs");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AServerFindsAnotherThroughTheirsAndConnectsToIt(bool withV4)
    {
        Discv5Peer theirs = await StartTheirsAsync(Newest);
        Server Make() => new(new ServerOptions
        {
            PrivateKey = PrivateKey.Generate(),
            ListenAddress = "127.0.0.1:0",
            DiscoveryV4 = withV4,
            DiscoveryV5 = true,
            BootstrapNodesV5 = [Node.Parse(theirs.Record)],
        });
        Server first = Make();
        _started.Add(first);
        await first.StartAsync();
        Server second = Make();
        _started.Add(second);
        await second.StartAsync();

        await UntilAsync(() => Task.FromResult(first.PeerCount == 1 && second.PeerCount == 1), "the servers are connected");
        Assert.Equal(second.Self.Id, first.Peers.Single().Id);
    }

    [Fact]
    public async Task ARecordOfOursThatChangesIsFetchedByTheirs()
    {
        Discv5Peer theirs = await StartTheirsAsync(Newest);
        DiscoveryV5 ours = await StartOursAsync();
        await theirs.PingAsync(ours.LocalRecord.ToString());

        ours.LocalNode.Set("test", new byte[] { 0xca, 0xfe });
        string changed = ours.LocalRecord.ToString();
        JsonElement pong = await theirs.PingAsync(changed);

        Assert.Equal(ours.LocalRecord.Sequence, pong.GetProperty("enrSeq").GetUInt64());
        await UntilAsync(
            async () => (await theirs.StatsAsync()).GetProperty("table").EnumerateArray().Any(r => r.GetString() == changed),
            "theirs has the changed record");
    }

    [Fact]
    public async Task TheirsWithoutAnAddressInItsRecordIsAnsweredAndNotInOurTable()
    {
        Discv5Peer theirs = await StartTheirsAsync(Newest, "--no-address");
        DiscoveryV5 ours = await StartOursAsync();
        using IDisposable echo = ours.RegisterTalkHandler("echo", (request, _) => ValueTask.FromResult(request.Payload));

        Assert.Equal([7], await theirs.TalkAsync(ours.LocalRecord.ToString(), "echo", [7]));
        Assert.Equal(1, ours.Counters.HandshakesAccepted);
        Assert.Equal(0, ours.NodeCount);
    }

    private async Task<Discv5Peer> StartTheirsAsync(string version, params string[] arguments)
    {
        Discv5Peer peer = await Discv5Peer.StartAsync(version, arguments);
        _started.Add(peer);
        return peer;
    }

    private async Task<DiscoveryV5> StartOursAsync(PrivateKey? key = null, System.Net.IPEndPoint? at = null, Node? bootstrap = null)
    {
        var discovery = new DiscoveryV5(new DiscoveryV5Options
        {
            PrivateKey = key ?? PrivateKey.Generate(),
            ListenEndPoint = at ?? new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0),
            BootstrapNodes = bootstrap is null ? [] : [bootstrap],
        });
        _started.Add(discovery);
        await discovery.StartAsync();
        return discovery;
    }

    /// <summary>Asks again when nothing comes: on a busy machine an answer can be too late, and crossing handshakes fail over there.</summary>
    private static async Task<T> AnsweredAsync<T>(Func<Task<T?>> ask)
        where T : class
    {
        using var limit = new CancellationTokenSource(s_limit);
        while (true)
        {
            if (await ask() is { } answer)
            {
                return answer;
            }

            limit.Token.ThrowIfCancellationRequested();
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> isTrue, string what)
    {
        using var limit = new CancellationTokenSource(s_limit);
        while (!await isTrue())
        {
            Assert.False(limit.IsCancellationRequested, $"not so within {s_limit.TotalSeconds} s: {what}");
            await Task.Delay(20);
        }
    }
}
