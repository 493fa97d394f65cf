using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>One machine against peers that do what the test says: pings, the table, liveness.</summary>
public sealed class Discv4Tests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly TestNet _net = new();

    [Fact]
    public void A_ping_is_answered_and_sent_back()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.PingsBack = false;

        PacketHash hash = peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(Second);

        Pong pong = Assert.Single(peer.All<Pong>());
        Assert.Equal(hash, pong.PingHash);
        Assert.Equal(new Endpoint(peer.EndPoint, peer.EndPoint.Port), pong.To);
        Assert.Equal(machine.Node.Sequence, pong.RecordSequence);
        Ping ping = peer.All<Ping>().First();
        Assert.Equal(new Endpoint(machine.EndPoint, machine.EndPoint.Port), ping.From);
        Assert.Equal(new Endpoint(peer.EndPoint, 0), ping.To);
        Assert.Equal(machine.Node.Sequence, ping.RecordSequence);
        Assert.Contains(machine.Outputs, o => o is EndpointVerified v && v.Id == peer.Node.Id);
    }

    [Fact]
    public void After_the_proof_a_node_is_in_the_table_and_is_answered()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer[] others = [.. Enumerable.Range(0, 20).Select(_ => _net.AddPeer())];
        foreach (TestPeer other in others)
        {
            other.Bond(machine);
        }

        TestPeer peer = _net.AddPeer();
        peer.Bond(machine);
        Assert.True(machine.Machine.Table.TryGet(peer.Node.Id, out _));
        // Liveness checks have passed.
        _net.Run(60 * Second);
        byte[] target = [.. peer.Key.PublicKey.Bytes];
        peer.Send(machine.EndPoint, new FindNode(target, peer.Expiration));
        _net.Run(Second);

        Neighbors[] answers = [.. peer.All<Neighbors>()];
        Assert.Equal([12, 4], answers.Select(a => a.Nodes.Count));
        Assert.All(peer.Received, r => Assert.InRange(r.Size, 1, Codec.MaxPacketSize));
        Node[] closest = new Node[16];
        machine.Machine.Table.GetClosest(peer.Node.Id, preferLive: true, closest);
        Assert.Equal(
            closest.Select(n => n.PublicKey.ToString()),
            answers.SelectMany(a => a.Nodes).Select(n => Convert.ToHexStringLower(n.Key.Span)));
    }

    [Fact]
    public void A_node_that_never_answers_the_ping_is_not_in_the_table()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.AnswersPings = false;

        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(2 * Second);

        Assert.Equal(0, machine.Machine.Table.Count);
        Assert.Equal(0, machine.Machine.ContactCount);
        Assert.Equal(0, machine.Machine.RequestCount);
    }

    [Fact]
    [Trait("Threat", "T03")]
    public void T03_nobody_enters_the_table_before_it_has_initialized()
    {
        TestPeer silent = _net.AddPeer();
        silent.AnswersPings = silent.PingsBack = false;
        TestMachine machine = _net.AddMachine(null, silent.Node).Start();
        TestPeer early = _net.AddPeer();

        early.Bond(machine);

        Assert.DoesNotContain(machine.Outputs, o => o is Initialized);
        Assert.Equal(1, machine.Machine.ContactCount);
        Assert.False(machine.Machine.Table.TryGet(early.Node.Id, out _));

        Assert.True(_net.RunUntil(() => machine.Outputs.Any(o => o is Initialized), 10 * Second));
        early.Bond(machine);
        Assert.True(machine.Machine.Table.TryGet(early.Node.Id, out _));
    }

    [Fact]
    [Trait("Threat", "T17")]
    public void Expired_packets_and_replays_are_ignored()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.Bond(machine);
        machine.Machine.Table.Remove(machine.Now, peer.Node.Id);
        byte[] ping = peer.Encode(peer.NewPing(machine.EndPoint), out _);
        byte[] query = peer.Encode(new FindNode(RandomTarget(), peer.Expiration), out _);
        peer.Received.Clear();

        _net.Run(21 * Second);
        for (int i = 0; i < 3; i++)
        {
            _net.Post(peer.EndPoint, machine.EndPoint, ping);
            _net.Post(peer.EndPoint, machine.EndPoint, query);
            _net.Run(2 * Second);
        }

        Assert.Empty(peer.Received);
    }

    [Fact]
    public void A_node_that_has_gone_is_pinged_again_but_not_asked_again()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.Bond(machine);
        peer.AnswersPings = peer.PingsBack = false;
        NodeTable table = machine.Machine.Table;
        table.AddSeed(machine.Now, peer.Node, isOperatorNamed: false);
        long id = machine.Machine.StartLookup(machine.Now, RandomTarget());
        table.Remove(machine.Now, peer.Node.Id);
        peer.Received.Clear();

        LookupDone done = machine.Wait<LookupDone>(d => d.Id == id, 10 * Second);

        Assert.Empty(done.Closest);
        Assert.Single(peer.All<FindNode>());
        Assert.Equal(Discv4Limits.Attempts, peer.All<Ping>().Count());
        Assert.Equal(0, machine.Machine.RequestCount);
    }

    [Fact]
    public void A_node_that_stops_answering_leaves_the_table()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.Bond(machine);
        peer.AnswersPings = false;

        Assert.True(_net.RunUntil(() => machine.Machine.Table.Count == 0, TimeSpan.FromMinutes(2)));
        Assert.Contains(machine.Outputs, o => o is NodeRemoved removed && removed.Node.Id == peer.Node.Id);
    }

    [Fact]
    public void StartPing_tells_what_the_node_says()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.RecordSequence = 17;

        long id = machine.Machine.StartPing(machine.Now, peer.Node);
        PingReply? reply = machine.Wait<PingDone>(d => d.Id == id, 5 * Second).Reply;
        Assert.Equal(new PingReply(2 * _net.Latency, machine.EndPoint, 17), reply);

        peer.AnswersPings = false;
        id = machine.Machine.StartPing(machine.Now, peer.Node);
        Assert.Null(machine.Wait<PingDone>(d => d.Id == id, 5 * Second).Reply);

        id = machine.Machine.StartPing(machine.Now, Node.Create(peer.Key.PublicKey, null, 0, 0));
        Assert.Null(machine.Wait<PingDone>(d => d.Id == id, 5 * Second).Reply);
    }

    [Fact]
    public void Requests_of_one_second_differ()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.PingsBack = false;
        _net.Latency = TimeSpan.FromMilliseconds(1);

        for (int i = 0; i < 5; i++)
        {
            machine.Machine.StartPing(machine.Now, peer.Node);
            machine.Drain();
            _net.Run(TimeSpan.FromMilliseconds(3));
        }

        Assert.Equal(5, peer.Received.Where(r => r.Packet is Ping).Select(r => r.Hash).Distinct().Count());
    }

    private byte[] RandomTarget()
    {
        byte[] target = new byte[FindNode.TargetSize];
        _net.Fill(target);
        return target;
    }
}
