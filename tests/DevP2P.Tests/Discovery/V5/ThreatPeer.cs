using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using DevP2P.Rlp;
using DevP2P.Tests.Crypto;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>A node that does what a test says, whether the specification allows it or not.</summary>
internal sealed class ThreatPeer
{
    private readonly V5Net _net;
    private readonly SeededRandomSource _random;
    private readonly V4IdentityCrypto _crypto;
    private readonly AesBlock _mask;
    private Session? _session;

    public ThreatPeer(V5Net net, IPEndPoint? at = null, IPEndPoint? inRecord = null)
    {
        (_net, EndPoint, Key) = (net, at ?? net.NextEndPoint(), net.NewKey());
        _random = new SeededRandomSource(net.Next(int.MaxValue));
        _crypto = new V4IdentityCrypto(Key);
        _mask = PacketCodec.CreateMask(Key.PublicKey.NodeId);
        var local = new LocalNode(Key, net.Now.Utc);
        local.SetStaticAddress((inRecord ?? EndPoint).Address);
        local.SetFallbackUdpPort((inRecord ?? EndPoint).Port);
        Node = local.Node;
        net.Attach(EndPoint, Receive);
    }

    public PrivateKey Key { get; }

    public IPEndPoint EndPoint { get; }

    public Node Node { get; }

    /// <summary>The WHOAREYOU packets that came, unmasked.</summary>
    public List<byte[]> Challenges { get; } = [];

    /// <summary>The messages that came in the session.</summary>
    public List<byte[]> Messages { get; } = [];

    /// <summary>Makes a session with a machine by pinging it.</summary>
    public void Connect(V5Machine machine)
    {
        Challenges.Clear();
        machine.Receive(EndPoint, MakeMessage(machine.Node.Id, Key.PublicKey.NodeId, _random));
        _net.Run(_net.Latency);
        byte[] challenge = Challenges.Single();
        byte[] handshake = MakeHandshake(machine.Node, challenge, Node.Record!.Encoded.Span, out Session session);
        _session = session;
        machine.Receive(EndPoint, handshake);
        _net.Run(_net.Latency);
    }

    /// <summary>A message in the session.</summary>
    public byte[] Encrypt(Node to, ReadOnlySpan<byte> message)
    {
        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        Nonce nonce = _session!.NextNonce((ulong)_net.Next(int.MaxValue));
        int head = PacketCodec.WriteMessageHead(packet, Random(PacketCodec.MaskingIvSize), nonce, Key.PublicKey.NodeId);
        int length = head + message.Length + PacketCodec.TagSize;
        _session.Encrypt(nonce, message, packet.AsSpan(0, head), packet.AsSpan(head, length - head));
        return Mask(to.Id, packet, head, length);
    }

    /// <summary>The answer to a challenge, signed with the peer's key; in whose name is the caller's choice.</summary>
    public byte[] MakeHandshake(
        Node to, byte[] challenge, ReadOnlySpan<byte> record, out Session session, NodeId? source = null, byte[]? signature = null, byte[]? ephemeralKey = null)
    {
        byte[] ephemeral = new byte[Secp256k1.PrivateKeySize];
        byte[] key = new byte[Secp256k1.CompressedKeySize];
        byte[] proof = new byte[Secp256k1.SignatureSize];
        byte[] keys = new byte[SessionCrypto.KeysSize];
        PrivateKey.GenerateBytes(_random, ephemeral);
        _ = _crypto.TryInitiate(to.PublicKey, challenge, ephemeral, key, proof, keys);
        if (source is { } other)
        {
            // With these the recipient would agree, if it believed who it is.
            byte[] xy = to.PublicKey.Bytes.ToArray();
            _ = V4IdentityCrypto.TryDeriveKeys(ephemeral, xy, record.IsEmpty ? other : Key.PublicKey.NodeId, to.Id, challenge, keys);
        }

        session = new Session(_crypto, keys, isInitiator: true, TimeSpan.Zero);
        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        byte[] ping = new byte[PacketCodec.MaxMessageSize];
        int size = MessageCodec.WritePing(ping, new RequestId(1), Node.Sequence);
        Nonce nonce = session.NextNonce(9);
        int head = PacketCodec.WriteHandshakeHead(
            packet, Random(PacketCodec.MaskingIvSize), nonce, source ?? Key.PublicKey.NodeId, signature ?? proof, ephemeralKey ?? key, record);
        int length = head + size + PacketCodec.TagSize;
        session.Encrypt(nonce, ping.AsSpan(0, size), packet.AsSpan(0, head), packet.AsSpan(head, length - head));
        return Mask(to.Id, packet, head, length);
    }

    /// <summary>An id signature of the peer over any ephemeral key.</summary>
    public byte[] Sign(byte[] challenge, byte[] ephemeralKey, Node to)
    {
        byte[] hash = new byte[32];
        byte[] signature = new byte[Secp256k1.RecoverableSignatureSize];
        V4IdentityCrypto.HashProof(challenge, ephemeralKey, to.Id, hash);
        Secp256k1.Instance.SignRecoverable(hash, Key.Bytes, signature);
        return signature[..Secp256k1.SignatureSize];
    }

    /// <summary>A message packet that nobody can decrypt, in anybody's name.</summary>
    public static byte[] MakeMessage(in NodeId to, in NodeId source, RandomSource random, int messageSize = PacketCodec.RandomMessageSize)
    {
        byte[] bytes = new byte[PacketCodec.MaskingIvSize + Nonce.Size];
        random.Fill(bytes);
        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        int head = PacketCodec.WriteMessageHead(packet, bytes.AsSpan(0, PacketCodec.MaskingIvSize), new Nonce(bytes.AsSpan(PacketCodec.MaskingIvSize)), source);
        random.Fill(packet.AsSpan(head, messageSize));
        return Mask(to, packet, head, head + messageSize);
    }

    /// <summary>A WHOAREYOU that refers to a packet.</summary>
    public static byte[] MakeWhoAreYou(in NodeId to, Nonce nonce, RandomSource random)
    {
        byte[] bytes = new byte[PacketCodec.MaskingIvSize + PacketCodec.IdNonceSize];
        random.Fill(bytes);
        byte[] packet = new byte[PacketCodec.MinPacketSize];
        int head = PacketCodec.WriteWhoAreYou(packet, bytes.AsSpan(0, PacketCodec.MaskingIvSize), nonce, bytes.AsSpan(PacketCodec.MaskingIvSize), 0);
        return Mask(to, packet, head, head);
    }

    /// <summary>The header of a packet to a node.</summary>
    public static PacketHeader Open(in NodeId to, byte[] datagram)
    {
        PacketError error = PacketCodec.TryUnmask(PacketCodec.CreateMask(to), datagram, out PacketHeader header);
        return error == PacketError.None ? header : throw new ArgumentException(error.ToString(), nameof(datagram));
    }

    /// <summary>A NODES message with records.</summary>
    public static byte[] MakeNodes(RequestId id, int total, params Node[] nodes)
    {
        byte[] message = new byte[PacketCodec.MaxMessageSize];
        byte[] records = [.. nodes.SelectMany(node => node.Record!.Encoded.ToArray())];
        return message[..MessageCodec.WriteNodes(message, id, total, records)];
    }

    /// <summary>The id of the last message that came in the session and is of a type.</summary>
    public RequestId LastId(MessageType type)
    {
        var reader = new RlpReader(Messages.Last(m => m[0] == (byte)type).AsSpan(1));
        reader.TryReadList(out RlpReader list);
        return list.TryReadBytes(out ReadOnlySpan<byte> id) ? new RequestId(id) : throw new InvalidOperationException("no id");
    }

    private static byte[] Mask(in NodeId to, byte[] packet, int head, int length)
    {
        PacketCodec.MaskHead(PacketCodec.CreateMask(to), packet, head);
        return packet[..length];
    }

    private byte[] Random(int size)
    {
        byte[] bytes = new byte[size];
        _random.Fill(bytes);
        return bytes;
    }

    private void Receive(IPEndPoint from, byte[] datagram)
    {
        if (PacketCodec.TryUnmask(_mask, datagram, out PacketHeader header) != PacketError.None)
        {
            return;
        }

        if (header.Flag == PacketFlag.WhoAreYou)
        {
            Challenges.Add(datagram);
        }
        else if (_session is not null
            && _session.Decrypt(header.Nonce, datagram.AsSpan(header.Size), datagram.AsSpan(0, header.Size), new byte[PacketCodec.MaxPacketSize]) is { IsEmpty: false } message)
        {
            Messages.Add(message.ToArray());
        }
    }
}
