using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Discv5Spec;
using Xunit;
using static DevP2P.Tests.Discovery.V5.SpecDecoderVectorTests;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>
/// An independent decoder (written in the tests from the specification alone, naming no type of DevP2P) and the codec agree on what
/// is a packet and a message, and on what it says.
/// </summary>
public sealed class SpecAgreementTests
{
    private const int Packets = 100_000;
    private const int Handshakes = 300;

    private static readonly AesBlock Mask = PacketCodec.CreateMask(new NodeId(IdB));
    private readonly Dictionary<string, int> _seen = [];

    [Fact]
    [Trait("Threat", "T08")]
    public void An_independent_decoder_agrees_with_the_codec_on_100_000_packets()
    {
        var maker = new AgreementPackets(new Random(20260101));
        for (int i = 0; i < Packets; i++)
        {
            byte[] datagram = maker.Next();
            try
            {
                CompareOne(datagram, maker);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"packet {i}: {Convert.ToHexStringLower(datagram)}", e);
            }
        }

        // That they agree says something only if all kinds of packets and messages came, right ones and wrong ones.
        string[] packets = [.. Enum.GetNames<PacketError>().Select(static e => $"packet {e}")];
        string[] messages = [.. Enum.GetNames<MessageType>().Select(static t => $"message {t}"), "message refused", "not decrypted"];
        foreach (string kind in packets.Concat(messages))
        {
            Assert.InRange(_seen.GetValueOrDefault(kind), 300, Packets);
        }

        Assert.InRange(_seen["record good"], 20, Packets);
        Assert.InRange(_seen["record bad"], 1000, Packets);
    }

    [Fact]
    [Trait("Threat", "T08")]
    public void They_agree_on_whom_to_accept()
    {
        var random = new Random(20260102);
        var maker = new AgreementPackets(random);
        var crypto = new V4IdentityCrypto(PrivateKey.Parse(KeyB));
        PrivateKey sender = PrivateKey.Parse(KeyA);
        int accepted = 0;
        for (int i = 0; i < Handshakes; i++)
        {
            byte[] challenge = maker.Challenge((ulong)random.Next(2));
            byte[] datagram = maker.Handshake(sender, crypto.Self, challenge, withRecord: random.Next(2) == 0, plain: i % 3 == 0);
            SpecPacket? packet = SpecDecoder.DecodePacket(datagram, IdB).Value;
            PacketError error = PacketCodec.TryUnmask(Mask, datagram, out PacketHeader header);
            if (packet is not SpecHandshakePacket handshake || error != PacketError.None)
            {
                Assert.NotEqual(PacketError.None, error);
                continue;
            }

            SpecSession? expected = SpecDecoder.AcceptHandshake(handshake, challenge, IdB, KeyB, SpecCrypto.PublicKeyOf(KeyA)).Value;
            byte[] keys = new byte[SessionCrypto.KeysSize];
            bool isAccepted = Accept(crypto, sender.PublicKey, header, datagram, challenge, keys, out byte[] message);

            Assert.Equal(expected is not null, isAccepted);
            if (expected is not null)
            {
                accepted++;
                Assert.Equal([.. expected.Keys.Initiator, .. expected.Keys.Recipient], keys);
                AssertSame(expected.Message, message);
            }
        }

        Assert.InRange(accepted, Handshakes / 4, Handshakes * 3 / 4);
    }

    private static bool Accept(
        V4IdentityCrypto crypto, PublicKey known, in PacketHeader header, byte[] datagram, byte[] challenge, byte[] keys, out byte[] plaintext)
    {
        ReadOnlySpan<byte> message = datagram.AsSpan(header.Size), record = header.GetRecord(datagram);
        plaintext = new byte[message.Length - PacketCodec.TagSize];
        PublicKey? remote = record.IsEmpty ? known : crypto.ReadRecord(record)?.PublicKey;
        return remote?.NodeId == PacketHeader.GetSource(datagram)
            && crypto.TryAccept(remote, challenge, PacketHeader.GetEphemeralKey(datagram), PacketHeader.GetSignature(datagram), keys)
            && crypto.CreateCipher(keys.AsSpan(0, SessionCrypto.KeySize)).TryDecrypt(header.Nonce, message, datagram.AsSpan(0, header.Size), plaintext)
            && MessageCodec.TryDecode(plaintext, out _);
    }

    /// <summary>Why the codec has to refuse what the other decoder refuses.</summary>
    private static PacketError Translate(SpecResult<SpecPacket> result) => result.Error switch
    {
        null => PacketError.None,
        SpecError.PacketTooShort => PacketError.TooShort,
        SpecError.PacketTooLong => PacketError.TooLong,
        SpecError.ProtocolId or SpecError.Version => PacketError.NotForUs,
        SpecError.Flag => PacketError.UnknownFlag,
        SpecError.AuthDataBeyondEnd or SpecError.AuthDataSize or SpecError.SignatureSize or SpecError.EphemeralKeySize => PacketError.BadAuthData,
        SpecError.MessageInWhoareyou => PacketError.BadMessage,
        _ => throw new InvalidOperationException($"not an error of a packet: {result.Error}"),
    };

    private void CompareOne(byte[] datagram, AgreementPackets maker)
    {
        SpecResult<SpecPacket> result = SpecDecoder.DecodePacket(datagram, IdB);
        PacketError expected = Translate(result);
        if (result.Value is SpecHandshakePacket handshake)
        {
            // The codec refuses at once what the other decoder refuses a step later.
            expected = handshake.Record?.Length > NodeRecord.MaxSize ? PacketError.BadAuthData
                : handshake.Message.Length <= SpecCrypto.TagSize ? PacketError.BadMessage
                : PacketError.None;
        }

        byte[] plain = (byte[])datagram.Clone();
        PacketError error = PacketCodec.TryUnmask(Mask, plain, out PacketHeader header);
        Assert.Equal(expected, error);
        See($"packet {error}");
        if (error == PacketError.None)
        {
            AssertSame(result.Value!, header, plain);
            if (result.Value is SpecMessagePacket packet)
            {
                CompareMessages(packet, header, plain, maker);
            }
        }
    }

    private static void AssertSame(SpecPacket expected, in PacketHeader header, byte[] plain)
    {
        byte[] nonce = new byte[Nonce.Size];
        header.Nonce.CopyTo(nonce);
        Assert.Equal(expected.Nonce, nonce);
        Assert.Equal(expected.AuthenticatedData, plain[..header.Size]);
        if (expected is SpecMessagePacket packet)
        {
            Assert.Equal(packet.SourceId, PacketHeader.GetSource(plain).ToArray());
            Assert.Equal(packet.Message, plain[header.Size..]);
        }

        switch (expected)
        {
            case SpecOrdinaryPacket:
                Assert.Equal(PacketFlag.Message, header.Flag);
                break;
            case SpecWhoareyouPacket whoareyou:
                Assert.Equal(PacketFlag.WhoAreYou, header.Flag);
                Assert.Equal(whoareyou.RecordSequence, PacketHeader.GetChallengeSequence(plain));
                break;
            case SpecHandshakePacket handshake:
                Assert.Equal(PacketFlag.Handshake, header.Flag);
                Assert.Equal(handshake.IdSignature, PacketHeader.GetSignature(plain).ToArray());
                Assert.Equal(handshake.EphemeralKey, PacketHeader.GetEphemeralKey(plain).ToArray());
                Assert.Equal(handshake.Record ?? [], header.GetRecord(plain).ToArray());
                break;
        }
    }

    private void CompareMessages(SpecMessagePacket packet, in PacketHeader header, byte[] plain, AgreementPackets maker)
    {
        SpecResult<SpecMessage> result = SpecDecoder.DecryptMessage(packet, maker.Key);
        byte[] plaintext = new byte[Math.Max(0, plain.Length - header.Size - PacketCodec.TagSize)];
        bool isDecrypted = plaintext.Length > 0
            && maker.Cipher.TryDecrypt(header.Nonce, plain.AsSpan(header.Size), plain.AsSpan(0, header.Size), plaintext);

        // A message without a type is none, whether its tag is right or not.
        Assert.Equal(result.Error is not (SpecError.Decryption or SpecError.MessageEmpty), isDecrypted);
        if (!isDecrypted)
        {
            See("not decrypted");
            return;
        }

        Assert.Equal(result.Value is not null, MessageCodec.TryDecode(plaintext, out WireMessage message));
        if (result.Value is null)
        {
            See("message refused");
            return;
        }

        See($"message {message.Type}");
        AssertSame(result.Value, plaintext);
        if (result.Value is SpecNodes nodes)
        {
            foreach ((byte[] bytes, SpecResult<SpecRecord> record) in nodes.RecordBytes.Zip(nodes.Records))
            {
                See(record.Value is null ? "record bad" : "record good");
                Assert.Equal(record.Value is not null, NodeRecord.TryDecode(bytes, out NodeRecord? ours, out _));
                Assert.Equal(record.Value?.NodeId, ours?.NodeId.ToArray());
            }
        }
    }

    private static void AssertSame(SpecMessage expected, byte[] plaintext)
    {
        Assert.True(MessageCodec.TryDecode(plaintext, out WireMessage actual));
        Assert.Equal(expected.RequestId, actual.Id.Write(new byte[RequestId.MaxSize]).ToArray());
        switch (expected)
        {
            case SpecPing ping:
                Assert.Equal((MessageType.Ping, ping.RecordSequence), (actual.Type, actual.Sequence));
                break;
            case SpecPong pong:
                Assert.Equal(
                    (MessageType.Pong, pong.RecordSequence, pong.RecipientPort), (actual.Type, actual.Sequence, actual.Port));
                Assert.Equal(pong.RecipientAddress, actual.Address.ToArray());
                break;
            case SpecFindNode find:
                Assert.Equal(MessageType.FindNode, actual.Type);
                foreach (ulong distance in find.Distances)
                {
                    Assert.Equal(distance, actual.Items.ReadUInt64());
                }

                Assert.True(actual.Items.TryReadEnd());
                break;
            case SpecNodes nodes:
                Assert.Equal((MessageType.Nodes, nodes.Total), (actual.Type, actual.Total));
                foreach (byte[] record in nodes.RecordBytes)
                {
                    Assert.True(actual.Items.TryReadRaw(out ReadOnlySpan<byte> raw));
                    Assert.Equal(record, raw.ToArray());
                }

                Assert.True(actual.Items.TryReadEnd());
                break;
            case SpecTalkRequest request:
                Assert.Equal(MessageType.TalkRequest, actual.Type);
                Assert.Equal(request.Protocol, actual.Protocol.ToArray());
                Assert.Equal(request.Request, actual.Data.ToArray());
                break;
            case SpecTalkResponse response:
                Assert.Equal(MessageType.TalkResponse, actual.Type);
                Assert.Equal(response.Response, actual.Data.ToArray());
                break;
        }
    }

    private void See(string what) => _seen[what] = _seen.GetValueOrDefault(what) + 1;
}
