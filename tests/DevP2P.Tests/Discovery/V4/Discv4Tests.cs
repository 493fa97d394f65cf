using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>One machine against peers that do what the test says.</summary>
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

    [Theory]
    [InlineData(3600)]
    [InlineData(40)]
    [InlineData(15)]
    [InlineData(-15)]
    [InlineData(-40)]
    [InlineData(-3600)]
    [Trait("Threat", "T17")]
    public void T17_a_wrong_clock_is_found_out(int secondsAhead)
    {
        TestMachine machine = _net.AddMachine(null, TimeSpan.FromSeconds(secondsAhead)).Start();
        for (int i = 0; i < 12; i++)
        {
            TestPeer peer = _net.AddPeer();
            peer.PingsBack = false;
            peer.AnswersPings = Math.Abs(secondsAhead) < 20;
            peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
            _net.Run(2 * Second);
        }

        ClockDrifted drift = Assert.Single(machine.Outputs.OfType<ClockDrifted>());
        Assert.InRange(drift.Ahead.TotalSeconds, secondsAhead - 3, secondsAhead + 3);
    }

    /// <summary>@ethereumjs/devp2p's packets live for a minute.</summary>
    [Theory]
    [InlineData(20)]
    [InlineData(60)]
    [Trait("Threat", "T17")]
    public void T17_a_right_clock_is_left_alone(int lifetime)
    {
        TestMachine machine = _net.AddMachine().Start();
        for (int i = 0; i < 30; i++)
        {
            TestPeer peer = _net.AddPeer();
            peer.Bond(machine);
            _net.Run(Second);
            peer.Send(machine.EndPoint, new Ping(4, default, default, peer.Expiration - 20 + (ulong)lifetime, null));
            _net.Run(Second);
        }

        Assert.Empty(machine.Outputs.OfType<ClockDrifted>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Threat", "T17")]
    public void T17_one_host_cannot_make_our_clock_look_wrong(bool hasManyKeys)
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        for (int i = 0; i < 20; i++)
        {
            peer = hasManyKeys ? _net.AddPeer(new IPEndPoint(peer.EndPoint.Address, 2000 + i)) : peer;
            peer.AnswersPings = peer.PingsBack = false;
            peer.Send(machine.EndPoint, new Ping(4, new Endpoint(peer.EndPoint, 0), new Endpoint(machine.EndPoint, 0), peer.Expiration + 600, null));
            _net.Run(2 * Second);
        }

        Assert.DoesNotContain(machine.Outputs, o => o is ClockDrifted);
    }

    [Fact]
    public void T17_requests_that_nobody_answers_are_noticed()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer dead = AddDeadPeer();

        Ping(machine, dead, Discv4Limits.MaxUnanswered - 1);
        Assert.Empty(machine.Outputs.OfType<NobodyAnswers>());
        Ping(machine, dead, 1);
        Assert.Single(machine.Outputs.OfType<NobodyAnswers>());

        // They are counted anew after each report.
        Ping(machine, dead, Discv4Limits.MaxUnanswered - 1);
        Assert.Single(machine.Outputs.OfType<NobodyAnswers>());
        Ping(machine, dead, 1);
        Assert.Equal(2, machine.Outputs.OfType<NobodyAnswers>().Count());
    }

    [Fact]
    public void T17_one_answer_shows_that_all_is_well()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer dead = AddDeadPeer();

        Ping(machine, dead, Discv4Limits.MaxUnanswered - 1);
        Ping(machine, _net.AddPeer(), 1);
        Ping(machine, dead, Discv4Limits.MaxUnanswered - 1);

        Assert.Empty(machine.Outputs.OfType<NobodyAnswers>());
    }

    [Fact]
    [Trait("Threat", "T17")]
    public void T17_timers_do_not_follow_the_wall_clock()
    {
        TestMachine machine = _net.AddMachine().Start();
        TestPeer peer = _net.AddPeer();
        peer.AnswersPings = peer.PingsBack = false;
        machine.Machine.StartPing(machine.Now, peer.Node);
        machine.Drain();

        // The wall clock jumps a day: nothing happens before its time.
        machine.Machine.HandleTimeout(machine.Now with { Utc = machine.Now.Utc.AddDays(1) });
        machine.Drain();
        Assert.Empty(machine.Outputs.OfType<PingDone>());
        machine.Machine.HandleTimeout(machine.Now with { Monotonic = machine.Now.Monotonic + Second });
        machine.Drain();
        Assert.Single(machine.Outputs.OfType<PingDone>());
    }

    private static bool WasAdded(TestMachine machine, Node node) => machine.Outputs.OfType<NodeAdded>().Any(a => a.Node.Id == node.Id);

    private static Neighbor ToNeighbor(Node node) => new(new Endpoint(node.UdpEndPoint!, node.TcpPort), node.PublicKey.Bytes.ToArray());

    private TestPeer AddDeadPeer()
    {
        TestPeer peer = _net.AddPeer();
        peer.AnswersPings = peer.PingsBack = false;
        return peer;
    }

    private void Ping(TestMachine machine, TestPeer peer, int count)
    {
        for (int i = 0; i < count; i++)
        {
            machine.Machine.StartPing(machine.Now, peer.Node);
            machine.Drain();
            _net.Run(Second);
        }
    }

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
