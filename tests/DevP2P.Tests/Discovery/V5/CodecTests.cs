using System.Net;
using System.Runtime.ExceptionServices;
using CsCheck;
using DevP2P.Crypto;
using DevP2P.Discovery.V5;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Xunit;
using static DevP2P.Tests.Discovery.V5.SpecDecoderVectorTests;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Packets and messages survive the round trip; what is hostile is refused, and throws nothing.</summary>
public sealed class CodecTests
{
    private static readonly PrivateKey Key = PrivateKey.Parse(KeyA);
    private static readonly NodeId Source = new(IdA);
    private static readonly NodeId Destination = new(IdB);

    private static readonly Gen<RequestId> Ids = Gen.Byte.Array[0, RequestId.MaxSize].Select(static b => new RequestId(b));
    private static readonly Gen<Nonce> Nonces = Gen.Byte.Array[Nonce.Size].Select(static b => new Nonce(b));
    private static readonly Gen<byte[]> Ivs = Gen.Byte.Array[PacketCodec.MaskingIvSize];

    [Fact]
    public void Pings_and_pongs_survive_the_round_trip() =>
        Gen.Select(Ids, Gen.ULong, Gen.OneOf(Gen.Byte.Array[4], Gen.Byte.Array[16]), Gen.UShort).Sample(
            (id, sequence, address, port) =>
            {
                Span<byte> bytes = stackalloc byte[64];

                WireMessage ping = Decode(bytes[..MessageCodec.WritePing(bytes, id, sequence)], MessageType.Ping, id);
                Assert.Equal(sequence, ping.Sequence);

                var seen = new IPEndPoint(new IPAddress(address), port);
                WireMessage pong = Decode(bytes[..MessageCodec.WritePong(bytes, id, sequence, seen)], MessageType.Pong, id);
                Assert.Equal(sequence, pong.Sequence);
                Assert.Equal(address, pong.Address);
                Assert.Equal(port, pong.Port);
            },
            iter: 1000);

    [Fact]
    public void An_ipv4_address_in_its_ipv6_form_has_4_bytes_in_a_pong()
    {
        byte[] bytes = new byte[64];
        var seen = new IPEndPoint(IPAddress.Parse("::ffff:192.0.2.1"), 9);

        WireMessage pong = Decode(bytes.AsSpan(0, MessageCodec.WritePong(bytes, new RequestId(1), 0, seen)), MessageType.Pong, new RequestId(1));

        Assert.Equal([192, 0, 2, 1], pong.Address.ToArray());
    }

    [Fact]
    public void Distances_survive_the_round_trip() =>
        Gen.Select(Ids, Gen.Int[0, 256].Array[0, 257]).Sample(
            (id, distances) =>
            {
                byte[] bytes = new byte[2000];
                WireMessage message = Decode(bytes.AsSpan(0, MessageCodec.WriteFindNode(bytes, id, distances)), MessageType.FindNode, id);
                foreach (int distance in distances)
                {
                    Assert.True(message.Items.TryReadUInt64(out ulong read));
                    Assert.Equal((ulong)distance, read);
                }

                Assert.True(message.Items.TryReadEnd());
            },
            iter: 300);

    [Fact]
    public void Records_survive_the_round_trip() =>
        Gen.Select(Ids, Gen.Int[0, int.MaxValue], Gen.Byte.Array[0, 200].Array[0, 5]).Sample(
            (id, total, contents) =>
            {
                byte[][] records = [.. contents.Select(static c => SpecRlpList(c))];
                byte[] bytes = new byte[2000];
                int length = MessageCodec.WriteNodes(bytes, id, total, records.SelectMany(static r => r).ToArray());

                WireMessage message = Decode(bytes.AsSpan(0, length), MessageType.Nodes, id);

                Assert.Equal((ulong)total, message.Total);
                foreach (byte[] record in records)
                {
                    Assert.True(message.Items.TryReadRaw(out ReadOnlySpan<byte> read));
                    Assert.Equal(record, read);
                }

                Assert.True(message.Items.TryReadEnd());
            },
            iter: 300);

    [Fact]
    public void Talks_survive_the_round_trip() =>
        Gen.Select(Ids, Gen.Byte.Array[0, 70], Gen.Byte.Array[0, 1000]).Sample(
            (id, protocol, data) =>
            {
                byte[] bytes = new byte[1200];

                WireMessage request = Decode(bytes.AsSpan(0, MessageCodec.WriteTalkRequest(bytes, id, protocol, data)), MessageType.TalkRequest, id);
                Assert.Equal(protocol, request.Protocol);
                Assert.Equal(data, request.Data);

                WireMessage response = Decode(bytes.AsSpan(0, MessageCodec.WriteTalkResponse(bytes, id, data)), MessageType.TalkResponse, id);
                Assert.Equal(data, response.Data);
            },
            iter: 300);

    [Fact]
    public void Packets_survive_the_round_trip() =>
        Gen.Select(Ivs, Nonces, Gen.Byte.Array[PacketCodec.MaxMessageSize + 16], Gen.ULong, Gen.Int[0, 300]).Sample(
            (iv, nonce, bytes, sequence, size) =>
            {
                byte[] packet = new byte[PacketCodec.MaxPacketSize];

                int head = PacketCodec.WriteMessageHead(packet, iv, nonce, Source);
                PacketHeader header = MaskAndUnmask(packet.AsSpan(0, head + size), head);
                Assert.Equal(new PacketHeader(PacketFlag.Message, nonce, 32), header);
                Assert.Equal(Source, PacketHeader.GetSource(packet));

                head = PacketCodec.WriteWhoAreYou(packet, iv, nonce, bytes.AsSpan(0, 16), sequence);
                header = MaskAndUnmask(packet.AsSpan(0, head), head);
                Assert.Equal(new PacketHeader(PacketFlag.WhoAreYou, nonce, 24), header);
                Assert.Equal(sequence, PacketHeader.GetChallengeSequence(packet));
                Assert.Equal(bytes.AsSpan(0, 16), packet.AsSpan(PacketCodec.PrefixSize, 16));

                head = PacketCodec.WriteHandshakeHead(packet, iv, nonce, Source, bytes.AsSpan(0, 64), bytes.AsSpan(64, 33), bytes.AsSpan(97, size));
                header = MaskAndUnmask(packet.AsSpan(0, head + 17), head);
                Assert.Equal(new PacketHeader(PacketFlag.Handshake, nonce, 131 + size), header);
                Assert.Equal(Source, PacketHeader.GetSource(packet));
                Assert.Equal(bytes.AsSpan(0, 64), PacketHeader.GetSignature(packet));
                Assert.Equal(bytes.AsSpan(64, 33), PacketHeader.GetEphemeralKey(packet));
                Assert.Equal(bytes.AsSpan(97, size), header.GetRecord(packet));
            },
            iter: 500);

    [Fact]
    public void Packets_have_63_to_1280_bytes()
    {
        Assert.Equal(63, PacketCodec.MinPacketSize);
        Assert.Equal(1280, PacketCodec.MaxPacketSize);
        Assert.Equal(PacketError.TooShort, ErrorOf([]));
        Assert.Equal(PacketError.TooShort, ErrorOf(Hex(Whoareyou)[..62]));
        Assert.Equal(PacketError.None, ErrorOf(Hex(Whoareyou)));
        Assert.Equal(PacketError.None, ErrorOf([.. Hex(Ping), .. new byte[1280 - Hex(Ping).Length]]));
        Assert.Equal(PacketError.TooLong, ErrorOf([.. Hex(Ping), .. new byte[1281 - Hex(Ping).Length]]));
    }

    [Theory]
    [InlineData(Ping, 0, 0x00, PacketError.NotForUs)] // the protocol
    [InlineData(Ping, 6, 0x01, PacketError.NotForUs)] // the version
    [InlineData(Ping, 7, 0x02, PacketError.NotForUs)]
    [InlineData(Ping, 8, 0x03, PacketError.UnknownFlag)]
    [InlineData(Ping, 8, 0xff, PacketError.UnknownFlag)]
    [InlineData(Ping, 8, 0x01, PacketError.BadAuthData)]
    [InlineData(Ping, 8, 0x02, PacketError.BadAuthData)]
    [InlineData(Ping, 22, 0x1f, PacketError.BadAuthData)]
    [InlineData(Ping, 22, 0x21, PacketError.BadAuthData)]
    [InlineData(Ping, 22, 0x00, PacketError.BadAuthData)]
    [InlineData(Ping, 21, 0xff, PacketError.BadAuthData)]
    [InlineData(Whoareyou, 8, 0x00, PacketError.BadAuthData)]
    [InlineData(Whoareyou, 22, 0x17, PacketError.BadAuthData)]
    [InlineData(Whoareyou, 22, 0x19, PacketError.BadAuthData)]
    [InlineData(Handshake, 22, 0x21, PacketError.BadAuthData)]
    [InlineData(Handshake, 22, 0x82, PacketError.BadAuthData)]
    [InlineData(Handshake, 55, 63, PacketError.BadAuthData)] // the size of the signature
    [InlineData(Handshake, 55, 65, PacketError.BadAuthData)]
    [InlineData(Handshake, 56, 32, PacketError.BadAuthData)] // the size of the key
    [InlineData(Handshake, 56, 34, PacketError.BadAuthData)]
    internal void Headers_that_are_wrong(string vector, int position, byte value, PacketError expected)
    {
        byte[] packet = Hex(vector);
        Assert.Equal(PacketError.None, ErrorOf(packet));
        PacketCodec.TryUnmask(PacketCodec.CreateMask(Destination), packet, out PacketHeader header);
        Assert.NotEqual(value, packet[16 + position]);
        packet[16 + position] = value;
        PacketCodec.MaskHead(PacketCodec.CreateMask(Destination), packet, header.Size);

        Assert.Equal(expected, ErrorOf(packet));
    }

    [Theory]
    [InlineData(0, 17, PacketError.None)]
    [InlineData(300, 17, PacketError.None)]
    [InlineData(301, 17, PacketError.BadAuthData)]
    [InlineData(0, 16, PacketError.BadMessage)] // a tag alone: a message has a type
    [InlineData(0, 0, PacketError.BadMessage)]
    [InlineData(300, PacketCodec.MaxHandshakeMessageSize + PacketCodec.TagSize, PacketError.None)]
    [InlineData(300, PacketCodec.MaxHandshakeMessageSize + PacketCodec.TagSize + 1, PacketError.TooLong)]
    internal void Handshakes_with_records_and_messages_of_all_sizes(int record, int message, PacketError expected)
    {
        byte[] packet = new byte[1300];
        int head = PacketCodec.WriteHandshakeHead(packet, new byte[16], default, Source, new byte[64], new byte[33], new byte[record]);
        PacketCodec.MaskHead(PacketCodec.CreateMask(Destination), packet, head);

        Assert.Equal(expected, ErrorOf(packet[..(head + message)]));
    }

    [Fact]
    public void A_whoareyou_has_no_message() => Assert.Equal(PacketError.BadMessage, ErrorOf([.. Hex(Whoareyou), 0]));

    [Fact]
    public void A_packet_for_another_node_is_not_for_us()
    {
        byte[] packet = Hex(Ping), same = Hex(Ping);
        Assert.Equal(PacketError.NotForUs, PacketCodec.TryUnmask(PacketCodec.CreateMask(Source), packet, out _));
        Assert.Equal(same, packet);
    }

    [Theory]
    [InlineData("01 c2 80 02", true)] // request ids of 0 to 8 bytes
    [InlineData("01 c2 01 02", true)]
    [InlineData("01 ca 880102030405060708 02", true)]
    [InlineData("01 ca 880000000000000000 02", true)]
    [InlineData("01 cb 89010203040506070809 02", false)]
    [InlineData("01 c2 c0 02", false)]
    [InlineData("01 cb 80 890100000000000000 00", false)]
    [InlineData("01 ca 80 88ffffffffffffffff", true)]
    [InlineData("02 c8 80 80 847f000001 80", true)] // addresses
    [InlineData("02 d4 80 80 9000000000000000000000000000000001 80", true)]
    [InlineData("02 c7 80 80 837f0000 80", false)]
    [InlineData("02 c9 80 80 857f00000100 80", false)]
    [InlineData("02 d3 80 80 8f000000000000000000000000000001 80", false)]
    [InlineData("02 d5 80 80 910000000000000000000000000000000001 80", false)]
    [InlineData("02 c4 80 80 80 80", false)]
    [InlineData("02 ca 80 80 847f000001 82ffff", true)] // ports
    [InlineData("02 cb 80 80 847f000001 83010000", false)]
    [InlineData("03 c2 80 c0", true)] // distances: what is beyond 256 asks for nothing
    [InlineData("03 c8 80 c6 820101 82ffff", true)]
    [InlineData("03 cb 80 c9 88ffffffffffffffff", true)]
    [InlineData("03 cc 80 ca 89010000000000000000", false)]
    [InlineData("03 c3 80 c1 00", false)]
    [InlineData("03 c3 80 c1 c0", false)]
    [InlineData("03 c2 80 80", false)]
    [InlineData("04 c4 80 01 c1 c0", true)] // records are lists, whatever is in them
    [InlineData("04 c5 80 01 c2 c1 83", true)]
    [InlineData("04 c4 80 01 c1 01", false)]
    [InlineData("04 c3 80 01 80", false)]
    [InlineData("04 c3 80 00 c0", false)]
    [InlineData("05 c3 80 80 80", true)] // talks
    [InlineData("05 c3 80 c0 80", false)]
    [InlineData("05 c2 80 80", false)]
    [InlineData("06 c2 80 80", true)]
    [InlineData("06 c2 80 c0", false)]
    [InlineData("", false)] // types
    [InlineData("01", false)]
    [InlineData("00 c2 80 02", false)]
    [InlineData("07 c2 80 02", false)]
    [InlineData("0a c2 80 02", false)]
    [InlineData("01 c2 80 02 00", false)] // more than there should be, and less
    [InlineData("01 c3 80 02 03", false)]
    [InlineData("02 c9 80 80 847f000001 80 80", false)]
    [InlineData("03 c3 80 c0 80", false)]
    [InlineData("04 c4 80 01 c0 80", false)]
    [InlineData("05 c4 80 80 80 80", false)]
    [InlineData("06 c3 80 80 80", false)]
    [InlineData("01 c1 80", false)]
    [InlineData("01 c0", false)]
    [InlineData("01 c3 80 02", false)]
    [InlineData("01 80", false)]
    [InlineData("01 c3 8101 02", false)] // RLP that is not canonical
    [InlineData("01 c2 80 00", false)]
    [InlineData("01 c3 80 8102", false)]
    [InlineData("01 c4 80 820002", false)]
    [InlineData("01 f802 80 02", false)]
    [InlineData("01 c4 b80101 02", false)]
    [InlineData("01 ffffffffffffffffff", false)]
    public void Messages_by_their_bytes(string hex, bool isGood) => Assert.Equal(isGood, MessageCodec.TryDecode(Hex(hex), out _));

    [Fact]
    public void Request_ids_differ_by_length_too()
    {
        Assert.NotEqual(new RequestId([]), new RequestId([0]));
        Assert.NotEqual(new RequestId([1]), new RequestId([1, 0]));
        Assert.Equal(new RequestId([1, 0, 0, 0, 0, 0, 0, 0]), new RequestId(1UL));
        Assert.Equal("0100", new RequestId([1, 0]).ToString());
        Assert.Equal("", new RequestId([]).ToString());
    }

    [Fact]
    public void A_nonce_is_a_count_and_random_bits()
    {
        byte[] bytes = new byte[12];
        new Nonce(0x01020304, 0x05060708090a0b0c).CopyTo(bytes);

        Assert.Equal(Hex("0102030405060708090a0b0c"), bytes);
        Assert.Equal(new Nonce(0x01020304, 0x05060708090a0b0c), new Nonce(bytes));
        Assert.Equal("0102030405060708090a0b0c", new Nonce(bytes).ToString());
        Assert.Throws<ArgumentOutOfRangeException>(() => new Nonce(new byte[11]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Nonce(new byte[13]));
    }

    [Fact]
    public void The_largest_talks_and_answers_fit_and_one_byte_more_would_not()
    {
        var id = new RequestId(ulong.MaxValue);
        byte[] bytes = new byte[2000];

        Assert.Equal(PacketCodec.MaxMessageSize, MessageCodec.WriteTalkResponse(bytes, id, new byte[MessageCodec.MaxTalkResponseSize]));
        Assert.Equal(PacketCodec.MaxMessageSize, MessageCodec.WriteNodes(bytes, id, 5, Records(MessageCodec.MaxRecordBytes)));
        // A name of 256 bytes or more takes most besides itself.
        Assert.Equal(PacketCodec.MaxMessageSize, Talk(300, MessageCodec.MaxTalkRequestSize - 300));
        for (int name = 0; name <= MessageCodec.MaxTalkRequestSize; name++)
        {
            Assert.InRange(Talk(name, MessageCodec.MaxTalkRequestSize - name), 0, PacketCodec.MaxMessageSize);
        }

        Assert.InRange(MessageCodec.WriteTalkResponse(bytes, id, new byte[MessageCodec.MaxTalkResponseSize + 1]), PacketCodec.MaxMessageSize + 1, 2000);
        Assert.InRange(MessageCodec.WriteNodes(bytes, id, 5, Records(MessageCodec.MaxRecordBytes + 1)), PacketCodec.MaxMessageSize + 1, 2000);
        Assert.InRange(Talk(300, MessageCodec.MaxTalkRequestSize + 1 - 300), PacketCodec.MaxMessageSize + 1, 2000);

        // And such a message makes a packet of exactly 1280 bytes.
        byte[] packet = new byte[PacketCodec.MaxPacketSize];
        int head = PacketCodec.WriteMessageHead(packet, new byte[16], default, Source);
        Assert.Equal(PacketCodec.MaxPacketSize, head + PacketCodec.MaxMessageSize + PacketCodec.TagSize);

        int Talk(int name, int data) => MessageCodec.WriteTalkRequest(bytes, id, new byte[name], new byte[data]);

        static byte[] Records(int size) => [.. SpecRlpList(new byte[size - 300 - 3]), .. SpecRlpList(new byte[300 - 3])];
    }

    [Fact]
    [Trait("Threat", "T08")]
    public void Hostile_packets_and_messages_throw_nothing()
    {
        byte[][] vectors = [Hex(Ping), Hex(Whoareyou), Hex(Handshake), Hex(HandshakeWithRecord)];
        var random = new Random(1);
        AesBlock mask = PacketCodec.CreateMask(Destination);
        int accepted = 0;
        Assert.Equal(0, CountExceptions(() =>
        {
            for (int i = 0; i < 50_000; i++)
            {
                byte[] bytes = (byte[])vectors[i % vectors.Length].Clone();
                PacketCodec.MaskHead(mask, bytes, bytes.Length);
                Change(random, ref bytes);
                if (bytes.Length >= 16)
                {
                    PacketCodec.MaskHead(mask, bytes, bytes.Length);
                }

                if (PacketCodec.TryUnmask(mask, bytes, out PacketHeader header) != PacketError.None)
                {
                    continue;
                }

                accepted++;
                if (header.Flag == PacketFlag.Handshake)
                {
                    _ = PacketHeader.GetEphemeralKey(bytes).Length + PacketHeader.GetSignature(bytes).Length + header.GetRecord(bytes).Length;
                }

                _ = header.Flag == PacketFlag.WhoAreYou ? default : PacketHeader.GetSource(bytes);
            }
        }));
        Assert.InRange(accepted, 1000, 49_000);

        byte[] message = new byte[1300];
        accepted = 0;
        Assert.Equal(0, CountExceptions(() =>
        {
            for (int i = 0; i < 100_000; i++)
            {
                int size = MessageCodec.WritePong(message, new RequestId((ulong)i), (ulong)i, new CompactEndPoint((UInt128)i, (ushort)i));
                byte[] bytes = message[..size];
                Change(random, ref bytes);
                accepted += MessageCodec.TryDecode(bytes, out _) ? 1 : 0;
                random.NextBytes(bytes);
                bytes.AsSpan(0, Math.Min(1, bytes.Length)).Fill((byte)(1 + (i % 6)));
                MessageCodec.TryDecode(bytes, out _);
            }
        }));
        Assert.InRange(accepted, 1000, 99_000);
    }

    [Fact]
    [Trait("Threat", "T08")]
    public void A_packet_with_any_byte_tampered_with_is_not_decrypted_and_throws_nothing()
    {
        SessionCipher cipher = new V4IdentityCrypto(Key).CreateCipher(Hex("000102030405060708090a0b0c0d0e0f"));
        foreach (int size in new[] { 1, 15, 16, 17, 100, PacketCodec.MaxMessageSize })
        {
            byte[] plaintext = new byte[size], buffer = new byte[size];
            new Random(size).NextBytes(plaintext);
            byte[] packet = new byte[PacketCodec.PrefixSize + PacketCodec.MessageAuthSize + size + PacketCodec.TagSize];
            var nonce = new Nonce((uint)size, 7);
            int head = PacketCodec.WriteMessageHead(packet, Hex("0f0e0d0c0b0a09080706050403020100"), nonce, Source);
            cipher.Encrypt(nonce, plaintext, packet.AsSpan(0, head), packet.AsSpan(head));
            Assert.True(cipher.TryDecrypt(nonce, packet.AsSpan(head), packet.AsSpan(0, head), buffer));
            Assert.Equal(plaintext, buffer);

            int decrypted = 0;
            int leaked = 0;
            Assert.Equal(0, CountExceptions(() =>
            {
                for (int i = 0; i < packet.Length; i++)
                {
                    packet[i] ^= (byte)(1 << (i % 8));
                    decrypted += cipher.TryDecrypt(nonce, packet.AsSpan(head), packet.AsSpan(0, head), buffer) ? 1 : 0;
                    leaked += buffer.AsSpan().IndexOfAnyExcept((byte)0) >= 0 ? 1 : 0;
                    packet[i] ^= (byte)(1 << (i % 8));
                }
            }));
            Assert.Equal((0, 0), (decrypted, leaked));
            Assert.False(cipher.TryDecrypt(new Nonce((uint)size, 8), packet.AsSpan(head), packet.AsSpan(0, head), buffer));
            Assert.True(cipher.TryDecrypt(nonce, packet.AsSpan(head), packet.AsSpan(0, head), buffer));
        }
    }

    [Fact]
    public void Reading_a_packet_and_its_message_allocates_nothing()
    {
        SessionCipher cipher = new V4IdentityCrypto(Key).CreateCipher(new byte[16]);
        AesBlock mask = PacketCodec.CreateMask(Destination);
        byte[] vector = Hex(Ping), packet = Hex(Ping), plaintext = new byte[64];
        Read();
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool isGood = Read();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(isGood);

        bool Read()
        {
            vector.CopyTo(packet, 0);
            PacketCodec.TryUnmask(mask, packet, out PacketHeader header);
            Span<byte> message = plaintext.AsSpan(0, packet.Length - header.Size - PacketCodec.TagSize);
            return cipher.TryDecrypt(header.Nonce, packet.AsSpan(header.Size), packet.AsSpan(0, header.Size), message)
                && MessageCodec.TryDecode(message, out _);
        }
    }

    /// <summary>A bit flipped, an end cut off, or something added.</summary>
    private static void Change(Random random, ref byte[] bytes)
    {
        switch (random.Next(3))
        {
            case 0:
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes = bytes[..random.Next(bytes.Length)];
                break;
            default:
                bytes = [.. bytes, .. new byte[random.Next(1, 40)]];
                break;
        }
    }

    /// <summary>Counts what this thread throws, whether it is caught or not.</summary>
    private static int CountExceptions(Action action)
    {
        int thread = Environment.CurrentManagedThreadId;
        int count = 0;
        EventHandler<FirstChanceExceptionEventArgs> handler = (_, _) => count += Environment.CurrentManagedThreadId == thread ? 1 : 0;
        AppDomain.CurrentDomain.FirstChanceException += handler;
        try
        {
            action();
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= handler;
        }

        return count;
    }

    private static WireMessage Decode(ReadOnlySpan<byte> bytes, MessageType type, RequestId id)
    {
        Assert.True(MessageCodec.TryDecode(bytes, out WireMessage message));
        Assert.Equal(type, message.Type);
        Assert.Equal(id, message.Id);
        return message;
    }

    private static PacketHeader MaskAndUnmask(Span<byte> packet, int head)
    {
        byte[] plain = packet.ToArray();
        AesBlock mask = PacketCodec.CreateMask(Destination);
        PacketCodec.MaskHead(mask, packet, head);
        Assert.False(packet[16..head].SequenceEqual(plain.AsSpan(16, head - 16)));
        Assert.Equal(PacketError.None, PacketCodec.Check(mask, packet));
        Assert.Equal(PacketError.None, PacketCodec.TryUnmask(mask, packet, out PacketHeader header));
        Assert.Equal(plain, packet);
        Assert.Equal(head, header.Size);
        return header;
    }

    private static PacketError ErrorOf(byte[] datagram) =>
        PacketCodec.TryUnmask(PacketCodec.CreateMask(Destination), (byte[])datagram.Clone(), out _);

    /// <summary>A list whose payload is as given, which need not be RLP.</summary>
    private static byte[] SpecRlpList(byte[] payload) => Discv5Spec.SpecRlp.EncodeList([payload]);
}
