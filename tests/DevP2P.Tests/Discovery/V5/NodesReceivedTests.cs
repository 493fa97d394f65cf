using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Discv5Spec;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>What we believe of an answer to our FINDNODE (T05, T18).</summary>
public sealed class NodesReceivedTests
{
    private readonly V5Net _net = new();
    private readonly V5Machine _machine;
    private readonly V5Peer _peer;
    private readonly List<Func<SpecMessage, byte[]>> _answers = [];
    private long _id;

    public NodesReceivedTests()
    {
        _machine = _net.AddMachine().Listen();
        _peer = _net.AddPeer();
        _peer.Open(_machine);
        _peer.OnMessage = message =>
        {
            if (message is SpecFindNode)
            {
                _answers.ForEach(answer => _peer.Send(_machine, answer(message)));
            }
        };
    }

    [Fact]
    public void Nodes_of_the_distances_asked_for_are_taken_and_others_are_not()
    {
        Node right = NodeAt(256);
        Node other = NodeAt(254);
        Answer(1, right, other, _peer.Node);
        Assert.Equal([right.Id], Ask(256, 255));
        Assert.Equal([right.Id, other.Id], Ask(256, 254));
        Assert.Equal([_peer.Node.Id], Ask(0));
    }

    [Fact]
    public void A_node_counts_once_in_whatever_packets_it_comes()
    {
        Node node = NodeAt(256);
        Answer(2, node, node);
        Answer(2, node);
        Assert.Equal([node.Id], Ask(256));
    }

    [Theory]
    [InlineData("192.168.1.1", 30303, false)]
    [InlineData("127.0.0.1", 30303, false)]
    [InlineData("0.0.0.0", 30303, false)]
    [InlineData("224.0.0.1", 30303, false)]
    [InlineData("52.1.2.3", 1024, false)]
    [InlineData("52.1.2.3", 53, false)]
    [InlineData("52.1.2.3", 1025, true)]
    [InlineData("2600::1", 30303, true)]
    [InlineData("fd00::1", 30303, false)]
    [InlineData("::1", 30303, false)]
    public void Where_nobody_can_be_nobody_is(string address, int port, bool isBelieved)
    {
        Node node = NodeAt(256, IPAddress.Parse(address), port);
        Answer(1, node);
        Assert.Equal(isBelieved ? [node.Id] : [], Ask(256));
    }

    [Fact]
    public void A_record_without_an_endpoint_or_with_a_bad_signature_is_left_out()
    {
        Node good = NodeAt(256);
        Node without = Node.FromRecord(new NodeRecordBuilder { Sequence = 1 }.Sign(KeyAt(256)));
        byte[] bad = NodeAt(256).Record!.Encoded.ToArray();
        bad[30] ^= 1;
        _answers.Add(m => V5Peer.Write(b => MessageCodec.WriteNodes(
            b, new RequestId(m.RequestId), 1, [.. bad, .. without.Record!.Encoded.Span, .. good.Record!.Encoded.Span])));
        Assert.Equal([good.Id], Ask(256));
    }

    [Fact]
    public void The_answer_is_complete_with_as_many_packets_as_the_first_says()
    {
        Node[] nodes = [.. Enumerable.Range(0, 4).Select(_ => NodeAt(256))];
        Answer(2, nodes[0]);
        Answer(9, nodes[1]);
        Answer(2, nodes[2]);
        long unwanted = _machine.Machine.Counts.Unwanted;
        Assert.Equal([nodes[0].Id, nodes[1].Id], Ask(256));
        _net.Run(3 * _net.Latency);
        Assert.Equal(unwanted + 1, _machine.Machine.Counts.Unwanted);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_total_of_0_is_1(int total)
    {
        Node node = NodeAt(256);
        Answer(total, node);
        Assert.Equal([node.Id], Ask(256));
        Assert.Equal(0, _machine.Machine.CallCount);
    }

    [Fact]
    public void What_came_of_an_answer_that_stays_incomplete_is_taken_after_a_while()
    {
        Node node = NodeAt(256);
        Answer(int.MaxValue, node);
        TimeSpan begin = _net.Now.Monotonic;
        Assert.Equal([node.Id], Ask(256));
        Assert.True(_net.Now.Monotonic - begin >= Discv5Limits.ResponseTimeout);
        Assert.Equal(0, _machine.Machine.CallCount);
    }

    [Fact]
    public void No_answer_is_null_and_an_empty_one_is_empty()
    {
        Assert.Null(_machine.FindNode(_peer.Node, 256));
        Answer(1);
        Assert.Empty(Ask(256));
    }

    [Fact]
    public void At_most_16_records_are_verified_however_many_come()
    {
        Node[] nodes = [.. Enumerable.Range(0, 40).Select(_ => NodeAt(256))];
        for (int i = 0; i < 40; i += 4)
        {
            Answer(10, nodes[i..(i + 4)]);
        }

        _machine.HoldsJobs = true;
        Start(256);
        _net.Run(4 * _net.Latency);
        Assert.Equal(4, _machine.JobCount);
        _machine.RunJobs();

        Assert.Equal(nodes[..16].Select(static n => n.Id), Result()!.Select(static n => n.Id));
    }

    [Fact]
    public void What_is_verified_when_the_time_is_over_is_waited_for()
    {
        Node node = NodeAt(256);
        Answer(2, node);
        _machine.HoldsJobs = true;
        Start(256);
        _net.Run(TimeSpan.FromSeconds(3));
        Assert.Equal((1, 1), (_machine.JobCount, _machine.Machine.CallCount));
        _machine.RunJobs();

        Assert.Equal([node.Id], Result()!.Select(static n => n.Id));
        Assert.Equal(0, _machine.Machine.CallCount);
    }

    [Fact]
    public void What_comes_late_or_was_not_asked_for_reaches_nobody()
    {
        SpecMessage? question = null;
        _peer.OnMessage = message => question = message;
        Assert.Null(_machine.FindNode(_peer.Node, 256));
        long unwanted = _machine.Machine.Counts.Unwanted;

        _peer.Send(_machine, V5Peer.Nodes(question!, 1, NodeAt(256)));
        _peer.Send(_machine, V5Peer.Nodes(new SpecPing([1, 2], 1), 1, NodeAt(256)));
        _peer.Send(_machine, V5Peer.Pong(question!, 1, _machine.EndPoint));
        _net.Run(3 * _net.Latency);

        Assert.Equal(unwanted + 3, _machine.Machine.Counts.Unwanted);
        Assert.Single(_machine.Outputs.OfType<FindNodeDone>());
        Assert.Equal((0, 0), (_machine.JobCount, _machine.Machine.Table.Count));
    }

    [Fact]
    public void An_answer_counts_only_from_the_node_that_was_asked()
    {
        V5Peer other = _net.AddPeer();
        other.Open(_machine);
        _peer.OnMessage = message => other.Send(_machine, V5Peer.Nodes(message, 1, NodeAt(256)));

        Assert.Null(_machine.FindNode(_peer.Node, 256));
        Assert.Equal(1, _machine.Machine.Counts.Unwanted);
    }

    [Fact]
    public void An_answer_of_another_kind_is_none()
    {
        _peer.OnMessage = message => _peer.Send(_machine, V5Peer.Pong(message, 1, _machine.EndPoint));
        Assert.Null(_machine.FindNode(_peer.Node, 256));
        Assert.Equal(1, _machine.Machine.Counts.Unwanted);
    }

    [Theory]
    [InlineData("2600::1", 30303, true)]
    [InlineData("::1", 30303, false)]
    [InlineData("fd00::1", 30303, false)]
    [InlineData("2600::1", 53, false)]
    public void Of_two_endpoints_that_is_judged_which_can_be_reached(string address, int port, bool isBelieved)
    {
        V5Machine machine = _net.AddMachine(_net.NewKey(), _net.NextEndPoint(), static o => o with { HasIPv4 = false }).Listen();
        V5Peer peer = _net.AddPeer(new IPEndPoint(IPAddress.Parse("2600:0:0:1::1"), 30303));
        peer.Open(machine);
        PrivateKey key;
        do
        {
            key = _net.NewKey();
        }
        while (Distance.Log(peer.Node.Id, key.PublicKey.NodeId) != 256);

        Node node = Node.FromRecord(new NodeRecordBuilder { Sequence = 1 }
            .SetAddress(IPAddress.Parse("52.1.2.3")).SetUdpPort(30303)
            .SetAddress(IPAddress.Parse(address)).SetUdp6Port(port).Sign(key));
        peer.OnMessage = message => peer.Send(machine, V5Peer.Nodes(message, 1, node));

        Assert.Equal(isBelieved ? [node.Id] : [], machine.FindNode(peer.Node, 256)!.Select(static n => n.Id));
    }

    private PrivateKey KeyAt(int distance)
    {
        while (true)
        {
            PrivateKey key = _net.NewKey();
            if (Distance.Log(_peer.Node.Id, key.PublicKey.NodeId) == distance)
            {
                return key;
            }
        }
    }

    private Node NodeAt(int distance, IPAddress? address = null, int port = 30303) =>
        V5Peer.MakeNode(KeyAt(distance), new IPEndPoint(address ?? IPAddress.Parse("52.7.7.7"), port));

    private void Answer(int total, params Node[] nodes) => _answers.Add(message => V5Peer.Nodes(message, total, nodes));

    private NodeId[] Ask(params int[] distances)
    {
        IReadOnlyList<Node>? nodes = _machine.FindNode(_peer.Node, distances);
        Assert.NotNull(nodes);
        return [.. nodes.Select(static n => n.Id)];
    }

    private void Start(params int[] distances)
    {
        _id = _machine.Machine.StartFindNode(_net.Now, _peer.Node, distances);
        _machine.Drain();
    }

    private IReadOnlyList<Node>? Result() => _machine.Outputs.OfType<FindNodeDone>().Single(done => done.Id == _id).Nodes;
}
