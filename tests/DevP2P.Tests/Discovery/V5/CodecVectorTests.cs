using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;
using static DevP2P.Tests.Discovery.V5.SpecDecoderVectorTests;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>The official vectors (discv5-wire-test-vectors.md) against the codec and its cryptography, in both directions.</summary>
public sealed class CodecVectorTests
{
    private static readonly PrivateKey PrivateA = PrivateKey.Parse(KeyA);
    private static readonly PrivateKey PrivateB = PrivateKey.Parse(KeyB);
    private static readonly NodeId NodeA = new(IdA);
    private static readonly NodeId NodeB = new(IdB);
    private static readonly byte[] Iv = new byte[PacketCodec.MaskingIvSize];
    private static readonly Nonce MessageNonce = new(Hex("ffffffffffffffffffffffff"));
    private static readonly byte[] Ephemeral = Hex("0288ef00023598499cb6c940146d050d2b1fb914198c327f76aad590bead68b6");
    private static readonly byte[] EphemeralKey = Hex("039a003ba6517b473fa0cd74aefe99dadfdb34627f90fec6362df85803908f53a5");
    private static readonly byte[] PrimitiveKey = Hex("fb757dc581730490a1d7a00deea65e9b1936924caaea8f44d476014856b68736");
    private static readonly byte[] PrimitivePublicKey = Hex("039961e4c2356d61bedb83052c115d311acb3a96f5777296dcf297351130266231");

    public static TheoryData<Implementation> Implementations => Curve.Implementations;

    [Fact]
    public void Ping_packet_is_read()
    {
        byte[] datagram = Hex(Ping);

        PacketHeader header = Unmask(datagram);

        Assert.Equal(new PacketHeader(PacketFlag.Message, MessageNonce, 32), header);
        Assert.Equal(NodeA, PacketHeader.GetSource(datagram));
        AssertPing(2, new byte[16], header, datagram);
    }

    [Fact]
    public void Ping_packet_is_written()
    {
        byte[] packet = new byte[PacketCodec.MaxPacketSize];

        int head = PacketCodec.WriteMessageHead(packet, Iv, MessageNonce, NodeA);

        Assert.Equal(Hex(Ping), Finish(packet, head, 2, new byte[16]));
    }

    [Fact]
    public void Whoareyou_packet_is_read()
    {
        byte[] datagram = Hex(Whoareyou);

        PacketHeader header = Unmask(datagram);

        Assert.Equal(new PacketHeader(PacketFlag.WhoAreYou, new Nonce(Hex("0102030405060708090a0b0c")), 24), header);
        Assert.Equal(0UL, PacketHeader.GetChallengeSequence(datagram));
        Assert.Equal(ChallengeForUnknown, datagram);
    }

    [Fact]
    public void Whoareyou_packet_is_written()
    {
        byte[] packet = WriteChallenge(0);

        Assert.Equal(ChallengeForUnknown, packet);
        PacketCodec.MaskHead(PacketCodec.CreateMask(NodeB), packet, packet.Length);
        Assert.Equal(Hex(Whoareyou), packet);
        Assert.Equal(ChallengeForKnown, WriteChallenge(1));
    }

    [Theory]
    [InlineData(Handshake, 1, "4f9fac6de7567d1e3b1241dffe90f662")]
    [InlineData(HandshakeWithRecord, 0, "53b1c075f41876423154e157470c2f48")]
    public void Handshake_packets_are_read(string vector, ulong sequence, string readKey)
    {
        byte[] datagram = Hex(vector);
        var crypto = new V4IdentityCrypto(PrivateB);
        byte[] keys = new byte[SessionCrypto.KeysSize];

        PacketHeader header = Unmask(datagram);

        Assert.Equal(PacketFlag.Handshake, header.Flag);
        Assert.Equal(MessageNonce, header.Nonce);
        Assert.Equal(NodeA, PacketHeader.GetSource(datagram));
        Assert.Equal(EphemeralKey, PacketHeader.GetEphemeralKey(datagram));
        Assert.Equal(sequence == 1, header.GetRecord(datagram).IsEmpty);
        PublicKey remote = sequence == 1 ? PrivateA.PublicKey : crypto.ReadRecord(header.GetRecord(datagram))!.PublicKey;
        Assert.Equal(PrivateA.PublicKey, remote);
        Assert.True(crypto.TryAccept(
            remote, WriteChallenge(sequence), PacketHeader.GetEphemeralKey(datagram), PacketHeader.GetSignature(datagram), keys));
        Assert.Equal(Hex(readKey), keys[..16]);
        AssertPing(1, keys[..16], header, datagram);
    }

    [Theory]
    [InlineData(Handshake, 1, "4f9fac6de7567d1e3b1241dffe90f662")]
    [InlineData(HandshakeWithRecord, 0, "53b1c075f41876423154e157470c2f48")]
    public void Handshake_packets_are_written(string vector, ulong sequence, string readKey)
    {
        byte[] original = Hex(vector);
        byte[] record = Unmask(original).GetRecord(original).ToArray();
        byte[] ephemeralKey = new byte[33], signature = new byte[64], keys = new byte[SessionCrypto.KeysSize];
        byte[] packet = new byte[PacketCodec.MaxPacketSize];

        Assert.True(new V4IdentityCrypto(PrivateA).TryInitiate(
            PrivateB.PublicKey, WriteChallenge(sequence), Ephemeral, ephemeralKey, signature, keys));
        Assert.Equal(EphemeralKey, ephemeralKey);
        Assert.Equal(Hex(readKey), keys[..16]);
        int head = PacketCodec.WriteHandshakeHead(packet, Iv, MessageNonce, NodeA, signature, ephemeralKey, record);

        Assert.Equal(Hex(vector), Finish(packet, head, 1, keys[..16]));
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Ecdh(Implementation implementation)
    {
        Secp256k1 curve = Curve.Get(implementation);
        byte[] publicKey = new byte[64], shared = new byte[33];

        Assert.True(curve.TryParsePublicKey(PrimitivePublicKey, publicKey));
        Assert.True(curve.TryEcdhPoint(PrimitiveKey, publicKey, shared));

        Assert.Equal(Hex("033b11a2a1f214567e1537ce5e509ffd9b21373247f2a3ff6841f4976f53165e7e"), shared);
    }

    [Fact]
    public void Key_derivation()
    {
        PublicKey recipient = PublicKey.Parse(Hex("0317931e6e0840220642f230037d285d122bc59063221ef3226b1f403ddc69ca91"));
        byte[] keys = new byte[SessionCrypto.KeysSize];

        Assert.True(V4IdentityCrypto.TryDeriveKeys(PrimitiveKey, recipient.Bytes, NodeA, NodeB, ChallengeForUnknown, keys));

        Assert.Equal(Hex("dccc82d81bd610f4f76d3ebe97a40571ac74bb8773749920b0d3a8881c173ec5"), keys);
        Assert.False(V4IdentityCrypto.TryDeriveKeys(PrimitiveKey, new byte[64], NodeA, NodeB, ChallengeForUnknown, keys));
    }

    [Theory]
    [MemberData(nameof(Implementations))]
    public void Id_signature(Implementation implementation)
    {
        Secp256k1 curve = Curve.Get(implementation);
        byte[] expected = Hex("94852a1e2318c4e5e9d422c98eaf19d1d90d876b29cd06ca7cb7546d0fff7b484fe86c09a064fe72bdbef73ba8e9c34df0cd2b53e9d65528c2c7f336d5dfc6e6");
        byte[] hash = new byte[32], otherHash = new byte[32];

        V4IdentityCrypto.HashProof(ChallengeForUnknown, PrimitivePublicKey, NodeB, hash);
        V4IdentityCrypto.HashProof(ChallengeForUnknown, PrimitivePublicKey, NodeA, otherHash);

        Assert.Equal(expected, Curve.Sign(curve, hash, PrimitiveKey)[..64]);
        Assert.True(curve.Verify(hash, expected, Curve.PublicKeyOf(curve, PrimitiveKey)));
        Assert.False(curve.Verify(otherHash, expected, Curve.PublicKeyOf(curve, PrimitiveKey)));
        Assert.False(curve.Verify(hash, Flip(expected), Curve.PublicKeyOf(curve, PrimitiveKey)));
    }

    [Fact]
    [Trait("Threat", "T08")]
    public void A_handshake_is_refused_unless_all_of_it_is_right()
    {
        var crypto = new V4IdentityCrypto(PrivateB);
        byte[] datagram = Hex(Handshake), keys = new byte[SessionCrypto.KeysSize];
        Unmask(datagram);
        byte[] signature = PacketHeader.GetSignature(datagram).ToArray();

        Assert.True(crypto.TryAccept(PrivateA.PublicKey, ChallengeForKnown, EphemeralKey, signature, keys));
        Assert.False(crypto.TryAccept(PrivateB.PublicKey, ChallengeForKnown, EphemeralKey, signature, keys));
        Assert.False(crypto.TryAccept(PrivateA.PublicKey, ChallengeForUnknown, EphemeralKey, signature, keys));
        Assert.False(crypto.TryAccept(PrivateA.PublicKey, ChallengeForKnown, Flip(EphemeralKey), signature, keys));
        Assert.False(crypto.TryAccept(PrivateA.PublicKey, ChallengeForKnown, EphemeralKey, Flip(signature), keys));
        Assert.False(crypto.TryAccept(PrivateA.PublicKey, ChallengeForKnown, EphemeralKey, new byte[64], keys));

        // The right signature for a key that is none: x = 5 is not on the curve.
        byte[] noKey = [2, .. new byte[31], 5];
        byte[] hash = new byte[32];
        V4IdentityCrypto.HashProof(ChallengeForKnown, noKey, NodeB, hash);
        byte[] overNoKey = Curve.Sign(Secp256k1.Managed, hash, KeyA)[..64];
        Assert.True(Secp256k1.Managed.Verify(hash, overNoKey, PrivateA.PublicKey.Bytes));
        Assert.False(crypto.TryAccept(PrivateA.PublicKey, ChallengeForKnown, noKey, overNoKey, keys));
    }

    [Fact]
    public void Encryption_and_decryption()
    {
        SessionCipher cipher = new V4IdentityCrypto(PrivateA).CreateCipher(Hex("9f2d77db7004bf8a1a85107ac686990b"));
        var nonce = new Nonce(Hex("27b5af763c446acd2749fe8e"));
        byte[] head = Hex("93a7400fa0d6a694ebc24d5cf570f65d04215b6ac00757875e3f3a5f42107903");
        byte[] message = new byte[20], plaintext = new byte[4];

        cipher.Encrypt(nonce, Hex("01c20101"), head, message);

        Assert.Equal(Hex("a5d12a2d94b8ccb3ba55558229867dc13bfa3648"), message);
        Assert.True(cipher.TryDecrypt(nonce, message, head, plaintext));
        Assert.Equal(Hex("01c20101"), plaintext);
        Assert.False(cipher.TryDecrypt(nonce, Flip(message), head, plaintext));
        Assert.False(cipher.TryDecrypt(nonce, message, Flip(head), plaintext));
        Assert.False(cipher.TryDecrypt(new Nonce(Hex("27b5af763c446acd2749fe8f")), message, head, plaintext));
    }

    private static PacketHeader Unmask(byte[] datagram)
    {
        Assert.Equal(PacketError.None, PacketCodec.TryUnmask(PacketCodec.CreateMask(NodeB), datagram, out PacketHeader header));
        return header;
    }

    private static byte[] WriteChallenge(ulong sequence)
    {
        byte[] packet = new byte[PacketCodec.MinPacketSize];
        int size = PacketCodec.WriteWhoAreYou(
            packet, Iv, new Nonce(Hex("0102030405060708090a0b0c")), Hex("0102030405060708090a0b0c0d0e0f10"), sequence);
        Assert.Equal(packet.Length, size);
        return packet;
    }

    /// <summary>Adds an encrypted ping, and masks the head.</summary>
    private static byte[] Finish(byte[] packet, int head, ulong sequence, byte[] key)
    {
        byte[] plaintext = new byte[64];
        int size = MessageCodec.WritePing(plaintext, new RequestId([0, 0, 0, 1]), sequence);
        int length = head + size + PacketCodec.TagSize;
        new V4IdentityCrypto(PrivateA).CreateCipher(key).Encrypt(
            MessageNonce, plaintext.AsSpan(0, size), packet.AsSpan(0, head), packet.AsSpan(head, size + PacketCodec.TagSize));
        PacketCodec.MaskHead(PacketCodec.CreateMask(NodeB), packet, head);
        return packet[..length];
    }

    private static void AssertPing(ulong sequence, byte[] key, in PacketHeader header, byte[] datagram)
    {
        byte[] plaintext = new byte[datagram.Length - header.Size - PacketCodec.TagSize];
        Assert.True(new V4IdentityCrypto(PrivateB).CreateCipher(key).TryDecrypt(
            header.Nonce, datagram.AsSpan(header.Size), datagram.AsSpan(0, header.Size), plaintext));
        Assert.True(MessageCodec.TryDecode(plaintext, out WireMessage message));
        Assert.Equal(MessageType.Ping, message.Type);
        Assert.Equal(new RequestId([0, 0, 0, 1]), message.Id);
        Assert.Equal(sequence, message.Sequence);
    }
}
