using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Discv5Spec;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>What a lookup asks one node: once, again when no answer came, and for what a full answer had no place for.</summary>
public sealed class LookupQuestionTests
{
    private readonly V5Net _net = new(4);
    private readonly V5Machine _machine;
    private readonly V5Peer _peer;
    private readonly NodeId _target;
    private readonly int[] _distances;
    private readonly List<int[]> _questions = [];

    // What the peer answers to the first question, the second and so on; null is nothing.
    private readonly Queue<Node[][]?> _answers = [];

    public LookupQuestionTests()
    {
        _machine = _net.AddMachine().Listen();
        _peer = _net.AddPeer();
        _peer.Open(_machine);
        do
        {
            _target = _net.NewKey().PublicKey.NodeId;
        }
        while (Distance.Log(_target, _peer.Node.Id) != 255);

        _distances = Discv5.GetLookupDistances(_target, _peer.Node.Id);
        _peer.OnMessage = message =>
        {
            if (message is not SpecFindNode question)
            {
                return;
            }

            _questions.Add([.. question.Distances.Select(static d => (int)d)]);
            Node[][] packets = _answers.TryDequeue(out Node[][]? answer) ? answer ?? [] : [[]];
            Array.ForEach(packets, nodes => _peer.Send(_machine, V5Peer.Nodes(message, packets.Length, nodes)));
        };
    }

    [Fact]
    public void An_answer_that_is_not_full_is_not_asked_about()
    {
        _answers.Enqueue(Packets(NodesAt(15, _distances[0])));
        LookUp();
        Assert.Equal([_distances], _questions);
    }

    [Fact]
    public void What_a_full_answer_had_no_place_for_is_asked_for_and_counts()
    {
        Node[] first = NodesAt(16, _distances[0]);
        Node[] second = NodesAt(3, _distances[2]);
        _answers.Enqueue(Packets(first));
        _answers.Enqueue(Packets(second));
        LookUp();

        Assert.Equal([_distances, _distances[1..]], _questions);
        Assert.All(first.Concat(second), node => Assert.Contains(_net.Sent, sent => sent.To.Equals(node.UdpEndPoint)));
    }

    [Fact]
    public void An_answer_of_as_many_packets_as_one_can_have_is_full()
    {
        _answers.Enqueue([.. NodesAt(5, _distances[0]).Select(static node => new[] { node })]);
        LookUp();
        Assert.Equal([_distances, _distances[1..]], _questions);
    }

    [Fact]
    public void Nobody_is_asked_more_than_three_times()
    {
        _answers.Enqueue(Packets(NodesAt(16, _distances[0])));
        _answers.Enqueue(Packets(NodesAt(16, _distances[1])));
        _answers.Enqueue(Packets(NodesAt(16, _distances[2])));
        LookUp();
        Assert.Equal([_distances, _distances[1..], _distances[2..]], _questions);
    }

    [Fact]
    public void A_question_without_an_answer_counts_among_the_three()
    {
        _answers.Enqueue(null);
        _answers.Enqueue(Packets(NodesAt(16, _distances[0])));
        _answers.Enqueue(Packets(NodesAt(16, _distances[1])));
        LookUp();
        Assert.Equal([_distances, _distances, _distances[1..]], _questions);
    }

    [Fact]
    public void Who_answers_the_first_question_only_has_answered()
    {
        _answers.Enqueue(Packets(NodesAt(16, _distances[0])));
        _answers.Enqueue(null);
        Assert.Equal([_peer.Node.Id], LookUp());
        Assert.Equal([_distances, _distances[1..]], _questions);
    }

    [Fact]
    public void Who_never_answers_is_asked_twice()
    {
        _answers.Enqueue(null);
        _answers.Enqueue(null);
        Assert.Empty(LookUp());
        Assert.Equal([_distances, _distances], _questions);
    }

    private static Node[][] Packets(Node[] nodes) => [.. nodes.Chunk(4)];

    private IEnumerable<NodeId> LookUp()
    {
        _machine.Machine.Table.AddFound(_net.Now, _peer.Node, _peer.EndPoint.Address);
        long id = _machine.Machine.StartLookup(_net.Now, _target);
        return _machine.Wait<LookupDone>(done => done.Id == id, TimeSpan.FromMinutes(2)).Closest.Select(static node => node.Id);
    }

    /// <summary>Nodes at a distance from the peer, where nobody is.</summary>
    private Node[] NodesAt(int count, int distance) => [.. Enumerable.Range(0, count).Select(i =>
    {
        while (true)
        {
            Node node = V5Peer.MakeNode(_net.NewKey(), new IPEndPoint(new IPAddress([70, (byte)distance, (byte)i, 1]), 30303));
            if (Distance.Log(node.Id, _peer.Node.Id) == distance)
            {
                return node;
            }
        }
    })];
}
