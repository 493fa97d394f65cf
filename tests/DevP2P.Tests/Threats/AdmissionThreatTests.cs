using System.Collections.Concurrent;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>T01, T02, T18: who gets in, and whom we call.</summary>
public sealed class AdmissionThreatTests
{
    private static readonly TimeSpan Start = TimeSpan.FromMinutes(5);

    [Fact]
    [Trait("Threat", "T01")]
    public async Task A_storm_of_identities_from_one_address_fills_the_inbound_share_and_no_more()
    {
        const int Attempts = 60, Inbound = 6;
        await using Server server = await TestNet.StartAsync(
            TestNet.Options() with { MaxPeers = 9, DialRatio = 3, MaxPendingPeers = Attempts, TimeProvider = new StepClock() });
        var peers = new ConcurrentBag<HostilePeer>();
        await Parallel.ForEachAsync(Enumerable.Range(0, Attempts), new ParallelOptions { MaxDegreeOfParallelism = 20 }, async (i, _) =>
        {
            HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self, from: $"127.0.0.{1 + (i % 2)}");
            peers.Add(peer);
            await Record.ExceptionAsync(() => peer.ExchangeHelloAsync(new Capability("sink", 1)));
        });

        await TestNet.UntilAsync(() => server.GetCounters() is { } c && c.Added + c.Refused.Values.Sum() == Attempts, "all are decided");
        Assert.Equal(Inbound, server.PeerCount);
        Assert.Equal(Inbound, server.GetCounters().Added);
        Assert.Equal(Attempts - Inbound, server.GetCounters().Refused["too many peers"]);

        // The dialed side goes on, up to MaxPeers.
        var others = new List<Server>();
        for (int i = 0; i < 4; i++)
        {
            Server other = await TestNet.StartAsync(TestNet.Options() with { ListenAddress = null });
            others.Add(other);
            (Stream near, Stream far) = DuplexPipeStream.CreatePair();
            _ = other.SetupConnectionAsync(far, ConnectionFlags.Inbound);
            ConnectionResult result = await server.SetupConnectionAsync(near, ConnectionFlags.DynamicDialed, other.Self).WithinDeadline();
            Assert.Equal(i < 3, result.Peer is not null);
        }

        foreach (HostilePeer peer in peers)
        {
            await peer.DisposeAsync();
        }

        foreach (Server other in others)
        {
            await other.StopAsync().WithinDeadline();
        }
    }

    [Theory]
    [Trait("Threat", "T02")]
    [InlineData("8.8.8.8", "8.8.8.8", false)]
    [InlineData("8.8.8.8", "::ffff:8.8.8.8", false)]
    [InlineData("8.8.8.8", "8.8.8.9", true)]
    [InlineData("2a00:1450:4001:830::1", "2a00:1450:4001:830:ffff::2", false)]
    [InlineData("2a00:1450:4001:830::1", "2a00:1450:4001:831::1", true)]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("10.0.0.1", "10.0.0.1", true)]
    [InlineData("192.168.1.1", "192.168.1.1", true)]
    [InlineData("fe80::1", "fe80::1", true)]
    public void One_address_connects_once_in_30_seconds_except_from_the_LAN(string first, string second, bool isLetIn)
    {
        var throttle = new InboundThrottle();
        IPAddress a = IPAddress.Parse(first), b = IPAddress.Parse(second);
        Assert.True(throttle.TryEnter(a, Start));
        Assert.Equal(isLetIn, throttle.TryEnter(b, Start + TimeSpan.FromSeconds(29.9)));
        Assert.True(throttle.TryEnter(a, Start + TimeSpan.FromSeconds(60)));
    }

    [Fact]
    [Trait("Threat", "T02")]
    public void A_refused_attempt_does_not_prolong_the_wait()
    {
        var throttle = new InboundThrottle();
        var address = IPAddress.Parse("8.8.8.8");
        Assert.True(throttle.TryEnter(address, Start));
        Assert.False(throttle.TryEnter(address, Start + TimeSpan.FromSeconds(20)));
        Assert.True(throttle.TryEnter(address, Start + InboundThrottle.Interval));
        Assert.False(throttle.TryEnter(address, Start + InboundThrottle.Interval + TimeSpan.FromSeconds(1)));
    }

    [Fact]
    [Trait("Threat", "T02")]
    public void The_throttle_forgets_and_never_grows_beyond_its_bound()
    {
        var throttle = new InboundThrottle();
        byte[] bytes = [20, 0, 0, 0];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 2 * InboundThrottle.MaxAddresses; i++)
        {
            (bytes[1], bytes[2], bytes[3]) = ((byte)(i >> 16), (byte)(i >> 8), (byte)i);
            Assert.True(throttle.TryEnter(new IPAddress(bytes), Start));
        }

        // The first are remembered, the last were let through unremembered, and in time all are free again.
        Assert.False(throttle.TryEnter(new IPAddress([20, 0, 0, 0]), Start));
        Assert.True(throttle.TryEnter(new IPAddress(bytes), Start));
        Assert.True(throttle.TryEnter(new IPAddress([20, 0, 0, 0]), Start + InboundThrottle.Interval));
        Assert.True(throttle.TryEnter(new IPAddress(bytes), Start + InboundThrottle.Interval));
        Assert.False(throttle.TryEnter(new IPAddress(bytes), Start + InboundThrottle.Interval));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024 * 1024);
    }

    [Fact]
    [Trait("Threat", "T18")]
    public async Task Only_routable_candidates_are_dialed_while_the_operator_may_name_anything()
    {
        string[] unroutable =
        [
            "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.10.1", "172.16.0.1", "192.0.0.5", "192.0.2.1", "192.168.1.1",
            "198.18.0.1", "198.51.100.1", "203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:10.0.0.1",
            "2001:db8::1", "fc00::1", "fe80::1", "ff02::1",
        ];
        var dialer = new RecordingDialer();
        PublicKey staticKey = PrivateKey.Generate().PublicKey;
        Node named = Node.Parse($"enode://{PrivateKey.Generate().PublicKey}@localhost:30303");
        Node[] candidates =
        [
            named,
            .. unroutable.Select(a => Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Parse(a), 30303, 0)),
            Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Parse("8.8.8.8"), 30303, 0),
        ];
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(TestNet.Sink() with { DialCandidates = candidates.ToAsyncEnumerable() }) with { Dialer = dialer, MaxPeers = 90 });

        await TestNet.UntilAsync(() => dialer.Asked.Contains("8.8.8.8:30303"), "the routable candidate is dialed");
        await TestNet.UntilAsync(() => server.GetDialHistory(named.Id).Count == 1, "the host name was looked up");
        DialAttempt attempt = Assert.Single(server.GetDialHistory(named.Id));
        Assert.Equal(DialStage.Resolve, attempt.Stage);
        Assert.Equal(["8.8.8.8:30303"], dialer.Asked);

        server.AddPeer(Node.Create(staticKey, IPAddress.Parse("127.0.0.1"), 30303, 0));
        await TestNet.UntilAsync(() => dialer.Asked.Contains("127.0.0.1:30303"), "the operator's node is dialed");
    }

    /// <summary>Connects to nobody.</summary>
    private sealed class RecordingDialer : IDialer
    {
        public ConcurrentQueue<string> Asked { get; } = new();

        public ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken)
        {
            foreach (IPEndPoint endPoint in endPoints)
            {
                Asked.Enqueue(endPoint.ToString());
            }

            throw new IOException("this dialer connects to nobody");
        }
    }
}
