using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Discv5Spec;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Who enters the table of a machine, with which record, and who leaves it; and what the machine learns of itself.</summary>
public sealed class Discv5TableTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly V5Net _net = new();

    [Fact]
    public void Who_contacts_us_enters_once_the_table_has_been_filled()
    {
        V5Machine early = _net.AddMachine().Listen();
        V5Peer peer = _net.AddPeer().Open(early);
        Assert.Equal((1, 0), (early.Machine.SessionCount, early.Machine.Table.Count));

        V5Machine machine = StartAlone();
        peer.Open(machine);
        Assert.True(machine.Machine.Table.TryGet(peer.Node.Id, out TableEntry? entry));
        Assert.False(entry.IsLive);
        Assert.Equal(peer.Node.Record!.Encoded.ToArray(), entry.Node.Record!.Encoded.ToArray());
    }

    [Theory]
    [InlineData("other port")]
    [InlineData("other address")]
    [InlineData("no endpoint")]
    public void Who_is_not_where_its_record_says_does_not_enter(string what)
    {
        V5Machine machine = StartAlone();
        V5Peer peer = _net.AddPeer();
        peer.Node = what switch
        {
            "other port" => V5Peer.MakeNode(peer.Key, new IPEndPoint(peer.EndPoint.Address, peer.EndPoint.Port + 1)),
            "other address" => V5Peer.MakeNode(peer.Key, _net.NextEndPoint()),
            _ => Node.FromRecord(new NodeRecordBuilder { Sequence = 1 }.Sign(peer.Key)),
        };
        peer.Open(machine);

        Assert.Contains(peer.Messages, static m => m is SpecPong);
        Assert.Equal((1, 0), (machine.Machine.SessionCount, machine.Machine.Table.Count));
    }

    [Theory]
    [InlineData("52.9.9.9", "2600:0:0:9::1", true)]
    [InlineData("192.168.1.5", "2600:0:0:9::1", false)]
    public void Who_contacts_us_over_the_second_family_of_its_record_enters_where_it_is(string address4, string address6, bool isIPv4First)
    {
        V5Machine machine = StartAlone();
        IPEndPoint at4 = new(IPAddress.Parse(address4), 30304);
        IPEndPoint at6 = new(IPAddress.Parse(address6), 30306);
        V5Peer peer = AddPeerOfBoth(isIPv4First ? at6 : at4, at4, at6);
        Assert.Equal(isIPv4First ? at4 : at6, peer.Node.UdpEndPoint);
        AnswerPings(peer, machine);
        peer.Open(machine);

        Assert.Equal(peer.EndPoint, Known(machine, peer.Node).UdpEndPoint);
        Assert.Equal(isIPv4First ? 40006 : 40004, Known(machine, peer.Node).TcpPort);
        Assert.Equal(peer.Node.Record!.Encoded.ToArray(), Known(machine, peer.Node).Record!.Encoded.ToArray());
        // It is checked there, too.
        Assert.True(_net.RunUntil(() => IsLive(machine, peer.Node), TimeSpan.FromMinutes(1)));
        Assert.DoesNotContain(_net.Sent, sent => sent.To.Equals(isIPv4First ? at4 : at6));
    }

    [Fact]
    public void Who_is_live_at_one_of_its_endpoints_stays_there()
    {
        V5Machine machine = StartAlone();
        IPEndPoint at4 = new(IPAddress.Parse("52.9.9.9"), 30304);
        IPEndPoint at6 = new(IPAddress.Parse("2600:0:0:9::1"), 30306);
        V5Peer peer = AddPeerOfBoth(at6, at4, at6);
        AnswerPings(peer, machine);
        peer.Open(machine);
        Assert.True(_net.RunUntil(() => IsLive(machine, peer.Node), TimeSpan.FromMinutes(1)));

        // It speaks to us over the other family, with a newer record.
        V5Peer other = AddPeerOfBoth(at4, at4, at6, peer.Key, sequence: 2);
        other.Open(machine);
        Assert.Contains(other.Messages, static m => m is SpecPong);
        Assert.Equal((at6, 2UL, true), (Known(machine, peer.Node).UdpEndPoint, Known(machine, peer.Node).Sequence, IsLive(machine, peer.Node)));

        // Others name it.
        machine.Machine.Table.AddFound(_net.Now, MakeNodeOfBoth(peer.Key, at4, at6, sequence: 3), at4.Address);
        Assert.Equal((at6, 3UL, true), (Known(machine, peer.Node).UdpEndPoint, Known(machine, peer.Node).Sequence, IsLive(machine, peer.Node)));

        // A record that does not name that endpoint any more says that it has moved.
        machine.Machine.Table.AddFound(_net.Now, V5Peer.MakeNode(peer.Key, at4, 4), at4.Address);
        Assert.Equal((at4, 4UL, false), (Known(machine, peer.Node).UdpEndPoint, Known(machine, peer.Node).Sequence, IsLive(machine, peer.Node)));
    }

    [Fact]
    public void Who_is_not_live_yet_where_others_said_is_known_where_it_contacts_us_from()
    {
        V5Machine machine = StartAlone();
        IPEndPoint at4 = new(IPAddress.Parse("52.9.9.9"), 30304);
        IPEndPoint at6 = new(IPAddress.Parse("2600:0:0:9::1"), 30306);
        V5Peer peer = AddPeerOfBoth(at6, at4, at6);
        machine.Machine.Table.AddFound(_net.Now, peer.Node, at4.Address);
        Assert.Equal(at4, Known(machine, peer.Node).UdpEndPoint);
        peer.Open(machine);
        Assert.Equal(at6, Known(machine, peer.Node).UdpEndPoint);
    }

    [Fact]
    public void Dead_nodes_leave_the_table()
    {
        V5Machine a = StartAlone();
        V5Machine b = _net.AddMachine(null, a.Node).Start();
        Assert.True(_net.RunUntil(() => IsLive(a, b.Node) && IsLive(b, a.Node), TimeSpan.FromMinutes(1)));

        b.Stop();
        Assert.True(_net.RunUntil(() => a.Machine.Table.Count == 0, TimeSpan.FromMinutes(5)));
        Assert.Contains(a.Outputs.OfType<NodeRemoved>(), removed => removed.Node.Id == b.Node.Id);
        _net.Run(5 * Second);
        Assert.Equal(0, a.Machine.CallCount);
    }

    [Fact]
    public void A_newer_record_that_a_pong_announces_is_fetched()
    {
        V5Machine a = StartAlone();
        V5Machine b = _net.AddMachine(null, a.Node).Start();
        Assert.True(_net.RunUntil(() => IsLive(a, b.Node), TimeSpan.FromMinutes(1)));
        b.Machine.Local.Set("x", 5UL);
        Node newer = b.Node;

        Assert.True(_net.RunUntil(() => Known(a, b.Node).Sequence == newer.Sequence, TimeSpan.FromMinutes(1)));
        Assert.Equal(newer.Record!.Encoded.ToArray(), Known(a, b.Node).Record!.Encoded.ToArray());
    }

    [Fact]
    public void A_newer_record_that_a_ping_announces_is_fetched_once_and_its_claims_are_checked()
    {
        V5Machine machine = StartAlone();
        V5Peer peer = _net.AddPeer().Open(machine);
        Node newer = V5Peer.MakeNode(peer.Key, peer.EndPoint, 9);
        int fetched = 0;
        peer.OnMessage = message =>
        {
            if (message is SpecFindNode { Distances: [0] })
            {
                fetched++;
                peer.Send(machine, V5Peer.Nodes(message, 1, newer));
            }
            else if (message is SpecPing)
            {
                peer.Send(machine, V5Peer.Pong(message, 1, machine.EndPoint));
            }
        };
        for (int i = 0; i < 5; i++)
        {
            peer.Send(machine, peer.Ping(9));
        }

        _net.Run(4 * _net.Latency);
        Assert.Equal(1, fetched);
        Assert.Equal(9UL, Known(machine, peer.Node).Sequence);

        // What is known already is not asked for.
        peer.Send(machine, peer.Ping(9));
        peer.Send(machine, peer.Ping(3));
        _net.Run(4 * _net.Latency);
        Assert.Equal(1, fetched);

        // A LAN address of a node outside is not believed.
        newer = V5Peer.MakeNode(peer.Key, new IPEndPoint(IPAddress.Parse("10.1.1.1"), 30303), 10);
        peer.Send(machine, peer.Ping(10));
        _net.Run(4 * _net.Latency);
        Assert.Equal((2, 9UL), (fetched, Known(machine, peer.Node).Sequence));
    }

    [Fact]
    public void A_node_that_has_moved_is_asked_for_its_record_where_it_is_now()
    {
        V5Machine machine = StartAlone();
        V5Peer old = _net.AddPeer().Open(machine);
        Assert.Equal(old.EndPoint, Known(machine, old.Node).UdpEndPoint);

        // It does not know its new address yet when it makes the session, so its record is the old one. Nobody is in the old place.
        V5Peer moved = _net.AddPeer(key: old.Key);
        moved.Node = old.Node;
        _net.Attach(old.EndPoint, static (_, _) => { });
        moved.Open(machine);
        Assert.Equal(old.EndPoint, Known(machine, old.Node).UdpEndPoint);
        Node newer = V5Peer.MakeNode(moved.Key, moved.EndPoint, 2);
        moved.OnMessage = message =>
        {
            if (message is SpecFindNode { Distances: [0] })
            {
                moved.Send(machine, V5Peer.Nodes(message, 1, newer));
            }
        };
        moved.Send(machine, moved.Ping(2));
        _net.Run(4 * _net.Latency);

        Assert.Equal(moved.EndPoint, Known(machine, old.Node).UdpEndPoint);
        Assert.Equal(2UL, Known(machine, old.Node).Sequence);
    }

    [Fact]
    public void What_others_see_decides_where_we_say_that_we_are()
    {
        var at = new IPEndPoint(IPAddress.Parse("52.77.7.7"), 30303);
        PrivateKey key = _net.NewKey();
        V5Machine machine = _net.AddMachine(key, at, options =>
        {
            var local = new LocalNode(key, _net.Now.Utc);
            local.SetFallbackUdpPort(at.Port);
            return options with { Local = local };
        }).Listen();
        Assert.Null(machine.Node.Address);
        ulong first = machine.Node.Sequence;
        int asked = 0;
        while (machine.Node.Address is null && asked < 50)
        {
            V5Machine other = _net.AddMachine().Listen();
            PingReply? reply = machine.Ping(other.Node);
            Assert.Equal(at, reply?.SeenAs);
            asked++;
        }

        Assert.Equal(at, machine.Node.UdpEndPoint);
        Assert.True(machine.Node.Sequence > first);
        // Not on the word of one alone.
        Assert.InRange(asked, 2, 20);
        // From now on pongs say so.
        Assert.Equal(machine.Node.Sequence, _net.AddMachine().Listen().Ping(machine.Node)?.RecordSequence);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_node_is_reached_over_the_family_that_there_is(bool isOnly)
    {
        IPEndPoint at6 = new(IPAddress.Parse("2600:0:0:7::1"), 9000);
        V5Machine machine = _net.AddMachine(_net.NewKey(), new IPEndPoint(IPAddress.Parse("2600:0:0:8::1"), 30303), static o => o with { HasIPv4 = false }).Listen();
        PrivateKey key = _net.NewKey();
        V5Machine other = _net.AddMachine(key, at6, options =>
        {
            var local = new LocalNode(key, _net.Now.Utc);
            local.SetStaticAddress(at6.Address);
            local.SetFallbackUdpPort(at6.Port);
            if (!isOnly)
            {
                local.SetStaticAddress(IPAddress.Parse("52.3.3.3"));
            }

            return options with { Local = local };
        }).Listen();

        Assert.Equal(isOnly, other.Node.UdpEndPoint!.Equals(at6));
        Assert.Equal(machine.EndPoint, machine.Ping(other.Node)?.SeenAs);
        Assert.Null(machine.Ping(_net.AddMachine().Listen().Node));
        Assert.Equal(1, machine.Machine.RemoteCount);
    }

    [Fact]
    public void Over_IPv4_alone_a_node_of_IPv6_is_not_reached()
    {
        V5Machine machine = _net.AddMachine(_net.NewKey(), _net.NextEndPoint(), static o => o with { HasIPv6 = false }).Listen();
        V5Machine other = _net.AddMachine(new IPEndPoint(IPAddress.Parse("2600:0:0:7::1"), 9000)).Listen();
        Assert.Null(machine.Ping(other.Node));
        Assert.Empty(_net.Sent);
    }

    [Fact]
    public void Outside_of_the_allowed_networks_nobody_is_heard()
    {
        V5Machine machine = _net.AddMachine(_net.NewKey(), _net.NextEndPoint(), static o => o with { NetRestrict = NetList.Parse("53.0.0.0/8") }).Listen();
        V5Peer outside = _net.AddPeer();
        V5Peer inside = _net.AddPeer(new IPEndPoint(IPAddress.Parse("53.1.1.1"), 30303));
        outside.SendRandom(machine);
        inside.SendRandom(machine);
        _net.Run(3 * _net.Latency);
        Assert.Empty(outside.Received);
        Assert.Single(inside.Received);
        Assert.Equal(1, machine.Machine.Counts.Unwanted);
    }

    private static Node MakeNodeOfBoth(PrivateKey key, IPEndPoint at4, IPEndPoint at6, ulong sequence) =>
        Node.FromRecord(new NodeRecordBuilder { Sequence = sequence }
            .SetAddress(at4.Address).SetUdpPort(at4.Port).SetTcpPort(40004)
            .SetAddress(at6.Address).SetUdp6Port(at6.Port).SetTcp6Port(40006)
            .Sign(key));

    private V5Peer AddPeerOfBoth(IPEndPoint at, IPEndPoint at4, IPEndPoint at6, PrivateKey? key = null, ulong sequence = 1)
    {
        V5Peer peer = _net.AddPeer(at, key);
        peer.Node = MakeNodeOfBoth(peer.Key, at4, at6, sequence);
        return peer;
    }

    private static void AnswerPings(V5Peer peer, V5Machine machine) => peer.OnMessage = message =>
    {
        if (message is SpecPing)
        {
            peer.Send(machine, V5Peer.Pong(message, peer.Node.Sequence, machine.EndPoint));
        }
    };

    private static Node Known(V5Machine machine, Node node)
    {
        Assert.True(machine.Machine.Table.TryGet(node.Id, out TableEntry? entry));
        return entry.Node;
    }

    private static bool IsLive(V5Machine machine, Node node) => machine.Machine.Table.TryGet(node.Id, out TableEntry? entry) && entry.IsLive;

    private V5Machine StartAlone()
    {
        V5Machine machine = _net.AddMachine().Start();
        Assert.True(_net.RunUntil(() => machine.Machine.Table.IsInitialized, TimeSpan.FromMinutes(1)));
        return machine;
    }
}
