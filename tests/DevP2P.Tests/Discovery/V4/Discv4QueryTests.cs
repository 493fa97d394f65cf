using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>Answers to our questions, for nodes and for records: which ones count, and what of them.</summary>
public sealed class Discv4QueryTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly TestNet _net = new();

    [Fact]
    public void Unsolicited_neighbors_change_nothing()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        TestPeer stranger = _net.AddPeer();
        peer.Bond(machine);

        peer.Send(machine.EndPoint, new Neighbors([ToNeighbor(stranger.Node)], peer.Expiration));
        machine.Machine.HandlePacket(
            machine.Now, peer.EndPoint, peer.Key.PublicKey, default, new Neighbors([ToNeighbor(stranger.Node)], peer.Expiration));
        machine.Drain();
        _net.Run(2 * Second);

        Assert.False(machine.Machine.Table.TryGet(stranger.Node.Id, out _));
        Assert.Empty(stranger.Received);
    }

    [Fact]
    public void Neighbors_from_the_wrong_address_or_key_are_ignored()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        TestPeer elsewhere = _net.AddPeer(key: peer.Key);
        TestPeer other = _net.AddPeer(new IPEndPoint(peer.EndPoint.Address, 4444));
        Node bad = _net.AddPeer().Node;
        Node good = _net.AddPeer().Node;
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is FindNode)
            {
                elsewhere.Send(from, new Neighbors([ToNeighbor(bad)], peer.Expiration));
                other.Send(from, new Neighbors([ToNeighbor(bad)], peer.Expiration));
                peer.Send(from, new Neighbors([ToNeighbor(good)], peer.Expiration));
            }
        };
        machine.Machine.Table.AddSeed(machine.Now, peer.Node, isOperatorNamed: false);

        long id = machine.Machine.StartLookup(machine.Now, RandomTarget());
        machine.Wait<LookupDone>(d => d.Id == id, 5 * Second);

        Assert.True(WasAdded(machine, good));
        Assert.False(WasAdded(machine, bad));
    }

    [Fact]
    public void Of_one_answer_16_nodes_count()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        Node[] nodes = [.. Enumerable.Range(0, 24).Select(_ => _net.AddPeer().Node)];
        bool isFirst = true;
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is FindNode && isFirst)
            {
                isFirst = false;
                peer.Send(from, new Neighbors([.. nodes[..12].Select(ToNeighbor)], peer.Expiration));
                peer.Send(from, new Neighbors([.. nodes[12..].Select(ToNeighbor)], peer.Expiration));
            }
        };
        machine.Machine.Table.AddSeed(machine.Now, peer.Node, isOperatorNamed: false);

        long id = machine.Machine.StartLookup(machine.Now, RandomTarget());
        machine.Wait<LookupDone>(d => d.Id == id, 60 * Second);

        Assert.Equal(Neighbors.MaxPerAnswer, nodes.Count(n => WasAdded(machine, n)));
        Assert.True(nodes[..16].All(n => WasAdded(machine, n)));
    }

    [Fact]
    [Trait("Threat", "T08")]
    [Trait("Threat", "T18")]
    public void T08_T18_neighbors_are_checked()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        Node good = _net.AddPeer().Node;
        byte[] offCurve = [.. good.PublicKey.Bytes];
        offCurve[63] ^= 1;
        byte[] tooLarge = new byte[64];
        tooLarge.AsSpan().Fill(0xFF);
        Neighbor[] bad =
        [
            new(new Endpoint(good.UdpEndPoint!, 1), offCurve),
            new(new Endpoint(good.UdpEndPoint!, 1), tooLarge),
            new(new Endpoint(good.UdpEndPoint!, 1), new byte[64]),
            With(IPAddress.Loopback, 30303),
            With(IPAddress.Parse("10.1.2.3"), 30303),
            With(IPAddress.Any, 30303),
            With(IPAddress.Parse("224.0.0.1"), 30303),
            With(IPAddress.Parse("198.51.100.1"), 30303),
            With(IPAddress.Parse("255.255.255.255"), 30303),
            With(IPAddress.Parse("::1"), 30303),
            With(IPAddress.Parse("::ffff:127.0.0.1"), 30303),
            With(IPAddress.Parse("52.200.1.1"), 0),
            With(IPAddress.Parse("52.200.1.2"), 1024),
        ];
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is FindNode)
            {
                peer.Send(from, new Neighbors([.. bad[..7]], peer.Expiration));
                peer.Send(from, new Neighbors([.. bad[7..], ToNeighbor(good)], peer.Expiration));
            }
        };
        machine.Machine.Table.AddSeed(machine.Now, peer.Node, isOperatorNamed: false);
        var contacted = new HashSet<IPEndPoint>();
        _net.IsLost = (_, to, _) => !contacted.Add(to) && false;
        long id = machine.Machine.StartLookup(machine.Now, RandomTarget());
        machine.Wait<LookupDone>(d => d.Id == id, 60 * Second);

        Assert.Equal([peer.EndPoint, good.UdpEndPoint!, machine.EndPoint], contacted.OrderBy(e => e.Equals(machine.EndPoint)));
        Assert.Equal(
            [peer.Node.Id, good.Id], machine.Outputs.OfType<NodeAdded>().Select(a => a.Node.Id));

        Neighbor With(IPAddress address, ushort port) => new(new Endpoint(address, port, 1), _net.NewKey().PublicKey.Bytes.ToArray());
    }

    [Fact]
    [Trait("Threat", "T18")]
    public void T18_addresses_of_the_LAN_are_not_told_to_others()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer onLan = _net.AddPeer(new IPEndPoint(IPAddress.Parse("10.0.0.5"), 30303));
        TestPeer outside = _net.AddPeer();
        TestPeer asking = _net.AddPeer();
        onLan.Bond(machine);
        outside.Bond(machine);
        asking.Bond(machine);
        _net.Run(60 * Second);

        asking.Send(machine.EndPoint, new FindNode(RandomTarget(), asking.Expiration));
        onLan.Send(machine.EndPoint, new FindNode(RandomTarget(), onLan.Expiration));
        _net.Run(Second);

        Assert.DoesNotContain(asking.All<Neighbors>().Single().Nodes, n => n.Endpoint.Address!.Equals(onLan.EndPoint.Address));
        Assert.Equal(3, onLan.All<Neighbors>().Single().Nodes.Count);
    }

    [Fact]
    public void A_record_is_requested_and_verified()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        LocalNode local = LocalOf(peer);
        LocalNode foreign = LocalOf(_net.AddPeer());
        byte[] record = [];
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is RecordRequest)
            {
                peer.Send(from, new RecordResponse(hash, record));
            }
        };

        record = local.Node.Record!.Encoded.ToArray();
        Assert.Equal(local.Node.Record, Request());

        // Of another node, with a broken signature, no record at all.
        record = foreign.Node.Record!.Encoded.ToArray();
        Assert.Null(Request());
        record = local.Node.Record!.Encoded.ToArray();
        record[10] ^= 1;
        Assert.Null(Request());
        record = [0xC0];
        Assert.Null(Request());

        NodeRecord? Request()
        {
            long id = machine.Machine.RequestRecord(machine.Now, peer.Node);
            return machine.Wait<RecordDone>(d => d.Id == id, 5 * Second).Record;
        }
    }

    [Fact]
    public void A_record_for_another_request_is_ignored()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        byte[] record = LocalOf(peer).Node.Record!.Encoded.ToArray();
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is RecordRequest)
            {
                peer.Send(from, new RecordResponse(default, record));
            }
        };

        long id = machine.Machine.RequestRecord(machine.Now, peer.Node);

        Assert.Null(machine.Wait<RecordDone>(d => d.Id == id, 5 * Second).Record);
    }

    [Fact]
    [Trait("Threat", "T04")]
    public void T04_a_request_is_not_answered_by_another_node()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        TestPeer other = _net.AddPeer(new IPEndPoint(peer.EndPoint.Address, 4444));
        ReadOnlyMemory<byte> record = LocalOf(other).Node.Record!.Encoded;
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is RecordRequest)
            {
                other.Send(from, new RecordResponse(hash, record));
            }
        };

        long id = machine.Machine.RequestRecord(machine.Now, peer.Node);

        Assert.Null(machine.Wait<RecordDone>(d => d.Id == id, 5 * Second).Record);
        Assert.NotEmpty(peer.All<RecordRequest>());
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("192.0.2.1")]
    [InlineData("240.0.0.1")]
    [Trait("Threat", "T18")]
    public void T18_a_record_does_not_move_a_node_to_an_address_that_it_may_not_have(string address)
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        NodeRecord record = new NodeRecordBuilder { Sequence = 5 }
            .SetAddress(IPAddress.Parse(address)).SetUdpPort(30303).SetTcpPort(30303).Sign(peer.Key);
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is RecordRequest)
            {
                peer.Send(from, new RecordResponse(hash, record.Encoded));
            }
        };

        long id = machine.Machine.Resolve(machine.Now, peer.Node);

        Assert.Null(machine.Wait<ResolveDone>(d => d.Id == id, TimeSpan.FromMinutes(1)).Node);
        Assert.NotEmpty(peer.All<RecordRequest>());
    }

    [Fact]
    public void A_newer_record_is_fetched_when_a_liveness_check_tells_of_it()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        Node self = LocalOf(peer).Node;
        peer.RecordSequence = self.Sequence;
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is RecordRequest)
            {
                peer.Send(from, new RecordResponse(hash, self.Record!.Encoded));
            }
        };
        peer.Bond(machine);
        Assert.True(_net.RunUntil(
            () => machine.Machine.Table.TryGet(peer.Node.Id, out var entry) && entry.Node.Sequence == self.Sequence, 30 * Second));
        Assert.Single(peer.All<RecordRequest>());

        // And after some more checks the node is worth remembering.
        Assert.True(_net.RunUntil(() => machine.Outputs.OfType<NodeProven>().Any(p => p.Node.Equals(self)), TimeSpan.FromMinutes(5)));
        Assert.Single(peer.All<RecordRequest>());
    }

    private static bool WasAdded(TestMachine machine, Node node) => machine.Outputs.OfType<NodeAdded>().Any(a => a.Node.Id == node.Id);

    private static Neighbor ToNeighbor(Node node) => new(new Endpoint(node.UdpEndPoint!, node.TcpPort), node.PublicKey.Bytes.ToArray());

    private LocalNode LocalOf(TestPeer peer)
    {
        var local = new LocalNode(peer.Key, _net.Now.Utc);
        local.SetStaticAddress(peer.EndPoint.Address);
        local.SetFallbackUdpPort(peer.EndPoint.Port);
        return local;
    }

    private byte[] RandomTarget()
    {
        byte[] target = new byte[FindNode.TargetSize];
        _net.Fill(target);
        return target;
    }
}
