using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Tests.Discovery.V4;
using Xunit;

namespace DevP2P.Tests.Discovery.Host;

/// <summary>Real sockets on loopback.</summary>
public sealed class DiscoveryV4Tests : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly List<DiscoveryV4> _all = [];

    private static CancellationToken Deadline => new CancellationTokenSource(Limit).Token;

    public async ValueTask DisposeAsync()
    {
        foreach (DiscoveryV4 discovery in _all)
        {
            await discovery.DisposeAsync();
        }
    }

    [Fact]
    public async Task Two_hosts_find_each_other()
    {
        DiscoveryV4 a = await StartAsync();
        DiscoveryV4 b = await StartAsync(a.Self);

        await WaitAsync(() => a.NodeCount == 1 && b.NodeCount == 1);
        Node found = await EventuallyAsync(async () => (await b.LookupAsync(a.Self.PublicKey, Deadline)).SingleOrDefault());
        Assert.Equal(a.Self.Id, found.Id);
        found = await EventuallyAsync(async () => (await a.LookupAsync(b.Self.PublicKey, Deadline)).SingleOrDefault());
        Assert.Equal(b.Self.Id, found.Id);
        Assert.True(a.Counters.Handled > 0);
        Assert.True(a.Counters.Sent > 0);
        Assert.Equal(0, a.Counters.Malformed + a.Counters.OverRate + a.Counters.BadSignatures + a.Counters.Overflowed);
    }

    [Fact]
    public async Task Ten_hosts_find_each_other_from_one_bootnode()
    {
        DiscoveryV4 bootnode = await StartAsync();
        DiscoveryV4[] hosts = [bootnode, .. await Task.WhenAll(Enumerable.Range(0, 9).Select(_ => StartAsync(bootnode.Self)))];

        await WaitAsync(() => hosts.All(h => h.NodeCount == 9));
        await EventuallyAsync(async () =>
            (await hosts[3].LookupAsync(hosts[7].Self.PublicKey, Deadline)).FirstOrDefault(n => n.Id == hosts[7].Self.Id));
    }

    [Fact]
    public async Task Pings_and_records_are_answered()
    {
        DiscoveryV4 a = await StartAsync();
        DiscoveryV4 b = await StartAsync();
        b.LocalNode.Set("hello", "world");

        DiscoveryPing ping = await EventuallyAsync(() => a.PingAsync(b.Self, Deadline));
        Assert.Equal(a.LocalEndPoint, ping.SeenAs);
        Assert.Equal(b.Self.Sequence, ping.RecordSequence);
        Assert.Equal(b.Self.Record, await EventuallyAsync(() => a.RequestRecordAsync(b.Self, Deadline)));

        Node nobody = Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, 0, b.LocalEndPoint!.Port);
        Assert.Null(await a.PingAsync(nobody, Deadline));
        Assert.Null(await a.RequestRecordAsync(nobody, Deadline));
    }

    [Fact]
    public async Task A_key_alone_is_resolved()
    {
        DiscoveryV4 bootnode = await StartAsync();
        DiscoveryV4 a = await StartAsync(bootnode.Self);
        DiscoveryV4 b = await StartAsync(bootnode.Self);
        await WaitAsync(() => bootnode.NodeCount == 2 && b.NodeCount > 0);

        Assert.Equal(b.Self, await EventuallyAsync(() => a.ResolveAsync(Node.Create(b.Self.PublicKey, null, 0, 0), Deadline)));
    }

    [Fact]
    public async Task Random_nodes_come_without_end_and_filtered_by_their_records()
    {
        DiscoveryV4 bootnode = await StartAsync();
        DiscoveryV4[] hosts = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => StartAsync(bootnode.Self)));
        hosts[1].LocalNode.Set("color", "green");

        var seen = new HashSet<NodeId>();
        await foreach (Node node in hosts[0].RandomNodes(cancellationToken: Deadline))
        {
            seen.Add(node.Id);
            if (seen.Count == 3)
            {
                break;
            }
        }

        await foreach (Node node in hosts[0].RandomNodes(n => n.Record!.Contains("color"), Deadline))
        {
            Assert.Equal(hosts[1].Self.Id, node.Id);
            break;
        }
    }

    [Fact]
    public async Task Stopping_ends_everything_that_waits()
    {
        DiscoveryV4 a = await StartAsync();
        Task walk = Task.Run(async () =>
        {
            await foreach (Node _ in a.RandomNodes(cancellationToken: Deadline))
            {
            }
        });
        Task<Node?> resolve = a.ResolveAsync(Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, 1, 1), Deadline);

        await a.StopAsync();
        await walk;
        await Assert.ThrowsAsync<ObjectDisposedException>(() => resolve);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => a.LookupAsync(a.Self.PublicKey, Deadline));
        await a.StopAsync();
        using var again = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        again.Bind(a.LocalEndPoint!);
    }

    [Fact]
    public async Task It_is_started_once_and_used_after_that()
    {
        await using var a = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate() });
        await Assert.ThrowsAsync<InvalidOperationException>(() => a.LookupAsync(a.Self.PublicKey, Deadline));
        await a.StartAsync(Deadline);
        await Assert.ThrowsAsync<InvalidOperationException>(() => a.StartAsync(Deadline));
    }

    [Fact]
    public async Task Junk_and_repeated_requests_are_dropped_before_their_signatures_are_looked_at()
    {
        DiscoveryV4 a = await StartAsync();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        byte[] noise = new byte[300];
        byte[] tooLong = new byte[Codec.MaxPacketSize + 1];
        byte[] expired = Convert.FromHexString(PacketVectors.PlainPing);
        byte[] unwanted = Convert.FromHexString(PacketVectors.Neighbors);
        const int Repetitions = 4;
        const int Count = SourceLimiter.MaxEqualRequests + Repetitions;
        for (int i = 0; i < Count; i++)
        {
            socket.SendTo(noise, a.LocalEndPoint!);
            socket.SendTo(tooLong, a.LocalEndPoint!);
            socket.SendTo(expired, a.LocalEndPoint!);
            socket.SendTo(unwanted, a.LocalEndPoint!);
        }

        await WaitAsync(() => a.Counters.Received == 4 * Count);
        // The first that has expired is looked at, in case it is our clock that is wrong.
        const int Judged = Count + SourceLimiter.MaxEqualRequests;
        await WaitAsync(() => a.Counters.Unwanted + a.Counters.Handled == Judged);
        Assert.InRange(a.Counters.Unwanted, Judged - 2, Judged - 1);
        Assert.Equal(2 * Count, a.Counters.Malformed);
        Assert.Equal(Repetitions, a.Counters.Repeated);
    }

    // go-ethereum's pings and requests for records of one second are equal, byte for byte, and it waits for an answer to each.
    [Fact]
    public async Task Whoever_asks_the_same_twice_is_answered_twice()
    {
        DiscoveryV4 a = await StartAsync();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var from = new Endpoint((IPEndPoint)socket.LocalEndPoint!, 0);
        ulong expiration = (ulong)DateTimeOffset.UtcNow.AddMinutes(1).ToUnixTimeSeconds();
        byte[] ping = new byte[Codec.MaxPacketSize];
        var packet = new Ping(Ping.CurrentVersion, from, new Endpoint(a.LocalEndPoint!, 0), expiration, recordSequence: null);
        int length = Codec.Encode(packet, Discv4Options.SignWith(PrivateKey.Generate()), ping, out PacketHash hash);

        byte[] answer = new byte[Codec.MaxPacketSize];
        for (int i = 0; i < 3; i++)
        {
            socket.SendTo(ping.AsSpan(0, length), a.LocalEndPoint!);
            Pong? pong = null;
            while (pong is null)
            {
                // What else comes are its own pings.
                int received = await socket.ReceiveAsync(answer, SocketFlags.None, Deadline);
                pong = Codec.TryReadContent(answer.AsSpan(0, received), out Packet? content) ? content as Pong : null;
            }

            Assert.Equal(hash, pong.PingHash);
        }

        Assert.Equal(0, a.Counters.Repeated);
    }

    [Fact]
    public void An_address_has_an_allowance_that_comes_back_with_time()
    {
        var limiter = new SourceLimiter(RandomSource.System);
        var address = CompactEndPoint.From(new IPEndPoint(IPAddress.Parse("52.1.1.1"), 30303));
        var otherPort = CompactEndPoint.From(new IPEndPoint(IPAddress.Parse("52.1.1.1"), 30304));
        for (int i = 0; i < SourceLimiter.Burst; i++)
        {
            Assert.True(limiter.TryTake(TimeSpan.FromSeconds(5), i % 2 == 0 ? address : otherPort));
        }

        Assert.False(limiter.TryTake(TimeSpan.FromSeconds(5), address));
        Assert.False(limiter.TryTake(TimeSpan.FromSeconds(5), otherPort));
        int after = 0;
        while (limiter.TryTake(TimeSpan.FromSeconds(6), address))
        {
            after++;
        }

        Assert.Equal(SourceLimiter.Rate, after);
    }

    [Fact]
    public void Repeated_requests_are_counted_by_endpoint()
    {
        var limiter = new SourceLimiter(RandomSource.System);
        var a = CompactEndPoint.From(new IPEndPoint(IPAddress.Parse("52.1.1.1"), 30303));
        var b = CompactEndPoint.From(new IPEndPoint(IPAddress.IPv6Loopback, 30304));
        PacketHash hash = new(RandomSourceBytes());
        for (int i = 0; i < SourceLimiter.MaxEqualRequests; i++)
        {
            Assert.True(limiter.TryTakeRequest(a, hash));
        }

        Assert.False(limiter.TryTakeRequest(a, hash));
        Assert.False(limiter.TryTakeRequest(a, hash));
        Assert.True(limiter.TryTakeRequest(b, hash));
        Assert.True(limiter.TryTakeRequest(a, new PacketHash(RandomSourceBytes())));
    }

    private static byte[] RandomSourceBytes()
    {
        byte[] bytes = new byte[PacketHash.Size];
        RandomSource.System.Fill(bytes);
        return bytes;
    }

    private static async Task WaitAsync(Func<bool> condition)
    {
        CancellationToken deadline = Deadline;
        while (!condition())
        {
            await Task.Delay(5, deadline);
        }
    }

    /// <summary>An answer takes longer than half a second when the machine is busy; then it counts as lost, and one asks again.</summary>
    private static async Task<T> EventuallyAsync<T>(Func<Task<T?>> ask)
        where T : class
    {
        CancellationToken deadline = Deadline;
        while (true)
        {
            if (await ask() is { } answer)
            {
                return answer;
            }

            deadline.ThrowIfCancellationRequested();
            await Task.Delay(5, deadline);
        }
    }

    private async Task<DiscoveryV4> StartAsync(params Node[] bootstrap)
    {
        var discovery = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate(), BootstrapNodes = bootstrap });
        lock (_all)
        {
            _all.Add(discovery);
        }

        await discovery.StartAsync(Deadline);
        return discovery;
    }
}
