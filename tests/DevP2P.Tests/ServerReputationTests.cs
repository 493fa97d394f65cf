using System.Net;
using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Reputation;
using DevP2P.Rlpx;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests;

/// <summary>Reputation over loopback, on a clock that the test moves.</summary>
public sealed class ServerReputationTests : IDisposable
{
    private static readonly TimeSpan PingStep = TimeSpan.FromSeconds(15);

    private readonly string _directory = Directory.CreateTempSubdirectory("devp2p-reputation-").FullName;
    private readonly StepClock _clock = new();

    private string File => Path.Combine(_directory, "nodes.db");

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public async Task Breaches_of_protocol_add_up_to_bans_that_grow_and_touch_nobody_else()
    {
        PrivateKey bad = PrivateKey.Generate(), neighbour = PrivateKey.Generate();
        NodeId id = bad.PublicKey.NodeId;
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = _clock });

        await BreakAsync(server, bad, -40);
        ReputationFact fact = Assert.Single(server.GetReputation(id).Facts);
        Assert.Equal((_clock.GetUtcNow(), -40), (fact.At, fact.Points));
        Assert.StartsWith("breach of protocol: ", fact.Reason, StringComparison.Ordinal);
        await BreakAsync(server, bad, -80);
        Assert.Empty(server.Bans);
        await BreakAsync(server, bad, -120);
        await TestNet.UntilAsync(() => server.Bans.Count == 1, "it is banned");
        Ban ban = server.Bans[0];
        Assert.Equal((id, true, TimeSpan.FromHours(1)), (ban.Id, ban.IsAutomatic, ban.Until - ban.Since));
        Assert.StartsWith("breach of protocol: ", ban.Reason, StringComparison.Ordinal);
        await AssertRefusedAsync(server, bad, DisconnectReason.Requested);

        // Of the same address, but another node.
        await using HostilePeer other = await HostilePeer.ConnectAsync(server.Self, key: neighbour);
        await UntilPeersAsync(server, 1);
        Assert.Equal(0, server.GetReputation(neighbour.PublicKey.NodeId).Score);

        // When the ban has ended, only a breach begins another.
        await PassTimeAsync(TimeSpan.FromHours(1), other);
        await using (HostilePeer useless = await HostilePeer.ConnectEncryptedAsync(server.Self, bad))
        {
            await Record.ExceptionAsync(() => useless.ExchangeHelloAsync(new Capability("other", 1)));
            Assert.Equal(DisconnectReason.UselessPeer, await useless.ReadReasonAsync().WithinDeadline());
        }

        await TestNet.UntilAsync(() => server.GetReputation(id).Facts[0].Reason == "is useless to us", "it is useless");
        Assert.Equal(0, server.GetReputation(id).Facts[0].Points);
        Assert.Empty(server.Bans);
        await other.DisposeAsync();
        await TestNet.UntilAsync(() => server.PeerCount == 0, "its neighbour is gone");
        await BreakAsync(server, bad, (-120 * Math.Pow(2, -1.0 / 12)) - 40);
        await TestNet.UntilAsync(() => server.Bans.Count == 1, "it is banned again");
        Assert.Equal(TimeSpan.FromHours(2), server.Bans[0].Until - server.Bans[0].Since);
        Assert.Equal(2, server.GetReputation(id).Bans);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Trusted_and_static_nodes_are_never_banned(bool isTrusted)
    {
        PrivateKey key = PrivateKey.Generate();
        Node node = Node.Create(key.PublicKey, IPAddress.Loopback, 1, 0);
        await using Server server = await TestNet.StartAsync(
            TestNet.Options() with { TimeProvider = _clock, TrustedNodes = isTrusted ? [node] : [], NoDial = true });
        if (!isTrusted)
        {
            server.AddPeer(node);
        }

        for (int i = 1; i <= 5; i++)
        {
            await BreakAsync(server, key, Math.Max(-40 * i, ReputationLimits.ViolationFloor));
            await server.GetStaticNodesAsync().WithinDeadline();
            Assert.Empty(server.Bans);
        }
    }

    [Fact]
    [Trait("Threat", "T03")]
    public async Task Scores_survive_a_restart_and_decay_meanwhile()
    {
        PrivateKey own = PrivateKey.Generate(), bad = PrivateKey.Generate();
        ServerOptions options = TestNet.Options() with { PrivateKey = own, NodeDatabase = File, TimeProvider = _clock };
        NodeId good = PrivateKey.Generate().PublicKey.NodeId, faded = PrivateKey.Generate().PublicKey.NodeId;
        await using (NodeDatabase database = NodeDatabase.Open(File, new NodeDatabaseOptions { TimeProvider = _clock }))
        {
            database.SetStanding(good, new NodeDatabaseStanding(64, _clock.GetUtcNow(), 0));
            database.SetStanding(faded, new NodeDatabaseStanding(0.15, _clock.GetUtcNow(), 0));
        }

        await using (Server first = await TestNet.StartAsync(options))
        {
            await BreakAsync(first, bad, -40);
            await BreakAsync(first, bad, -80);
            await BreakAsync(first, bad, -120);
            await TestNet.UntilAsync(() => first.Bans.Count == 1, "it is banned");
        }

        _clock.Advance(ReputationLimits.HalfLife);
        await using (Server second = new(options))
        {
            Assert.Equal(-60, second.GetReputation(bad.PublicKey.NodeId).Score, 1e-6);
            Assert.Equal(1, second.GetReputation(bad.PublicKey.NodeId).Bans);
            Assert.Equal(32, second.GetReputation(good).Score, 1e-6);
            Assert.Equal(0, second.GetReputation(faded).Score);
            Assert.Empty(second.GetReputation(bad.PublicKey.NodeId).Facts);
        }

        // What is forgotten is forgotten on disk.
        await using NodeDatabase after = NodeDatabase.Open(File, new NodeDatabaseOptions { TimeProvider = _clock });
        Assert.Equal([good, bad.PublicKey.NodeId], after.GetStandings().Select(s => s.Key).OrderByDescending(i => i == good));
        Assert.Empty(after.GetBans());
    }

    [Fact]
    public async Task A_candidate_with_a_bad_score_is_dialed_only_after_it_has_decayed()
    {
        Node bad = PublicNode("8.8.8.8"), other = PublicNode("9.9.9.9");
        await SetScoresAsync((bad.Id, -30));
        var dialer = new CountingDialer();
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(TestNet.Sink() with { DialCandidates = OfferAsync(bad, other) }) with
            {
                TimeProvider = _clock, NodeDatabase = File, Dialer = dialer,
            });
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(1), () => dialer.Dialed.Contains(other.Id), "the other one is dialed");
        Assert.DoesNotContain(bad.Id, dialer.Dialed);

        TimeSpan waited = await _clock.AdvanceUntilAsync(TimeSpan.FromMinutes(5), () => dialer.Dialed.Contains(bad.Id), "it is dialed");
        Assert.InRange(waited, ReputationLimits.HalfLife - TimeSpan.FromHours(1), TimeSpan.FromDays(3));
    }

    [Theory]
    [Trait("Threat", "T01")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_inbound_places_are_taken_a_good_node_takes_that_of_a_bad_one(bool isBadTrusted)
    {
        PrivateKey badKey = PrivateKey.Generate(), neutralKey = PrivateKey.Generate(), goodKey = PrivateKey.Generate();
        NodeId badId = badKey.PublicKey.NodeId, goodId = goodKey.PublicKey.NodeId;
        await SetScoresAsync((badId, -30), (goodId, 20));
        await using Server server = await TestNet.StartAsync(
            TestNet.Options() with { TimeProvider = _clock, NodeDatabase = File, MaxPeers = 3, DialRatio = 3 });
        using PeerEventSubscription events = server.SubscribeEvents();
        await using HostilePeer bad = await HostilePeer.ConnectAsync(server.Self, key: badKey);
        await using HostilePeer neutral = await HostilePeer.ConnectAsync(server.Self, key: neutralKey);
        await UntilPeersAsync(server, 2);
        if (isBadTrusted)
        {
            server.AddTrustedPeer(Node.Create(badKey.PublicKey, IPAddress.Loopback, 1, 0));
            await TestNet.UntilAsync(() => server.Peers.Any(p => p.IsTrusted), "it is trusted");
        }

        await AssertRefusedAsync(server, goodKey, DisconnectReason.TooManyPeers);
        await PassTimeAsync(ReputationLimits.MinReplacedAge, bad, neutral);
        await AssertRefusedAsync(server, PrivateKey.Generate(), DisconnectReason.TooManyPeers);
        if (isBadTrusted)
        {
            await AssertRefusedAsync(server, goodKey, DisconnectReason.TooManyPeers);
            Assert.Equal(2, server.PeerCount);
            return;
        }

        Task<DisconnectReason?> farewell = bad.ReadReasonAsync();
        await using HostilePeer good = await HostilePeer.ConnectAsync(server.Self, key: goodKey);
        await good.PingAsync();
        Assert.Equal(DisconnectReason.TooManyPeers, await farewell.WithinDeadline());

        // One after the other: at no time are there more inbound peers than allowed.
        List<PeerEvent> seen = await events.TakeAsync(4);
        Assert.Equal([(PeerEventType.Drop, badId), (PeerEventType.Add, goodId)], seen[2..].Select(e => (e.Type, e.Peer)));
        Assert.Equal(2, server.PeerCount);
    }

    [Fact]
    [Trait("Threat", "T01")]
    public async Task A_node_that_we_have_dialed_makes_room_for_nobody()
    {
        PrivateKey badKey = PrivateKey.Generate(), goodKey = PrivateKey.Generate();
        await SetScoresAsync((badKey.PublicKey.NodeId, -12), (goodKey.PublicKey.NodeId, 20));
        await using Server bad = await TestNet.StartAsync(
            TestNet.Options(TestNet.Sink() with
            {
                RunAsync = async (_, stream, cancellation) =>
                {
                    while (true)
                    {
                        Message message = await stream.ReadAsync(cancellation);
                        await stream.WriteAsync(message.Code, message.Payload, cancellation);
                    }
                },
            }) with { PrivateKey = badKey });
        var dialed = new TaskCompletionSource<IMessageStream>();
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(TestNet.Sink() with
            {
                DialCandidates = new[] { Node.Create(badKey.PublicKey, IPAddress.Parse("8.8.8.8"), 30303, 30303) }.ToAsyncEnumerable(),
                RunAsync = (peer, stream, cancellation) =>
                {
                    _ = peer.IsInbound || dialed.TrySetResult(stream);
                    return Task.Delay(Timeout.Infinite, cancellation);
                },
            }) with
            { TimeProvider = _clock, NodeDatabase = File, MaxPeers = 3, DialRatio = 3, Dialer = new HereDialer(bad) });
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(1), () => server.PeerCount == 1, "it is dialed");
        await using HostilePeer one = await HostilePeer.ConnectAsync(server.Self);
        await using HostilePeer two = await HostilePeer.ConnectAsync(server.Self);
        await UntilPeersAsync(server, 3);

        IMessageStream stream = await dialed.Task.WithinDeadline();
        for (TimeSpan passed = TimeSpan.Zero; passed < ReputationLimits.MinReplacedAge; passed += PingStep)
        {
            await PassTimeAsync(PingStep, one, two);
            await stream.WriteAsync(0, new byte[1], TestContext.Current.CancellationToken);
            await stream.ReadAsync(TestContext.Current.CancellationToken).AsTask().WithinDeadline();
        }

        Assert.True(server.GetReputation(bad.Self.Id).Score < ReputationLimits.PoorStanding);
        await AssertRefusedAsync(server, goodKey, DisconnectReason.TooManyPeers);
        Assert.Equal(3, server.PeerCount);
    }

    [Fact]
    public async Task Messages_over_time_earn_points_and_nobody_is_blamed_while_we_are_alone()
    {
        PrivateKey activeKey = PrivateKey.Generate(), silentKey = PrivateKey.Generate(), lateKey = PrivateKey.Generate();
        NodeId activeId = activeKey.PublicKey.NodeId;
        Node first = PublicNode("8.8.8.8"), second = PublicNode("9.9.9.9");
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = _clock, Dialer = new CountingDialer() });
        Assert.False((await server.AddPeerAsync(first).WithinDeadline()).Succeeded);
        await server.GetStaticNodesAsync().WithinDeadline();
        Assert.Empty(server.GetReputation(first.Id).Facts);

        await using HostilePeer active = await HostilePeer.ConnectAsync(server.Self, key: activeKey);
        await using HostilePeer silent = await HostilePeer.ConnectAsync(server.Self, key: silentKey);
        await UntilPeersAsync(server, 2);
        for (int i = 0; i < 200; i++)
        {
            await active.SendAsync(active.Frame(BaseProtocol.Length, BaseProtocol.EmptyList.Span));
        }

        await PassTimeAsync(ReputationLimits.UsefulInterval, active, silent);
        await TestNet.UntilAsync(() => server.GetReputation(activeId).Facts.Count == 1, "it has earned something");
        Assert.Equal(1, server.GetReputation(activeId).Facts[0].Points);
        Assert.Empty(server.GetReputation(silentKey.PublicKey.NodeId).Facts);

        // Nothing came in the next quarter; and who came only now gains nothing by haste.
        await PassTimeAsync(TimeSpan.FromMinutes(1), active, silent);
        await using HostilePeer late = await HostilePeer.ConnectAsync(server.Self, key: lateKey);
        await UntilPeersAsync(server, 3);
        await late.SendAsync(late.Frame(BaseProtocol.Length, BaseProtocol.EmptyList.Span));
        await PassTimeAsync(ReputationLimits.UsefulInterval - TimeSpan.FromMinutes(1), active, silent, late);
        await server.GetStaticNodesAsync().WithinDeadline();
        Assert.Empty(server.GetReputation(lateKey.PublicKey.NodeId).Facts);
        Assert.Single(server.GetReputation(activeId).Facts);

        // Alone we blamed nobody; with peers we do.
        Assert.False((await server.AddPeerAsync(second).WithinDeadline()).Succeeded);
        Assert.Equal("could not be connected to", Assert.Single(server.GetReputation(second.Id).Facts).Reason);
        Assert.Equal(ReputationLimits.Unreached, server.GetReputation(second.Id).Score);
    }

    [Fact]
    public async Task A_useless_node_is_remembered_as_such_by_both_sides()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = _clock });
        await using Server useless = await TestNet.StartAsync(TestNet.Options(TestNet.Sink("other")) with { TimeProvider = _clock });
        await using HostilePeer one = await HostilePeer.ConnectAsync(server.Self);
        await using HostilePeer two = await HostilePeer.ConnectAsync(useless.Self, new Capability("other", 1));
        await UntilPeersAsync(server, 1);
        await UntilPeersAsync(useless, 1);
        await PassTimeAsync(ReputationLimits.WellAfter, one, two);

        Assert.False((await server.AddPeerAsync(useless.Self).WithinDeadline()).Succeeded);

        await TestNet.UntilAsync(() => server.GetReputation(useless.Self.Id).Score == -20, "the one that dialed knows");
        await TestNet.UntilAsync(() => useless.GetReputation(server.Self.Id).Score == -20, "so does the other");
    }

    /// <summary>Waits until so many are connected and nothing else is under way, whose deadline would pass with the time.</summary>
    private static async Task UntilPeersAsync(Server server, int count)
    {
        await TestNet.UntilAsync(() => server.PeerCount == count, $"{count} peers are there");
        // The loop has answered: it has begun all that it begins for them.
        await server.GetStaticNodesAsync().WithinDeadline();
        await TestNet.UntilAsync(() => server.RunningTasks() == 1 + count, "their handshakes have ended");
    }

    /// <summary>Lets time pass; the peers are heard from, as they would else be dropped.</summary>
    private async Task PassTimeAsync(TimeSpan time, params HostilePeer[] peers)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += PingStep)
        {
            _clock.AdvanceSeconds((int)PingStep.TotalSeconds);
            foreach (HostilePeer peer in peers)
            {
                await peer.PingAsync();
            }
        }
    }

    private async Task SetScoresAsync(params (NodeId Id, double Score)[] scores)
    {
        await using NodeDatabase database = NodeDatabase.Open(File, new NodeDatabaseOptions { TimeProvider = _clock });
        foreach ((NodeId id, double score) in scores)
        {
            database.SetStanding(id, new NodeDatabaseStanding(score, _clock.GetUtcNow(), 0));
        }
    }

    /// <summary>Connects and sends a message that no protocol has.</summary>
    private static async Task BreakAsync(Server server, PrivateKey key, double expected)
    {
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self, key: key);
        await peer.SendAsync(peer.Frame(500, BaseProtocol.EmptyList.Span));
        Assert.Equal(DisconnectReason.ProtocolError, await peer.ReadReasonAsync().WithinDeadline());
        await peer.DisposeAsync();
        await TestNet.UntilAsync(
            () => Math.Abs(server.GetReputation(key.PublicKey.NodeId).Score - expected) < 1e-6 && server.PeerCount == 0, $"its score is {expected}");
    }

    private static async Task AssertRefusedAsync(Server server, PrivateKey key, DisconnectReason reason)
    {
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self, key);
        Assert.Equal(reason, await peer.ReadReasonAsync().WithinDeadline());
    }

    private static async IAsyncEnumerable<Node> OfferAsync(Node often, Node once)
    {
        await Task.CompletedTask;
        yield return often;
        yield return often;
        yield return once;
        while (true)
        {
            yield return often;
        }
    }

    private static Node PublicNode(string address) => Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Parse(address), 30303, 30303);
}
