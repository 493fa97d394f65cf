using System.Net;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
using DevP2P.Reputation;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests;

/// <summary>Bans over loopback.</summary>
public sealed class ServerBanTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("devp2p-bans-").FullName;

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public async Task A_banned_peer_is_dropped_and_refused_before_the_hello_until_the_ban_ends()
    {
        PrivateKey key = PrivateKey.Generate();
        var clock = new StepClock();
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = clock });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self, key: key);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");

        server.Ban(key.PublicKey.NodeId, TimeSpan.FromHours(1), "spam");

        Assert.Equal(DisconnectReason.Requested, await peer.ReadReasonAsync().WithinDeadline());
        await peer.DisposeAsync();
        await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is gone");
        Ban ban = Assert.Single(server.Bans);
        Assert.Equal((key.PublicKey.NodeId, "spam", false), (ban.Id, ban.Reason, ban.IsAutomatic));
        Assert.Equal(TimeSpan.FromHours(1), ban.Until - ban.Since);

        // The reason comes where the Hello would.
        await using (HostilePeer again = await HostilePeer.ConnectEncryptedAsync(server.Self, key))
        {
            Assert.Equal(DisconnectReason.Requested, await again.ReadReasonAsync().WithinDeadline());
        }

        await TestNet.UntilAsync(() => server.GetCounters().Refused.GetValueOrDefault("banned") == 1, "it is counted");
        Assert.DoesNotContain("disconnect requested", server.GetCounters().Refused.Keys);

        clock.Advance(TimeSpan.FromHours(1));
        Assert.Empty(server.Bans);
        await using HostilePeer free = await HostilePeer.ConnectAsync(server.Self, key: key);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "it is let in again");
    }

    [Fact]
    public async Task Bans_survive_a_restart_and_an_unban_does()
    {
        string file = Path.Combine(_directory, "nodes.db");
        PrivateKey own = PrivateKey.Generate(), banned = PrivateKey.Generate();
        NodeId freed = PrivateKey.Generate().PublicKey.NodeId;
        ServerOptions options = TestNet.Options() with { PrivateKey = own, NodeDatabase = file };
        IReadOnlyList<Ban> before;
        await using (Server first = new(options))
        {
            first.Ban(banned.PublicKey.NodeId, Timeout.InfiniteTimeSpan, "for good");
            first.Ban(freed, TimeSpan.FromDays(1));
            first.Ban(NodeDatabaseId(1), TimeSpan.FromDays(2), "two days");
            Assert.True(first.Unban(freed));
            Assert.False(first.Unban(freed));
            before = first.Bans;
        }

        await using Server second = await TestNet.StartAsync(options);
        Assert.Equal(before, second.Bans);
        Assert.Equal(2, before.Count);
        Assert.Null(before.Single(b => b.Id == banned.PublicKey.NodeId).Until);
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(second.Self, banned);
        Assert.Equal(DisconnectReason.Requested, await peer.ReadReasonAsync().WithinDeadline());
    }

    [Fact]
    public async Task Trusted_and_static_nodes_are_not_banned_and_naming_a_node_ends_its_ban()
    {
        Node trusted = NodeOf(PrivateKey.Generate()), named = NodeOf(PrivateKey.Generate()), later = NodeOf(PrivateKey.Generate());
        await using Server server = await TestNet.StartAsync(
            TestNet.Options() with { TrustedNodes = [trusted], StaticNodes = [named], Dialer = new CountingDialer() });

        Assert.Contains("trusted", Assert.Throws<InvalidOperationException>(() => server.Ban(trusted.Id, TimeSpan.FromDays(1))).Message, StringComparison.Ordinal);
        Assert.Contains("static", Assert.Throws<InvalidOperationException>(() => server.Ban(named.Id, TimeSpan.FromDays(1))).Message, StringComparison.Ordinal);
        server.RemoveTrustedPeer(trusted);
        server.RemovePeer(named);
        server.Ban(trusted.Id, TimeSpan.FromDays(1));
        server.Ban(named.Id, TimeSpan.FromDays(1));
        Assert.Equal(2, server.Bans.Count);

        server.AddTrustedPeer(trusted);
        server.AddPeer(named);
        Assert.Empty(server.Bans);

        // A node that cannot be static is none.
        Node unusable = Node.Create(later.PublicKey, IPAddress.Loopback, 0, 0);
        Assert.False((await server.AddPeerAsync(unusable).WithinDeadline()).Succeeded);
        server.Ban(later.Id, TimeSpan.FromDays(1));
        Assert.Single(server.Bans);
    }

    [Fact]
    public async Task The_options_end_bans_of_the_nodes_that_they_name()
    {
        string file = Path.Combine(_directory, "nodes.db");
        Node trusted = NodeOf(PrivateKey.Generate()), named = NodeOf(PrivateKey.Generate());
        ServerOptions options = TestNet.Options() with { NodeDatabase = file, Dialer = new CountingDialer() };
        await using (Server first = new(options))
        {
            first.Ban(trusted.Id, Timeout.InfiniteTimeSpan);
            first.Ban(named.Id, Timeout.InfiniteTimeSpan);
        }

        await using Server second = await TestNet.StartAsync(options with { TrustedNodes = [trusted], StaticNodes = [named] });
        Assert.Empty(second.Bans);
    }

    [Fact]
    public async Task What_makes_no_sense_is_refused()
    {
        await using Server server = new(TestNet.Options());
        NodeId id = NodeDatabaseId(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => server.Ban(id, TimeSpan.Zero));
        Assert.Throws<ArgumentOutOfRangeException>(() => server.Ban(id, TimeSpan.FromSeconds(-2)));
        Assert.Throws<ArgumentException>(() => server.Ban(id, TimeSpan.FromSeconds(1), new string('x', BanList.MaxReasonLength + 1)));
        Assert.Throws<ArgumentException>(() => server.Ban(server.Self.Id, TimeSpan.FromSeconds(1)));
        server.Ban(id, TimeSpan.MaxValue);
        Assert.Null(Assert.Single(server.Bans).Until);
    }

    [Fact]
    public async Task A_banned_candidate_is_not_dialed_and_the_history_says_so_once()
    {
        var dialer = new CountingDialer();
        var release = new TaskCompletionSource();
        Node banned = PublicNode(), other = PublicNode();
        await using Server server = new(TestNet.Options(
            TestNet.Sink() with { DialCandidates = OfferAsync(release.Task, banned, banned, banned, other) }) with { Dialer = dialer });
        await server.StartAsync(TestContext.Current.CancellationToken);
        server.Ban(banned.Id, Timeout.InfiniteTimeSpan, "spam");
        release.SetResult();

        await TestNet.UntilAsync(() => dialer.Dialed.Contains(other.Id), "the other one is dialed");
        Assert.DoesNotContain(banned.Id, dialer.Dialed);
        DialAttempt attempt = Assert.Single(server.GetDialHistory(banned.Id));
        Assert.Equal((DialStage.Resolve, false, "banned for good: spam", false), (attempt.Stage, attempt.Succeeded, attempt.Reason, attempt.IsStatic));
        await TestNet.UntilAsync(() => server.GetDialHistory().Count == 2, "both are in the history of all");
        Assert.Equal([other.Id, banned.Id], server.GetDialHistory().Select(a => a.Node.Id));
        Assert.Equal([other.Id], server.GetDialHistory(1).Select(a => a.Node.Id));
        Assert.Empty(server.GetDialHistory(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => server.GetDialHistory(-1));
    }

    [Fact]
    public async Task A_dial_that_is_under_way_ends_with_the_ban()
    {
        var dialer = new CountingDialer { Hang = true };
        Node node = PublicNode();
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(TestNet.Sink() with { DialCandidates = new[] { node }.ToAsyncEnumerable() }) with { Dialer = dialer });
        await TestNet.UntilAsync(() => dialer.Dialed.Contains(node.Id), "it is dialed");

        server.Ban(node.Id, Timeout.InfiniteTimeSpan);

        await TestNet.UntilAsync(() => server.GetDialHistory(node.Id).Count == 1, "the dial has ended");
        Assert.Equal("banned for good", server.GetDialHistory(node.Id)[0].Reason);
    }

    private static async IAsyncEnumerable<Node> OfferAsync(Task start, params Node[] nodes)
    {
        await start;
        foreach (Node node in nodes)
        {
            yield return node;
        }
    }

    private static Node NodeOf(PrivateKey key) => Node.Create(key.PublicKey, IPAddress.Loopback, 1, 1);

    private static Node PublicNode() => Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Parse("8.8.8.8"), 30303, 30303);

    private static NodeId NodeDatabaseId(byte number) => new([.. Enumerable.Repeat(number, NodeId.Size)]);
}
