using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>Endpoint proofs: who is answered, for how long, and at what cost.</summary>
public sealed class Discv4ProofTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly TestNet _net = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Threat", "T04")]
    public void T04_queries_without_proof_are_answered_with_nothing(bool isPinged)
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.AnswersPings = peer.PingsBack = false;
        if (isPinged)
        {
            // Half a proof: we have pinged, nothing came back.
            peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
            _net.Run(Second);
        }

        long before = machine.BytesOut;
        for (int i = 0; i < 10; i++)
        {
            peer.Send(machine.EndPoint, new FindNode(RandomTarget(), peer.Expiration));
            peer.Send(machine.EndPoint, new RecordRequest(peer.Expiration));
        }

        _net.Run(Second);
        Assert.Equal(before, machine.BytesOut);

        // The machine itself refuses, not only the cheap question before it.
        Packet[] queries = [new FindNode(RandomTarget(), peer.Expiration), new RecordRequest(peer.Expiration)];
        foreach (Packet query in queries)
        {
            Assert.False(machine.Machine.IsWorthRecovering(_net.Now, peer.EndPoint, query));
            machine.Machine.HandlePacket(_net.Now, peer.EndPoint, peer.Key.PublicKey, default, query);
        }

        machine.Drain();
        Assert.Equal(before, machine.BytesOut);
    }

    [Fact]
    [Trait("Threat", "T04")]
    public void T04_the_proof_is_of_one_address()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        TestPeer elsewhere = _net.AddPeer(key: peer.Key);
        TestPeer neighbor = _net.AddPeer(new IPEndPoint(peer.EndPoint.Address, 4444));
        peer.Bond(machine);

        // The same key at another address, and another key at the same address.
        elsewhere.AnswersPings = elsewhere.PingsBack = false;
        elsewhere.Send(machine.EndPoint, new FindNode(RandomTarget(), elsewhere.Expiration));
        elsewhere.Send(machine.EndPoint, new RecordRequest(elsewhere.Expiration));
        neighbor.Send(machine.EndPoint, new FindNode(RandomTarget(), neighbor.Expiration));
        neighbor.Send(machine.EndPoint, new RecordRequest(neighbor.Expiration));
        peer.Send(machine.EndPoint, new RecordRequest(peer.Expiration));
        _net.Run(Second);

        // Nor by the machine itself, without the cheap question before it.
        machine.Machine.HandlePacket(
            _net.Now, elsewhere.EndPoint, elsewhere.Key.PublicKey, default, new FindNode(RandomTarget(), elsewhere.Expiration));
        machine.Drain();
        _net.Run(Second);
        Assert.Empty(elsewhere.Received);
        Assert.Empty(neighbor.Received);
        Assert.Single(peer.All<RecordResponse>());
    }

    [Fact]
    [Trait("Threat", "T04")]
    public void T04_a_proof_ends_after_a_day()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.Bond(machine);
        Timestamp early = _net.Now + (Discv4Limits.ProofLifetime - Second);
        Assert.Equal(1, CountAnswers(early));
        Assert.Equal(0, CountAnswers(early + (2 * Second)));

        int CountAnswers(Timestamp now)
        {
            var query = new RecordRequest((ulong)now.Utc.ToUnixTimeSeconds() + 20);
            machine.Machine.HandlePacket(now, peer.EndPoint, peer.Key.PublicKey, default, query);
            int answers = 0;
            while (machine.Machine.TryDequeue(out Output? output))
            {
                answers += output is Transmit { Type: PacketType.RecordResponse } ? 1 : 0;
            }

            return answers;
        }
    }

    [Fact]
    [Trait("Threat", "T04")]
    public void T04_a_pong_counts_only_with_the_hash_of_our_latest_ping()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        TestPeer otherPort = _net.AddPeer(new IPEndPoint(peer.EndPoint.Address, 4444), peer.Key);
        peer.AnswersPings = peer.PingsBack = otherPort.AnswersPings = otherPort.PingsBack = false;

        // Unsolicited, of our own invention.
        peer.Send(machine.EndPoint, new Pong(new Endpoint(machine.EndPoint, 0), default, peer.Expiration, 1));
        _net.Run(Second);
        Assert.Equal(0, machine.Machine.ContactCount);

        // Two pings of the same node from two ports: the ping back to the first port is not the latest any more.
        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        otherPort.Send(machine.EndPoint, otherPort.NewPing(machine.EndPoint));
        _net.Run(2 * _net.Latency + TimeSpan.FromMilliseconds(1));
        PacketHash first = peer.Received.Single(r => r.Packet is Ping).Hash;
        PacketHash latest = otherPort.Received.Single(r => r.Packet is Ping).Hash;
        Assert.NotEqual(first, latest);
        peer.Send(machine.EndPoint, new Pong(new Endpoint(machine.EndPoint, 0), first, peer.Expiration, 1));
        _net.Run(2 * _net.Latency);
        Assert.Equal(0, machine.Machine.ContactCount);

        peer.Send(machine.EndPoint, new Pong(new Endpoint(machine.EndPoint, 0), latest, peer.Expiration, 1));
        _net.Run(2 * _net.Latency);
        Assert.Equal(1, machine.Machine.ContactCount);
    }

    [Fact]
    [Trait("Threat", "T04")]
    public void T04_a_late_pong_and_one_from_elsewhere_do_not_count()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        TestPeer elsewhere = _net.AddPeer(key: peer.Key);
        peer.AnswersPings = peer.PingsBack = false;
        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(2 * _net.Latency + TimeSpan.FromMilliseconds(1));
        PacketHash hash = peer.Received.Single(r => r.Packet is Ping).Hash;
        var pong = new Pong(new Endpoint(machine.EndPoint, 0), hash, peer.Expiration, 1);

        elsewhere.Send(machine.EndPoint, pong);
        _net.Run(100 * TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, machine.Machine.ContactCount);

        _net.Run(Discv4Limits.ResponseTimeout);
        peer.Send(machine.EndPoint, pong);
        _net.Run(Second);
        Assert.Equal(0, machine.Machine.ContactCount);
    }

    [Fact]
    [Trait("Threat", "T04")]
    public void T04_pings_with_forged_addresses_cost_the_victim_little()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer victim = _net.AddPeer();
        victim.AnswersPings = victim.PingsBack = false;
        TestPeer attacker = _net.AddPeer();
        long before = machine.BytesIn;
        const int Pings = 200;
        for (int i = 0; i < Pings; i++)
        {
            // Many keys, one victim. The pong to each is unavoidable; pings back are not.
            TestPeer identity = new(_net, _net.NewKey(), victim.EndPoint);
            identity.Send(machine.EndPoint, attacker.NewPing(machine.EndPoint));
        }

        _net.Run(100 * TimeSpan.FromMilliseconds(1));

        Assert.Equal(Pings, victim.All<Pong>().Count());
        Assert.Equal(Discv4Limits.MaxPingBacksPerAddress, victim.All<Ping>().Count());
        double factor = (double)victim.Received.Sum(r => r.Size) / (machine.BytesIn - before);
        Assert.InRange(factor, 1, 1.4);
    }

    [Fact]
    public void The_proof_is_accepted_for_24_hours_and_renewed_after_12()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.Bond(machine);
        machine.Machine.Table.Remove(machine.Now, peer.Node.Id);
        peer.AnswersPings = false;
        _net.Run(TimeSpan.FromHours(12) - Second);
        peer.Received.Clear();

        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(Second / 2);
        Assert.Empty(peer.All<Ping>());
        machine.Machine.Table.Remove(machine.Now, peer.Node.Id);
        _net.Run(3 * Second);

        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(Second);
        Assert.NotEmpty(peer.All<Ping>());
        machine.Machine.Table.Remove(machine.Now, peer.Node.Id);

        _net.Run(TimeSpan.FromHours(12) - (10 * Second));
        peer.Send(machine.EndPoint, new RecordRequest(peer.Expiration));
        _net.Run(Second);
        Assert.Single(peer.All<RecordResponse>());

        _net.Run(10 * Second);
        peer.Send(machine.EndPoint, new RecordRequest(peer.Expiration));
        _net.Run(Second);
        Assert.Single(peer.All<RecordResponse>());
    }

    [Fact]
    public void A_proof_of_an_earlier_run_counts_as_long_as_it_is_not_too_old()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer recent = _net.AddPeer();
        TestPeer old = _net.AddPeer();
        TestPeer future = _net.AddPeer();
        machine.Machine.RestoreContact(machine.Now, recent.Node.Id, recent.EndPoint.Address, machine.Now.Utc.AddHours(-23), null);
        machine.Machine.RestoreContact(machine.Now, old.Node.Id, old.EndPoint.Address, machine.Now.Utc.AddHours(-25), null);
        machine.Machine.RestoreContact(machine.Now, future.Node.Id, future.EndPoint.Address, machine.Now.Utc.AddHours(1), null);

        foreach (TestPeer peer in new[] { recent, old, future })
        {
            peer.Send(machine.EndPoint, new RecordRequest(peer.Expiration));
        }

        _net.Run(Second);
        Assert.Single(recent.Received);
        Assert.Empty(old.Received);
        Assert.Empty(future.Received);
    }

    [Fact]
    public void Before_the_first_query_the_endpoint_proof_is_completed()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        var order = new List<PacketType>();
        peer.OnPacket = (from, packet, hash) =>
        {
            order.Add(packet.Type);
            if (packet is FindNode)
            {
                peer.Send(from, new Neighbors([], peer.Expiration));
            }
        };
        machine.Machine.Table.AddSeed(machine.Now, peer.Node, isOperatorNamed: false);

        long id = machine.Machine.StartLookup(machine.Now, RandomTarget());
        LookupDone done = machine.Wait<LookupDone>(d => d.Id == id, 5 * Second);

        Assert.Equal([PacketType.Ping, PacketType.Pong, PacketType.FindNode], order);
        Assert.Equal([peer.Node.Id], done.Closest.Select(n => n.Id));

        // And not again: the proof is fresh.
        order.Clear();
        id = machine.Machine.StartLookup(machine.Now, RandomTarget());
        machine.Wait<LookupDone>(d => d.Id == id, 5 * Second);
        Assert.Contains(PacketType.FindNode, order);
    }

    /// <summary>Pings from the peer may get lost, too; then it has no proof of ours, and our question would be in vain for ever.</summary>
    [Theory]
    [InlineData(new[] { PacketType.Ping }, false)]
    [InlineData(new[] { PacketType.FindNode }, false)]
    [InlineData(new[] { PacketType.Ping, PacketType.FindNode }, false)]
    [InlineData(new PacketType[0], true)]
    internal void What_got_lost_is_asked_once_more(PacketType[] lost, bool isPingBackLost)
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        var left = lost.ToHashSet();
        bool isPongLost = isPingBackLost;
        bool isProven = false;
        _net.IsLost = (from, to, datagram) =>
        {
            PacketType type = Codec.GetType(datagram);
            if (from.Equals(peer.EndPoint) && type == PacketType.Ping && isPongLost)
            {
                isPongLost = false;
                return true;
            }

            isProven |= to.Equals(peer.EndPoint) && type == PacketType.Pong;
            return to.Equals(peer.EndPoint) && left.Remove(type);
        };
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is FindNode && isProven)
            {
                peer.Send(from, new Neighbors([], peer.Expiration));
            }
        };
        // Not in the table, whose liveness checks are pings, too.
        NodeTable table = machine.Machine.Table;
        table.AddSeed(machine.Now, peer.Node, isOperatorNamed: false);
        long id = machine.Machine.StartLookup(machine.Now, RandomTarget());
        table.Remove(machine.Now, peer.Node.Id);

        LookupDone done = machine.Wait<LookupDone>(d => d.Id == id, 10 * Second);

        Assert.Equal([peer.Node.Id], done.Closest.Select(n => n.Id));
        Assert.Empty(left);
        Assert.True(isProven);
        Assert.False(isPongLost);
    }

    [Fact]
    public void A_node_that_has_our_proof_already_is_asked_after_a_while()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.PingsBack = false;
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is FindNode)
            {
                peer.Send(from, new Neighbors([], peer.Expiration));
            }
        };
        machine.Machine.Table.AddSeed(machine.Now, peer.Node, isOperatorNamed: false);

        long id = machine.Machine.StartLookup(machine.Now, RandomTarget());
        LookupDone done = machine.Wait<LookupDone>(d => d.Id == id, 5 * Second);

        Assert.Single(done.Closest);
    }

    private byte[] RandomTarget()
    {
        byte[] target = new byte[FindNode.TargetSize];
        _net.Fill(target);
        return target;
    }
}
