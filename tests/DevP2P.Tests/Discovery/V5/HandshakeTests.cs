using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Discv5Spec;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Both sides of a handshake, against a peer that does what it likes.</summary>
public sealed class HandshakeTests
{
    private readonly V5Net _net = new();
    private readonly V5Machine _machine;
    private readonly V5Peer _peer;

    public HandshakeTests()
    {
        _machine = _net.AddMachine().Listen();
        _peer = _net.AddPeer();
    }

    [Fact]
    public void An_unreadable_message_is_challenged_and_a_good_answer_makes_a_session()
    {
        Nonce nonce = _peer.SendRandom(_machine);
        Wait();

        V5Packet challenge = Assert.Single(_peer.Received);
        Assert.Equal(PacketFlag.WhoAreYou, challenge.Header.Flag);
        Assert.Equal(nonce, challenge.Header.Nonce);
        Assert.Equal(0UL, PacketHeader.GetChallengeSequence(challenge.Datagram));
        Assert.Equal(1, _machine.Machine.ChallengeCount);

        _peer.SendHandshake(_machine, challenge.Head, _peer.Ping(), _peer.Node);
        Wait();

        SpecPong pong = Assert.IsType<SpecPong>(Assert.Single(_peer.Messages));
        Assert.Equal(_peer.EndPoint.Address.GetAddressBytes(), pong.RecipientAddress);
        Assert.Equal(_peer.EndPoint.Port, pong.RecipientPort);
        Assert.Equal(_machine.Node.Sequence, pong.RecordSequence);
        Assert.Equal((1, 0), (_machine.Machine.SessionCount, _machine.Machine.ChallengeCount));
        Assert.Equal(1, _machine.Machine.Counts.HandshakesAccepted);
    }

    [Fact]
    public void A_challenge_names_the_record_that_is_known_and_the_handshake_needs_none_then()
    {
        _peer.Open(_machine);
        _peer.SendRandom(_machine);
        Wait();
        Assert.Equal(_peer.Node.Sequence, PacketHeader.GetChallengeSequence(_peer.LastWhoAreYou.Datagram));

        _peer.Messages.Clear();
        _peer.SendHandshake(_machine, _peer.LastWhoAreYou.Head, _peer.Ping(), record: null);
        Wait();

        Assert.Single(_peer.Messages);
        Assert.Equal(2, _machine.Machine.Counts.HandshakesAccepted);
    }

    [Fact]
    public void A_newer_record_in_a_handshake_is_named_in_the_next_challenge_and_an_older_one_is_not()
    {
        _peer.Open(_machine);
        Node first = _peer.Node;
        _peer.Node = V5Peer.MakeNode(_peer.Key, _peer.EndPoint, 7);
        _peer.Open(_machine);
        _peer.Node = first;
        _peer.Open(_machine);

        _peer.SendRandom(_machine);
        Wait();

        Assert.Equal(3, _machine.Machine.Counts.HandshakesAccepted);
        Assert.Equal(7UL, PacketHeader.GetChallengeSequence(_peer.LastWhoAreYou.Datagram));
    }

    [Theory]
    [InlineData(BadHandshake.Signature)]
    [InlineData(BadHandshake.SignatureOfAnotherKey)]
    [InlineData(BadHandshake.EphemeralKeyOffTheCurve)]
    [InlineData(BadHandshake.EphemeralKeyOfAnotherSession)]
    [InlineData(BadHandshake.NoRecord)]
    [InlineData(BadHandshake.RecordOfAnotherNode)]
    public void A_bad_handshake_changes_nothing_and_a_good_one_after_it_is_taken(BadHandshake what)
    {
        _peer.SendRandom(_machine);
        Wait();
        byte[] challenge = _peer.LastWhoAreYou.Head.ToArray();
        Node? record = what switch
        {
            BadHandshake.NoRecord => null,
            BadHandshake.RecordOfAnotherNode => V5Peer.MakeNode(_net.NewKey(), _peer.EndPoint),
            _ => _peer.Node,
        };
        _peer.SendHandshake(_machine, challenge, _peer.Ping(), record, (signature, key) => Spoil(what, challenge, signature, key));
        Wait();

        Assert.Empty(_peer.Messages);
        Assert.Equal(1, _machine.Machine.Counts.HandshakesRejected);
        Assert.Equal((0, 0), (_machine.Machine.SessionCount, _machine.Machine.RemoteCount));

        _peer.SendHandshake(_machine, challenge, _peer.Ping(), _peer.Node);
        Wait();

        Assert.Single(_peer.Messages);
        Assert.Equal(1, _machine.Machine.SessionCount);
    }

    [Fact]
    public void A_bad_handshake_does_not_disturb_the_session_there_is()
    {
        _peer.Open(_machine);
        Session good = _peer.Session!;
        _peer.SendRandom(_machine);
        Wait();
        _peer.SendHandshake(_machine, _peer.LastWhoAreYou.Head, _peer.Ping(), _peer.Node, static (signature, _) => signature[0] ^= 1);
        Wait();
        _peer.Session = good;
        _peer.Messages.Clear();

        _peer.Send(_machine, _peer.Ping());
        Wait();

        Assert.Single(_peer.Messages);
    }

    [Fact]
    public void Only_so_many_answers_to_one_challenge_are_looked_at()
    {
        _machine.HoldsJobs = true;
        _peer.SendRandom(_machine);
        Wait();
        byte[] challenge = _peer.LastWhoAreYou.Head.ToArray();
        for (int i = 0; i < 10; i++)
        {
            _peer.SendHandshake(_machine, challenge, _peer.Ping(), _peer.Node, static (signature, _) => signature[0] ^= 1);
        }

        Wait();

        Assert.Equal(Discv5Limits.MaxAnswersPerChallenge, _machine.JobCount);
        Assert.Equal(10 - Discv5Limits.MaxAnswersPerChallenge, _machine.Machine.Counts.Unwanted);
    }

    [Fact]
    public void A_handshake_that_comes_twice_makes_one_session()
    {
        _machine.HoldsJobs = true;
        _peer.SendRandom(_machine);
        Wait();
        _peer.SendHandshake(_machine, _peer.LastWhoAreYou.Head, _peer.Ping(), _peer.Node);
        _net.Post(_peer.EndPoint, _machine.EndPoint, _net.Sent[^1].Datagram);
        Wait();
        _machine.RunJobs();
        Wait();

        Assert.Single(_peer.Messages);
        Assert.Equal((1, 1), (_machine.Machine.Counts.HandshakesAccepted, _machine.Machine.Counts.HandshakesRejected));
    }

    [Theory]
    [InlineData("no challenge")]
    [InlineData("expired")]
    [InlineData("from another endpoint")]
    public void A_handshake_that_answers_no_challenge_is_not_looked_at(string why)
    {
        _machine.HoldsJobs = true;
        if (why == "no challenge")
        {
            _peer.SendHandshake(_machine, new byte[PacketCodec.MinPacketSize], _peer.Ping(), _peer.Node);
        }
        else
        {
            _peer.SendRandom(_machine);
            Wait();
            _net.Run(why == "expired" ? Discv5Limits.ChallengeLifetime : TimeSpan.Zero);
            IPEndPoint? from = why == "expired" ? null : new IPEndPoint(_peer.EndPoint.Address, _peer.EndPoint.Port + 1);
            _peer.SendHandshake(_machine, _peer.LastWhoAreYou.Head, _peer.Ping(), _peer.Node, from: from);
        }

        Wait();

        Assert.Equal(0, _machine.JobCount);
        Assert.Equal(1, _machine.Machine.Counts.Unwanted);
        Assert.Equal(0, _machine.Machine.RemoteCount);
    }

    [Fact]
    public void A_challenge_that_can_be_answered_is_repeated_and_an_expired_one_is_not()
    {
        Nonce first = _peer.SendRandom(_machine);
        Wait();
        _peer.SendRandom(_machine);
        Wait();
        Assert.Equal(2, _peer.Received.Count);
        Assert.Equal(_peer.Received[0].Head, _peer.Received[1].Head);
        Assert.Equal(first, _peer.Received[1].Header.Nonce);

        _net.Run(Discv5Limits.ChallengeLifetime);
        Nonce last = _peer.SendRandom(_machine);
        Wait();
        Assert.Equal(last, _peer.LastWhoAreYou.Header.Nonce);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(null)]
    public void Our_handshake_has_a_record_unless_the_other_side_knows_it(int? difference)
    {
        ulong known = difference is { } d ? (ulong)((long)_machine.Node.Sequence + d) : 0;
        _machine.Machine.StartPing(_net.Now, _peer.Node);
        _machine.Drain();
        Wait();
        byte[] challenge = _peer.SendWhoAreYou(_machine, _peer.Received[^1].Header.Nonce, known);
        Wait();

        ReadOnlySpan<byte> record = _peer.LastHandshake.Header.GetRecord(_peer.LastHandshake.Datagram);
        Assert.Equal(known < _machine.Node.Sequence, !record.IsEmpty);
        Assert.True(record.IsEmpty || record.SequenceEqual(_machine.Node.Record!.Encoded.Span));

        // The specification's decoder takes it, too.
        (byte[] data, byte[] key) = (_peer.LastHandshake.Datagram, _peer.Key.Bytes.ToArray());
        byte[] ephemeral = PacketHeader.GetEphemeralKey(data).ToArray();
        Assert.True(SpecDecoder.VerifyIdSignature(
            PacketHeader.GetSignature(data).ToArray(), challenge, ephemeral, Bytes(_peer.Node.Id), _machine.Node.PublicKey.ToCompressed()));
        Assert.NotNull(SpecDecoder.DeriveKeys(ephemeral, key, challenge, Bytes(_machine.Node.Id), Bytes(_peer.Node.Id)));
        _peer.Accept(_machine, challenge);
        Assert.IsType<SpecPing>(Assert.Single(_peer.Messages));
    }

    [Theory]
    [InlineData("unknown nonce")]
    [InlineData("from another address")]
    [InlineData("from another port")]
    public void A_whoareyou_from_who_was_not_asked_is_ignored(string what)
    {
        _machine.HoldsJobs = true;
        long id = _machine.Machine.StartPing(_net.Now, _peer.Node);
        _machine.Drain();
        Wait();
        Nonce nonce = _peer.Received[^1].Header.Nonce;
        IPEndPoint? from = what switch
        {
            "from another address" => new IPEndPoint(IPAddress.Parse("52.9.9.9"), _peer.EndPoint.Port),
            "from another port" => new IPEndPoint(_peer.EndPoint.Address, _peer.EndPoint.Port + 1),
            _ => null,
        };
        _peer.SendWhoAreYou(_machine, from is null ? new Nonce(1, 2) : nonce, from: from);
        Wait();
        Assert.Equal(0, _machine.JobCount);
        Assert.Equal(1, _machine.Machine.Counts.Unwanted);

        // The true one still does.
        _machine.HoldsJobs = false;
        _peer.Accept(_machine);
        _peer.Send(_machine, V5Peer.Pong(_peer.Messages[0], 1, _machine.EndPoint));
        Assert.NotNull(_machine.Wait<PingDone>(done => done.Id == id, TimeSpan.FromSeconds(1)).Reply);
    }

    [Fact]
    public void A_whoareyou_that_comes_twice_is_answered_once()
    {
        _machine.Machine.StartPing(_net.Now, _peer.Node);
        _machine.Drain();
        Wait();
        Nonce nonce = _peer.Received[^1].Header.Nonce;
        _peer.SendWhoAreYou(_machine, nonce);
        _peer.SendWhoAreYou(_machine, nonce);
        Wait();

        Assert.Single(_peer.Received, static p => p.Header.Flag == PacketFlag.Handshake);
        Assert.Equal(1, _machine.Machine.Counts.Unwanted);
    }

    [Fact]
    public void A_request_is_sent_in_one_handshake_and_not_in_a_second_one()
    {
        long id = _machine.Machine.StartPing(_net.Now, _peer.Node);
        _machine.Drain();
        Wait();
        _peer.Accept(_machine);
        _peer.SendWhoAreYou(_machine, _peer.LastHandshake.Header.Nonce);

        Assert.Null(_machine.Wait<PingDone>(done => done.Id == id, 3 * _net.Latency).Reply);
        Assert.Single(_peer.Received, static p => p.Header.Flag == PacketFlag.Handshake);
        Assert.Equal((0, 0), (_machine.Machine.CallCount, _machine.Machine.RemoteCount));
    }

    [Fact]
    public void A_handshake_that_was_computed_too_late_is_not_sent()
    {
        _machine.HoldsJobs = true;
        long id = _machine.Machine.StartPing(_net.Now, _peer.Node);
        _machine.Drain();
        Wait();
        _peer.SendWhoAreYou(_machine, _peer.Received[^1].Header.Nonce);
        Assert.Null(_machine.Wait<PingDone>(done => done.Id == id, TimeSpan.FromSeconds(2)).Reply);
        int sent = _net.Sent.Count;
        _machine.RunJobs();

        Assert.Equal(sent, _net.Sent.Count);
        Assert.Equal((0, 0), (_machine.Machine.CallCount, _machine.Machine.RemoteCount));
    }

    [Fact]
    public void Challenges_are_bounded_and_a_flood_of_them_costs_no_session()
    {
        _peer.Open(_machine);
        V5Peer[] flood = [.. Enumerable.Range(0, Discv5Limits.MaxChallenges + 100).Select(_ => _net.AddPeer())];
        foreach (V5Peer peer in flood)
        {
            peer.SendRandom(_machine);
        }

        Wait();
        Assert.Equal(Discv5Limits.MaxChallenges, _machine.Machine.ChallengeCount);
        Assert.Equal(1, _machine.Machine.RemoteCount);

        _peer.Messages.Clear();
        _peer.Send(_machine, _peer.Ping());
        Wait();
        Assert.Single(_peer.Messages);

        // The newest can still be answered.
        flood[^1].SendHandshake(_machine, flood[^1].LastWhoAreYou.Head, flood[^1].Ping(), flood[^1].Node);
        Wait();
        Assert.Single(flood[^1].Messages);
    }

    [Fact]
    public void An_address_gets_only_so_many_challenges()
    {
        for (int i = 0; i < 1000; i++)
        {
            _peer.SendRandom(_machine);
        }

        Wait();

        Assert.Equal(Discv5Limits.ChallengeBurst, _peer.Received.Count);
        Assert.Equal(1000 - Discv5Limits.ChallengeBurst, _machine.Machine.Counts.ChallengesWithheld);
    }

    public enum BadHandshake
    {
        Signature,
        SignatureOfAnotherKey,
        EphemeralKeyOffTheCurve,
        EphemeralKeyOfAnotherSession,
        NoRecord,
        RecordOfAnotherNode,
    }

    private void Wait() => _net.Run(3 * _net.Latency);

    private void Spoil(BadHandshake what, byte[] challenge, byte[] signature, byte[] ephemeralKey)
    {
        switch (what)
        {
            case BadHandshake.Signature:
                signature[40] ^= 1;
                break;
            case BadHandshake.SignatureOfAnotherKey:
                Sign(_net.NewKey(), challenge, ephemeralKey, signature);
                break;
            case BadHandshake.EphemeralKeyOffTheCurve:
                // No point has x = 5. Signed well, so that nothing else is wrong (T08).
                ephemeralKey.AsSpan(1).Clear();
                ephemeralKey[32] = 5;
                Sign(_peer.Key, challenge, ephemeralKey, signature);
                break;
            case BadHandshake.EphemeralKeyOfAnotherSession:
                // Signed well, but the message is not encrypted with what follows from it.
                _net.NewKey().PublicKey.ToCompressed().CopyTo(ephemeralKey, 0);
                Sign(_peer.Key, challenge, ephemeralKey, signature);
                break;
        }
    }

    private void Sign(PrivateKey key, byte[] challenge, byte[] ephemeralKey, byte[] signature)
    {
        Span<byte> hash = stackalloc byte[32];
        V4IdentityCrypto.HashProof(challenge, ephemeralKey, _machine.Node.Id, hash);
        Span<byte> recoverable = stackalloc byte[Secp256k1.RecoverableSignatureSize];
        Secp256k1.Instance.SignRecoverable(hash, key.Bytes, recoverable);
        recoverable[..Secp256k1.SignatureSize].CopyTo(signature);
    }

    private static byte[] Bytes(NodeId id)
    {
        byte[] bytes = new byte[NodeId.Size];
        id.CopyTo(bytes);
        return bytes;
    }
}
