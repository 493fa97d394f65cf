using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <content>Handshakes and sessions (discv5-theory.md, "Sessions").</content>
internal sealed partial class Discv5
{
    // Apart, so that a flood with forged addresses, be it those of nodes that we know, keeps none of these from a new session (T05).
    private readonly Challenges _ofKnown;
    private readonly Challenges _ofStrangers;

    // Nodes with a session, the one that was used least recently first.
    private readonly LinkedList<Remote> _sessions = [];
    private readonly Dictionary<ulong, int> _sessionsPerNetwork = [];

    private Challenges MakeChallenges() => new(new AddressLimiter(Discv5Limits.ChallengeBurst, Discv5Limits.ChallengeRate, places: 1024, _options.Random));

    /// <summary>Whether it is where we know the node: there are sessions or requests of ours, or the table has it there.</summary>
    private bool IsKnown(in RemoteKey key, Remote? remote) =>
        remote is not null || (Table.TryGet(key.Id, out TableEntry? entry) && entry.Node.AtUdpEndPoint(key.EndPoint.ToEndPoint()) is not null);

    private Challenge? FindChallenge(Timestamp now, in RemoteKey key) => _ofKnown.Find(now.Monotonic, key) ?? _ofStrangers.Find(now.Monotonic, key);

    /// <summary>Step 2: we cannot read a message, so its sender is to say who it is.</summary>
    private void SendChallenge(Timestamp now, in RemoteKey key, Nonce nonce, Remote? remote)
    {
        Challenges challenges = IsKnown(key, remote) ? _ofKnown : _ofStrangers;
        if (!challenges.Limiter.TryTake(now.Monotonic, key.EndPoint))
        {
            _counts.ChallengesWithheld++;
            return;
        }

        OutgoingDatagram datagram = Datagrams.Rent();
        if (FindChallenge(now, key) is { } pending)
        {
            // Repeated, not replaced: the answer to it may be under way. Like go-ethereum, where the specification wants a new one.
            pending.Data.CopyTo(datagram.Buffer, 0);
        }
        else
        {
            Node? node = Newest(remote?.Node, Table.TryGet(key.Id, out TableEntry? entry) ? entry.Node : null);
            Span<byte> idNonce = stackalloc byte[PacketCodec.IdNonceSize];
            _random.Fill(idNonce);
            int size = PacketCodec.WriteWhoAreYou(datagram.Buffer, NextMaskingIv(), nonce, idNonce, node?.Sequence ?? 0);
            challenges.Add(new Challenge(challenges, key, datagram.Buffer.AsSpan(0, size).ToArray(), node, now.Monotonic));
            _ofKnown.Trim(now.Monotonic, Discv5Limits.MaxKnownChallenges);
            _ofStrangers.Trim(now.Monotonic, Discv5Limits.MaxChallenges - _ofKnown.Places);
        }

        AesBlock mask = remote?.Mask ?? PacketCodec.CreateMask(key.Id);
        Finish(datagram, mask, PacketCodec.MinPacketSize, PacketCodec.MinPacketSize, key.EndPoint);
        _counts.ChallengesSent++;
    }

    /// <summary>Step 3: a request of ours is challenged.</summary>
    private void HandleWhoAreYou(Timestamp now, CompactEndPoint from, in PacketHeader header, ReadOnlySpan<byte> datagram)
    {
        // Nobody who has not seen the request knows its nonce, and nobody else's address will do (T05).
        if (!_callsByNonce.TryGetValue(header.Nonce, out Call? call) || call.Remote.Key.EndPoint != from)
        {
            _counts.Unwanted++;
            return;
        }

        Remote remote = call.Remote;
        _callsByNonce.Remove(header.Nonce);
        if (remote.Opening is { } opening && opening != call)
        {
            // The other side has lost the session, and a handshake is under way already: after that it is sent again.
            Requeue(call);
            return;
        }

        if (call.Handshakes > 0)
        {
            EndCall(now, call, isAnswered: false);
            return;
        }

        RequeueLater(call);
        call = PingFirst(now, call);
        call.Handshakes++;
        remote.Opening = call;
        Await(now, call);
        byte[] ephemeral = new byte[Secp256k1.PrivateKeySize];
        PrivateKey.GenerateBytes(_options.Random, ephemeral);
        bool sendRecord = PacketHeader.GetChallengeSequence(datagram) < Local.Sequence;
        Put(new JobWanted(new InitiateJob(call, datagram[..header.Size].ToArray(), ephemeral, sendRecord)));
    }

    /// <summary>
    /// A request that is too large for a handshake goes after a ping that makes it. So does a talk request: how long its answer takes
    /// is up to an application over there, and everything else would have to wait for it.
    /// </summary>
    private Call PingFirst(Timestamp now, Call call)
    {
        if (call is not TalkCall && call.Message.Length <= PacketCodec.MaxHandshakeMessageSize)
        {
            return call;
        }

        Requeue(call);
        RequestId id = NextRequestId();
        var ping = new PingCall(call.Node, call.Remote, id, MakePing(id), static (_, _) => { });
        CallCount++;
        call.Remote.Active.Add(ping);
        ping.SentAt = now.Monotonic;
        return ping;
    }

    private void SendHandshake(Timestamp now, InitiateJob job)
    {
        Call call = job.Call;
        Remote remote = call.Remote;
        if (call.HasEnded || remote.Opening != call)
        {
            return;
        }

        if (!job.IsGood)
        {
            EndCall(now, call, isAnswered: false);
            return;
        }

        var session = new Session(_crypto, job.Keys, isInitiator: true, now.Monotonic);
        remote.Unconfirmed = session;
        ReadOnlySpan<byte> record = job.SendRecord ? Local.Node.Record!.Encoded.Span : default;
        call.Nonce = session.NextNonce(_random.NextUInt64());
        OutgoingDatagram datagram = Datagrams.Rent();
        Span<byte> packet = datagram.Buffer;
        int head = PacketCodec.WriteHandshakeHead(packet, NextMaskingIv(), call.Nonce, Local.Id, job.Signature, job.EphemeralKey, record);
        int length = head + call.Message.Length + PacketCodec.TagSize;
        session.Encrypt(call.Nonce, call.Message, packet[..head], packet[head..length]);
        Finish(datagram, remote.Mask, head, length, remote.Key.EndPoint);
        _callsByNonce[call.Nonce] = call;
        Await(now, call);
    }

    /// <summary>Step 4: our challenge is answered.</summary>
    private void HandleHandshake(Timestamp now, CompactEndPoint from, in PacketHeader header, ReadOnlySpan<byte> datagram)
    {
        var key = new RemoteKey(PacketHeader.GetSource(datagram), from);
        if (FindChallenge(now, key) is not { } challenge
            || challenge.Answers == Discv5Limits.MaxAnswersPerChallenge
            || challenge.Group.AcceptJobs == Discv5Limits.MaxAcceptJobs)
        {
            _counts.Unwanted++;
            return;
        }

        challenge.Answers++;
        challenge.Group.AcceptJobs++;
        Put(new JobWanted(new AcceptJob(challenge, header, datagram.ToArray())));
    }

    private void EndAccept(Timestamp now, AcceptJob job)
    {
        job.Challenge.Group.AcceptJobs--;
        ReadOnlySpan<byte> datagram = job.Datagram;
        PacketHeader header = job.Header;
        Session? session = job.IsGood ? new Session(_crypto, job.Keys, isInitiator: false, now.Monotonic) : null;
        ReadOnlySpan<byte> plaintext = session is null ? default : session.Decrypt(header.Nonce, datagram[header.Size..], datagram[..header.Size], _received);
        if (plaintext.IsEmpty || !job.Challenge.Group.Remove(job.Challenge))
        {
            // What was there before stays: anybody could have sent this.
            _counts.HandshakesRejected++;
            return;
        }

        _counts.HandshakesAccepted++;
        Remote remote = GetRemote(job.Challenge.Key);
        remote.Node = job.Node;
        if (remote is { Active.Count: 0, Waiting.Count: 0 } && !Local.HasContact(now.Monotonic, remote.Address))
        {
            Put(new VisitedByNode(remote.Address));
        }

        SetSession(remote, session!);
        AddInbound(now, remote, job.Node!);
        HandleMessage(now, remote, session!, plaintext);

        if (remote.Opening is { Handshakes: 0 } opening)
        {
            // Both sides began at once. This session will do for ours as well.
            remote.Opening = null;
            Requeue(opening);
        }

        SendWaiting(now, remote);
    }

    /// <summary>
    /// A node that has contacted us may enter the table, if it is where its record says, over whichever family: others could not
    /// reach it otherwise.
    /// </summary>
    private void AddInbound(Timestamp now, Remote remote, Node node)
    {
        if (node.AtUdpEndPoint(remote.Key.EndPoint.ToEndPoint()) is { } here)
        {
            // Who is live at another of its endpoints stays there, or else would have to be checked anew with each handshake.
            Node? live = Table.TryGet(node.Id, out TableEntry? entry) && entry is { IsLive: true, Node.UdpEndPoint: { } at } ? node.AtUdpEndPoint(at) : null;
            Table.AddInbound(now, live ?? here);
        }
    }

    /// <summary>Step 5: the first message in the session of a handshake of ours.</summary>
    private void Confirm(Timestamp now, Remote remote)
    {
        Session session = remote.Unconfirmed!;
        Call? opening = remote.Opening;
        (remote.Unconfirmed, remote.Opening) = (null, null);
        remote.Node = Newest(remote.Node, opening?.Node);
        SetSession(remote, session);
        SendWaiting(now, remote);
    }

    private static Node? Newest(Node? known, Node? other) => known is null || other is null ? known ?? other : Node.Newest(known, other);

    private void SetSession(Remote remote, Session session)
    {
        (remote.Previous, remote.Current) = (remote.Current, session);
        remote.OpeningNonce = null;
        if (remote.Place is not null)
        {
            Touch(remote);
            return;
        }

        MakeRoom(remote.Key.EndPoint);
        remote.Place = _sessions.AddLast(remote);
        ulong network = remote.Key.EndPoint.Network;
        _sessionsPerNetwork[network] = _sessionsPerNetwork.GetValueOrDefault(network) + 1;
    }

    private void Touch(Remote remote)
    {
        if (remote.Place is { Next: not null } place)
        {
            _sessions.Remove(place);
            _sessions.AddLast(place);
        }
    }

    /// <summary>Makes room for a session with a node at an endpoint.</summary>
    private void MakeRoom(in CompactEndPoint endPoint)
    {
        if (_sessionsPerNetwork.GetValueOrDefault(endPoint.Network) >= Discv5Limits.MaxSessionsPerNetwork && !AddressRules.IsLan(endPoint.ToAddress()))
        {
            ulong network = endPoint.Network;
            ForgetSession(_sessions.First(r => r.Key.EndPoint.Network == network));
        }
        else if (_sessions.Count >= Discv5Limits.MaxSessions)
        {
            ForgetSession(_sessions.First!.Value);
        }
    }

    private void ForgetSession(Remote remote)
    {
        _sessions.Remove(remote.Place!);
        (remote.Place, remote.Current, remote.Previous) = (null, null, null);
        ulong network = remote.Key.EndPoint.Network;
        if (--System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(_sessionsPerNetwork, network) == 0)
        {
            _sessionsPerNetwork.Remove(network);
        }

        ForgetIfIdle(remote);
    }
}
