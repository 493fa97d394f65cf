using System.Net;
using CsCheck;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

public sealed class CodecTests
{
    private static readonly PrivateKey Key = PrivateKey.ParseHex(PacketVectors.Key);

    private static readonly Gen<Endpoint> Endpoints =
        from kind in Gen.Int[0, 2]
        from bytes in Gen.Byte.Array[16]
        from udp in Gen.UShort
        from tcp in Gen.UShort
        select new Endpoint(kind switch { 0 => null, 1 => new IPAddress(bytes.AsSpan(0, 4)), _ => V6(bytes) }, udp, tcp);

    private static readonly Gen<PacketHash> Hashes = Gen.Byte.Array[PacketHash.Size].Select(b => new PacketHash(b));

    private static readonly Gen<ulong?> Sequences = Gen.Select(Gen.Bool, Gen.ULong, (has, value) => has ? value : (ulong?)null);

    private static readonly Gen<Neighbor> NeighborItems =
        Gen.Select(Endpoints, Gen.Byte.Array[64], (endpoint, key) => new Neighbor(endpoint, key));

    private static readonly Gen<Packet> Packets = Gen.OneOf<Packet>(
        Gen.Select(Gen.ULong, Endpoints, Endpoints, Gen.ULong, Sequences, (v, f, t, e, s) => (Packet)new Ping(v, f, t, e, s)),
        Gen.Select(Endpoints, Hashes, Gen.ULong, Sequences, (t, h, e, s) => (Packet)new Pong(t, h, e, s)),
        Gen.Select(Gen.Byte.Array[64], Gen.ULong, (t, e) => (Packet)new FindNode(t, e)),
        Gen.Select(NeighborItems.Array[0, Neighbors.MaxPerPacket], Gen.ULong, (n, e) => (Packet)new Neighbors(n, e)),
        Gen.ULong.Select(e => (Packet)new RecordRequest(e)),
        Gen.Select(Hashes, Gen.Byte.Array[0, 290], (h, r) => (Packet)new RecordResponse(h, RlpEncoding.Encode(new object[] { r }))));

    [Fact]
    public void Packets_survive_the_round_trip()
    {
        Packets.Sample(
            packet =>
            {
                byte[] bytes = Encode(packet, out PacketHash hash);

                Assert.True(Codec.TryDecode(bytes, out Packet? back, out PublicKey? sender, out PacketHash backHash, out _));
                Assert.Equal(Key.PublicKey, sender);
                Assert.Equal(hash, backHash);
                Assert.Equal(packet.Type, back.Type);
                Assert.Equal(packet.Expiration, back.Expiration);
                Assert.Equal(bytes, Encode(back, out _));
            },
            iter: 300);
    }

    [Fact]
    public void The_largest_answer_of_neighbors_fits_and_one_more_node_would_not()
    {
        Neighbor largest = new(new Endpoint(V6([.. Enumerable.Repeat((byte)0xFE, 16)]), ushort.MaxValue, ushort.MaxValue), new byte[64]);

        int length = Encode(new Neighbors([.. Enumerable.Repeat(largest, Neighbors.MaxPerPacket)], ulong.MaxValue), out _).Length;

        Assert.InRange(length, 1200, Codec.MaxPacketSize);
        Assert.Throws<ArgumentException>(() =>
            Encode(new Neighbors([.. Enumerable.Repeat(largest, Neighbors.MaxPerPacket + 1)], ulong.MaxValue), out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Codec.MinPacketSize - 1)]
    public void What_is_too_short_is_refused(int length) => AssertRefused(new byte[length], DecodeError.TooShort);

    [Fact]
    public void What_is_too_long_is_refused_though_its_hash_is_right()
    {
        byte[] ping = Convert.FromHexString(PacketVectors.PlainPing);
        byte[] padded = Seal([.. ping, .. new byte[Codec.MaxPacketSize - ping.Length]]);

        Assert.Equal(DecodeError.None, Codec.Check(padded));
        AssertRefused(Seal([.. padded, 0]), DecodeError.TooLong);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(255)]
    public void Unknown_types_are_refused(int type)
    {
        byte[] packet = Convert.FromHexString(PacketVectors.PlainPing);
        packet[Codec.HeaderSize] = (byte)type;
        AssertRefused(Seal(packet), DecodeError.UnknownType);
    }

    [Fact]
    public void A_flipped_bit_anywhere_is_refused()
    {
        byte[] packet = Convert.FromHexString(PacketVectors.PlainPing);
        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            packet[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(DecodeError.None, Codec.Check(packet));
            packet[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void A_signature_that_no_key_made_is_refused()
    {
        byte[] packet = Convert.FromHexString(PacketVectors.PlainPing);
        packet[Codec.HeaderSize - 1] = 4;
        AssertRefused(Seal([.. packet]), DecodeError.BadSignature);
        packet.AsSpan(PacketHash.Size, 64).Fill(0xFF);
        packet[Codec.HeaderSize - 1] = 0;
        AssertRefused(Seal(packet), DecodeError.BadSignature);
    }

    /// <summary>@ethereumjs/devp2p writes a port in two bytes always. go-ethereum drops such packets; nothing speaks against reading them.</summary>
    [Fact]
    public void Ports_may_have_leading_zeros_but_only_two_bytes()
    {
        object[] from = [new byte[] { 127, 0, 0, 1 }, new byte[] { 0, 80 }, new byte[] { 0, 0 }];
        Assert.True(TryDecode(PacketType.Ping, new object[] { 4, from, from, 1UL }, out Packet? packet));
        Assert.Equal(new Endpoint(IPAddress.Loopback, 80, 0), Assert.IsType<Ping>(packet).From);

        object[] wide = [new byte[] { 127, 0, 0, 1 }, new byte[] { 0, 0, 80 }, new byte[] { 0, 0 }];
        Assert.False(TryDecode(PacketType.Ping, new object[] { 4, wide, from, 1UL }, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(17)]
    public void An_address_of_an_odd_length_is_unknown(int length)
    {
        object[] endpoint = [new byte[length], 30303, 30303];
        Assert.True(TryDecode(PacketType.Ping, new object[] { 4, endpoint, endpoint, 1UL }, out Packet? packet));
        Assert.Null(Assert.IsType<Ping>(packet).From.Address);
        Assert.Null(Assert.IsType<Ping>(packet).To.ToUdp());
    }

    [Fact]
    public void An_ipv4_address_inside_ipv6_is_the_ipv4_address()
    {
        object[] endpoint = [IPAddress.Parse("::ffff:1.2.3.4").GetAddressBytes(), 30303, 30303];
        Assert.True(TryDecode(PacketType.Ping, new object[] { 4, endpoint, endpoint, 1UL }, out Packet? packet));
        Assert.Equal(IPAddress.Parse("1.2.3.4"), Assert.IsType<Ping>(packet).From.Address);
    }

    /// <summary>T13: what is not canonical, or not of the right type, is no packet.</summary>
    [Theory]
    [InlineData("c0")] // nothing in it
    [InlineData("80")] // no list
    [InlineData("820500")] // no list
    [InlineData("c3820001")] // an expiration with a leading zero
    [InlineData("c28105")] // a byte below 0x80 in two
    [InlineData("ca89010203040506070809")] // an expiration of nine bytes
    [InlineData("c1c0")] // a list where a number belongs
    [InlineData("c5")] // cut off
    [InlineData("f805")] // a long header for a short list
    [InlineData("bfffffffffffffffff")]
    [InlineData("ffffffffffffffffff")] // 2^64 bytes promised
    [Trait("Threat", "T13")]
    public void T13_malformed_lists_are_refused(string rlp)
    {
        byte[] content = Convert.FromHexString(rlp);
        AssertRefused(Sign([(byte)PacketType.RecordRequest, .. content, .. new byte[8]]), DecodeError.BadContent);
    }

    [Fact]
    [Trait("Threat", "T13")]
    public void T13_lists_nested_without_end_are_refused_or_ignored()
    {
        // As many lists in lists as a datagram holds: where something is expected, and behind what was.
        byte[] nested = [];
        for (int depth = 0; depth < 380; depth++)
        {
            nested = RlpEncoding.Encode(new RawList(nested));
        }

        foreach (PacketType type in Enum.GetValues<PacketType>().Where(t => t != PacketType.None))
        {
            AssertRefused(Sign([(byte)type, .. nested]), DecodeError.BadContent);
        }

        byte[] behind = RlpEncoding.Encode(new RawList([1, .. nested]));
        Assert.True(Codec.TryDecode(Sign([(byte)PacketType.RecordRequest, .. behind]), out _, out _, out _, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void Hashes_have_32_bytes(int length)
    {
        object[] endpoint = [new byte[] { 127, 0, 0, 1 }, 30303, 30303];
        Assert.False(TryDecode(PacketType.Pong, new object[] { endpoint, new byte[length], 1UL }, out _));
        Assert.False(TryDecode(PacketType.RecordResponse, new object[] { new byte[length], Array.Empty<object>() }, out _));
    }

    [Theory]
    [InlineData(33)]
    [InlineData(63)]
    [InlineData(65)]
    public void Keys_and_targets_have_64_bytes(int length)
    {
        object[] node = [new byte[] { 127, 0, 0, 1 }, 30303, 30303, new byte[length]];
        Assert.False(TryDecode(PacketType.Neighbors, new object[] { new object[] { node }, 1UL }, out _));
        Assert.False(TryDecode(PacketType.FindNode, new object[] { new byte[length], 1UL }, out _));
    }

    [Theory]
    [InlineData(0UL, true)]
    [InlineData(1_700_000_000UL, true)]
    [InlineData(1_700_000_001UL, false)]
    [InlineData((ulong)long.MaxValue, false)]
    [InlineData((ulong)long.MaxValue + 1, true)]
    [InlineData(ulong.MaxValue, true)]
    [Trait("Threat", "T17")]
    public void Expiration_is_judged_by_UTC(ulong expiration, bool isExpired)
    {
        DateTimeOffset now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000).AddMilliseconds(1);
        Assert.Equal(isExpired, new RecordRequest(expiration).IsExpired(now));
    }

    [Fact]
    public void Damaged_packets_never_throw()
    {
        string[] vectors =
            [PacketVectors.PlainPing, PacketVectors.PingVersion555, PacketVectors.Pong, PacketVectors.FindNode, PacketVectors.Neighbors];
        Gen<byte[]> damaged =
            from vector in Gen.Int[0, vectors.Length - 1]
            from edits in Gen.Select(Gen.Int[0, 1 << 20], Gen.Byte).Array[1, 4]
            from cut in Gen.Int[0, 40]
            from type in Gen.Byte[1, 6]
            select Damage(Convert.FromHexString(vectors[vector]), edits, cut, type);
        damaged.Sample(
            bytes =>
            {
                Assert.Equal(DecodeError.None, Codec.Check(bytes));
                if (Codec.TryReadContent(bytes, out Packet? packet))
                {
                    Assert.Equal(Codec.GetType(bytes), packet.Type);
                }
            },
            iter: 20_000);
    }

    [Fact]
    public void Encoding_allocates_nothing()
    {
        Ping ping = new(4, default, new Endpoint(IPAddress.Loopback, 1, 2), 3, 4);
        byte[] buffer = new byte[Codec.MaxPacketSize];
        PacketSigner sign = (_, signature) => signature.Clear();
        Codec.Encode(ping, sign, buffer, out _);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Codec.Encode(ping, sign, buffer, out _);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static byte[] Damage(byte[] packet, (int Position, byte Value)[] edits, int cut, byte type)
    {
        foreach ((int position, byte value) in edits)
        {
            packet[Codec.HeaderSize + 1 + (position % (packet.Length - Codec.HeaderSize - 1))] = value;
        }

        packet[Codec.HeaderSize] = type;
        return Seal(packet[..Math.Max(Codec.MinPacketSize, packet.Length - cut)]);
    }

    private static void AssertRefused(byte[] datagram, DecodeError expected)
    {
        Assert.False(Codec.TryDecode(datagram, out Packet? packet, out PublicKey? sender, out _, out DecodeError error));
        Assert.Equal(expected, error);
        Assert.Null(packet);
        Assert.Null(sender);
    }

    private static bool TryDecode(PacketType type, object content, out Packet? packet) =>
        Codec.TryDecode(Sign([(byte)type, .. RlpEncoding.Encode(content)]), out packet, out _, out _, out _);

    private static byte[] Encode(Packet packet, out PacketHash hash)
    {
        byte[] buffer = new byte[Codec.MaxPacketSize];
        int length = Codec.Encode(packet, (h, signature) => Secp256k1.Instance.SignRecoverable(h, Key.Bytes, signature), buffer, out hash);
        return buffer[..length];
    }

    /// <summary>Signs any content.</summary>
    private static byte[] Sign(byte[] typeAndContent)
    {
        byte[] packet = [.. new byte[Codec.HeaderSize], .. typeAndContent];
        byte[] digest = new byte[32];
        Keccak256.Hash(typeAndContent, digest);
        Secp256k1.Instance.SignRecoverable(digest, Key.Bytes, packet.AsSpan(PacketHash.Size, Codec.SignatureSize));
        return Seal(packet);
    }

    /// <summary>Mends the hash.</summary>
    private static byte[] Seal(byte[] packet)
    {
        Keccak256.Hash(packet.AsSpan(PacketHash.Size), packet.AsSpan(0, PacketHash.Size));
        return packet;
    }

    private static IPAddress V6(byte[] bytes)
    {
        // Never the IPv4-mapped range, whose addresses come back in four bytes.
        bytes[0] |= 0x20;
        return new IPAddress(bytes);
    }

    private sealed class RawList(byte[] content) : IRlpSerializable
    {
        public void WriteTo(ref RlpWriter writer)
        {
            RlpListToken list = writer.StartList();
            writer.WriteRaw(content);
            writer.EndList(list);
        }
    }
}
