using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

/// <summary>Topics between a machine and peers that do what the test says, and between machines.</summary>
public sealed class LegacyTopicTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly Topic Foo = Topic.FromText("foo");
    private static readonly Topic Bar = Topic.FromText("bar");

    private readonly LegacyNet _net = new();

    [Fact]
    [Trait("Threat", "T20")]
    public void A_ticket_is_good_after_its_wait_for_its_node_and_its_topics()
    {
        LegacyMachine machine = Started();
        LegacyPeer peer = _net.AddPeer();
        (Pong pong, byte[] ticket) = GetTicket(machine, peer, Foo, Bar);
        Assert.Equal(Topic.HashOf([Foo, Bar]), pong.Ticket.TopicHash);
        Assert.Equal([60u, 60u], pong.Ticket.WaitPeriods);

        // Too early, the wrong topics, the wrong index.
        peer.Send(machine.EndPoint, new TopicRegister([Foo, Bar], 1, ticket));
        _net.Run(60 * Second);
        peer.Send(machine.EndPoint, new TopicRegister([Bar, Foo], 0, ticket));
        peer.Send(machine.EndPoint, new TopicRegister([Foo, Bar], 2, ticket));
        peer.Send(machine.EndPoint, new TopicRegister([Foo, Bar], ulong.MaxValue, ticket));
        _net.Run(Second);
        Assert.Empty(Ask(machine, peer, Bar));

        peer.Send(machine.EndPoint, new TopicRegister([Foo, Bar], 1, ticket));
        _net.Run(Second);

        Neighbor found = Assert.Single(Ask(machine, peer, Bar));
        Assert.Equal(peer.Key.PublicKey.Bytes, found.Key.Span);
        Assert.Equal(new Endpoint(peer.EndPoint, peer.EndPoint.Port), found.Endpoint);
        Assert.Empty(Ask(machine, peer, Foo));
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_a_ticket_serves_nobody_else_and_none_but_ours_count()
    {
        LegacyMachine machine = Started();
        LegacyPeer peer = _net.AddPeer();
        LegacyPeer thief = _net.AddPeer();
        thief.Bond(machine);
        (Pong pong, byte[] ticket) = GetTicket(machine, peer, Foo);
        _net.Run(61 * Second);

        thief.Send(machine.EndPoint, new TopicRegister([Foo], 0, ticket));

        // The right words under another signature, and a damaged one.
        peer.Send(machine.EndPoint, new TopicRegister([Foo], 0, peer.Encode(pong, out _)));
        byte[] damaged = [.. ticket];
        damaged[30] ^= 1;
        peer.Send(machine.EndPoint, new TopicRegister([Foo], 0, damaged));
        _net.Run(Second);

        Assert.Equal(0, machine.Machine.Registrar.Count);
        peer.Send(machine.EndPoint, new TopicRegister([Foo], 0, ticket));
        _net.Run(Second);
        Assert.Equal(1, machine.Machine.Registrar.Count);
    }

    [Fact]
    public void Who_advertises_names_itself_and_hides_an_address_that_others_cannot_use()
    {
        LegacyMachine machine = _net.AddMachine(new IPEndPoint(IPAddress.Parse("192.168.1.7"), 30303)).Start();
        LegacyMachine open = Started();
        Assert.True(machine.Machine.TryRegisterTopic(machine.Now, Foo));
        Assert.True(open.Machine.TryRegisterTopic(open.Now, Foo));
        _net.Run(5 * Second);
        LegacyPeer peer = _net.AddPeer();
        peer.Bond(machine);
        peer.Bond(open);

        Neighbor hidden = Assert.Single(Ask(machine, peer, Foo));
        Neighbor shown = Assert.Single(Ask(open, peer, Foo));

        Assert.Equal(IPAddress.Any, hidden.Endpoint.Address);
        Assert.Equal(machine.Node.PublicKey.Bytes, hidden.Key.Span);
        Assert.Equal(new Endpoint(open.EndPoint, open.EndPoint.Port), shown.Endpoint);
        Assert.Empty(Ask(open, peer, Bar));
    }

    [Fact]
    public void An_advertiser_collects_tickets_and_registers_when_their_time_has_come()
    {
        LegacyPeer peer = _net.AddPeer();
        AnswerFinds(peer);
        LegacyMachine machine = _net.AddMachine(null, peer.Node).Start();
        _net.Run(10 * Second);
        peer.MakeTicket = topics => new Ticket(77, Topic.HashOf(topics), 5, [.. topics.Select(_ => 90u)]);
        TimeSpan begin = _net.Now.Monotonic;
        TimeSpan? asked = null;
        Action<IPEndPoint, Packet, PacketHash> finds = peer.OnPacket!;
        peer.OnPacket = (from, packet, hash) =>
        {
            asked ??= packet is Ping { Topics.Count: > 0 } ? _net.Now.Monotonic : null;
            finds(from, packet, hash);
        };

        Assert.True(machine.Machine.TryRegisterTopic(machine.Now, Foo));
        machine.Drain();
        Assert.True(_net.RunUntil(() => peer.All<TopicRegister>().Any(), TimeSpan.FromMinutes(10)));

        TopicRegister register = peer.All<TopicRegister>().First();
        Assert.Equal([Foo], register.Topics);
        Assert.Equal(0ul, register.Index);
        Assert.True(Codec.TryDecode(register.Pong.Span, out Packet? pong, out DevP2P.Crypto.PublicKey? signer, out _, out _));
        Assert.Equal(peer.Key.PublicKey, signer);
        Assert.Equal(77ul, Assert.IsType<Pong>(pong).Ticket.Expiration);
        Assert.InRange(asked!.Value - begin, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        Assert.InRange(_net.Now.Monotonic - asked.Value, TimeSpan.FromSeconds(90), TimeSpan.FromSeconds(90 + 60));
        Assert.Contains(machine.Outputs, o => o is TopicRegistrationSent { Registrar: { } at } && at.Id == peer.Node.Id);

        // It ends when nobody wants it any more.
        machine.Machine.UnregisterTopic(machine.Now, Foo);
        machine.Drain();
        peer.Received.Clear();
        _net.Run(TimeSpan.FromMinutes(30));
        Assert.Empty(peer.All<TopicRegister>());
        Assert.All(peer.All<Ping>(), ping => Assert.Empty(ping.Topics));
    }

    [Fact]
    public void A_pong_that_is_too_long_for_a_registration_is_no_ticket()
    {
        LegacyPeer peer = _net.AddPeer();
        peer.AnswersPings = false;
        Action<IPEndPoint, Packet, PacketHash> finds = AnswerFinds(peer);
        peer.OnPacket = (from, packet, hash) =>
        {
            if (packet is Ping ping)
            {
                byte[] pong = peer.Encode(new Pong(new Endpoint(from, 1), hash, peer.MakeTicket(ping.Topics)), out _);
                _net.Post(peer.EndPoint, from, [.. pong, .. new byte[Codec.MaxPacketSize - pong.Length]]);
            }

            finds(from, packet, hash);
        };
        LegacyMachine machine = _net.AddMachine(null, peer.Node).Start();
        machine.Machine.TryRegisterTopic(machine.Now, Foo);
        machine.Drain();

        // What is behind the list is signed, so these count as noise: nobody is known, and nothing throws.
        _net.Run(TimeSpan.FromMinutes(5));

        Assert.Empty(peer.All<TopicRegister>());
        Assert.False(Codec.FitsRegistration([Foo], Codec.MaxPacketSize));
        Assert.True(Codec.FitsRegistration([Foo], 300));
    }

    [Fact]
    [Trait("Threat", "T18")]
    public void A_searcher_asks_and_reports_each_node_once()
    {
        LegacyPeer peer = _net.AddPeer();
        LegacyPeer advertiser = _net.AddPeer();
        Action<IPEndPoint, Packet, PacketHash> finds = AnswerFinds(peer);
        byte[] secretive = _net.NewKey().PublicKey.Bytes.ToArray();
        peer.OnPacket = (from, packet, hash) =>
        {
            finds(from, packet, hash);
            if (packet is TopicQuery query && query.Topic.Equals(Foo))
            {
                peer.Send(from, new TopicNodes(hash, [new Neighbor(new Endpoint(advertiser.EndPoint, 30301), advertiser.Key.PublicKey.Bytes.ToArray())]));
                peer.Send(from, new TopicNodes(hash, [new Neighbor(new Endpoint(new IPEndPoint(IPAddress.Loopback, 30303), 30303), secretive)]));
                peer.Send(from, new TopicNodes(hash, [new Neighbor(new Endpoint(new IPEndPoint(IPAddress.Parse("10.0.0.1"), 30303), 1), secretive)]));
                peer.Send(from, new TopicNodes(new PacketHash(new byte[32]), [new Neighbor(new Endpoint(peer.EndPoint, 1), secretive)]));
            }
        };
        LegacyMachine machine = _net.AddMachine(null, peer.Node).Start();
        _net.Run(10 * Second);

        Assert.True(machine.Machine.TrySearchTopic(machine.Now, Foo, Second));
        machine.Drain();
        _net.Run(TimeSpan.FromMinutes(3));

        Node[] found = [.. machine.Outputs.OfType<TopicNodeFound>().Select(f => f.Node)];
        Assert.Equal([advertiser.EndPoint, new IPEndPoint(peer.EndPoint.Address, 30303)], found.Select(n => n.UdpEndPoint));
        Assert.Equal(30301, found[0].TcpPort);
        Assert.InRange(machine.Outputs.OfType<TopicLookupEnded>().Count(), 60, 181);
        Assert.InRange(peer.All<TopicQuery>().Count(), 2, 4);

        machine.Machine.StopSearch(machine.Now, Foo);
        machine.Drain();
        machine.Outputs.Clear();
        _net.Run(TimeSpan.FromMinutes(3));
        Assert.DoesNotContain(machine.Outputs, o => o is TopicLookupEnded or TopicNodeFound);
        Assert.Equal(0, machine.Machine.TopicQueryCount);
    }

    [Fact]
    public void In_a_network_of_machines_what_is_advertised_is_found()
    {
        var net = new LegacyNet(21, fakeSignatures: true);
        LegacyMachine first = net.AddMachine().Start();
        LegacyMachine[] machines = [first, .. Enumerable.Range(1, 29).Select(_ => net.AddMachine(null, first.Node).Start())];
        net.Run(TimeSpan.FromMinutes(2));
        LegacyMachine[] advertisers = machines[5..10];
        foreach (LegacyMachine advertiser in advertisers)
        {
            Assert.True(advertiser.Machine.TryRegisterTopic(advertiser.Now, Foo));
            advertiser.Drain();
        }

        net.Run(TimeSpan.FromMinutes(10));
        Assert.InRange(machines.Sum(m => m.Machine.Registrar.Count), 5, 150);
        LegacyMachine searcher = machines[20];
        searcher.Machine.TrySearchTopic(searcher.Now, Foo, Second);
        searcher.Drain();

        bool isFound = net.RunUntil(
            () => searcher.Outputs.OfType<TopicNodeFound>().Select(f => f.Node.Id).Distinct().Count() == advertisers.Length, TimeSpan.FromMinutes(20));

        Assert.True(isFound);
        Assert.Equal(advertisers.Select(a => a.Node.Id).Order(), searcher.Outputs.OfType<TopicNodeFound>().Select(f => f.Node.Id).Distinct().Order());
    }

    private LegacyMachine Started()
    {
        LegacyMachine machine = _net.AddMachine().Start();
        _net.Run(5 * Second);
        return machine;
    }

    private static Action<IPEndPoint, Packet, PacketHash> AnswerFinds(LegacyPeer peer) => peer.OnPacket = (from, packet, _) =>
    {
        if (packet is FindNodeHash)
        {
            peer.Send(from, new Neighbors([], peer.Expiration));
        }
    };

    private (Pong Pong, byte[] Datagram) GetTicket(LegacyMachine machine, LegacyPeer peer, params Topic[] topics)
    {
        peer.Bond(machine);
        peer.Topics = topics;
        byte[]? datagram = null;
        _net.IsLost = (from, to, bytes) =>
        {
            datagram = to.Equals(peer.EndPoint) && Codec.GetType(bytes) == PacketType.Pong ? bytes : datagram;
            return false;
        };
        peer.Send(machine.EndPoint, peer.NewPing(machine.EndPoint));
        _net.Run(Second);
        _net.IsLost = static (_, _, _) => false;
        return (peer.All<Pong>().Last(), datagram!);
    }

    private IReadOnlyList<Neighbor> Ask(LegacyMachine machine, LegacyPeer peer, Topic topic)
    {
        PacketHash hash = peer.Send(machine.EndPoint, new TopicQuery(topic, 0));
        _net.Run(Second);
        return peer.All<TopicNodes>().Last(n => n.QueryHash == hash).Nodes;
    }
}
