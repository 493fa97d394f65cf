using System.Diagnostics.CodeAnalysis;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>
/// Discovery v5.1 as a state machine without I/O: it takes the time, datagrams and commands, and hands out datagrams, results and
/// facts. Not safe for concurrent calls.
/// </summary>
/// <remarks>
/// <para>Go: <c>discover.UDPv5</c>, <c>v5wire.SessionCache</c>. Specified in discv5-wire.md and discv5-theory.md.</para>
/// <para>
/// Beside what <see cref="DiscoveryMachine"/> says: datagrams come out of <see cref="Datagrams"/>, and cryptography that takes long
/// (<see cref="JobWanted"/>) is computed beside the loop and comes back by <see cref="HandleJob"/>. Handshakes of one node may come
/// back in any order; each stands for itself.
/// </para>
/// <para>
/// Everything is bounded by <see cref="Discv5Limits"/>. Nothing is allocated for a request that is answered in a session,
/// unless <see cref="Discv5Options.NetRestrict"/> is set, which looks at an address object.
/// </para>
/// </remarks>
internal sealed partial class Discv5 : DiscoveryMachine
{
    private readonly Discv5Options _options;
    private readonly SessionCrypto _crypto;
    private readonly AesBlock _mask;
    private readonly BufferedRandom _random;
    private readonly RecordCache _records;
    private readonly Dictionary<RemoteKey, Remote> _remotes = [];
    private readonly byte[] _received = new byte[PacketCodec.MaxPacketSize];
    private readonly byte[] _maskingIv = new byte[PacketCodec.MaskingIvSize];
    private readonly byte[] _plain = new byte[PacketCodec.MaxPacketSize];
    private Discv5Counts _counts;

    public Discv5(Discv5Options options, Timestamp now)
        : base(now, options.Local, options.Random, options.BootstrapNodes, options.NetRestrict, options.Outputs)
    {
        _options = options;
        _crypto = options.Crypto;
        _records = options.Records;
        _random = new BufferedRandom(options.Random);
        _mask = PacketCodec.CreateMask(Local.Id);
        (_ofKnown, _ofStrangers) = (MakeChallenges(), MakeChallenges());
    }

    /// <summary>The datagrams to send.</summary>
    public DatagramQueue Datagrams { get; } = new(PacketCodec.MaxPacketSize);

    /// <summary>What has happened so far.</summary>
    public ref readonly Discv5Counts Counts => ref _counts;

    /// <summary>How many sessions there are.</summary>
    public int SessionCount => _sessions.Count;

    /// <summary>How many challenges of ours can still be answered.</summary>
    public int ChallengeCount => _ofKnown.Count + _ofStrangers.Count;

    /// <summary>How many requests of ours are under way or wait.</summary>
    public int CallCount { get; private set; }

    /// <summary>How many nodes something is remembered of, beside the table.</summary>
    public int RemoteCount => _remotes.Count;

    protected override SearchTarget SelfTarget => new(Local.Id);

    /// <summary>A datagram has come. Its header is unmasked in place.</summary>
    /// <param name="now">The time.</param>
    /// <param name="from">Where it came from.</param>
    /// <param name="datagram">Anything.</param>
    public void HandleDatagram(Timestamp now, CompactEndPoint from, Span<byte> datagram)
    {
        if (from.Port == 0 || (_options.NetRestrict is { } allowed && !allowed.Contains(from.ToAddress())))
        {
            _counts.Unwanted++;
            return;
        }

        if (PacketCodec.TryUnmask(_mask, datagram, out PacketHeader header) != PacketError.None)
        {
            _counts.Malformed++;
            return;
        }

        switch (header.Flag)
        {
            case PacketFlag.Message:
                HandleMessagePacket(now, from, header, datagram);
                break;
            case PacketFlag.WhoAreYou:
                HandleWhoAreYou(now, from, header, datagram);
                break;
            case PacketFlag.Handshake:
                HandleHandshake(now, from, header, datagram);
                break;
        }

        Settle(now);
    }

    /// <summary>A job has been computed.</summary>
    public void HandleJob(Timestamp now, Job job)
    {
        switch (job)
        {
            case InitiateJob initiate:
                SendHandshake(now, initiate);
                break;
            case AcceptJob accept:
                EndAccept(now, accept);
                break;
            case RecordsJob records:
                EndRecords(now, records);
                break;
        }

        Settle(now);
    }

    private void HandleMessagePacket(Timestamp now, CompactEndPoint from, in PacketHeader header, ReadOnlySpan<byte> datagram)
    {
        var key = new RemoteKey(PacketHeader.GetSource(datagram), from);
        if (key.Id == Local.Id)
        {
            _counts.Unwanted++;
            return;
        }

        if (!_remotes.TryGetValue(key, out Remote? remote)
            || !TryDecrypt(now, remote, header, datagram, out Session? session, out ReadOnlySpan<byte> plaintext))
        {
            SendChallenge(now, key, header.Nonce, remote);
            return;
        }

        HandleMessage(now, remote, session, plaintext);
    }

    /// <summary>Tries the sessions that there are with a node.</summary>
    private bool TryDecrypt(
        Timestamp now,
        Remote remote,
        in PacketHeader header,
        ReadOnlySpan<byte> datagram,
        [NotNullWhen(true)] out Session? session,
        out ReadOnlySpan<byte> plaintext)
    {
        ReadOnlySpan<byte> head = datagram[..header.Size];
        ReadOnlySpan<byte> message = datagram[header.Size..];
        plaintext = default;
        if ((session = remote.Current) is not null && !(plaintext = session.Decrypt(header.Nonce, message, head, _received)).IsEmpty)
        {
            Touch(remote);
            return true;
        }

        if ((session = remote.Unconfirmed) is not null && !(plaintext = session.Decrypt(header.Nonce, message, head, _received)).IsEmpty)
        {
            Confirm(now, remote);
            return true;
        }

        if ((session = remote.Previous) is not null && !(plaintext = session.Decrypt(header.Nonce, message, head, _received)).IsEmpty)
        {
            Touch(remote);
            return true;
        }

        return false;
    }

    private void HandleMessage(Timestamp now, Remote remote, Session session, ReadOnlySpan<byte> plaintext)
    {
        if (!MessageCodec.TryDecode(plaintext, out WireMessage message))
        {
            _counts.Malformed++;
            return;
        }

        _counts.Handled++;
        _counts.HandledByType[(int)message.Type]++;
        switch (message.Type)
        {
            case MessageType.Ping:
                AnswerPing(now, remote, session, message);
                break;
            case MessageType.FindNode:
                AnswerFindNode(remote, session, message);
                break;
            case MessageType.TalkRequest:
                TakeTalk(remote, session, message);
                break;
            default:
                HandleResponse(now, remote, message);
                break;
        }
    }

    /// <summary>Sends a message in a session.</summary>
    /// <param name="remote">To whom.</param>
    /// <param name="session">In which.</param>
    /// <param name="plaintext">The message.</param>
    /// <returns>The packet's nonce.</returns>
    private Nonce Send(Remote remote, Session session, ReadOnlySpan<byte> plaintext)
    {
        Nonce nonce = session.NextNonce(_random.NextUInt64());
        OutgoingDatagram datagram = Datagrams.Rent();
        Span<byte> packet = datagram.Buffer;
        int head = PacketCodec.WriteMessageHead(packet, NextMaskingIv(), nonce, Local.Id);
        int length = head + plaintext.Length + PacketCodec.TagSize;
        _counts.SentByType[plaintext[0]]++;
        session.Encrypt(nonce, plaintext, packet[..head], packet[head..length]);
        Finish(datagram, remote.Mask, head, length, remote.Key.EndPoint);
        return nonce;
    }

    /// <summary>Answers in the session in which the question came. When that is used up the other side has to ask in a new one.</summary>
    private void Answer(Remote remote, Session session, ReadOnlySpan<byte> plaintext)
    {
        if (!session.IsUsedUp)
        {
            Send(remote, session, plaintext);
        }
    }

    private void Finish(OutgoingDatagram datagram, AesBlock mask, int head, int length, in CompactEndPoint to)
    {
        PacketCodec.MaskHead(mask, datagram.Buffer, head);
        Datagrams.Enqueue(datagram, to, length);
        _counts.Sent++;
    }

    private ReadOnlySpan<byte> NextMaskingIv()
    {
        _random.Fill(_maskingIv);
        return _maskingIv;
    }

    private Remote GetRemote(in RemoteKey key)
    {
        if (!_remotes.TryGetValue(key, out Remote? remote))
        {
            _remotes.Add(key, remote = new Remote(key));
        }

        return remote;
    }

    private void ForgetIfIdle(Remote remote)
    {
        if (remote.IsIdle && remote.Talks == 0)
        {
            _remotes.Remove(remote.Key);
        }
    }

    /// <summary>Where a node is reached with the sockets that there are; null if it is not.</summary>
    private IPEndPoint? GetEndPoint(Node node)
    {
        IPEndPoint? chosen = node.UdpEndPoint;
        if (chosen is null || CanReach(chosen))
        {
            return chosen;
        }

        IPEndPoint? other = CompactEndPoint.From(chosen).IsIPv4 ? node.Record?.IPv6UdpEndPoint : node.Record?.IPv4UdpEndPoint;
        return other is not null && CanReach(other) ? other : null;
    }

    private bool CanReach(IPEndPoint endPoint) =>
        CompactEndPoint.From(endPoint).IsIPv4 ? _options.HasIPv4 : _options.HasIPv6;
}

/// <summary>What has become of the packets.</summary>
internal struct Discv5Counts
{
    public long Malformed;
    public long Unwanted;
    public long Handled;
    public long Sent;
    public long ChallengesSent;
    public long ChallengesWithheld;
    public long HandshakesAccepted;
    public long HandshakesRejected;

    /// <summary>Messages that the protocol has seen, by <see cref="MessageType"/>.</summary>
    public PerType HandledByType;

    /// <summary>Messages sent in sessions that there were, by <see cref="MessageType"/>: not those in handshakes.</summary>
    public PerType SentByType;

    [System.Runtime.CompilerServices.InlineArray((int)MessageType.TalkResponse + 1)]
    internal struct PerType
    {
        private long _first;
    }
}
