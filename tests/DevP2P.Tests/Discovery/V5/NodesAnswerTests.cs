using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Discv5Spec;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>What we answer to FINDNODE.</summary>
public sealed class NodesAnswerTests
{
    private readonly V5Net _net = new();
    private readonly V5Peer _peer;
    private int _lastNetwork;

    public NodesAnswerTests() => _peer = _net.AddPeer();

    [Fact]
    public void Distance_0_is_ourselves()
    {
        V5Machine machine = _net.AddMachine().Listen();
        SpecNodes answer = Assert.Single(Ask(machine, 0));
        Assert.Equal(1UL, answer.Total);
        Assert.Equal(machine.Node.Record!.Encoded.ToArray(), Assert.Single(answer.RecordBytes));
    }

    [Theory]
    [InlineData(new int[0])]
    [InlineData(new[] { 256 })]
    [InlineData(new[] { 1 })]
    [InlineData(new[] { 257, 300, int.MaxValue })]
    public void Nobody_is_an_answer_too(int[] distances)
    {
        SpecNodes answer = Assert.Single(Ask(_net.AddMachine().Listen(), distances));
        Assert.Equal(1UL, answer.Total);
        Assert.Empty(answer.RecordBytes);
    }

    [Fact]
    public void Live_nodes_of_the_distances_are_named_each_once_and_no_others()
    {
        V5Machine machine = _net.AddMachine().Listen();
        Fill(machine, 40, largeRecords: false);
        foreach (int[] distances in (int[][])[[256], [255], [254], [255, 254], [256, 256, 256], [257, 255, 1000, 255], [256, 0], [0, 254, 0]])
        {
            List<SpecNodes> answer = Ask(machine, distances);
            Assert.All(answer, a => Assert.Equal((ulong)answer.Count, a.Total));
            Node[] named = Named(answer);
            Assert.Equal(named.Length, named.DistinctBy(static n => n.Id).Count());
            Assert.All(named, n => Assert.Contains(Distance.Log(machine.Node.Id, n.Id), distances));
            int expected = distances.Distinct().Sum(d => d == 0 ? 1 : d > 256 ? 0 : machine.Machine.Table.GetEntries(NodeTable.GetBucketIndex(d)).Length);
            Assert.Equal(Math.Min(Discv5Limits.MaxNodesPerAnswer, expected), named.Length);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_large_answer_has_as_many_packets_as_it_says_and_each_record_is_whole(bool largeRecords)
    {
        V5Machine machine = _net.AddMachine().Listen();
        Fill(machine, 60, largeRecords);
        List<SpecNodes> answer = Ask(machine, 256);

        // Of the largest records three fit into a packet, and a sixth packet is not sent.
        Assert.Equal(largeRecords ? Discv5Limits.MaxPacketsSent : 2, answer.Count);
        Assert.All(answer, a => Assert.Equal((ulong)answer.Count, a.Total));
        Assert.Equal(largeRecords ? 15 : Discv5Limits.MaxNodesPerAnswer, Named(answer).DistinctBy(static n => n.Id).Count());
        Assert.All(_net.Sent, static s => Assert.InRange(s.Datagram.Length, PacketCodec.MinPacketSize, PacketCodec.MaxPacketSize));
    }

    [Fact]
    public void Who_is_not_proven_who_asks_and_who_is_of_the_lan_is_not_named_to_the_outside()
    {
        V5Machine machine = _net.AddMachine().Listen();
        Node unproven = NodeAt(machine, 256, IPAddress.Parse("52.100.1.1"));
        Node lan = NodeAt(machine, 256, IPAddress.Parse("192.168.1.7"));
        Node good = NodeAt(machine, 256, IPAddress.Parse("52.100.3.1"));
        machine.Machine.Table.AddSeed(_net.Now, unproven, isOperatorNamed: true);
        foreach (Node node in new[] { lan, good, _peer.Node })
        {
            machine.Machine.Table.AddSeed(_net.Now, node, isOperatorNamed: true);
            machine.Machine.Table.MarkLive(node);
        }

        int[] all = [.. Enumerable.Range(240, 17)];
        Assert.Equal([good.Id], Named(Ask(machine, all)).Select(static n => n.Id));

        V5Peer neighbour = _net.AddPeer(new IPEndPoint(IPAddress.Parse("192.168.1.9"), 30303));
        neighbour.Open(machine);
        neighbour.Messages.Clear();
        neighbour.Send(machine, neighbour.FindNode(all));
        _net.Run(3 * _net.Latency);
        Assert.Equivalent(
            new[] { lan.Id, good.Id, _peer.Node.Id }, Named([.. neighbour.Messages.Cast<SpecNodes>()]).Select(static n => n.Id), strict: true);
    }

    [Fact]
    public void Near_nodes_share_a_bucket_and_are_told_apart()
    {
        V5Machine machine = _net.AddMachine().Listen();
        // Nobody can make a key for such a distance; so it is only asked for.
        Fill(machine, 200, largeRecords: false);
        int[] known = [.. Enumerable.Range(1, 256).Where(d => Named(Ask(machine, d)).Length > 0)];
        Assert.All(known, static d => Assert.InRange(d, 245, 256));
        Assert.Contains(256, known);
    }

    private static Node[] Named(List<SpecNodes> answer) => [.. answer.SelectMany(static a => a.RecordBytes).Select(static r =>
    {
        Assert.True(Node.TryFromRecord(r, out Node? node, out string? error), error);
        return node;
    })];

    private List<SpecNodes> Ask(V5Machine machine, params int[] distances)
    {
        if (_peer.Session is null)
        {
            _peer.Open(machine);
        }

        _peer.Messages.Clear();
        _peer.Send(machine, _peer.FindNode(distances));
        _net.Run(3 * _net.Latency);
        return [.. _peer.Messages.Cast<SpecNodes>()];
    }

    private void Fill(V5Machine machine, int count, bool largeRecords)
    {
        for (int i = 0; i < count; i++)
        {
            NodeRecordBuilder builder = new NodeRecordBuilder { Sequence = 1 }.SetAddress(NextAddress()).SetUdpPort(30303);
            Node node = Node.FromRecord((largeRecords ? builder.Set("x", new byte[162]) : builder).Sign(_net.NewKey()));
            Assert.True(!largeRecords || node.Record!.Encoded.Length is > 294 and <= NodeRecord.MaxSize, $"{node.Record!.Encoded.Length}");
            machine.Machine.Table.AddSeed(_net.Now, node, isOperatorNamed: false);
            if (machine.Machine.Table.TryGet(node.Id, out _))
            {
                machine.Machine.Table.MarkLive(node);
            }
        }
    }

    private IPAddress NextAddress() => new([53, (byte)(++_lastNetwork / 256), (byte)_lastNetwork, 1]);

    private Node NodeAt(V5Machine machine, int distance, IPAddress address)
    {
        while (true)
        {
            PrivateKey key = _net.NewKey();
            if (Distance.Log(machine.Node.Id, key.PublicKey.NodeId) == distance)
            {
                return V5Peer.MakeNode(key, new IPEndPoint(address, 30303));
            }
        }
    }
}
