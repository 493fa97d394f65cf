using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.Nodes;
using Discv5Spec;
using static DevP2P.Tests.Discovery.V5.SpecDecoderVectorTests;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Makes packets to node B of the vectors with the codec: of all kinds, half of them mutated at some stage of the making.</summary>
internal sealed class AgreementPackets(Random random)
{
    private static readonly V4IdentityCrypto Crypto = new(PrivateKey.Parse(KeyA));
    private static readonly AesBlock Mask = PacketCodec.CreateMask(new NodeId(IdB));

    private readonly byte[] _record = new NodeRecordBuilder().SetAddress(IPAddress.Loopback).SetUdpPort(30303).Sign(PrivateKey.Parse(KeyA)).Encoded.ToArray();
    private readonly byte[] _buffer = new byte[4096];

    private enum Stage
    {
        Plaintext,
        HeadBeforeEncryption,
        PacketBeforeMasking,
        Datagram,
        None,
    }

    /// <summary>With which all messages are encrypted.</summary>
    public byte[] Key { get; } = Hex("00112233445566778899aabbccddeeff");

    public SessionCipher Cipher { get; } = Crypto.CreateCipher(Hex("00112233445566778899aabbccddeeff"));

    /// <summary>A packet, or what once was one.</summary>
    public byte[] Next()
    {
        // Half of all stages are none.
        var stage = (Stage)Math.Min(random.Next(8), (int)Stage.None);
        byte[] head = new byte[PacketCodec.MaxPacketSize];
        int kind = random.Next(8);
        var nonce = new Nonce(Bytes(Nonce.Size));
        byte[] record = kind == 1 ? Bytes(random.Next(4) == 0 ? random.Next(290, 306) : random.Next(301)) : [];
        int headSize = kind switch
        {
            0 => PacketCodec.WriteWhoAreYou(head, Bytes(16), nonce, Bytes(16), Number()),
            1 or 2 => PacketCodec.WriteHandshakeHead(head, Bytes(16), nonce, new NodeId(Bytes(32)), Bytes(64), Bytes(33), record),
            _ => PacketCodec.WriteMessageHead(head, Bytes(16), nonce, new NodeId(Bytes(32))),
        };
        byte[] plaintext = random.Next(100) == 0 ? [] : Message();
        if (stage == Stage.Plaintext)
        {
            Mutate(ref plaintext, random.Next(1, 3));
        }

        if (stage == Stage.HeadBeforeEncryption)
        {
            MutateHead(head.AsSpan(0, headSize));
            // The nonce may be another one now.
            nonce = new Nonce(head.AsSpan(25, Nonce.Size));
        }

        byte[] message = kind == 0 ? [] : new byte[plaintext.Length + PacketCodec.TagSize];
        if (kind != 0)
        {
            Cipher.Encrypt(nonce, plaintext, head.AsSpan(0, headSize), message);
        }

        byte[] packet = [.. head.AsSpan(0, headSize), .. message];
        return Finish(packet, headSize, stage);
    }

    /// <summary>The data of a challenge of node B.</summary>
    public byte[] Challenge(ulong sequence)
    {
        byte[] packet = new byte[PacketCodec.MinPacketSize];
        PacketCodec.WriteWhoAreYou(packet, Bytes(16), new Nonce(Bytes(12)), Bytes(16), sequence);
        return packet;
    }

    /// <summary>The answer to a challenge, which nobody or somebody has tampered with on the way.</summary>
    public byte[] Handshake(PrivateKey sender, in NodeId recipient, byte[] challenge, bool withRecord, bool plain)
    {
        byte[] ephemeralKey = new byte[33], signature = new byte[64], keys = new byte[SessionCrypto.KeysSize];
        if (!Crypto.TryInitiate(PrivateKey.Parse(KeyB).PublicKey, challenge, Bytes(32), ephemeralKey, signature, keys))
        {
            throw new InvalidOperationException("no agreement");
        }

        byte[] record = withRecord ? (byte[])_record.Clone() : [];
        byte[] source = sender.PublicKey.NodeId.ToArray();
        switch (plain ? -1 : random.Next(6))
        {
            case 0:
                Flip(ephemeralKey);
                break;
            case 1:
                Flip(signature);
                break;
            case 2:
                Flip(withRecord ? record : source);
                break;
            case 3:
                Flip(source);
                break;
            case 4:
                Flip(keys.AsSpan(0, SessionCrypto.KeySize));
                break;
        }

        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        var nonce = new Nonce(Bytes(Nonce.Size));
        int head = PacketCodec.WriteHandshakeHead(packet, Bytes(16), nonce, new NodeId(source), signature, ephemeralKey, record);
        int size = MessageCodec.WritePing(_buffer, Id(), Number());
        int length = head + size + PacketCodec.TagSize;
        Crypto.CreateCipher(keys.AsSpan(0, SessionCrypto.KeySize)).Encrypt(
            nonce, _buffer.AsSpan(0, size), packet.AsSpan(0, head), packet.AsSpan(head, length - head));
        PacketCodec.MaskHead(PacketCodec.CreateMask(recipient), packet, head);
        return packet[..length];
    }

    private byte[] Finish(byte[] packet, int headSize, Stage stage)
    {
        if (stage == Stage.PacketBeforeMasking)
        {
            Mutate(ref packet, 1);
        }

        if (packet.Length > PacketCodec.MaskingIvSize)
        {
            // The mask is a stream; where the head has become longer, the other end of it is masked with nothing, and is noise.
            PacketCodec.MaskHead(Mask, packet, Math.Min(headSize, packet.Length));
        }

        if (stage == Stage.Datagram)
        {
            Mutate(ref packet, 1);
        }

        return packet;
    }

    private byte[] Message()
    {
        int size = random.Next(6) switch
        {
            0 => MessageCodec.WritePing(_buffer, Id(), Number()),
            1 => MessageCodec.WritePong(_buffer, Id(), Number(), new IPEndPoint(new IPAddress(Bytes(random.Next(2) == 0 ? 4 : 16)), random.Next(65536))),
            2 => MessageCodec.WriteFindNode(_buffer, Id(), [.. Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(random.Next(3) == 0 ? int.MaxValue : 257))]),
            3 => MessageCodec.WriteNodes(_buffer, Id(), random.Next(300), [.. Enumerable.Range(0, random.Next(4)).SelectMany(_ => Record())]),
            4 => MessageCodec.WriteTalkRequest(_buffer, Id(), Bytes(random.Next(60)), Bytes(Size())),
            _ => MessageCodec.WriteTalkResponse(_buffer, Id(), Bytes(Size())),
        };
        return _buffer[..size];
    }

    // Mostly small, sometimes around the largest.
    private int Size() => random.Next(20) switch
    {
        0 => MessageCodec.MaxTalkResponseSize - random.Next(-20, 20),
        1 => random.Next(50, 300),
        _ => random.Next(60),
    };

    private byte[] Record() => random.Next(200) switch
    {
        // Verifying one takes longer than all the rest.
        0 => _record,
        < 100 => SpecRlp.EncodeList([[1], [2], [0x82, .. "id"u8]]),
        _ => SpecRlp.EncodeList([Bytes(random.Next(100))]),
    };

    private void MutateHead(Span<byte> head)
    {
        // The flag and the sizes are where most is at stake.
        int position = random.Next(6) switch
        {
            0 => 24,
            1 => 37,
            2 => 38,
            3 when head.Length > 72 => random.Next(71, 73),
            _ => random.Next(head.Length),
        };
        head[position] = random.Next(2) == 0 ? (byte)(head[position] ^ (1 << random.Next(8))) : (byte)random.Next(5);
    }

    private void Mutate(ref byte[] bytes, int times)
    {
        for (int i = 0; i < times; i++)
        {
            switch (random.Next(bytes.Length == 0 ? 1 : 5))
            {
                case 0:
                    bytes = [.. bytes, .. Bytes(random.Next(1, random.Next(4) == 0 ? 1300 : 20))];
                    break;
                case 1:
                    bytes = bytes[..random.Next(bytes.Length)];
                    break;
                case 2:
                    // RLP's heads are near the beginning.
                    bytes[random.Next(Math.Min(bytes.Length, 12))] = (byte)(0x80 + random.Next(0x60));
                    break;
                default:
                    Flip(bytes);
                    break;
            }
        }
    }

    private void Flip(Span<byte> bytes) => bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));

    private RequestId Id() => new(Bytes(random.Next(RequestId.MaxSize + 1)));

    /// <summary>Of any size: uniform ones are nearly all large.</summary>
    private ulong Number() => (ulong)random.NextInt64() >> random.Next(64);

    private byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
