using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Discv5Spec;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>A packet that a scripted peer has received, its header unmasked.</summary>
internal sealed record V5Packet(IPEndPoint From, PacketHeader Header, byte[] Datagram)
{
    /// <summary>What stands before the message; of a WHOAREYOU the challenge data.</summary>
    public ReadOnlySpan<byte> Head => Datagram.AsSpan(0, Header.Size);

    public ReadOnlySpan<byte> Message => Datagram.AsSpan(Header.Size);
}

/// <summary>A peer that does what a test says and nothing else. It writes packets with the product's codec; what it reads is read by the specification's decoder.</summary>
internal sealed class V5Peer
{
    private readonly V5Net _net;
    private readonly V4IdentityCrypto _crypto;
    private readonly byte[] _buffer = new byte[PacketCodec.MaxPacketSize];
    private ulong _lastId;

    public V5Peer(V5Net net, PrivateKey key, IPEndPoint at, ulong sequence)
    {
        (_net, Key, EndPoint) = (net, key, at);
        _crypto = new V4IdentityCrypto(key);
        Node = MakeNode(key, at, sequence);
    }

    public PrivateKey Key { get; }

    public IPEndPoint EndPoint { get; }

    public Node Node { get; set; }

    public Session? Session { get; set; }

    public List<V5Packet> Received { get; } = [];

    /// <summary>The messages that could be decrypted in the session.</summary>
    public List<SpecMessage> Messages { get; } = [];

    /// <summary>What it does with a message.</summary>
    public Action<SpecMessage>? OnMessage { get; set; }

    public V5Packet LastWhoAreYou => Received.Last(static p => p.Header.Flag == PacketFlag.WhoAreYou);

    public V5Packet LastHandshake => Received.Last(static p => p.Header.Flag == PacketFlag.Handshake);

    public static Node MakeNode(PrivateKey key, IPEndPoint at, ulong sequence = 1) =>
        Node.FromRecord(new NodeRecordBuilder { Sequence = sequence }.SetAddress(at.Address).SetUdpPort(at.Port).Sign(key));

    public static byte[] Write(Func<byte[], int> write)
    {
        byte[] buffer = new byte[PacketCodec.MaxPacketSize];
        return buffer[..write(buffer)];
    }

    public byte[] Ping(ulong? sequence = null) => Write(b => MessageCodec.WritePing(b, new RequestId(++_lastId), sequence ?? Node.Sequence));

    public byte[] FindNode(params int[] distances) => Write(b => MessageCodec.WriteFindNode(b, new RequestId(++_lastId), distances));

    public static byte[] Pong(SpecMessage to, ulong sequence, IPEndPoint seen) =>
        Write(b => MessageCodec.WritePong(b, new RequestId(to.RequestId), sequence, seen));

    public static byte[] Nodes(SpecMessage to, int total, params Node[] nodes) =>
        Write(b => MessageCodec.WriteNodes(b, new RequestId(to.RequestId), total, nodes.SelectMany(static n => n.Record!.Encoded.ToArray()).ToArray()));

    public void Receive(IPEndPoint from, byte[] datagram)
    {
        if (PacketCodec.TryUnmask(PacketCodec.CreateMask(Node.Id), datagram, out PacketHeader header) != PacketError.None)
        {
            return;
        }

        var packet = new V5Packet(from, header, datagram);
        Received.Add(packet);
        if (header.Flag == PacketFlag.Message && Session is { } session)
        {
            Take(session.Decrypt(header.Nonce, packet.Message, packet.Head, _buffer));
        }
    }

    /// <summary>Asks for a handshake.</summary>
    public Nonce SendRandom(V5Machine to)
    {
        var nonce = new Nonce(Random(Nonce.Size));
        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        int head = PacketCodec.WriteMessageHead(packet, Random(PacketCodec.MaskingIvSize), nonce, Node.Id);
        Random(PacketCodec.RandomMessageSize).CopyTo(packet, head);
        Post(to, packet, head, head + PacketCodec.RandomMessageSize);
        return nonce;
    }

    /// <summary>Challenges.</summary>
    /// <returns>The challenge data.</returns>
    public byte[] SendWhoAreYou(V5Machine to, Nonce nonce, ulong sequence = 0, IPEndPoint? from = null)
    {
        byte[] packet = new byte[PacketCodec.MinPacketSize];
        int size = PacketCodec.WriteWhoAreYou(packet, Random(PacketCodec.MaskingIvSize), nonce, Random(PacketCodec.IdNonceSize), sequence);
        byte[] data = packet[..size];
        Post(to, packet, size, size, from);
        return data;
    }

    /// <summary>Answers a challenge, in any wrong way that is wanted.</summary>
    /// <param name="to">Whom.</param>
    /// <param name="challengeData">The challenge.</param>
    /// <param name="message">The message.</param>
    /// <param name="record">Null for none.</param>
    /// <param name="spoil">Changes signature and ephemeral key.</param>
    /// <param name="from">Null for where the peer is.</param>
    public void SendHandshake(
        V5Machine to, ReadOnlySpan<byte> challengeData, byte[] message, Node? record, Action<byte[], byte[]>? spoil = null, IPEndPoint? from = null)
    {
        byte[] ephemeralKey = new byte[Secp256k1.CompressedKeySize];
        byte[] signature = new byte[Secp256k1.SignatureSize];
        byte[] keys = new byte[SessionCrypto.KeysSize];
        if (!_crypto.TryInitiate(to.Node.PublicKey, challengeData, _net.NewKey().Bytes, ephemeralKey, signature, keys))
        {
            throw new InvalidOperationException("no agreement");
        }

        spoil?.Invoke(signature, ephemeralKey);
        Session = new Session(_crypto, keys, isInitiator: true, TimeSpan.Zero);
        Nonce nonce = Session.NextNonce(0);
        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        ReadOnlySpan<byte> bytes = record is null ? default : record.Record!.Encoded.Span;
        int head = PacketCodec.WriteHandshakeHead(packet, Random(PacketCodec.MaskingIvSize), nonce, Node.Id, signature, ephemeralKey, bytes);
        int length = head + message.Length + PacketCodec.TagSize;
        Session.Encrypt(nonce, message, packet.AsSpan(0, head), packet.AsSpan(head, length - head));
        Post(to, packet, head, length, from);
    }

    /// <summary>Makes a session with a machine, by a ping.</summary>
    public V5Peer Open(V5Machine to)
    {
        SendRandom(to);
        _net.Run(3 * _net.Latency);
        SendHandshake(to, LastWhoAreYou.Head, Ping(), Node);
        _net.Run(3 * _net.Latency);
        return this;
    }

    /// <summary>Makes a session with a machine that has sent something, and takes the message in its handshake.</summary>
    public V5Peer Accept(V5Machine from)
    {
        _net.RunUntil(() => Received.Count > 0, TimeSpan.FromSeconds(1));
        byte[] challenge = SendWhoAreYou(from, Received[^1].Header.Nonce);
        _net.Run(3 * _net.Latency);
        return Accept(from, challenge);
    }

    /// <summary>Takes the last handshake that has come.</summary>
    public V5Peer Accept(V5Machine from, byte[] challengeData)
    {
        V5Packet handshake = LastHandshake;
        byte[] keys = new byte[SessionCrypto.KeysSize];
        if (!_crypto.TryAccept(
            from.Node.PublicKey,
            challengeData,
            PacketHeader.GetEphemeralKey(handshake.Datagram),
            PacketHeader.GetSignature(handshake.Datagram),
            keys))
        {
            throw new InvalidOperationException("a bad handshake");
        }

        Session = new Session(_crypto, keys, isInitiator: false, TimeSpan.Zero);
        Take(Session.Decrypt(handshake.Header.Nonce, handshake.Message, handshake.Head, _buffer));
        return this;
    }

    /// <summary>Sends a message in the session.</summary>
    public void Send(V5Machine to, byte[] message)
    {
        Nonce nonce = Session!.NextNonce(0);
        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        int head = PacketCodec.WriteMessageHead(packet, Random(PacketCodec.MaskingIvSize), nonce, Node.Id);
        int length = head + message.Length + PacketCodec.TagSize;
        Session.Encrypt(nonce, message, packet.AsSpan(0, head), packet.AsSpan(head, length - head));
        Post(to, packet, head, length);
    }

    private void Take(ReadOnlySpan<byte> plaintext)
    {
        if (!plaintext.IsEmpty)
        {
            SpecMessage message = SpecMessages.Read(plaintext.ToArray());
            Messages.Add(message);
            OnMessage?.Invoke(message);
        }
    }

    private byte[] Random(int size)
    {
        byte[] bytes = new byte[size];
        _net.Fill(bytes);
        return bytes;
    }

    private void Post(V5Machine to, byte[] packet, int head, int length, IPEndPoint? from = null)
    {
        PacketCodec.MaskHead(PacketCodec.CreateMask(to.Node.Id), packet, head);
        _net.Post(from ?? EndPoint, to.EndPoint, packet[..length]);
    }
}
