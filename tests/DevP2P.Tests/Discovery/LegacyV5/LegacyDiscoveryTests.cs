using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

/// <summary>One machine against peers that do what the test says.</summary>
public sealed class LegacyDiscoveryTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly LegacyNet _net = new();

    [Fact]
    public void A_ping_is_answered_and_sent_back()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        LegacyPeer peer = _net.AddPeer();
        peer.PingsBack = false;

        PacketHash hash = peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(Second);

        Pong pong = Assert.Single(peer.All<Pong>());
        Assert.Equal(hash, pong.PingHash);
        Assert.Equal(new Endpoint(peer.EndPoint, peer.EndPoint.Port), pong.To);
        Assert.Equal(Topic.HashOf([]), pong.Ticket.TopicHash);
        Assert.Empty(pong.Ticket.WaitPeriods);
        Ping ping = peer.All<Ping>().First();
        Assert.Equal(Ping.CurrentVersion, ping.Version);
        Assert.Equal(new Endpoint(machine.EndPoint, machine.EndPoint.Port), ping.From);
        Assert.Equal(new Endpoint(peer.EndPoint, peer.EndPoint.Port), ping.To);
        Assert.Contains(machine.Outputs, o => o is EndpointVerified v && v.Id == peer.Node.Id);
        Assert.Equal(NodeState.Known, State(machine, peer));
    }

    [Fact]
    public void A_node_without_a_TCP_port_says_its_UDP_port_as_go_ethereum_does()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        machine.Machine.Local.Remove("tcp");
        LegacyPeer peer = _net.AddPeer();

        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(Second);

        Assert.Equal(machine.EndPoint.Port, peer.All<Ping>().First().From.TcpPort);
    }

    [Fact]
    public void Who_pings_first_waits_for_the_others_ping_before_it_asks()
    {
        LegacyPeer peer = _net.AddPeer();
        peer.PingsBack = false;
        LegacyMachine machine = _net.AddMachine(null, peer.Node).Start();
        Assert.Equal(NodeState.VerifyInit, State(machine, peer));

        Assert.True(_net.RunUntil(() => State(machine, peer) == NodeState.RemoteVerifyWait, Second));
        _net.Run(LegacyLimits.ResponseTimeout - TimeSpan.FromMilliseconds(1));
        Assert.Empty(peer.All<FindNodeHash>());
        Assert.Equal(NodeState.RemoteVerifyWait, State(machine, peer));
        Assert.True(_net.RunUntil(() => peer.All<FindNodeHash>().Any(), TimeSpan.FromMilliseconds(100)));
        Assert.Equal(machine.Node.Id, peer.All<FindNodeHash>().First().Target);

        // And not for longer than it takes.
        LegacyPeer quick = _net.AddPeer();
        LegacyMachine another = _net.AddMachine(null, quick.Node).Start();
        Assert.True(_net.RunUntil(() => State(another, quick) == NodeState.Known, TimeSpan.FromMilliseconds(150)));
    }

    [Fact]
    public void A_ping_before_the_pong_leads_to_known_without_waiting()
    {
        LegacyPeer peer = _net.AddPeer();
        peer.AnswersPings = false;
        PacketHash? ping = null;
        peer.OnPacket = (_, packet, hash) => ping = packet is Ping ? hash : ping;
        LegacyMachine machine = _net.AddMachine(null, peer.Node).Start();

        Assert.True(_net.RunUntil(() => State(machine, peer) == NodeState.VerifyWait, Second));
        peer.Send(machine.EndPoint, new Pong(new Endpoint(machine.EndPoint, 1), ping, peer.MakeTicket([])));
        _net.Run(_net.Latency);

        Assert.Equal(NodeState.Known, State(machine, peer));
    }

    [Fact]
    public void A_node_that_never_answers_is_forgotten()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        LegacyPeer peer = _net.AddPeer();
        peer.AnswersPings = false;

        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(TimeSpan.FromMilliseconds(50));
        Assert.Equal(NodeState.VerifyWait, State(machine, peer));
        _net.Run(2 * Second);

        Assert.Equal(NodeState.Unknown, State(machine, peer));
        Assert.Equal(0, machine.Machine.Table.Count);
        Assert.Equal(0, machine.Machine.RemoteCount);
        Assert.Equal(0, machine.Machine.RequestCount);
    }

    [Fact]
    public void A_node_that_fell_silent_is_contested_then_unresponsive_and_known_again_when_it_pings()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        _net.Run(5 * Second);
        LegacyPeer peer = _net.AddPeer();
        peer.Bond(machine);
        Assert.True(machine.Machine.Table.TryGet(peer.Node.Id, out _));
        peer.AnswersPings = peer.PingsBack = false;

        Assert.True(_net.RunUntil(() => State(machine, peer) == NodeState.Contested, 300 * Second));
        Assert.True(_net.RunUntil(() => State(machine, peer) == NodeState.Unresponsive, 2 * Second));
        Assert.False(machine.Machine.Table.TryGet(peer.Node.Id, out _));

        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(Second);
        Assert.Equal(NodeState.Known, State(machine, peer));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Threat", "T04")]
    public void T04_queries_without_proof_are_answered_with_nothing(bool isPinged)
    {
        LegacyMachine machine = _net.AddMachine().Start();
        LegacyPeer peer = _net.AddPeer();
        peer.AnswersPings = peer.PingsBack = false;
        if (isPinged)
        {
            peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
            _net.Run(Second);
        }

        long before = machine.BytesOut;
        foreach (Packet query in Queries(peer))
        {
            peer.Send(machine.EndPoint, query);
        }

        _net.Run(Second);
        Assert.Equal(before, machine.BytesOut);

        // The machine itself refuses, not only the cheap question before it.
        foreach (Packet query in Queries(peer))
        {
            Assert.False(machine.Machine.IsWorthRecovering(_net.Now, peer.EndPoint, query));
            machine.Machine.HandlePacket(_net.Now, peer.EndPoint, peer.Key.PublicKey, query, peer.Encode(query, out _));
        }

        machine.Drain();
        Assert.Equal(before, machine.BytesOut);
    }

    [Fact]
    [Trait("Threat", "T04")]
    public void T04_a_proof_is_for_one_endpoint_and_what_comes_from_elsewhere_moves_nobody()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        _net.Run(5 * Second);
        LegacyPeer peer = _net.AddPeer();
        peer.Bond(machine);
        IPEndPoint victim = _net.NextEndPoint();
        long before = machine.BytesOut;

        foreach (Packet query in Queries(peer))
        {
            peer.SendFrom(victim, machine.EndPoint, query);
        }

        _net.Run(Second);
        Assert.Equal(before, machine.BytesOut);
        peer.SendFrom(victim, machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(5 * Second);

        Assert.Equal(NodeState.Known, State(machine, peer));
        Assert.True(machine.Machine.Table.TryGet(peer.Node.Id, out TableEntry? entry));
        Assert.Equal(peer.EndPoint, entry.Node.UdpEndPoint);
        Assert.Equal(NodeState.Unknown, machine.Machine.GetState(peer.Node.Id, victim));
    }

    [Fact]
    public void A_node_that_moves_is_verified_and_known_at_its_new_endpoint()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        _net.Run(5 * Second);
        LegacyPeer peer = _net.AddPeer();
        peer.Bond(machine);
        LegacyPeer moved = _net.AddPeer(null, peer.Key);

        moved.Bond(machine);

        Assert.Equal(NodeState.Known, State(machine, moved));
        Assert.True(machine.Machine.Table.TryGet(peer.Node.Id, out TableEntry? entry));
        Assert.Equal(moved.EndPoint, entry.Node.UdpEndPoint);
    }

    [Fact]
    [Trait("Threat", "T04")]
    public void T04_a_pong_counts_only_with_the_hash_of_the_latest_ping()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        LegacyPeer peer = _net.AddPeer();
        peer.AnswersPings = peer.PingsBack = false;
        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(TimeSpan.FromMilliseconds(50));

        Pong[] forged = [new(default, new PacketHash(new byte[32]), peer.MakeTicket([])), new(default, null, peer.MakeTicket([]))];
        foreach (Pong pong in forged)
        {
            peer.Send(machine.EndPoint, pong);

            // The machine itself refuses, not only the cheap question before it.
            machine.Machine.HandlePacket(_net.Now, peer.EndPoint, peer.Key.PublicKey, pong, peer.Encode(pong, out _));
        }

        _net.Run(TimeSpan.FromMilliseconds(50));

        Assert.Equal(NodeState.VerifyWait, State(machine, peer));
        Assert.Equal(0, machine.Machine.ProvenCount);
    }

    [Fact]
    [Trait("Threat", "T04")]
    public void T04_pings_with_forged_addresses_cost_the_victim_little()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        LegacyPeer victim = _net.AddPeer();
        victim.AnswersPings = victim.PingsBack = false;

        // Each from another key, all at once.
        for (int i = 0; i < 50; i++)
        {
            LegacyPeer attacker = _net.AddPeer();
            attacker.SendFrom(victim.EndPoint, machine.EndPoint, attacker.NewPing(machine.EndPoint));
        }

        _net.Run(TimeSpan.FromMilliseconds(100));
        Assert.Equal(LegacyLimits.MaxPingBacksPerAddress, victim.All<Ping>().Count());
    }

    [Fact]
    public void Both_questions_for_nodes_are_answered_in_packets_that_fit()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        _net.Run(5 * Second);
        foreach (LegacyPeer other in Enumerable.Range(0, 20).Select(_ => _net.AddPeer()).ToArray())
        {
            other.Bond(machine);
        }

        LegacyPeer peer = _net.AddPeer();
        peer.Bond(machine);
        // Liveness checks have passed.
        _net.Run(60 * Second);
        peer.Send(machine.EndPoint, new FindNodeHash(peer.Node.Id, peer.Expiration));
        _net.Run(Second);
        Neighbors[] byHash = [.. peer.All<Neighbors>()];
        peer.Received.Clear();
        peer.Send(machine.EndPoint, new FindNode(peer.Key.PublicKey.Bytes.ToArray(), peer.Expiration));
        _net.Run(Second);
        Neighbors[] byKey = [.. peer.All<Neighbors>()];

        Assert.Equal([12, 4], byHash.Select(a => a.Nodes.Count));
        Assert.Equal(byHash.SelectMany(a => a.Nodes).Select(n => n.Endpoint), byKey.SelectMany(a => a.Nodes).Select(n => n.Endpoint));
        Assert.All(peer.Received, r => Assert.InRange(r.Size, 1, Codec.MaxPacketSize));
        Node[] closest = new Node[16];
        machine.Machine.Table.GetClosest(peer.Node.Id, preferLive: true, closest);
        Assert.Equal(
            closest.Select(n => n.PublicKey.ToString()),
            byHash.SelectMany(a => a.Nodes).Select(n => Convert.ToHexStringLower(n.Key.Span)));
    }

    [Fact]
    public void An_answer_in_two_packets_counts_whole_and_not_for_the_next_question()
    {
        LegacyPeer peer = _net.AddPeer();
        Neighbor[] others = [.. Enumerable.Range(0, 16).Select(_ => AsNeighbor(_net.AddPeer()))];
        peer.OnPacket = (from, packet, _) =>
        {
            if (packet is FindNodeHash)
            {
                peer.Send(from, new Neighbors(others[..12], peer.Expiration));
                peer.Send(from, new Neighbors(others[12..], peer.Expiration));
            }
        };
        LegacyMachine machine = _net.AddMachine(null, peer.Node).Start();

        Assert.True(_net.RunUntil(() => machine.Outputs.OfType<NodeAdded>().Count() == 17, 10 * Second));
    }

    [Fact]
    [Trait("Threat", "T18")]
    public void T18_nodes_at_addresses_that_may_not_be_named_are_not_believed()
    {
        LegacyPeer peer = _net.AddPeer();
        string[] refused =
            ["127.0.0.1", "10.1.2.3", "192.168.1.1", "0.0.0.0", "100.64.0.1", "169.254.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "fe80::1", "::1"];
        Neighbor[] named = [.. refused.Select(a => new Neighbor(new Endpoint(IPAddress.Parse(a), 30303, 30303), NewKey()))];
        LegacyPeer good = _net.AddPeer();
        var contacted = new HashSet<IPAddress>();
        _net.IsLost = (_, to, _) =>
        {
            contacted.Add(to.Address);
            return false;
        };
        peer.OnPacket = (from, packet, _) =>
        {
            if (packet is FindNodeHash)
            {
                peer.Send(from, new Neighbors(named, peer.Expiration));
                peer.Send(from, new Neighbors(
                    [
                        new Neighbor(new Endpoint(IPAddress.Parse("52.9.9.9"), LegacyLimits.MaxPrivilegedPort, 30303), NewKey()),
                        new Neighbor(new Endpoint(IPAddress.Parse("52.9.9.9"), 30303, 30303), new byte[64]),
                        AsNeighbor(good),
                    ],
                    peer.Expiration));
            }
        };
        LegacyMachine machine = _net.AddMachine(null, peer.Node).Start();

        _net.Run(10 * Second);

        Assert.Equal(
            new[] { peer.Node.Id, good.Node.Id }.Order(), machine.Outputs.OfType<NodeAdded>().Select(a => a.Node.Id).Distinct().Order());

        // They are not even pinged.
        Assert.Equal(3, contacted.Count);

        byte[] NewKey() => _net.NewKey().PublicKey.Bytes.ToArray();
    }

    [Fact]
    public void Expired_packets_are_dropped_and_pongs_never_expire()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        _net.Run(5 * Second);
        LegacyPeer peer = _net.AddPeer();
        peer.Bond(machine);
        Assert.Equal(NodeState.Known, State(machine, peer));
        peer.Received.Clear();
        ulong past = peer.Expiration - 21;

        peer.Send(machine.EndPoint, new FindNodeHash(peer.Node.Id, past));
        peer.Send(machine.EndPoint, new Ping(4, default, default, past, []));
        _net.Run(Second);
        Assert.DoesNotContain(peer.Received, r => r.Packet is Neighbors or Pong);
        peer.Send(machine.EndPoint, new FindNodeHash(peer.Node.Id, past + 21));
        _net.Run(Second);
        Assert.Single(peer.All<Neighbors>());
    }

    [Fact]
    public void A_node_that_has_forgotten_us_is_verified_and_asked_again()
    {
        LegacyPeer peer = _net.AddPeer();
        LegacyMachine machine = _net.AddMachine(null, peer.Node).Start();
        _net.Run(20 * Second);
        bool isKnownThere = false;
        peer.Received.Clear();
        peer.OnPacket = (from, packet, _) =>
        {
            isKnownThere |= packet is Pong;
            if (packet is FindNodeHash && isKnownThere)
            {
                peer.Send(from, new Neighbors([], peer.Expiration));
            }
        };

        long id = machine.Machine.StartLookup(machine.Now, default);
        LookupDone done = machine.Wait<LookupDone>(l => l.Id == id, 5 * Second);

        Assert.Equal(peer.Node.Id, Assert.Single(done.Closest).Id);
        Assert.Equal(2, peer.All<FindNodeHash>().Count());
    }

    private static NodeState State(LegacyMachine machine, LegacyPeer peer) => machine.Machine.GetState(peer.Node.Id, peer.EndPoint);

    private static Neighbor AsNeighbor(LegacyPeer peer) => new(new Endpoint(peer.EndPoint, peer.EndPoint.Port), peer.Key.PublicKey.Bytes.ToArray());

    private static Packet[] Queries(LegacyPeer peer)
    {
        Topic topic = Topic.FromText("foo");
        byte[] pong = peer.Encode(new Pong(default, null, peer.MakeTicket([topic])), out _);
        return
        [
            new FindNode(new byte[64], peer.Expiration),
            new FindNodeHash(default, peer.Expiration),
            new TopicQuery(topic, 0),
            new TopicRegister([topic], 0, pong),
            new Neighbors([], peer.Expiration),
            new TopicNodes(default, []),
        ];
    }
}
