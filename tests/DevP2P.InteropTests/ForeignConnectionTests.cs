using System.Text.Json;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace DevP2P.InteropTests;

/// <summary>Hello, ping, refusals and disconnects, as a foreign node sees them and as we see the foreign node's.</summary>
public class ForeignConnectionTests
{
    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task EachSideReadsTheOthersHello(string version)
    {
        await using TestNode ours = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using JsPeer theirs = await JsPeer.StartAsync(
            version, "--capability", "bounce/1/2", "--capability", "other/7/3", "--name", "foreign/v1.2.3");

        DialAttempt attempt = await ours.DialAsync(theirs);
        Assert.True(attempt.Succeeded, attempt.Reason);

        JsonElement hello = await theirs.NextAsync("hello");
        Assert.Equal(5, hello.GetProperty("version").GetInt32());
        Assert.Equal("devp2p-interop", hello.GetProperty("name").GetString());
        Assert.Equal(["bounce/1"], hello.GetProperty("capabilities").EnumerateArray().Select(c => c.GetString()));
        Assert.StartsWith($"enode://{hello.GetProperty("peer").GetString()}@127.0.0.1:", ours.Enode, StringComparison.Ordinal);

        Peer peer = Assert.Single(ours.Server.Peers);
        Assert.Equal(Node.Parse(theirs.Enode).Id, peer.Id);
        Assert.Equal("foreign/v1.2.3", peer.FullName);
        Assert.Equal([new Capability("bounce", 1), new Capability("other", 7)], peer.Capabilities.Order());
        Assert.Equal($"127.0.0.1:{theirs.Port}", peer.RemoteEndPoint?.ToString());
    }

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task OurPongAnswersTheirPing(string version)
    {
        await using TestNode ours = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using JsPeer theirs = await JsPeer.StartAsync(version, "--capability", "bounce/1/2");
        theirs.Dial(ours.Enode);
        await theirs.NextAsync("connected");

        theirs.Ping();

        await theirs.NextWhileConnectedAsync("pong");
    }

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task TheyAnswerOurPingsAndTheConnectionLives(string version)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using TestNode ours = await TestNode.StartAsync(
            o => o with { TimeProvider = time }, BounceProtocol.Create());
        await using JsPeer theirs = await JsPeer.StartAsync(version, "--capability", "bounce/1/2");
        theirs.Dial(ours.Enode);
        await theirs.NextAsync("connected");
        await ours.NextEventAsync(PeerEventType.Add);

        for (int i = 0; i < 4; i++)
        {
            time.Advance(TimeSpan.FromSeconds(15));
            await theirs.NextWhileConnectedAsync("ping");

            // Their pong went out before this message, so once it is back the pong has been read.
            theirs.Send("bounce", code: 0, [0xc0]);
            await theirs.NextWhileConnectedAsync("message");
        }

        Assert.Equal(1, ours.Server.PeerCount);
    }

    // Including 0, which is an empty string in RLP.
    [Theory]
    [InlineData(JsPeer.Newest, DisconnectReason.Requested)]
    [InlineData(JsPeer.Newest, DisconnectReason.TooManyPeers)]
    [InlineData(JsPeer.Newest, DisconnectReason.SubprotocolError)]
    [InlineData(JsPeer.Older, DisconnectReason.Requested)]
    [InlineData(JsPeer.Older, DisconnectReason.TooManyPeers)]
    [InlineData(JsPeer.Older, DisconnectReason.SubprotocolError)]
    public async Task TheySeeTheReasonOfOurDisconnect(string version, DisconnectReason reason)
    {
        await using TestNode ours = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using JsPeer theirs = await JsPeer.StartAsync(version, "--capability", "bounce/1/2");
        theirs.Dial(ours.Enode);
        await theirs.NextAsync("connected");
        await ours.NextEventAsync(PeerEventType.Add);

        Assert.Single(ours.Server.Peers).Disconnect(reason);

        await AssertClosedByUsAsync(theirs, reason);
        await ours.NextEventAsync(PeerEventType.Drop);
        Assert.Equal(0, ours.Server.PeerCount);
    }

    // They send a bare integer, never compressed, where go-ethereum sends a compressed list.
    [Theory]
    [InlineData(JsPeer.Newest, DisconnectReason.Requested)]
    [InlineData(JsPeer.Newest, DisconnectReason.UselessPeer)]
    [InlineData(JsPeer.Newest, DisconnectReason.SubprotocolError)]
    [InlineData(JsPeer.Older, DisconnectReason.Requested)]
    [InlineData(JsPeer.Older, DisconnectReason.UselessPeer)]
    [InlineData(JsPeer.Older, DisconnectReason.SubprotocolError)]
    public async Task WeSeeTheReasonOfTheirDisconnect(string version, DisconnectReason reason)
    {
        await using TestNode ours = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using JsPeer theirs = await JsPeer.StartAsync(version, "--capability", "bounce/1/2");
        theirs.Dial(ours.Enode);
        await theirs.NextAsync("connected");
        await ours.NextEventAsync(PeerEventType.Add);

        theirs.Disconnect((int)reason);

        PeerEvent drop = await ours.NextEventAsync(PeerEventType.Drop);
        Assert.Equal(reason.ToText(), drop.Error);
        Assert.Equal(0, ours.Server.PeerCount);
    }

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task AFullServerTellsThemTooManyPeers(string version)
    {
        await using TestNode ours = await TestNode.StartAsync(
            o => o with { MaxPeers = 2, DialRatio = 2 }, BounceProtocol.Create());
        await using JsPeer first = await JsPeer.StartAsync(JsPeer.Older, "--capability", "bounce/1/2");
        first.Dial(ours.Enode);
        await first.NextAsync("connected");
        await ours.NextEventAsync(PeerEventType.Add);
        await using JsPeer second = await JsPeer.StartAsync(version, "--capability", "bounce/1/2");

        second.Dial(ours.Enode);

        await AssertClosedByUsAsync(second, DisconnectReason.TooManyPeers);
        Assert.Equal(1, ours.Server.PeerCount);
    }

    [Fact]
    public async Task TheirFullServerTellsUsTooManyPeers()
    {
        await using TestNode first = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using TestNode second = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using JsPeer theirs = await JsPeer.StartAsync(
            JsPeer.Newest, "--capability", "bounce/1/2", "--max-peers", "1");
        Assert.True((await first.DialAsync(theirs)).Succeeded);
        await theirs.NextAsync("connected");

        await second.DialAsync(theirs);

        // They let the handshakes through and refuse afterwards, so for a moment the connection stands.
        PeerEvent drop = await second.NextEventAsync(PeerEventType.Drop);
        Assert.Equal(DisconnectReason.TooManyPeers.ToText(), drop.Error);
        Assert.Equal(1, first.Server.PeerCount);
    }

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task WithoutASharedProtocolTheDialEndsAsUseless(string version)
    {
        await using TestNode ours = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using JsPeer theirs = await JsPeer.StartAsync(version, "--capability", "bounce/2/2");

        DialAttempt attempt = await ours.DialAsync(theirs);

        Assert.False(attempt.Succeeded);
        Assert.Equal(DialStage.ProtocolHandshake, attempt.Stage);
        Assert.Equal(DisconnectReason.UselessPeer, attempt.DisconnectReason);
        Assert.Equal(0, ours.Server.PeerCount);
    }

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task ADialToAnotherKeyFailsInTheEncryptionHandshake(string version)
    {
        await using TestNode ours = await TestNode.StartAsync(protocols: BounceProtocol.Create());
        await using JsPeer theirs = await JsPeer.StartAsync(version, "--capability", "bounce/1/2");
        Node somebodyElse = Node.Create(
            PrivateKey.Generate().PublicKey, System.Net.IPAddress.Loopback, theirs.Port, theirs.Port);

        DialAttempt attempt = await ours.Server.AddPeerAsync(somebodyElse, TestContext.Current.CancellationToken);

        Assert.False(attempt.Succeeded);
        Assert.Equal(DialStage.EncryptionHandshake, attempt.Stage);
    }

    private static async Task AssertClosedByUsAsync(JsPeer theirs, DisconnectReason reason)
    {
        JsonElement closed = await theirs.NextAsync("closed");
        Assert.Equal("remote", closed.GetProperty("by").GetString());
        Assert.Equal((int)reason, closed.GetProperty("reason").GetInt32());
    }
}
