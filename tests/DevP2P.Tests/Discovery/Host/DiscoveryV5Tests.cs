using System.Net;
using System.Text;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.Host;

/// <summary>Discovery v5 over real sockets, on loopback.</summary>
public sealed class DiscoveryV5Tests : IAsyncLifetime
{
    private readonly List<IAsyncDisposable> _all = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable discovery in Enumerable.Reverse(_all))
        {
            await discovery.DisposeAsync();
        }
    }

    [Fact]
    public async Task Two_nodes_ping_find_and_talk()
    {
        DiscoveryV5 a = await StartAsync();
        DiscoveryV5 b = await StartAsync();
        using IDisposable echo = b.RegisterTalkHandler("echo", (request, _) => ValueTask.FromResult(request.Payload));

        DiscoveryPing? ping = await a.PingAsync(b.Self);
        Assert.NotNull(ping);
        Assert.Equal(a.LocalEndPoint, ping.SeenAs);
        Assert.Equal(b.LocalRecord.Sequence, ping.RecordSequence);

        IReadOnlyList<Node>? nodes = await a.FindNodeAsync(b.Self, [0]);
        Assert.Equal(b.LocalRecord, Assert.Single(nodes!).Record);

        byte[] text = Encoding.UTF8.GetBytes("what is said");
        Assert.Equal(text, await a.TalkAsync(b.Self, "echo", text));
        Assert.Equal(Array.Empty<byte>(), await a.TalkAsync(b.Self, "unknown", text));
    }

    [Fact]
    public async Task The_largest_talk_request_and_answer_pass_also_without_a_session()
    {
        DiscoveryV5 a = await StartAsync();
        DiscoveryV5 b = await StartAsync();
        byte[] answer = new byte[DiscoveryV5.MaxTalkResponseSize];
        RandomSource.System.Fill(answer);
        byte[]? received = null;
        using IDisposable handler = b.RegisterTalkHandler("x", (request, _) =>
        {
            received = request.Payload.ToArray();
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(answer);
        });

        byte[] largest = new byte[DiscoveryV5.MaxTalkRequestSize - 1];
        RandomSource.System.Fill(largest);
        Assert.Equal(answer, await a.TalkAsync(b.Self, "x", largest));
        Assert.Equal(largest, received);
        await Assert.ThrowsAsync<ArgumentException>(() => a.TalkAsync(b.Self, "x", new byte[DiscoveryV5.MaxTalkRequestSize]));
    }

    [Fact]
    public async Task A_handler_that_throws_or_says_too_much_answers_empty_and_a_removed_one_is_gone()
    {
        DiscoveryV5 a = await StartAsync();
        DiscoveryV5 b = await StartAsync();
        using IDisposable bad = b.RegisterTalkHandler("bad", (_, _) => throw new InvalidOperationException("on purpose"));
        using IDisposable tooLong = b.RegisterTalkHandler("long", (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[DiscoveryV5.MaxTalkResponseSize + 1]));
        IDisposable gone = b.RegisterTalkHandler("gone", (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[] { 1 }));

        Assert.Equal(Array.Empty<byte>(), await a.TalkAsync(b.Self, "bad", new byte[] { 1 }));
        Assert.Equal(Array.Empty<byte>(), await a.TalkAsync(b.Self, "long", new byte[] { 1 }));
        Assert.Equal(new byte[] { 1 }, await a.TalkAsync(b.Self, "gone", new byte[] { 1 }));
        Assert.Throws<ArgumentException>(() => b.RegisterTalkHandler("gone", (_, _) => default));
        gone.Dispose();
        Assert.Equal(Array.Empty<byte>(), await a.TalkAsync(b.Self, "gone", new byte[] { 1 }));
    }

    [Fact]
    public async Task Many_talk_requests_at_once_are_all_answered()
    {
        DiscoveryV5 a = await StartAsync();
        DiscoveryV5 b = await StartAsync();
        using IDisposable echo = b.RegisterTalkHandler("echo", (request, _) => ValueTask.FromResult(request.Payload));
        int wrong = 0;

        await Parallel.ForEachAsync(Enumerable.Range(0, 5000), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, stop) =>
        {
            byte[] payload = BitConverter.GetBytes(i);
            byte[]? answer = await a.TalkAsync(b.Self, "echo", payload, stop);
            if (answer is null || !answer.AsSpan().SequenceEqual(payload))
            {
                Interlocked.Increment(ref wrong);
            }
        });

        Assert.Equal(0, wrong);
        Assert.Equal(1, b.Counters.HandshakesAccepted);
    }

    [Fact]
    public async Task Both_versions_share_a_port()
    {
        PrivateKey key = PrivateKey.Generate();
        var v4 = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = key });
        _all.Add(v4);
        await v4.StartAsync();
        var v5 = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = key, SharedWith = v4 });
        _all.Add(v5);
        await v5.StartAsync();
        var other4 = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate() });
        _all.Add(other4);
        await other4.StartAsync();
        DiscoveryV5 other5 = await StartAsync();

        Assert.Equal(v4.LocalEndPoint, v5.LocalEndPoint);
        Assert.NotNull(await other4.PingAsync(v4.Self));
        Assert.NotNull(await v4.PingAsync(other4.Self));
        Assert.NotNull(await other5.PingAsync(v5.Self));
        Assert.NotNull(await v5.PingAsync(other5.Self));

        await v5.StopAsync();
        Assert.Null(await other5.PingAsync(v5.Self));
        Assert.NotNull(await other4.PingAsync(v4.Self));
    }

    [Fact]
    public async Task Nodes_find_each_other_through_a_third()
    {
        DiscoveryV5 bootnode = await StartAsync();
        DiscoveryV5 a = await StartAsync(bootnode.Self);
        DiscoveryV5 b = await StartAsync(bootnode.Self);
        await TestNet.UntilAsync(() => bootnode.NodeCount == 2, "the bootnode knows both");

        // The bootnode names only whom it has checked.
        Node? resolved = null;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (resolved is null)
        {
            resolved = await a.ResolveAsync(Node.Create(b.Self.PublicKey, null, 0, 0), deadline.Token);
        }

        Assert.Equal(b.LocalRecord, resolved.Record);
        var found = new HashSet<NodeId>();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await foreach (Node node in a.RandomNodes(cancellationToken: limit.Token))
        {
            found.Add(node.Id);
            if (found.Count == 2)
            {
                break;
            }
        }

        Assert.Equal([.. new[] { b.Self.Id, bootnode.Self.Id }.Order()], found.Order());
    }

    [Fact]
    public async Task One_socket_for_each_family()
    {
        var discovery = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate(), ListenEndPoint = new IPEndPoint(IPAddress.IPv6Any, 0) });
        _all.Add(discovery);
        await discovery.StartAsync();
        int port = discovery.LocalEndPoint!.Port;
        Node AtAddress(IPAddress address) => Node.Create(discovery.Self.PublicKey, address, 0, port);

        DiscoveryV5 four = await StartAsync();
        DiscoveryPing? overFour = await four.PingAsync(AtAddress(IPAddress.Loopback));
        Assert.Equal(four.LocalEndPoint, overFour!.SeenAs);

        var six = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate(), ListenEndPoint = new IPEndPoint(IPAddress.IPv6Loopback, 0) });
        _all.Add(six);
        await six.StartAsync();
        DiscoveryPing? overSix = await six.PingAsync(AtAddress(IPAddress.IPv6Loopback));
        Assert.Equal(six.LocalEndPoint, overSix!.SeenAs);
        Assert.Null(await six.PingAsync(AtAddress(IPAddress.Loopback)));
    }

    [Fact]
    public async Task What_waits_ends_with_the_stop()
    {
        DiscoveryV5 a = await StartAsync();
        Node silent = Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, 0, 1);
        Task<DiscoveryPing?> ping = a.PingAsync(silent);
        await a.StopAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => ping);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => a.PingAsync(silent));
        await Assert.ThrowsAsync<InvalidOperationException>(() => new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate() }).PingAsync(silent));
    }

    private async Task<DiscoveryV5> StartAsync(params Node[] bootstrap)
    {
        var discovery = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate(), BootstrapNodes = bootstrap });
        _all.Add(discovery);
        await discovery.StartAsync();
        return discovery;
    }
}
