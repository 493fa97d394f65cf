using System.Net;
using System.Runtime.CompilerServices;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Discv5Spec;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Sessions between machines: made, lost, crossed, used up.</summary>
public sealed class SessionTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly V5Net _net = new();
    private readonly V5Machine _a;
    private readonly V5Machine _b;

    public SessionTests()
    {
        _a = _net.AddMachine().Listen();
        _b = _net.AddMachine().Listen();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whichever_packet_of_a_handshake_is_lost_the_second_question_of_a_lookup_gets_through(int lost)
    {
        // The other side repeats the challenge for the first question when the second one comes.
        var net = new V5Net();
        V5Machine b = net.AddMachine().Listen();
        net.IsLost = (_, _, _) => net.Sent.Count == lost + 1;
        V5Machine a = net.AddMachine(null, b.Node).Start();
        long id = a.Machine.StartLookup(net.Now, net.NewKey().PublicKey.NodeId);
        LookupDone done = a.Wait<LookupDone>(d => d.Id == id, 5 * Second);

        Assert.Equal(b.Node.Id, Assert.Single(done.Closest).Id);
        Assert.Equal(lost == 3 ? 2 : 1, b.Machine.Counts.HandshakesAccepted);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whichever_packet_of_a_handshake_is_lost_a_later_request_gets_through(int lost)
    {
        _net.IsLost = (_, _, _) => _net.Sent.Count == lost + 1;

        Assert.Null(_a.Ping(_b.Node));
        _net.Run(Discv5Limits.ChallengeLifetime);
        Assert.NotNull(_a.Ping(_b.Node));
        Assert.NotNull(_b.Ping(_a.Node));
        AssertQuiet(_a, _b);
    }

    [Fact]
    public void Both_sides_may_begin_at_once_whenever_and_however_long_they_compute()
    {
        // Delays around the 20 ms that a packet takes, so that everything happens in every order.
        for (int delay = 0; delay <= 100; delay += 10)
        {
            for (int jobs = 0; jobs < 9; jobs++)
            {
                var net = new V5Net();
                V5Machine a = net.AddMachine().Listen();
                V5Machine b = net.AddMachine().Listen();
                long first = a.Machine.StartPing(net.Now, b.Node);
                a.Drain();
                net.Run(TimeSpan.FromMilliseconds(delay));
                long second = b.Machine.StartPing(net.Now, a.Node);
                b.Drain();
                (a.HoldsJobs, b.HoldsJobs) = (jobs % 3 > 0, jobs / 3 > 0);
                for (int time = 0; time < 40; time++)
                {
                    net.Run(TimeSpan.FromMilliseconds(10));
                    RunJobs(a, time, jobs % 3);
                    RunJobs(b, time, jobs / 3);
                }

                Assert.NotNull(a.Outputs.OfType<PingDone>().Single(done => done.Id == first).Reply);
                Assert.NotNull(b.Outputs.OfType<PingDone>().Single(done => done.Id == second).Reply);
                (a.HoldsJobs, b.HoldsJobs) = (false, false);
                Assert.NotNull(a.Ping(b.Node));
                Assert.NotNull(b.Ping(a.Node));
                AssertQuiet(a, b);
            }
        }
    }

    [Fact]
    public void What_is_asked_during_a_handshake_is_sent_after_it()
    {
        long[] ids = [.. Enumerable.Range(0, 40).Select(_ => _a.Machine.StartPing(_net.Now, _b.Node))];
        _a.Drain();
        // The first is a packet that nobody can read; the others wait.
        Assert.Single(_net.Sent);
        _net.Run(Second);

        Assert.Equal(ids, _a.Outputs.OfType<PingDone>().Where(static done => done.Reply is not null).Select(static done => done.Id).Order());
        Assert.Equal(1, _b.Machine.Counts.HandshakesAccepted);
        AssertQuiet(_a, _b);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(16)]
    [InlineData(50)]
    public void A_session_that_the_other_side_has_lost_costs_no_request(int requests)
    {
        Assert.NotNull(_a.Ping(_b.Node));
        V5Machine b = _net.Restart(_b);
        long[] ids = [.. Enumerable.Range(0, requests).Select(_ => _a.Machine.StartPing(_net.Now, b.Node))];
        _a.Drain();
        _net.Run(Second);

        Assert.Equal(ids, _a.Outputs.OfType<PingDone>().Where(done => done.Reply is not null && done.Id >= ids[0]).Select(static done => done.Id).Order());
        Assert.Equal(1, b.Machine.Counts.HandshakesAccepted);
        AssertQuiet(_a, b);
    }

    [Fact]
    public void A_session_that_we_have_lost_is_made_anew_from_either_side()
    {
        Assert.NotNull(_a.Ping(_b.Node));
        V5Machine b = _net.Restart(_b);
        // The one that has forgotten speaks first: to the other it is a stranger at first.
        Assert.NotNull(b.Ping(_a.Node));
        Assert.NotNull(_a.Ping(b.Node));
        AssertQuiet(_a, b);

        V5Machine a = _net.Restart(_a);
        long[] ids = [.. Enumerable.Range(0, 10).Select(_ => b.Machine.StartPing(_net.Now, a.Node))];
        long back = a.Machine.StartPing(_net.Now, b.Node);
        a.Drain();
        b.Drain();
        _net.Run(Second);
        Assert.All(ids, id => Assert.NotNull(b.Outputs.OfType<PingDone>().Single(done => done.Id == id).Reply));
        Assert.NotNull(a.Outputs.OfType<PingDone>().Single(done => done.Id == back).Reply);
        AssertQuiet(a, b);
    }

    [Fact]
    public void An_answered_part_of_a_request_is_not_asked_for_again()
    {
        V5Peer peer = _net.AddPeer();
        peer.Open(_a);
        long ping = _a.Machine.StartPing(_net.Now, peer.Node);
        long find = _a.Machine.StartFindNode(_net.Now, peer.Node, [256]);
        long talk = _a.Machine.StartTalk(_net.Now, peer.Node, "x", [1]);
        _a.Drain();
        peer.Messages.Clear();
        _net.Run(2 * _net.Latency);
        peer.Send(_a, V5Peer.Nodes(peer.Messages[1], 2));
        peer.Messages.Clear();
        _net.Run(2 * _net.Latency);

        byte[] challenge = peer.SendWhoAreYou(_a, peer.Received[^3].Header.Nonce, _a.Node.Sequence);
        _net.Run(2 * _net.Latency);
        peer.Accept(_a, challenge);
        SpecPing again = Assert.IsType<SpecPing>(Assert.Single(peer.Messages));
        peer.Send(_a, V5Peer.Pong(again, 1, _a.EndPoint));
        _net.Run(3 * _net.Latency);

        // The talk request was sent after the ping, and could not be read either.
        Assert.IsType<SpecTalkRequest>(Assert.Single(peer.Messages.Skip(1)));
        Assert.NotNull(_a.Outputs.OfType<PingDone>().Single(done => done.Id == ping).Reply);
        _net.Run(5 * Second);
        Assert.NotNull(_a.Outputs.OfType<FindNodeDone>().Single(done => done.Id == find).Nodes);
        Assert.Null(_a.Outputs.OfType<TalkDone>().Single(done => done.Id == talk).Response);
        AssertQuiet(_a);
    }

    [Fact]
    public void A_node_that_has_moved_makes_a_session_where_it_is_now()
    {
        Assert.NotNull(_a.Ping(_b.Node));
        IPEndPoint elsewhere = _net.NextEndPoint();
        _net.Attach(elsewhere, _b.Receive);
        int forged = 0;
        // Whatever it sends comes from elsewhere; what goes to the old place is lost.
        _net.IsLost = (from, to, datagram) =>
        {
            if (Equals(from, _b.EndPoint))
            {
                forged++;
                _net.Post(elsewhere, to, datagram);
                return true;
            }

            return Equals(to, _b.EndPoint);
        };
        PingReply? reply = _b.Ping(_a.Node);

        Assert.Equal(elsewhere, reply?.SeenAs);
        Assert.True(forged > 0);
        Assert.Equal((2, 2), (_a.Machine.SessionCount, _a.Machine.RemoteCount));
        AssertQuiet(_a, _b);
    }

    [Fact]
    public void A_session_does_not_work_from_another_endpoint()
    {
        V5Peer peer = _net.AddPeer();
        peer.Open(_a);
        IPEndPoint elsewhere = _net.NextEndPoint();
        List<byte[]> received = [];
        _net.Attach(elsewhere, (_, datagram) => received.Add(datagram));
        peer.Send(_a, peer.Ping());
        byte[] ping = _net.Sent[^1].Datagram;
        _net.Run(3 * _net.Latency);
        long handled = _a.Machine.Counts.Handled;
        _net.Post(elsewhere, _a.EndPoint, ping);
        _net.Run(3 * _net.Latency);

        Assert.Equal(handled, _a.Machine.Counts.Handled);
        Assert.Equal(PacketCodec.MinPacketSize, Assert.Single(received).Length);
    }

    [Fact]
    public void Nonces_count_and_never_come_twice_under_one_key()
    {
        Assert.NotNull(_a.Ping(_b.Node));
        int begin = _net.Sent.Count;
        for (int i = 0; i < 200; i++)
        {
            Assert.NotNull(_a.Ping(_b.Node));
            Assert.NotNull(_b.Ping(_a.Node));
        }

        foreach (V5Machine to in new[] { _a, _b })
        {
            AesBlock mask = PacketCodec.CreateMask(to.Node.Id);
            uint[] counts = [.. _net.Sent.Skip(begin).Where(s => Equals(s.To, to.EndPoint)).Select(s =>
            {
                byte[] datagram = [.. s.Datagram];
                Assert.Equal(PacketError.None, PacketCodec.TryUnmask(mask, datagram, out PacketHeader header));
                byte[] nonce = new byte[Nonce.Size];
                header.Nonce.CopyTo(nonce);
                return System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(nonce);
            })];
            Assert.Equal(400, counts.Length);
            Assert.Equal(Enumerable.Range((int)counts[0], 400).Select(static i => (uint)i), counts);
        }
    }

    [Fact]
    public void A_used_up_session_is_not_sent_in_any_more_and_gives_way_to_a_new_one()
    {
        V5Peer peer = _net.AddPeer();
        peer.Open(_a);
        Session session = SessionOf(_a, peer);
        Sent(session) = uint.MaxValue - 2;
        peer.Messages.Clear();
        for (int i = 0; i < 4; i++)
        {
            peer.Send(_a, peer.Ping());
        }

        _net.Run(3 * _net.Latency);
        Assert.Equal(2, peer.Messages.Count);
        Assert.True(session.IsUsedUp);
        Assert.Throws<InvalidOperationException>(() => session.NextNonce(0));

        long id = _a.Machine.StartPing(_net.Now, peer.Node);
        _a.Drain();
        _net.Run(3 * _net.Latency);
        // What asks for a handshake is no message in the old session.
        Assert.Equal(2, peer.Messages.Count);
        peer.Accept(_a);
        peer.Send(_a, V5Peer.Pong(peer.Messages[^1], 1, _a.EndPoint));
        Assert.NotNull(_a.Wait<PingDone>(done => done.Id == id, Second).Reply);
        Assert.NotSame(session, SessionOf(_a, peer));
        Assert.Equal(1, _a.Machine.SessionCount);
    }

    [Fact]
    public void Sessions_are_bounded_and_the_one_that_was_used_least_recently_goes()
    {
        // Addresses of different networks: made directly, for there are so many.
        V5Peer kept = _net.AddPeer();
        kept.Open(_a);
        V5Peer idle = _net.AddPeer();
        idle.Open(_a);
        for (int i = 2; i < Discv5Limits.MaxSessions + 1; i++)
        {
            if (i == Discv5Limits.MaxSessions)
            {
                kept.Send(_a, kept.Ping());
                _net.Run(3 * _net.Latency);
            }

            _net.AddPeer().Open(_a);
        }

        Assert.Equal((Discv5Limits.MaxSessions, Discv5Limits.MaxSessions), (_a.Machine.SessionCount, _a.Machine.RemoteCount));
        Assert.True(IsHeard(kept));
        Assert.False(IsHeard(idle));
    }

    [Fact]
    public void A_host_with_many_keys_pushes_out_only_its_own_sessions()
    {
        V5Peer other = _net.AddPeer();
        other.Open(_a);
        IPAddress host = IPAddress.Parse("52.200.1.1");
        List<V5Peer> peers = [];
        for (int port = 2000; peers.Count < Discv5Limits.MaxSessionsPerNetwork + 10; port++)
        {
            // An address gets so many challenges a second.
            _net.Run(Second / 2);
            peers.Add(_net.AddPeer(new IPEndPoint(host, port)).Open(_a));
        }

        Assert.Equal(Discv5Limits.MaxSessionsPerNetwork + 1, _a.Machine.SessionCount);
        Assert.Equal(Discv5Limits.MaxSessionsPerNetwork + 1, _a.Machine.RemoteCount);
        Assert.True(IsHeard(other));
        Assert.False(IsHeard(peers[0]));
        Assert.True(IsHeard(peers[^1]));
    }

    [Fact]
    public void Whatever_is_lost_or_forgotten_every_request_ends_once_and_sessions_work_again()
    {
        for (int seed = 1; seed <= 30; seed++)
        {
            var net = new V5Net(seed);
            V5Machine[] machines = [net.AddMachine().Start(), net.AddMachine().Start(), net.AddMachine().Listen()];
            int loss = 5 * (seed % 8);
            net.IsLost = (_, _, _) => net.Next(100) < loss;
            List<(V5Machine, long)> calls = [];
            for (int step = 0; step < 300; step++)
            {
                int from = net.Next(3);
                V5Machine machine = machines[from];
                Node to = machines[(from + 1 + net.Next(2)) % 3].Node;
                switch (net.Next(20))
                {
                    case < 8:
                        calls.Add((machine, machine.Machine.StartPing(net.Now, to)));
                        break;
                    case < 12:
                        calls.Add((machine, machine.Machine.StartFindNode(net.Now, to, [0, 256])));
                        break;
                    case < 14:
                        calls.Add((machine, machine.Machine.StartTalk(net.Now, to, "none", new byte[net.Next(1100)])));
                        break;
                    case 14:
                        machine.HoldsJobs = true;
                        break;
                    case 15:
                        calls.RemoveAll(c => c.Item1 == machine);
                        machines[from] = net.Restart(machine);
                        break;
                    default:
                        machine.HoldsJobs = false;
                        machine.RunJobs();
                        break;
                }

                machine.Drain();
                net.Run(TimeSpan.FromMilliseconds(net.Next(120)));
            }

            net.IsLost = static (_, _, _) => false;
            foreach (V5Machine machine in machines)
            {
                machine.HoldsJobs = false;
                machine.RunJobs();
            }

            net.Run(20 * Second);
            foreach ((V5Machine machine, long id) in calls)
            {
                Assert.Single(machine.Outputs.OfType<CommandDone>(), done => done.Id == id);
            }

            AssertQuiet(machines);
            Assert.All(machines, m => Assert.NotNull(m.Ping(machines[(Array.IndexOf(machines, m) + 1) % 3].Node)));
        }
    }

    /// <summary>Whether a session of a peer is still there.</summary>
    private bool IsHeard(V5Peer peer)
    {
        peer.Messages.Clear();
        peer.Send(_a, peer.Ping());
        _net.Run(3 * _net.Latency);
        return peer.Messages is [SpecPong];
    }

    private static void RunJobs(V5Machine machine, int time, int pace)
    {
        // At once, after up to 30 ms, after up to 70 ms.
        if (pace == 0 || time % (pace == 1 ? 3 : 7) == 0)
        {
            machine.RunJobs();
        }
    }

    private static void AssertQuiet(params V5Machine[] machines)
    {
        foreach (V5Machine machine in machines)
        {
            // Where there is a table it may be about to check somebody.
            Assert.True(machine.Machine.CallCount <= machine.Machine.Table.ActiveChecks, $"{machine.Machine.CallCount} requests");
            Assert.InRange(machine.Machine.RemoteCount, machine.Machine.SessionCount, machine.Machine.SessionCount + machine.Machine.CallCount);
        }
    }

    private static Session SessionOf(V5Machine machine, V5Peer peer) =>
        Remotes(machine.Machine)[new RemoteKey(peer.Node.Id, CompactEndPoint.From(peer.EndPoint))].Current!;

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_remotes")]
    private static extern ref Dictionary<RemoteKey, Remote> Remotes(Discv5 machine);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_sent")]
    private static extern ref uint Sent(Session session);
}
