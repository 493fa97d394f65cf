using System.Net;
using System.Text;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>What docs/threats.md demands of discovery v5.1.</summary>
public sealed class Discv5ThreatTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly V5Net _net = new(5);
    private readonly SeededRandomSource _random = new(6);
    private readonly V5Machine _friend;
    private readonly V5Machine _target;

    public Discv5ThreatTests()
    {
        _friend = _net.AddMachine().Start();
        _target = _net.AddMachine().Start();
        _net.Run(5 * Second);
        Assert.NotNull(Ping(_friend, _target));
    }

    [Fact]
    [Trait("Threat", "T05")]
    public void T05_a_flood_from_a_thousand_spoofed_sources_leaves_live_sessions_untouched()
    {
        const int Sources = 1000;
        const int Flood = 100_000;
        IPEndPoint[] sources = [.. Enumerable.Range(0, Sources).Select(i => new IPEndPoint(new IPAddress([61, (byte)(i / 250), (byte)(1 + (i % 250)), 9]), 30303))];
        var sentTo = new Dictionary<IPEndPoint, int>();
        int table = _target.Machine.Table.Count;
        int remotes = _target.Machine.RemoteCount;
        int mostChallenges = 0;
        long bytesIn = 0;
        TimeSpan begin = _net.Now.Monotonic;
        for (int i = 0; i < Flood; i++)
        {
            // Now and then in the name of the live session's node, at its endpoint too.
            NodeId id = i % 50 == 0 ? _friend.Node.Id : RandomId();
            IPEndPoint from = i % 100 == 0 ? _friend.EndPoint : sources[i % Sources];
            byte[] packet = ThreatPeer.MakeMessage(_target.Node.Id, id, _random, messageSize: _net.Next(3) * 20);
            bytesIn += packet.Length;
            _target.Receive(from, packet);
            mostChallenges = Math.Max(mostChallenges, _target.Machine.ChallengeCount);
            if (i % Sources == Sources - 1)
            {
                _net.Run(TimeSpan.FromMilliseconds(20));
                foreach ((IPEndPoint _, IPEndPoint to, byte[] datagram) in _net.Sent.Where(s => s.From.Equals(_target.EndPoint) && !s.To.Equals(_friend.EndPoint)))
                {
                    Assert.Equal(PacketCodec.MinPacketSize, datagram.Length);
                    sentTo[to] = sentTo.GetValueOrDefault(to) + 1;
                }

                _net.Sent.Clear();
            }
        }

        int most = Discv5Limits.ChallengeBurst + (int)((_net.Now.Monotonic - begin).TotalSeconds * Discv5Limits.ChallengeRate) + 1;
        Assert.All(sentTo.Values, count => Assert.InRange(count, 1, most));
        Assert.InRange(sentTo.Values.Sum(count => (long)count * PacketCodec.MinPacketSize), 1, bytesIn);
        Assert.InRange(mostChallenges, 1000, Discv5Limits.MaxChallenges);
        Assert.Equal((1, table, remotes), (_target.Machine.SessionCount, _target.Machine.Table.Count, _target.Machine.RemoteCount));
        AssertSessionIsAlive();
    }

    [Theory]
    [InlineData("session", true)]
    [InlineData("table", true)]
    [InlineData("stranger", false)]
    [Trait("Threat", "T05")]
    public void T05_forged_addresses_keep_no_known_node_from_a_new_session(string known, bool getsThrough)
    {
        // It has lost its keys, or never had any.
        V5Machine node = known == "session" ? _net.AddMachine(_friend.Key, _friend.Stop().EndPoint).Listen() : _net.AddMachine().Listen();
        _target.Machine.Table.Remove(_net.Now, node.Node.Id);
        if (known == "table")
        {
            _target.Machine.Table.AddFound(_net.Now, node.Node, _friend.EndPoint.Address);
        }

        // In the name of its address: no WHOAREYOU is left for it.
        Forge(10 * Discv5Limits.ChallengeBurst, _ => node.EndPoint);
        long ping = node.Machine.StartPing(_net.Now, _target.Node);
        node.Drain();
        _net.Run(_net.Latency);

        // Of so many others that its challenge is the oldest; then handshakes that cost as much as we are ready to give.
        IPEndPoint[] sources = [.. Enumerable.Range(0, 1000).Select(i => new IPEndPoint(new IPAddress([61, (byte)(i / 250), (byte)(1 + (i % 250)), 9]), 30303))];
        NodeId[] ids = Forge(2 * Discv5Limits.MaxChallenges, i => sources[i % sources.Length]);
        var attacker = new ThreatPeer(_net);
        _target.HoldsJobs = true;
        for (int i = 1; i <= 2 * Discv5Limits.MaxAcceptJobs; i++)
        {
            byte[] datagram = attacker.MakeHandshake(_target.Node, new byte[PacketCodec.MinPacketSize], attacker.Node.Record!.Encoded.Span, out _, ids[^i]);
            _target.Receive(sources[(ids.Length - i) % sources.Length], datagram);
        }

        Assert.Equal(Discv5Limits.MaxAcceptJobs, _target.JobCount);
        _net.Run(2 * _net.Latency);
        _target.HoldsJobs = false;
        _target.RunJobs();
        PingReply? reply = node.Wait<PingDone>(done => done.Id == ping, 2 * Second).Reply;
        Assert.Equal(getsThrough, reply is not null);
        Assert.InRange(_target.Machine.ChallengeCount, 1, Discv5Limits.MaxChallenges);
    }

    [Fact]
    [Trait("Threat", "T05")]
    [Trait("Threat", "T08")]
    public void T05_forged_handshakes_in_a_live_nodes_name_are_rejected()
    {
        var attacker = new ThreatPeer(_net);
        byte[] nobody = new byte[64];
        nobody[31] = nobody[63] = 1;

        // The attacker has the challenge, which it would have to be on the path for.
        byte[] own = attacker.MakeHandshake(_target.Node, ChallengeFriend(), attacker.Node.Record!.Encoded.Span, out _, _friend.Node.Id);
        Assert.Equal((0, 1), Deliver(_friend.EndPoint, own));
        byte[] unsigned = attacker.MakeHandshake(_target.Node, ChallengeFriend(), default, out _, _friend.Node.Id, nobody);
        Assert.Equal((0, 1), Deliver(_friend.EndPoint, unsigned));
        byte[] signedByAnother = attacker.MakeHandshake(_target.Node, ChallengeFriend(), default, out _, _friend.Node.Id);
        Assert.Equal((0, 1), Deliver(_friend.EndPoint, signedByAnother));
        AssertSessionIsAlive();
    }

    [Fact]
    [Trait("Threat", "T05")]
    public void T05_of_answers_to_one_challenge_two_are_looked_at()
    {
        var attacker = new ThreatPeer(_net);
        byte[] challenge = ChallengeFriend();
        _target.HoldsJobs = true;
        for (int i = 0; i < 100; i++)
        {
            _target.Receive(_friend.EndPoint, attacker.MakeHandshake(_target.Node, challenge, default, out _, _friend.Node.Id));
        }

        Assert.Equal(Discv5Limits.MaxAnswersPerChallenge, _target.JobCount);
        _target.HoldsJobs = false;
        _target.RunJobs();
        AssertSessionIsAlive();
    }

    [Fact]
    [Trait("Threat", "T08")]
    public void T08_an_ephemeral_key_off_the_curve_is_rejected()
    {
        var attacker = new ThreatPeer(_net);
        foreach (byte first in (byte[])[2, 3, 4])
        {
            // An earlier challenge would be repeated, and its answers are counted.
            _net.Run(2 * Second);
            _target.Receive(attacker.EndPoint, ThreatPeer.MakeMessage(_target.Node.Id, attacker.Node.Id, _random));
            _net.Run(_net.Latency);
            byte[] challenge = attacker.Challenges[^1];
            byte[] key = [first, .. Enumerable.Repeat((byte)0xFF, 32)];
            byte[] handshake = attacker.MakeHandshake(
                _target.Node, challenge, attacker.Node.Record!.Encoded.Span, out _, null, attacker.Sign(challenge, key, _target.Node), key);
            Assert.Equal((0, 1), Deliver(attacker.EndPoint, handshake));
        }

        attacker.Challenges.Clear();
        _net.Run(2 * Second);
        attacker.Connect(_target);
        Assert.Equal(2, _target.Machine.SessionCount);
    }

    [Fact]
    [Trait("Threat", "T05")]
    public void T05_forged_challenges_make_nobody_answer()
    {
        _target.Machine.StartPing(_net.Now, _friend.Node);
        _target.Drain();
        byte[] request = _net.Sent.Last(s => s.From.Equals(_target.EndPoint)).Datagram.ToArray();
        Nonce nonce = ThreatPeer.Open(_friend.Node.Id, request).Nonce;
        long unwanted = _target.Machine.Counts.Unwanted;
        int sent = _net.Sent.Count;

        // The nonce is right, the endpoint is not; the endpoint is right, the nonce is not.
        _target.Receive(_net.NextEndPoint(), ThreatPeer.MakeWhoAreYou(_target.Node.Id, nonce, _random));
        for (int i = 0; i < 100; i++)
        {
            _target.Receive(_friend.EndPoint, ThreatPeer.MakeWhoAreYou(_target.Node.Id, new Nonce((uint)i, 7), _random));
        }

        Assert.Equal(unwanted + 101, _target.Machine.Counts.Unwanted);
        Assert.Equal(sent, _net.Sent.Count);
        Assert.NotNull(_target.Wait<PingDone>(_ => true, Second).Reply);
        AssertSessionIsAlive();
    }

    [Fact]
    [Trait("Threat", "T05")]
    [Trait("Threat", "T01")]
    public void T05_a_host_with_many_keys_has_64_sessions_and_pushes_out_its_own()
    {
        for (int i = 0; i < Discv5Limits.MaxSessionsPerNetwork + 10; i++)
        {
            new ThreatPeer(_net, new IPEndPoint(IPAddress.Parse("62.1.2.3"), 2000 + i)).Connect(_target);
            _net.Run(Second / 4);
        }

        Assert.Equal(Discv5Limits.MaxSessionsPerNetwork + 1, _target.Machine.SessionCount);
        AssertSessionIsAlive();
    }

    [Fact]
    [Trait("Threat", "T05")]
    public void T05_answers_go_to_the_endpoint_of_the_session_only()
    {
        var peer = new ThreatPeer(_net);
        peer.Connect(_target);
        _target.Machine.AddTalkProtocol("x");
        IPEndPoint victim = new(IPAddress.Parse("63.1.2.3"), 30303);
        long handled = _target.Machine.Counts.Handled;
        int begin = _net.Sent.Count;
        byte[] buffer = new byte[PacketCodec.MaxMessageSize];
        var id = new RequestId(5);

        _target.Receive(victim, peer.Encrypt(_target.Node, buffer.AsSpan(0, MessageCodec.WriteTalkRequest(buffer, id, "x"u8, "y"u8))));
        _target.Receive(victim, peer.Encrypt(_target.Node, buffer.AsSpan(0, MessageCodec.WriteFindNode(buffer, id, [0, 256]))));
        _target.Receive(victim, peer.Encrypt(_target.Node, buffer.AsSpan(0, MessageCodec.WritePing(buffer, id, 1))));

        Assert.Equal(handled, _target.Machine.Counts.Handled);
        Assert.DoesNotContain(_target.Outputs, o => o is TalkReceived);
        Assert.Equal(3, _net.Sent.Count - begin);
        Assert.All(_net.Sent.Skip(begin), sent => Assert.Equal((victim, PacketCodec.MinPacketSize), (sent.To, sent.Datagram.Length)));
    }

    [Fact]
    [Trait("Threat", "T05")]
    public void T05_nodes_that_nobody_asked_for_reach_neither_the_table_nor_the_caller()
    {
        var peer = new ThreatPeer(_net);
        var other = new ThreatPeer(_net);
        var named = new ThreatPeer(_net);
        peer.Connect(_target);
        other.Connect(_target);
        int distance = Distance.Log(peer.Node.Id, named.Node.Id);
        _target.HoldsJobs = true;

        // Nobody has asked at all.
        long unwanted = _target.Machine.Counts.Unwanted;
        _target.Receive(peer.EndPoint, peer.Encrypt(_target.Node, ThreatPeer.MakeNodes(new RequestId(77), 1, named.Node)));
        Assert.Equal((unwanted + 1, 0), (_target.Machine.Counts.Unwanted, _target.JobCount));

        // Another node answers, with the right id; then the right one with a wrong id.
        long call = _target.Machine.StartFindNode(_net.Now, peer.Node, [distance]);
        _target.Drain();
        _net.Run(_net.Latency);
        RequestId id = peer.LastId(MessageType.FindNode);
        _target.Receive(other.EndPoint, other.Encrypt(_target.Node, ThreatPeer.MakeNodes(id, 1, named.Node)));
        _target.Receive(peer.EndPoint, peer.Encrypt(_target.Node, ThreatPeer.MakeNodes(new RequestId(78), 1, named.Node)));
        Assert.Equal((unwanted + 3, 0), (_target.Machine.Counts.Unwanted, _target.JobCount));
        Assert.DoesNotContain(_target.Outputs, o => o is FindNodeDone);
        Assert.False(_target.Machine.Table.TryGet(named.Node.Id, out _));

        _target.HoldsJobs = false;
        _target.Receive(peer.EndPoint, peer.Encrypt(_target.Node, ThreatPeer.MakeNodes(id, 1, named.Node)));
        Assert.Equal([named.Node.Id], _target.Wait<FindNodeDone>(d => d.Id == call, Second).Nodes!.Select(n => n.Id));
    }

    [Fact]
    [Trait("Threat", "T05")]
    [Trait("Threat", "T18")]
    public void T05_T18_of_the_nodes_named_only_believable_ones_of_the_distances_asked_for_are_taken()
    {
        var peer = new ThreatPeer(_net);
        peer.Connect(_target);
        var good = new ThreatPeer(_net);
        int distance = Distance.Log(peer.Node.Id, good.Node.Id);
        ThreatPeer near = PeerAt(d => d != distance, peer, null);
        ThreatPeer lan = PeerAt(d => d == distance, peer, new IPEndPoint(IPAddress.Parse("192.168.1.7"), 30303));
        ThreatPeer loopback = PeerAt(d => d == distance, peer, new IPEndPoint(IPAddress.Loopback, 30303));
        ThreatPeer special = PeerAt(d => d == distance, peer, new IPEndPoint(IPAddress.Parse("224.0.0.5"), 30303));
        ThreatPeer lowPort = PeerAt(d => d == distance, peer, new IPEndPoint(IPAddress.Parse("64.1.2.3"), 53));

        long call = _target.Machine.StartFindNode(_net.Now, peer.Node, [distance]);
        _target.Drain();
        _net.Run(_net.Latency);
        RequestId id = peer.LastId(MessageType.FindNode);
        _target.Receive(peer.EndPoint, peer.Encrypt(_target.Node, ThreatPeer.MakeNodes(id, 2, near.Node, lan.Node, loopback.Node)));
        _target.Receive(peer.EndPoint, peer.Encrypt(_target.Node, ThreatPeer.MakeNodes(id, 2, special.Node, lowPort.Node, good.Node, good.Node)));

        Assert.Equal([good.Node.Id], _target.Wait<FindNodeDone>(d => d.Id == call, Second).Nodes!.Select(n => n.Id));
    }

    [Fact]
    [Trait("Threat", "T05")]
    public void T05_an_answer_has_no_more_packets_than_it_said()
    {
        var peer = new ThreatPeer(_net);
        peer.Connect(_target);
        _target.HoldsJobs = true;
        _target.Machine.StartFindNode(_net.Now, peer.Node, [256]);
        _target.Drain();
        _net.Run(_net.Latency);
        RequestId id = peer.LastId(MessageType.FindNode);
        var named = new ThreatPeer(_net);

        // Nothing of it is verified yet, so the request is still under way.
        for (int i = 0; i < 200; i++)
        {
            _target.Receive(peer.EndPoint, peer.Encrypt(_target.Node, ThreatPeer.MakeNodes(id, 1, named.Node)));
        }

        Assert.Equal(1, _target.JobCount);
    }

    [Fact]
    [Trait("Threat", "T05")]
    public void T05_of_a_flood_of_talk_requests_64_wait_and_the_others_are_answered_empty()
    {
        const int Flood = 200;
        var peer = new ThreatPeer(_net);
        peer.Connect(_target);
        peer.Messages.Clear();
        _target.Machine.AddTalkProtocol("x");
        byte[] buffer = new byte[PacketCodec.MaxMessageSize];
        for (int i = 0; i < Flood; i++)
        {
            _target.Receive(peer.EndPoint, peer.Encrypt(_target.Node, buffer.AsSpan(0, MessageCodec.WriteTalkRequest(buffer, new RequestId((ulong)i), "x"u8, "y"u8))));
        }

        _net.Run(_net.Latency);
        TalkReceived[] waiting = [.. _target.Outputs.OfType<TalkReceived>()];
        Assert.Equal(Discv5Limits.MaxTalksPerNode, waiting.Length);
        Assert.Equal(Flood - Discv5Limits.MaxTalksPerNode, peer.Messages.Count(m => m[0] == (byte)MessageType.TalkResponse && m[^1] == 0x80));

        foreach (TalkReceived talk in waiting)
        {
            _target.Machine.AnswerTalk(talk.Talk, Encoding.UTF8.GetBytes("z"));
        }

        _target.Drain();
        _net.Run(_net.Latency);
        Assert.Equal(Discv5Limits.MaxTalksPerNode, peer.Messages.Count(m => m[0] == (byte)MessageType.TalkResponse && m[^1] == (byte)'z'));
        AssertSessionIsAlive();
    }

    [Fact]
    [Trait("Threat", "T13")]
    public void T13_malformed_messages_in_a_session_are_dropped()
    {
        var peer = new ThreatPeer(_net);
        peer.Connect(_target);
        _target.Machine.StartPing(_net.Now, peer.Node);
        _target.Drain();
        _net.Run(_net.Latency);
        byte[] id = [.. peer.LastId(MessageType.Ping).Write(new byte[RequestId.MaxSize])];
        byte[][] bad =
        [
            [1],
            [1, 0xC0],
            [1, 0xC3, 0x01, 0x81, 0x01],
            [1, 0xC2, 0x01, 0x01, 0x00],
            [1, 0xC3, 0x01, 0x01, 0x01],
            [1, 0xCB, 0x89, .. new byte[9], 0x01],
            [2, 0xD1, 0x88, .. id, 0x01, 0x85, 1, 2, 3, 4, 5, 0x01],
            [2, 0xCC, 0x88, .. id, 0x01, 0x80, 0x01],
            [3, 0xC4, 0x01, 0xC2, 0x00, 0x01],
            [3, 0xC3, 0x01, 0xC5, 0x01],
            [3, 0xFF, .. Enumerable.Repeat((byte)0xFF, 8), 0x01],
            [4, 0xC5, 0x01, 0x01, 0xC2, 0x01, 0x01],
            [4, .. Enumerable.Repeat((byte)0xC1, 1000)],
            [5, 0xC4, 0x01, 0xC0, 0xC1, 0x01],
            [7, 0xC2, 0x01, 0x01],
        ];
        long malformed = _target.Machine.Counts.Malformed;
        long handled = _target.Machine.Counts.Handled;
        foreach (byte[] message in bad)
        {
            _target.Receive(peer.EndPoint, peer.Encrypt(_target.Node, message));
            Assert.True(++malformed == _target.Machine.Counts.Malformed, Convert.ToHexString(message));
        }

        for (int i = 0; i < 20_000; i++)
        {
            byte[] message = new byte[1 + _net.Next(100)];
            _net.Fill(message);
            message[0] = (byte)_net.Next(8);
            if (message.Length > 1 && i % 2 == 0)
            {
                message[1] = (byte)(0xC0 + Math.Min(55, message.Length - 2));
            }

            _target.Receive(peer.EndPoint, peer.Encrypt(_target.Node, message));
        }

        Assert.Equal(malformed + 20_000, _target.Machine.Counts.Malformed + _target.Machine.Counts.Handled - handled);
        Assert.InRange(_target.Machine.Counts.Malformed - malformed, 10_000, 20_000);
        AssertSessionIsAlive();
    }

    [Fact]
    [Trait("Threat", "T01")]
    public void T01_handshakes_of_one_network_gain_no_more_than_its_places_in_the_table()
    {
        ThreatPeer[] peers = [.. Enumerable.Range(1, 200).Select(i => new ThreatPeer(_net, new IPEndPoint(new IPAddress([65, 1, 2, (byte)i]), 30303)))];
        foreach (ThreatPeer peer in peers)
        {
            peer.Connect(_target);
        }

        ThreatPeer[] stored = [.. peers.Where(peer => _target.Machine.Table.TryGet(peer.Node.Id, out _))];
        Assert.Equal(10, stored.Length);
        Assert.All(stored.CountBy(peer => NodeTable.GetBucketIndex(Distance.Log(_target.Node.Id, peer.Node.Id))), bucket => Assert.InRange(bucket.Value, 1, 2));
    }

    [Fact]
    [Trait("Threat", "T03")]
    public void T03_nobody_enters_the_table_before_it_has_initialized()
    {
        var silent = new ThreatPeer(_net);
        V5Machine machine = _net.AddMachine(null, silent.Node).Start();
        var early = new ThreatPeer(_net);
        early.Connect(machine);
        Assert.DoesNotContain(machine.Outputs, o => o is Initialized);
        Assert.Equal(1, machine.Machine.SessionCount);
        Assert.False(machine.Machine.Table.TryGet(early.Node.Id, out _));

        Assert.True(_net.RunUntil(() => machine.Outputs.Any(o => o is Initialized), 10 * Second));
        var late = new ThreatPeer(_net);
        late.Connect(machine);
        Assert.True(machine.Machine.Table.TryGet(late.Node.Id, out _));
    }

    [Fact]
    [Trait("Threat", "T05")]
    public void T05_who_is_not_where_its_record_says_does_not_enter_the_table()
    {
        var liar = new ThreatPeer(_net, null, new IPEndPoint(IPAddress.Parse("66.1.2.3"), 30303));
        liar.Connect(_target);
        Assert.Equal(2, _target.Machine.SessionCount);
        Assert.False(_target.Machine.Table.TryGet(liar.Node.Id, out _));
    }

    /// <summary>Messages of as many invented nodes, from anywhere.</summary>
    private NodeId[] Forge(int count, Func<int, IPEndPoint> from)
    {
        NodeId[] ids = [.. Enumerable.Range(0, count).Select(_ => RandomId())];
        for (int i = 0; i < count; i++)
        {
            _target.Receive(from(i), ThreatPeer.MakeMessage(_target.Node.Id, ids[i], _random));
        }

        return ids;
    }

    private PingReply? Ping(V5Machine from, V5Machine to)
    {
        long id = from.Machine.StartPing(_net.Now, to.Node);
        return from.Wait<PingDone>(done => done.Id == id, 2 * Second).Reply;
    }

    /// <summary>The friend and the target still talk in the session that they had before, both ways.</summary>
    private void AssertSessionIsAlive()
    {
        int begin = _net.Sent.Count;
        Assert.NotNull(Ping(_friend, _target));
        Assert.NotNull(Ping(_target, _friend));
        foreach ((IPEndPoint from, IPEndPoint to, byte[] datagram) in _net.Sent.Skip(begin))
        {
            V5Machine? receiver = from.Equals(_friend.EndPoint) && to.Equals(_target.EndPoint) ? _target
                : from.Equals(_target.EndPoint) && to.Equals(_friend.EndPoint) ? _friend : null;
            if (receiver is not null)
            {
                Assert.Equal(PacketFlag.Message, ThreatPeer.Open(receiver.Node.Id, [.. datagram]).Flag);
            }
        }
    }

    /// <summary>Makes the target challenge its friend, by a packet in the friend's name.</summary>
    /// <returns>The challenge.</returns>
    private byte[] ChallengeFriend()
    {
        // An earlier one would be repeated.
        _net.Run(2 * Second);
        _target.Receive(_friend.EndPoint, ThreatPeer.MakeMessage(_target.Node.Id, _friend.Node.Id, _random));
        byte[] challenge = [.. _net.Sent.Last(s => s.From.Equals(_target.EndPoint)).Datagram];
        Assert.Equal(PacketFlag.WhoAreYou, ThreatPeer.Open(_friend.Node.Id, challenge).Flag);
        return challenge;
    }

    /// <summary>Delivers a handshake to the target.</summary>
    /// <returns>How many were accepted and rejected.</returns>
    private (int Accepted, int Rejected) Deliver(IPEndPoint from, byte[] handshake)
    {
        Discv5Counts before = _target.Machine.Counts;
        _target.Receive(from, handshake);
        Discv5Counts after = _target.Machine.Counts;
        return ((int)(after.HandshakesAccepted - before.HandshakesAccepted), (int)(after.HandshakesRejected - before.HandshakesRejected));
    }

    private NodeId RandomId()
    {
        Span<byte> id = stackalloc byte[NodeId.Size];
        _random.Fill(id);
        return new NodeId(id);
    }

    private ThreatPeer PeerAt(Func<int, bool> isIt, ThreatPeer from, IPEndPoint? inRecord)
    {
        while (true)
        {
            var peer = new ThreatPeer(_net, null, inRecord);
            if (isIt(Distance.Log(from.Node.Id, peer.Node.Id)))
            {
                return peer;
            }
        }
    }
}
