using Discv5Spec;
using Xunit;
using static DevP2P.Tests.Discovery.V5.SpecDecoderVectorTests;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>What the independent decoder refuses, and why.</summary>
public sealed class SpecDecoderTests
{
    [Fact]
    public void Packets_have_63_to_1280_bytes()
    {
        Assert.Equal(SpecError.PacketTooShort, ErrorOf(Hex(Whoareyou)[..62]));
        Assert.Equal(SpecError.PacketTooShort, ErrorOf([]));
        Assert.Null(ErrorOf([.. Hex(Ping), .. new byte[1280 - Hex(Ping).Length]]));
        Assert.Equal(SpecError.PacketTooLong, ErrorOf([.. Hex(Ping), .. new byte[1281 - Hex(Ping).Length]]));
    }

    [Fact]
    public void A_packet_for_another_node_is_noise() =>
        Assert.Equal(SpecError.ProtocolId, SpecDecoder.DecodePacket(Hex(Ping), IdA).Error);

    [Theory]
    [InlineData(Ping, 5, 0x00, SpecError.ProtocolId)]
    [InlineData(Ping, 6, 0x01, SpecError.Version)]
    [InlineData(Ping, 7, 0x02, SpecError.Version)]
    [InlineData(Ping, 8, 0x03, SpecError.Flag)]
    [InlineData(Ping, 8, 0x01, SpecError.AuthDataSize)]
    [InlineData(Ping, 8, 0x02, SpecError.AuthDataSize)]
    [InlineData(Ping, 22, 0x1f, SpecError.AuthDataSize)]
    [InlineData(Ping, 22, 0x21, SpecError.AuthDataSize)]
    [InlineData(Ping, 21, 0x01, SpecError.AuthDataBeyondEnd)]
    [InlineData(Ping, 21, 0xff, SpecError.AuthDataBeyondEnd)]
    [InlineData(Whoareyou, 8, 0x00, SpecError.AuthDataSize)]
    [InlineData(Whoareyou, 22, 0x17, SpecError.AuthDataSize)]
    [InlineData(Whoareyou, 22, 0x19, SpecError.AuthDataBeyondEnd)]
    [InlineData(Handshake, 22, 0x21, SpecError.AuthDataSize)]
    [InlineData(Handshake, 22, 0x82, SpecError.AuthDataSize)]
    [InlineData(Handshake, 55, 63, SpecError.SignatureSize)]
    [InlineData(Handshake, 55, 65, SpecError.SignatureSize)]
    [InlineData(Handshake, 56, 32, SpecError.EphemeralKeySize)]
    [InlineData(Handshake, 56, 65, SpecError.EphemeralKeySize)]
    internal void Headers(string packet, int position, byte value, SpecError error) => Assert.Equal(error, ErrorOf(Change(packet, position, value)));

    [Fact]
    public void Whoareyou_carries_no_message() =>
        Assert.Equal(SpecError.MessageInWhoareyou, ErrorOf([.. Hex(Whoareyou), 0]));

    [Fact]
    public void A_message_is_authenticated_with_its_header()
    {
        var packet = Decode<SpecOrdinaryPacket>(Ping);
        byte[] otherNonce = Change(Ping, 20, 0xfe);

        Assert.Equal(SpecError.Decryption, SpecDecoder.DecryptMessage(packet, Flip(new byte[16])).Error);
        Assert.Equal(SpecError.Decryption, SpecDecoder.DecryptMessage(packet with { Message = Flip(packet.Message) }, new byte[16]).Error);
        Assert.Equal(SpecError.Decryption, SpecDecoder.DecryptMessage(packet with { Message = [] }, new byte[16]).Error);
        Assert.Equal(SpecError.Decryption, SpecDecoder.DecryptMessage(packet with { MaskingIv = Flip(packet.MaskingIv) }, new byte[16]).Error);
        var changed = Assert.IsType<SpecOrdinaryPacket>(SpecDecoder.DecodePacket(otherNonce, IdB).Value);
        Assert.Equal(SpecError.Decryption, SpecDecoder.DecryptMessage(changed, new byte[16]).Error);
    }

    [Fact]
    public void Handshakes()
    {
        var packet = Decode<SpecHandshakePacket>(Handshake);
        var withRecord = Decode<SpecHandshakePacket>(HandshakeWithRecord);
        byte[] keyOfA = SpecCrypto.PublicKeyOf(KeyA);
        byte[] recordOfAnother = SpecRecord.Parse(RecordText).Value!.Encoding;

        Assert.Equal(SpecError.RecordMissing, Refusal(packet, ChallengeForKnown, null));
        Assert.Equal(SpecError.ChallengeData, Refusal(packet, ChallengeForKnown[1..], keyOfA));
        Assert.Equal(SpecError.IdSignature, Refusal(packet, ChallengeForUnknown, keyOfA));
        Assert.Equal(SpecError.IdSignature, Refusal(packet, ChallengeForKnown, SpecCrypto.PublicKeyOf(KeyB)));
        Assert.Equal(SpecError.IdSignature, Refusal(packet with { IdSignature = Flip(packet.IdSignature) }, ChallengeForKnown, keyOfA));
        Assert.Equal(SpecError.IdSignature, Refusal(packet with { EphemeralKey = Flip(packet.EphemeralKey) }, ChallengeForKnown, keyOfA));
        Assert.Equal(SpecError.RecordOfAnotherNode, Refusal(withRecord with { Record = recordOfAnother }, ChallengeForUnknown, null));
        Assert.Equal(SpecError.RecordSignature, Refusal(withRecord with { Record = Flip(withRecord.Record!) }, ChallengeForUnknown, null));
        Assert.Equal(SpecError.Decryption, Refusal(packet with { Message = Flip(packet.Message) }, ChallengeForKnown, keyOfA));

        static SpecError? Refusal(SpecHandshakePacket packet, byte[] challengeData, byte[]? knownKey) =>
            SpecDecoder.AcceptHandshake(packet, challengeData, IdB, KeyB, knownKey).Error;
    }

    [Fact]
    public void Points_that_are_no_keys()
    {
        byte[] key = SpecCrypto.PublicKeyOf(KeyA);

        Assert.NotNull(SpecCrypto.DecodePoint(key));
        Assert.Null(SpecCrypto.DecodePoint([4, .. key[1..]]));
        Assert.Null(SpecCrypto.DecodePoint(key[1..]));
        Assert.Null(SpecCrypto.DecodePoint(new byte[33]));
        // x = 5 is not on the curve; the field's order is no coordinate.
        Assert.Null(SpecCrypto.DecodePoint([2, .. new byte[31], 5]));
        Assert.Null(SpecCrypto.DecodePoint(Hex("02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")));
    }

    [Fact]
    public void All_messages()
    {
        Assert.Equal(2UL, Message<SpecPing>("01 c2 80 02").RecordSequence);

        SpecPong pong = Message<SpecPong>("02 d2 887465737420726571 01 847f000001 82765f");
        Assert.Equal("test req"u8, pong.RequestId);
        Assert.Equal(1UL, pong.RecordSequence);
        Assert.Equal([127, 0, 0, 1], pong.RecipientAddress);
        Assert.Equal(30303, pong.RecipientPort);
        Assert.Equal(16, Message<SpecPong>("02 d4 01 80 90" + new string('0', 32) + "80").RecipientAddress.Length);

        Assert.Equal([0UL, 1, 256], Message<SpecFindNode>("03 c7 01 c5 80 01 820100").Distances);
        Assert.Empty(Message<SpecFindNode>("03 c2 01 c0").Distances);

        byte[] record = SpecRecord.Parse(RecordText).Value!.Encoding;
        byte[] nodes = [4, .. SpecRlp.EncodeList([[1], [2], SpecRlp.EncodeList([record, Flip(record), [0xc0]])])];
        SpecNodes decoded = Assert.IsType<SpecNodes>(SpecDecoder.DecodeMessage(nodes).Value);
        Assert.Equal(2UL, decoded.Total);
        Assert.Equal([record, Flip(record), [0xc0]], decoded.RecordBytes);
        Assert.Equal([null, SpecError.RecordSignature, SpecError.RlpElementCount], decoded.Records.Select(static r => r.Error));
        Assert.Empty(Message<SpecNodes>("04 c3 01 01 c0").Records);

        SpecTalkRequest request = Message<SpecTalkRequest>("05 c8 01 83666f6f 820102");
        Assert.Equal("foo"u8, request.Protocol);
        Assert.Equal([1, 2], request.Request);
        Assert.Empty(Message<SpecTalkResponse>("06 c2 01 80").Response);
    }

    [Theory]
    [InlineData("", SpecError.MessageEmpty)]
    [InlineData("00 c2 01 01", SpecError.MessageType)]
    [InlineData("07 c2 01 01", SpecError.MessageType)]
    [InlineData("01", SpecError.RlpTruncated)]
    [InlineData("01 80", SpecError.RlpListExpected)]
    [InlineData("01 c1 01", SpecError.RlpElementCount)]
    [InlineData("01 c3 01 01 01", SpecError.RlpElementCount)]
    [InlineData("01 c2 01 01 00", SpecError.RlpTrailingBytes)]
    [InlineData("01 c3 01 01", SpecError.RlpTruncated)]
    [InlineData("01 c3 01 82 01", SpecError.RlpTruncated)]
    [InlineData("01 c3 01 81 01", SpecError.RlpNotCanonical)]
    [InlineData("01 f802 01 01", SpecError.RlpNotCanonical)]
    [InlineData("01 f90002 01 01", SpecError.RlpNotCanonical)]
    [InlineData("01 c5 b80101 01 80", SpecError.RlpNotCanonical)]
    [InlineData("01 ffffffffffffffffff", SpecError.RlpTruncated)]
    [InlineData("01 f8", SpecError.RlpTruncated)]
    [InlineData("01 c2 01 00", SpecError.RlpIntegerNotCanonical)]
    [InlineData("01 c4 01 820001", SpecError.RlpIntegerNotCanonical)]
    [InlineData("01 cb 01 89010000000000000000", SpecError.RlpIntegerTooLarge)]
    [InlineData("01 c2 c0 01", SpecError.RlpStringExpected)]
    [InlineData("01 c2 01 c0", SpecError.RlpStringExpected)]
    [InlineData("01 cb 89010203040506070809 01", SpecError.RequestIdTooLong)]
    [InlineData("02 c7 01 01 837f0000 01", SpecError.AddressSize)]
    [InlineData("02 c4 01 01 80 01", SpecError.AddressSize)]
    [InlineData("02 cb 01 01 847f000001 83010000", SpecError.RlpIntegerTooLarge)]
    [InlineData("03 c2 01 01", SpecError.RlpListExpected)]
    [InlineData("03 c3 01 c1 00", SpecError.RlpIntegerNotCanonical)]
    [InlineData("03 c3 01 c1 c0", SpecError.RlpStringExpected)]
    [InlineData("04 c4 01 01 c1 01", SpecError.RlpListExpected)]
    [InlineData("04 c3 01 01 01", SpecError.RlpListExpected)]
    [InlineData("05 c3 01 c0 01", SpecError.RlpStringExpected)]
    [InlineData("05 c2 01 01", SpecError.RlpElementCount)]
    [InlineData("06 c2 01 c0", SpecError.RlpStringExpected)]
    internal void Messages(string hex, SpecError error) => Assert.Equal(error, SpecDecoder.DecodeMessage(Hex(hex)).Error);

    [Fact]
    public void Nesting_is_as_deep_as_it_likes()
    {
        byte[] nested = [0xc0];
        for (int i = 0; i < 100; i++)
        {
            nested = SpecRlp.EncodeList([nested]);
        }

        Assert.Equal(SpecError.RlpElementCount, SpecDecoder.DecodeMessage([1, .. nested]).Error);
    }

    [Fact]
    public void A_record_that_is_no_rlp_inside_is_refused_alone()
    {
        SpecNodes nodes = Message<SpecNodes>("04 c5 01 01 c2 c1 83");

        Assert.Equal(SpecError.RlpTruncated, Assert.Single(nodes.Records).Error);
    }

    [Fact]
    public void Records()
    {
        SpecRlp[] items = SpecRlp.Decode(SpecRecord.Parse(RecordText).Value!.Encoding).AsList;
        byte[][] parts = [.. items.Select(static i => i.Encoding)];
        byte[] id = [0x82, .. "id"u8];
        byte[] key = [0x89, .. "secp256k1"u8];
        byte[] publicKey = parts[7];

        Assert.Null(Refusal(parts));
        Assert.Equal(SpecError.RecordTooLong, SpecRecord.Decode(new byte[301]).Error);
        Assert.Equal(SpecError.RlpElementCount, Refusal(parts[..1]));
        Assert.Equal(SpecError.RecordKeyWithoutValue, Refusal(parts[..^1]));
        Assert.Equal(SpecError.RecordIdentityScheme, Refusal(parts[..2]));
        Assert.Equal(SpecError.RecordIdentityScheme, Refusal([.. parts[..2], id, [0x82, .. "v5"u8]]));
        Assert.Equal(SpecError.RecordPublicKey, Refusal(parts[..6]));
        Assert.Equal(SpecError.RecordPublicKey, Refusal([.. parts[..6], key, [0x80]]));
        Assert.Equal(SpecError.RecordKeysNotSorted, Refusal([.. parts[..2], .. parts[4..6], .. parts[2..4], .. parts[6..]]));
        Assert.Equal(SpecError.RecordKeyRepeated, Refusal([.. parts[..4], .. parts[2..]]));
        Assert.Equal(SpecError.RecordSignature, Refusal(parts[..8]));
        Assert.Equal(SpecError.RecordSignature, Refusal([parts[0], [2], .. parts[2..]]));
        Assert.Equal(SpecError.RecordSignature, Refusal([[0x80], .. parts[1..]]));
        Assert.Equal(SpecError.RlpIntegerNotCanonical, Refusal([parts[0], [0], .. parts[2..]]));
        Assert.Equal(SpecError.RlpStringExpected, Refusal([[0xc0], .. parts[1..]]));
        Assert.Equal(SpecError.RlpStringExpected, Refusal([.. parts[..2], [0xc0], .. parts[3..]]));
        Assert.Equal(34, publicKey.Length);

        static SpecError? Refusal(byte[][] parts) => SpecRecord.Decode(SpecRlp.EncodeList(parts)).Error;
    }

    [Fact]
    public void Whatever_comes_has_a_reason()
    {
        var random = new Random(5);
        byte[][] vectors = [Hex(Ping), Hex(Whoareyou), Hex(Handshake), Hex(HandshakeWithRecord)];
        int refused = 0;
        for (int i = 0; i < 5000; i++)
        {
            byte[] bytes = (byte[])vectors[i % vectors.Length].Clone();
            bytes[random.Next(16, bytes.Length)] ^= (byte)(1 << random.Next(8));
            bytes = i % 3 == 0 ? bytes[..random.Next(bytes.Length + 1)] : bytes;
            SpecResult<SpecPacket> result = SpecDecoder.DecodePacket(bytes, IdB);
            Assert.True(result.Value is null != result.Error is null);
            refused += result.Value is null ? 1 : 0;
            if (result.Value is SpecMessagePacket packet)
            {
                Assert.Equal(SpecError.Decryption, SpecDecoder.DecryptMessage(packet, new byte[16]).Error);
            }

            byte[] message = new byte[random.Next(40)];
            random.NextBytes(message);
            SpecResult<SpecMessage> decoded = SpecDecoder.DecodeMessage(message);
            Assert.True(decoded.Value is null != decoded.Error is null);
        }

        Assert.InRange(refused, 1000, 4999);
    }

    private static SpecError? ErrorOf(byte[] datagram) => SpecDecoder.DecodePacket(datagram, IdB).Error;

    private static TMessage Message<TMessage>(string hex)
        where TMessage : SpecMessage => Assert.IsType<TMessage>(SpecDecoder.DecodeMessage(Hex(hex)).Value);

    /// <summary>A vector with one byte of its unmasked header changed.</summary>
    private static byte[] Change(string packet, int position, byte value)
    {
        byte[] bytes = Hex(packet);
        byte[] unmasked = SpecCrypto.AesCtr(IdB[..16], bytes[..16], bytes[16..]);
        Assert.NotEqual(value, unmasked[position]);
        bytes[16 + position] ^= (byte)(unmasked[position] ^ value);
        return bytes;
    }
}
