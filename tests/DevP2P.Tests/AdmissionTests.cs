using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests;

public sealed class AdmissionTests
{
    [Fact]
    [Trait("Threat", "T01")]
    public async Task Inbound_peers_never_take_the_slots_that_are_kept_for_dialing()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = 6, DialRatio = 3 });
        var probes = new List<RlpxProbe>();
        for (int i = 0; i < 4; i++)
        {
            probes.Add(await PeerTests.ConnectAsync(server));
            await TestNet.UntilAsync(() => server.PeerCount == i + 1, "the peer is there");
        }

        await AssertRefusedAsync(server, DisconnectReason.TooManyPeers);

        // The side that is kept free still works.
        await using Server other = await TestNet.StartAsync();
        Assert.True((await server.AddPeerAsync(other.Self).WithinDeadline()).Succeeded);
        await DisposeAsync(probes);
    }

    [Fact]
    public async Task A_trusted_node_gets_in_when_all_slots_are_taken()
    {
        PrivateKey friend = PrivateKey.Generate();
        Node friendNode = Node.Create(friend.PublicKey, IPAddress.Loopback, 1, 1);
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = 2 });
        await using RlpxProbe first = await PeerTests.ConnectAsync(server);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        await AssertRefusedAsync(server, DisconnectReason.TooManyPeers, friend);

        server.AddTrustedPeer(friendNode);
        await using RlpxProbe second = await PeerTests.ConnectAsync(server, key: friend);
        await TestNet.UntilAsync(() => server.PeerCount == 2, "the trusted peer is there");
        Peer peer = server.Peers.Single(p => p.Id == friendNode.Id);
        Assert.True(peer.IsTrusted);

        server.RemoveTrustedPeer(friendNode);
        await TestNet.UntilAsync(() => !peer.IsTrusted, "the trust is gone, the peer not");
        Assert.Equal(2, server.PeerCount);
    }

    [Fact]
    public async Task Refusals_have_their_reason_on_the_wire_and_in_a_counter()
    {
        PrivateKey twin = PrivateKey.Generate();
        await using Server server = await TestNet.StartAsync();
        await using RlpxProbe first = await PeerTests.ConnectAsync(server, key: twin);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");

        await AssertRefusedAsync(server, DisconnectReason.AlreadyConnected, twin);
        await AssertRefusedAsync(server, DisconnectReason.Self, server.Options.PrivateKey);
        await AssertRefusedAsync(server, DisconnectReason.UselessPeer, capabilities: [new("other", 1), new("sink", 2)]);

        await TestNet.UntilAsync(() => server.GetCounters().Refused.Values.Sum() == 3, "all are counted");
        IReadOnlyDictionary<string, long> refused = server.GetCounters().Refused;
        Assert.Equal(1, refused["already connected"]);
        Assert.Equal(1, refused["connected to self"]);
        Assert.Equal(1, refused["useless peer"]);
    }

    /// <summary>Of two connections that two nodes dial to each other at once, the one that the lower id has dialed is kept.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_two_nodes_dial_each_other_at_once_both_keep_the_same_connection(bool isLower)
    {
        await using Server server = await TestNet.StartAsync();
        PrivateKey key;
        do
        {
            key = PrivateKey.Generate();
        }
        while (server.Self.Id < key.PublicKey.NodeId != isLower);

        // Reached by us, and silent: our own connection to it stays in its handshakes.
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        server.AddPeer(Node.Create(key.PublicKey, IPAddress.Loopback, ((IPEndPoint)silent.LocalEndPoint!).Port, 0));
        using Socket ours = await silent.AcceptAsync(TestContext.Current.CancellationToken).AsTask().WithinDeadline();
        // Its first byte shows that the handshake has begun.
        Assert.Equal(1, await ours.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken).AsTask().WithinDeadline());

        if (isLower)
        {
            await AssertRefusedAsync(server, DisconnectReason.AlreadyConnected, key);
            return;
        }

        await using RlpxProbe theirs = await PeerTests.ConnectAsync(server, key: key);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        Assert.True(Assert.Single(server.Peers).IsInbound);
    }

    [Fact]
    public async Task Two_servers_that_dial_each_other_at_once_end_up_connected()
    {
        for (int i = 0; i < 20; i++)
        {
            await using Server one = await TestNet.StartAsync();
            await using Server two = await TestNet.StartAsync();
            await Task.WhenAll(one.AddPeerAsync(two.Self), two.AddPeerAsync(one.Self)).WithinDeadline();
            await TestNet.UntilAsync(() => one.PeerCount == 1 && two.PeerCount == 1, "they are connected");
        }
    }

    [Fact]
    public async Task A_removed_peer_does_not_come_back_until_it_is_added_again()
    {
        PrivateKey key = PrivateKey.Generate();
        await using Server server = await TestNet.StartAsync();
        await using RlpxProbe probe = await PeerTests.ConnectAsync(server, key: key);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");

        server.RemovePeer(key.PublicKey.NodeId);
        PeerDisconnectedException end = await Assert.ThrowsAsync<PeerDisconnectedException>(() => probe.ReadAsync().WithinDeadline());
        Assert.Equal(DisconnectReason.Requested, end.Reason);
        await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is gone");
        await AssertRefusedAsync(server, DisconnectReason.Requested, key);

        server.AddPeer(Node.Create(key.PublicKey, IPAddress.Loopback, 1, 0));
        await TestNet.UntilAsync(() => server.GetCounters().Dialed == 1, "it is dialed");
        await TestNet.UntilAsync(() => server.GetDialHistory(key.PublicKey.NodeId).Count == 1, "in vain");
        await using RlpxProbe again = await PeerTests.ConnectAsync(server, key: key);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "it may come again");
    }

    [Fact]
    public async Task Net_restrict_keeps_others_out_and_in()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { NetRestrict = NetList.Parse("10.0.0.0/8") });
        await Assert.ThrowsAnyAsync<Exception>(() => PeerTests.ConnectAsync(server));
        Assert.Equal(1, server.GetCounters().Refused["not in net restrict list"]);

        await using Server other = await TestNet.StartAsync();
        DialAttempt attempt = await server.AddPeerAsync(other.Self).WithinDeadline();
        Assert.False(attempt.Succeeded);
        Assert.Equal(0, server.GetCounters().Dialed);
    }

    private static async Task AssertRefusedAsync(
        Server server, DisconnectReason reason, PrivateKey? key = null, IReadOnlyList<Capability>? capabilities = null)
    {
        PeerDisconnectedException refusal = await Assert.ThrowsAsync<PeerDisconnectedException>(async () =>
        {
            await using RlpxProbe probe = await PeerTests.ConnectAsync(server, capabilities, key);
            await probe.ReadAsync().WithinDeadline();
        });
        Assert.Equal(reason, refusal.Reason);
        Assert.True(refusal.IsRemote);
    }

    private static async Task DisposeAsync(IEnumerable<RlpxProbe> probes)
    {
        foreach (RlpxProbe probe in probes)
        {
            await probe.DisposeAsync();
        }
    }
}
