using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Discv5Spec;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Requests of ours: how many there may be, and that each ends once.</summary>
public sealed class CallTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly V5Net _net = new();
    private readonly V5Machine _machine;

    public CallTests() => _machine = _net.AddMachine().Listen();

    [Fact]
    public void Only_so_many_requests_to_one_node_are_under_way_and_the_others_follow()
    {
        V5Peer peer = _net.AddPeer().Open(_machine);
        peer.Messages.Clear();
        for (int i = 0; i < 100; i++)
        {
            _machine.Machine.StartPing(_net.Now, peer.Node);
        }

        _machine.Drain();
        _net.Run(3 * _net.Latency);
        Assert.Equal(Discv5Limits.MaxActivePerNode, peer.Messages.Count);
        Assert.Equal(100, _machine.Machine.CallCount);

        // Each answer makes room for one.
        foreach (SpecMessage ping in peer.Messages.Take(5).ToArray())
        {
            peer.Send(_machine, V5Peer.Pong(ping, 1, _machine.EndPoint));
        }

        _net.Run(3 * _net.Latency);
        Assert.Equal(Discv5Limits.MaxActivePerNode + 5, peer.Messages.Count);
        Assert.Equal(95, _machine.Machine.CallCount);

        peer.OnMessage = message => peer.Send(_machine, V5Peer.Pong(message, 1, _machine.EndPoint));
        _net.Run(10 * Second);
        Assert.Equal(100, _machine.Outputs.OfType<PingDone>().Select(static done => done.Id).Distinct().Count());
        // Those under way when nobody answered ran out of time, the others did not.
        Assert.Equal(100 - Discv5Limits.MaxActivePerNode, _machine.Outputs.OfType<PingDone>().Count(static done => done.Reply is not null));
        AssertAllEnded(100, sessions: 1);
    }

    [Fact]
    public void Only_so_many_requests_to_one_node_wait()
    {
        V5Peer peer = _net.AddPeer();
        const int count = Discv5Limits.MaxQueuedPerNode + 101;
        for (int i = 0; i < count; i++)
        {
            _machine.Machine.StartPing(_net.Now, peer.Node);
        }

        // The one under way and those that wait; the others fail at once.
        Assert.Equal(Discv5Limits.MaxQueuedPerNode + 1, _machine.Machine.CallCount);
        _machine.HandleTimeout();
        Assert.Equal(100, _machine.Outputs.OfType<PingDone>().Count());
        _net.Run(5 * Second);
        // Who does not answer a handshake is not asked by those that wait, too.
        Assert.Single(peer.Received);
        AssertAllEnded(count, sessions: 0);
    }

    [Fact]
    public void Only_so_many_requests_are_there_at_all()
    {
        const int count = Discv5Limits.MaxCalls + 100;
        for (int i = 0; i < count; i++)
        {
            _machine.Machine.StartPing(_net.Now, V5Peer.MakeNode(_net.NewKey(), _net.AddPeer().EndPoint));
        }

        Assert.Equal((Discv5Limits.MaxCalls, Discv5Limits.MaxCalls), (_machine.Machine.CallCount, _machine.Machine.RemoteCount));
        _machine.Drain();
        _net.Run(5 * Second);
        AssertAllEnded(count, sessions: 0);
    }

    [Fact]
    public void Who_has_no_endpoint_or_is_ourselves_is_not_asked()
    {
        PrivateKey key = _net.NewKey();
        Node[] nodes = [_machine.Node, Node.Create(key.PublicKey, null, 1, 1), Node.Create(key.PublicKey, IPAddress.Parse("52.1.1.1"), 1, 0)];
        foreach (Node node in nodes)
        {
            _machine.Machine.StartPing(_net.Now, node);
            _machine.Machine.StartFindNode(_net.Now, node, [1]);
            _machine.Machine.StartTalk(_net.Now, node, "x", [1]);
        }

        _machine.Drain();
        _net.Run(Second);
        Assert.Empty(_net.Sent);
        AssertAllEnded(9, sessions: 0);
    }

    [Fact]
    public void Requests_to_who_is_gone_all_end_and_leave_nothing_behind()
    {
        for (int i = 0; i < 300; i++)
        {
            Node node = V5Peer.MakeNode(_net.NewKey(), _net.NextEndPoint());
            _machine.Machine.StartPing(_net.Now, node);
            _machine.Machine.StartFindNode(_net.Now, node, [256, 255]);
            _machine.Machine.StartTalk(_net.Now, node, "x", new byte[1000]);
        }

        _machine.Drain();
        _net.Run(10 * Second);
        AssertAllEnded(900, sessions: 0);
        Assert.All(_machine.Outputs.OfType<PingDone>(), static done => Assert.Null(done.Reply));
    }

    [Fact]
    public void A_question_too_large_for_a_handshake_goes_after_a_ping()
    {
        int[] distances = [.. Enumerable.Repeat(256, 270)];
        V5Peer peer = _net.AddPeer();
        peer.OnMessage = message => peer.Send(
            _machine, message is SpecPing ? V5Peer.Pong(message, 1, _machine.EndPoint) : V5Peer.Nodes(message, 1));
        long id = _machine.Machine.StartFindNode(_net.Now, peer.Node, distances);
        _machine.Drain();
        peer.Accept(_machine);
        Assert.Empty(_machine.Wait<FindNodeDone>(done => done.Id == id, Second).Nodes!);
        Assert.IsType<SpecPing>(peer.Messages[0]);
        Assert.Equal(distances.Length, Assert.IsType<SpecFindNode>(peer.Messages[1]).Distances.Length);
        Assert.Equal(0, _machine.Machine.CallCount);
    }

    [Fact]
    public void Answers_to_requests_of_different_kinds_with_one_node_find_their_own()
    {
        V5Peer peer = _net.AddPeer().Open(_machine);
        Node self = peer.Node;
        peer.Messages.Clear();
        long ping = _machine.Machine.StartPing(_net.Now, self);
        long find = _machine.Machine.StartFindNode(_net.Now, self, [0]);
        long talk = _machine.Machine.StartTalk(_net.Now, self, "x", [1]);
        _machine.Drain();
        _net.Run(2 * _net.Latency);
        // In another order than they were asked.
        peer.Send(_machine, V5Peer.Write(b => MessageCodec.WriteTalkResponse(b, new RequestId(peer.Messages[2].RequestId), [8])));
        peer.Send(_machine, V5Peer.Nodes(peer.Messages[1], 1, self));
        peer.Send(_machine, V5Peer.Pong(peer.Messages[0], 5, _machine.EndPoint));
        _net.Run(2 * _net.Latency);

        Assert.Equal(5UL, _machine.Outputs.OfType<PingDone>().Single(done => done.Id == ping).Reply?.RecordSequence);
        Assert.Equal([self.Id], _machine.Outputs.OfType<FindNodeDone>().Single(done => done.Id == find).Nodes!.Select(static n => n.Id));
        Assert.Equal([8], _machine.Outputs.OfType<TalkDone>().Single(done => done.Id == talk).Response);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(20)]
    public void Lookups_get_through_loss(int percent)
    {
        var net = new V5Net(seed: 3);
        V5Machine first = net.AddMachine().Start();
        List<V5Machine> machines = [first];
        while (machines.Count < 40)
        {
            net.Run(Second);
            machines.Add(net.AddMachine(null, first.Node).Start());
        }

        net.Run(TimeSpan.FromMinutes(1));
        net.IsLost = (_, _, _) => net.Next(100) < percent;
        int found = 0;
        const int lookups = 20;
        for (int i = 0; i < lookups; i++)
        {
            V5Machine from = machines[net.Next(machines.Count)];
            NodeId target = net.NewKey().PublicKey.NodeId;
            long id = from.Machine.StartLookup(net.Now, target);
            IReadOnlyList<Node> closest = from.Wait<LookupDone>(done => done.Id == id, 60 * Second).Closest;
            found += machines.Where(m => m != from).Select(static m => m.Node.Id)
                .OrderBy(static n => n, Comparer<NodeId>.Create((x, y) => Distance.Compare(target, x, y))).Take(16)
                .Count(n => closest.Any(c => c.Id == n));
        }

        Assert.InRange(found, lookups * 16 * (percent == 5 ? 98 : 85) / 100, lookups * 16);
    }

    private void AssertAllEnded(int count, int sessions)
    {
        Assert.Equal(count, _machine.Outputs.OfType<CommandDone>().Select(static done => done.Id).Distinct().Count());
        Assert.Equal(count, _machine.Outputs.OfType<CommandDone>().Count());
        Assert.Equal((0, sessions), (_machine.Machine.CallCount, _machine.Machine.RemoteCount));
    }
}
