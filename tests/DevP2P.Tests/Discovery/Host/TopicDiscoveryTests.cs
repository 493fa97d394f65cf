using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.Host;

/// <summary>The legacy topic discovery on real sockets of the loopback interface.</summary>
public sealed class TopicDiscoveryTests
{
    [Fact]
    public async Task A_topic_that_one_advertises_is_found_by_another()
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        await using TopicDiscovery first = await StartAsync();
        await using TopicDiscovery second = await StartAsync(first.Self);
        await using TopicDiscovery third = await StartAsync(first.Self);
        using var advertised = new CancellationTokenSource();
        second.RegisterTopic("foo", advertised.Token);

        var lookups = new Lookups();
        TopicSearch search = third.SearchTopic("foo", lookups);
        search.Period = TopicSearch.MinPeriod;
        await foreach (Node node in search.WithCancellation(stop))
        {
            Assert.Equal(second.Self.Id, node.Id);
            Assert.Equal(second.LocalEndPoint, node.UdpEndPoint);
            Assert.Equal(second.LocalEndPoint!.Port, node.TcpPort);
            break;
        }

        Assert.True(lookups.Count > 0);
        Assert.Equal("foo", search.Topic);
        Assert.True(search.LookupCount >= lookups.Count);

        // Who asks later does not hear of it any more.
        await advertised.CancelAsync();
        await using TopicDiscovery fourth = await StartAsync(first.Self);
        await UntilAsync(async () => (await fourth.ReadRandomNodesAsync(10, stop)).Count == 3, "all are known");
        var lateLookups = new Lookups();
        Assert.Empty(await FindAsync(fourth, "foo", TimeSpan.FromSeconds(2), lookups: lateLookups));
        Assert.True(lateLookups.Count > 3);
    }

    [Fact]
    public async Task Nodes_are_pinged_looked_up_and_resolved()
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        await using TopicDiscovery first = await StartAsync();
        await using TopicDiscovery second = await StartAsync(first.Self);
        await using TopicDiscovery third = await StartAsync();

        Assert.NotNull(await third.PingAsync(first.Self, stop));
        third.SetFallbackNodes([first.Self]);
        await UntilAsync(async () => (await third.ReadRandomNodesAsync(10, stop)).Count == 2, "both are in the table and have answered");
        IReadOnlyList<Node> closest = await third.LookupAsync(second.Self.Id, stop);
        Assert.Equal(second.Self.Id, closest[0].Id);
        Assert.Equal(2, closest.Count);
        Node? resolved = await third.ResolveAsync(Node.Create(second.Self.PublicKey, null, 0, 0), stop);
        Assert.Equal(second.LocalEndPoint, resolved?.UdpEndPoint);
        Assert.Null(await third.ResolveAsync(Node.Create(Key().PublicKey, null, 0, 0), stop));
        Assert.Single(await third.ReadRandomNodesAsync(1, stop));
        Assert.Equal(2, third.NodeCount);
        Assert.True(third.Counters is { Received: > 0, Handled: > 0, Sent: > 0 }, third.Counters.ToString());
    }

    [Fact]
    public async Task One_port_serves_v4_v5_and_topics()
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        PrivateKey key = Key();
        await using var v4 = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = key });
        await v4.StartAsync(stop);
        await using var v5 = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = key, SharedWith = v4 });
        await v5.StartAsync(stop);
        await using var topics = new TopicDiscovery(new TopicDiscoveryOptions { PrivateKey = key, SharedWith = v4 });
        await topics.StartAsync(stop);
        Assert.Equal(v4.LocalEndPoint, topics.LocalEndPoint);
        Assert.Same(v4.LocalNode, topics.LocalNode);

        await using TopicDiscovery other = await StartAsync();
        await using var otherV4 = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = Key() });
        await otherV4.StartAsync(stop);
        await using var otherV5 = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = Key() });
        await otherV5.StartAsync(stop);

        Assert.NotNull(await other.PingAsync(v4.Self, stop));
        Assert.NotNull(await otherV4.PingAsync(v4.Self, stop));
        Assert.NotNull(await otherV5.PingAsync(v5.Self, stop));
        Assert.Equal(0, v4.Counters.Malformed);

        await topics.StopAsync();
        Assert.NotNull(await otherV4.PingAsync(v4.Self, stop));
        Assert.Null(await other.PingAsync(v4.Self, stop));
    }

    [Fact]
    public async Task A_server_has_it_when_it_is_switched_on()
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        await using var off = new Server(new ServerOptions { PrivateKey = Key(), ListenAddress = "127.0.0.1:0" });
        await off.StartAsync(stop);
        Assert.Null(off.TopicDiscovery);

        await using var server = new Server(new ServerOptions { PrivateKey = Key(), ListenAddress = "127.0.0.1:0", LegacyTopicDiscovery = true });
        await server.StartAsync(stop);
        await using var second = new Server(new ServerOptions
        {
            PrivateKey = Key(),
            ListenAddress = "127.0.0.1:0",
            DiscoveryV4 = false,
            LegacyTopicDiscovery = true,
            BootstrapNodesV5 = [server.Self],
        });
        await second.StartAsync(stop);
        Assert.Equal(server.DiscoveryV4!.LocalEndPoint, server.TopicDiscovery!.LocalEndPoint);

        server.TopicDiscovery.RegisterTopic("foo", stop);
        Node found = Assert.Single(await FindAsync(second.TopicDiscovery!, "foo", TimeSpan.FromSeconds(20), count: 1));

        Assert.Equal(server.Self.Id, found.Id);
        Assert.Equal(server.Self.TcpEndPoint, found.TcpEndPoint);
    }

    [Fact]
    public async Task Misuse_is_told()
    {
        var discovery = new TopicDiscovery(new TopicDiscoveryOptions { PrivateKey = Key() });
        Assert.Throws<InvalidOperationException>(() => discovery.RegisterTopic("foo"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => discovery.LookupAsync(default));
        await Assert.ThrowsAsync<InvalidOperationException>(() => FirstAsync(discovery.SearchTopic("foo")));
        await discovery.StartAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => discovery.StartAsync());

        Assert.Throws<ArgumentException>(() => discovery.RegisterTopic(""));
        Assert.Throws<ArgumentException>(() => discovery.SearchTopic(new string('x', 256)));
        Assert.Throws<ArgumentException>(() => discovery.SetFallbackNodes([Node.Create(Key().PublicKey, null, 0, 0)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => discovery.SearchTopic("x").Period = TimeSpan.FromMilliseconds(99));
        Assert.Throws<ArgumentException>(() => new TopicDiscovery(new TopicDiscoveryOptions
        {
            PrivateKey = Key(),
            LocalNode = new LocalNode(Key(), DateTimeOffset.UtcNow),
        }));

        using var few = new CancellationTokenSource();
        for (int i = 0; i < TopicDiscovery.MaxTopics; i++)
        {
            discovery.RegisterTopic($"topic {i}", few.Token);
            discovery.RegisterTopic($"topic {i}");
        }

        Assert.Throws<InvalidOperationException>(() => discovery.RegisterTopic("one more"));
        await few.CancelAsync();
        Assert.Throws<InvalidOperationException>(() => discovery.RegisterTopic("one more"));

        TopicSearch search = discovery.SearchTopic("foo");
        await using IAsyncEnumerator<Node> first = search.GetAsyncEnumerator();
        ValueTask<bool> waiting = first.MoveNextAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => FirstAsync(search));
        await Assert.ThrowsAsync<InvalidOperationException>(() => FirstAsync(discovery.SearchTopic("foo")));

        await discovery.StopAsync();
        Assert.False(await waiting);
        Assert.Throws<ObjectDisposedException>(() => discovery.RegisterTopic("foo"));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => discovery.PingAsync(discovery.Self));
        await discovery.DisposeAsync();
    }

    [Fact]
    public async Task Room_for_a_topic_is_free_again_when_its_registration_ends()
    {
        await using TopicDiscovery discovery = await StartAsync();
        using var cancellation = new CancellationTokenSource();
        discovery.RegisterTopic(new string('a', 255), cancellation.Token);
        discovery.RegisterTopic(new string('b', 255));
        Assert.Throws<InvalidOperationException>(() => discovery.RegisterTopic(new string('c', 255)));

        await cancellation.CancelAsync();

        discovery.RegisterTopic(new string('c', 255));
        using var ended = new CancellationTokenSource();
        await ended.CancelAsync();
        discovery.RegisterTopic(new string('d', 255), ended.Token);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        bool isSo = false;
        var time = System.Diagnostics.Stopwatch.StartNew();
        while (!isSo && time.Elapsed < TimeSpan.FromSeconds(60))
        {
            isSo = await condition();
            await Task.Delay(isSo ? 0 : 20, TestContext.Current.CancellationToken);
        }

        Assert.True(isSo, what);
    }

    private static async Task<List<Node>> FindAsync(
        TopicDiscovery discovery, string topic, TimeSpan time, int count = int.MaxValue, IProgress<bool>? lookups = null)
    {
        var found = new List<Node>();
        using var end = new CancellationTokenSource(time);
        TopicSearch search = discovery.SearchTopic(topic, lookups);
        search.Period = TopicSearch.MinPeriod;
        try
        {
            await foreach (Node node in search.WithCancellation(end.Token))
            {
                found.Add(node);
                if (found.Count == count)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
        }

        return found;
    }

    private static async Task FirstAsync(TopicSearch search)
    {
        await foreach (Node _ in search.WithCancellation(TestContext.Current.CancellationToken))
        {
            return;
        }
    }

    private static PrivateKey Key() => PrivateKey.Generate();

    private static async Task<TopicDiscovery> StartAsync(params Node[] bootstrap)
    {
        var discovery = new TopicDiscovery(new TopicDiscoveryOptions { PrivateKey = Key(), BootstrapNodes = bootstrap });
        await discovery.StartAsync(TestContext.Current.CancellationToken);
        return discovery;
    }

    private sealed class Lookups : IProgress<bool>
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public void Report(bool value) => Interlocked.Increment(ref _count);
    }
}
