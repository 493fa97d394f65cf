using System.Net;
using System.Text.Json;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.InteropTests;

/// <summary>
/// Discovery v4 with a foreign node ("DPT"). All is on loopback, whose nodes are relayed only to and believed only from
/// loopback (T18): what is tried here is the protocol, not that rule.
/// </summary>
public class ForeignDiscoveryTests
{
    private const string Ours = DiscoveryNode.Ours;

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task WeBootstrapFromThem(string version)
    {
        await using TheirDiscovery theirs = await TheirDiscovery.StartAsync(version);
        await using OurDiscovery ours = await OurDiscovery.StartAsync(theirs);

        await ours.FindsAsync(theirs);
        await ours.KnowsOneAsync();

        // They look for who pings them where the ping says that it is.
        JsonElement found = await theirs.FoundAsync(ours);
        Assert.Equal("127.0.0.1", found.GetProperty("address").GetString());
        Assert.Equal(ours.Discovery.LocalEndPoint!.Port, found.GetProperty("udpPort").GetInt32());
        AssertNothingWrong(ours);
    }

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task TheyBootstrapFromUs(string version)
    {
        await using OurDiscovery ours = await OurDiscovery.StartAsync();
        await using TheirDiscovery theirs = await TheirDiscovery.StartAsync(version, ours);

        await theirs.FindsAsync(ours);
        await ours.FindsAsync(theirs);

        await ours.KnowsOneAsync();
        AssertNothingWrong(ours);
    }

    // The searcher and the third know nobody but the one between them.
    [Theory]
    [InlineData(Ours, JsPeer.Newest, Ours)]
    [InlineData(Ours, JsPeer.Older, Ours)]
    [InlineData(Ours, JsPeer.Newest, JsPeer.Older)]
    [InlineData(Ours, Ours, JsPeer.Newest)]
    [InlineData(JsPeer.Newest, Ours, Ours)]
    [InlineData(JsPeer.Older, Ours, Ours)]
    [InlineData(JsPeer.Newest, Ours, JsPeer.Older)]
    [InlineData(JsPeer.Older, JsPeer.Newest, Ours)]
    public async Task AThirdNodeIsFoundThroughTheOneBetween(string searcherKind, string betweenKind, string thirdKind)
    {
        await using DiscoveryNode between = await DiscoveryNode.StartAnyAsync(betweenKind);
        await using DiscoveryNode third = await DiscoveryNode.StartAnyAsync(thirdKind, between);
        await using DiscoveryNode searcher = await DiscoveryNode.StartAnyAsync(searcherKind, between);

        await searcher.FindsAsync(third);
        await third.FindsAsync(searcher);
    }

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task TheyDoNotKnowRecordRequestsAndNothingComesOfIt(string version)
    {
        await using TheirDiscovery theirs = await TheirDiscovery.StartAsync(version);
        await using OurDiscovery ours = await OurDiscovery.StartAsync(theirs);
        await ours.FindsAsync(theirs);
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;

        Assert.Null(await ours.Discovery.RequestRecordAsync(theirs.Node, cancellationToken));
        Assert.Null(await ours.Discovery.ResolveAsync(theirs.Node, cancellationToken));

        JsonElement error = await theirs.Peer.NextAsync("discoveryError");
        Assert.Contains("Invalid type: 5", error.GetProperty("message").GetString(), StringComparison.Ordinal);

        DiscoveryPing ping = await ours.PingAsync(theirs);
        Assert.Equal(ours.Discovery.LocalEndPoint, ping.SeenAs);
        Assert.Null(ping.RecordSequence);
        await ours.FindsAsync(theirs);
        await ours.KnowsOneAsync();
    }

    // They send up to 16 nodes in one packet, which takes 1,373 bytes where each has a TCP port (ours have none here); a packet
    // has at most 1,280 (discv4.md, "Wire Protocol").
    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task AnAnswerOfFourteenNodesInOnePacketIsRead(string version)
    {
        // Otherwise we would tell it of itself, and it would take itself into its table.
        await using TheirDiscovery theirs = await TheirDiscovery.StartAsync(version, asksAgain: false);
        await using OurDiscovery third = await OurDiscovery.StartAsync();
        theirs.Peer.Know([third.Enode, .. Absent(12)]);
        await using OurDiscovery ours = await OurDiscovery.StartAsync(theirs);

        await theirs.FindsAsync(ours);
        await ours.FindsAsync(third);

        Assert.InRange(await SizeOfAnswerAsync(theirs, nodes: 14), 1200, 1280);
        AssertNothingWrong(ours);
    }

    [Theory]
    [InlineData(JsPeer.Newest)]
    [InlineData(JsPeer.Older)]
    public async Task AnAnswerOfSixteenNodesInOnePacketIsTooLong(string version)
    {
        await using TheirDiscovery theirs = await TheirDiscovery.StartAsync(version, asksAgain: false);
        await using OurDiscovery third = await OurDiscovery.StartAsync();
        theirs.Peer.Know([third.Enode, .. Absent(15)]);
        await using OurDiscovery ours = await OurDiscovery.StartAsync(theirs);

        IEnumerable<NodeId> found = await ours.LookupAsync(third);

        // They did answer; the lookup has waited for an answer as long as for a lost one.
        Assert.InRange(await SizeOfAnswerAsync(theirs, nodes: 16), 1281, 1373);
        Assert.DoesNotContain(third.Node.Id, found);
        Assert.True(ours.Discovery.Counters.Malformed > 0, ours.Discovery.Counters.ToString());

        // Yet they answer pings, and stay: a bucket with few nodes keeps those that are of no use.
        await ours.PingAsync(theirs);
        await ours.KnowsOneAsync();
    }

    [Theory]
    [InlineData(JsPeer.Newest, JsPeer.Older)]
    [InlineData(JsPeer.Older, JsPeer.Newest)]
    public async Task OurServerConnectsToWhomItFindsThroughThem(string betweenVersion, string thirdVersion)
    {
        await using JsPeer between = await JsPeer.StartAsync(betweenVersion, "--discovery", "--capability", "bounce/1/2");
        await using JsPeer third = await JsPeer.StartAsync(thirdVersion, "--discovery", "--capability", "bounce/1/2");
        third.Bootstrap(between.Enode);
        await third.NextAsync("found");

        await using TestNode ours = await TestNode.StartAsync(
            o => o with { NoDiscovery = false, BootstrapNodes = [Node.Parse(between.Enode)] }, BounceProtocol.Create());

        await ours.NextEventAsync(PeerEventType.Add);
        await ours.NextEventAsync(PeerEventType.Add);
        Assert.Equal(
            new[] { between, third }.Select(p => Node.Parse(p.Enode).Id).Order(), ours.Server.Peers.Select(p => p.Id).Order());
        Assert.All(ours.Server.Peers, p => Assert.False(p.IsInbound));
        await third.NextAsync("connected");
        third.Send("bounce", code: 0, [1, 2, 3]);
        JsonElement message = await third.NextWhileConnectedAsync("message");
        Assert.Equal("010203", message.GetProperty("payload").GetString());
    }

    [Theory]
    [InlineData(JsPeer.Newest, JsPeer.Older)]
    [InlineData(JsPeer.Older, JsPeer.Newest)]
    public async Task TheyConnectToOurServerWhichTheyFindThroughAnother(string searcherVersion, string betweenVersion)
    {
        await using JsPeer between = await JsPeer.StartAsync(betweenVersion, "--discovery", "--capability", "bounce/1/2");
        await using TestNode ours = await TestNode.StartAsync(
            o => o with { NoDiscovery = false, NoDial = true, BootstrapNodes = [Node.Parse(between.Enode)] }, BounceProtocol.Create());
        await using JsPeer searcher = await JsPeer.StartAsync(
            searcherVersion, "--discovery", "--dial-found", "--capability", "bounce/1/2");

        searcher.Bootstrap(between.Enode);

        PeerEvent added = await ours.NextEventAsync(PeerEventType.Add);
        Assert.Equal(Node.Parse(searcher.Enode).Id, added.Peer);
        Assert.True(Assert.Single(ours.Server.Peers).IsInbound);
    }

    private static async Task<int> SizeOfAnswerAsync(TheirDiscovery theirs, int nodes)
    {
        JsonElement sent;
        do
        {
            sent = await theirs.Peer.NextAsync("packetSent");
        }
        while (sent.GetProperty("type").GetString() != "neighbours" || sent.GetProperty("nodes").GetInt32() != nodes);
        return sent.GetProperty("size").GetInt32();
    }

    /// <summary>Nodes that are not there, at loopback addresses that nobody listens on.</summary>
    private static IEnumerable<string> Absent(int count) => Enumerable.Range(1, count).Select(i =>
        Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Parse($"127.66.0.{i}"), 30303, 30303).ToString());

    private static void AssertNothingWrong(OurDiscovery ours)
    {
        DiscoveryCounters counters = ours.Discovery.Counters;
        Assert.Equal(0, counters.Malformed + counters.BadSignatures + counters.OverRate + counters.Overflowed);
    }
}
