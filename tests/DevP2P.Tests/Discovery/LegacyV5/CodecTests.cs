using System.Net;
using CsCheck;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

public sealed class CodecTests
{
    private static readonly PrivateKey Key = PrivateKey.ParseHex(GoVectors.Key);

    private static readonly Gen<Endpoint> Endpoints =
        from kind in Gen.Int[0, 2]
        from bytes in Gen.Byte.Array[16]
        from udp in Gen.UShort
        from tcp in Gen.UShort
        select new Endpoint(kind switch { 0 => null, 1 => new IPAddress(bytes.AsSpan(0, 4)), _ => V6(bytes) }, udp, tcp);

    private static readonly Gen<PacketHash> Hashes = Gen.Byte.Array[PacketHash.Size].Select(b => new PacketHash(b));

    private static readonly Gen<Topic[]> TopicLists = Gen.Byte.Array[0, 20].Select(TopicOf).Array[0, 20];

    private static readonly Gen<Ticket> Tickets = Gen.Select(
        Gen.ULong, Gen.Byte.Array[32], Gen.UInt, Gen.UInt.Array[0, TopicLimits.MaxTopicsPerPing], (e, h, s, w) => new Ticket(e, new NodeId(h), s, w));

    private static readonly Gen<Neighbor> NodeItems = Gen.Select(Endpoints, Gen.Byte.Array[64], (endpoint, key) => new Neighbor(endpoint, key));

    private static readonly Gen<Packet> Packets = Gen.OneOf<Packet>(
        Gen.Select(Gen.ULong, Endpoints, Endpoints, Gen.ULong, TopicLists, (v, f, t, e, s) => (Packet)new Ping(v, f, t, e, s)),
        Gen.Select(Endpoints, Hashes, Tickets, (t, h, k) => (Packet)new Pong(t, h, k)),
        Gen.Select(Gen.Byte.Array[64], Gen.ULong, (t, e) => (Packet)new FindNode(t, e)),
        Gen.Select(NodeItems.Array[0, Neighbors.MaxPerPacket], Gen.ULong, (n, e) => (Packet)new Neighbors(n, e)),
        Gen.Select(Gen.Byte.Array[32], Gen.ULong, (t, e) => (Packet)new FindNodeHash(new NodeId(t), e)),
        Gen.Select(TopicLists, Gen.ULong, Gen.Byte.Array[0, 700], (t, i, p) => (Packet)new TopicRegister(t, i, p)),
        Gen.Select(Gen.Byte.Array[0, Topic.MaxSize], Gen.ULong, (t, e) => (Packet)new TopicQuery(TopicOf(t), e)),
        Gen.Select(Hashes, NodeItems.Array[0, TopicNodes.MaxPerPacket], (h, n) => (Packet)new TopicNodes(h, n)));

    [Fact]
    public void Packets_survive_the_round_trip() => Packets.Sample(
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
        iter: 400);

    [Fact]
    public void One_changed_byte_is_another_senders_packet_or_none() => Packets.Sample(
        packet =>
        {
            byte[] bytes = Encode(packet, out PacketHash hash);
            for (int i = 0; i < bytes.Length; i += 7)
            {
                bytes[i] ^= 0x20;
                if (Codec.TryDecode(bytes, out _, out PublicKey? sender, out PacketHash changed, out _))
                {
                    Assert.NotEqual(Key.PublicKey, sender);
                    Assert.NotEqual(hash, changed);
                }

                bytes[i] ^= 0x20;
            }
        },
        iter: 20);

    [Fact]
    public void A_packet_cut_anywhere_is_none() => Packets.Sample(
        packet =>
        {
            byte[] bytes = Encode(packet, out _);
            for (int i = 0; i < bytes.Length; i++)
            {
                Assert.False(Codec.TryDecode(bytes.AsSpan(0, i), out _, out _, out _, out _));
            }
        },
        iter: 20);

    [Fact]
    public void The_largest_pong_fits()
    {
        var endpoint = new Endpoint(V6([.. Enumerable.Repeat((byte)0xFE, 16)]), ushort.MaxValue, ushort.MaxValue);
        var ticket = new Ticket(ulong.MaxValue, default, uint.MaxValue, [.. Enumerable.Repeat(uint.MaxValue, TopicLimits.MaxTopicsPerPing)]);

        int length = Encode(new Pong(endpoint, default(PacketHash), ticket), out _).Length;

        Assert.InRange(length, 500, Codec.MaxPacketSize);
    }

    [Fact]
    public void A_ping_with_more_or_longer_topics_than_are_taken_counts_as_one_without()
    {
        Ping Send(int count) => new(4, default, default, 1, [.. Enumerable.Repeat(TopicOf([1]), count)]);

        Assert.Equal(TopicLimits.MaxTopicsPerPing, Decode<Ping>(Encode(Send(TopicLimits.MaxTopicsPerPing), out _)).Topics.Count);
        Assert.Empty(Decode<Ping>(Encode(Send(TopicLimits.MaxTopicsPerPing + 1), out _)).Topics);
        Assert.Empty(Decode<Ping>(Encode(Send(1000), out _)).Topics);
    }

    [Fact]
    public void What_is_too_long_is_refused_and_told_from_what_is_of_another_protocol()
    {
        byte[] ping = Encode(new Ping(4, default, default, 1, []), out _);

        Assert.Equal(DecodeError.None, Codec.Check([.. ping, .. new byte[Codec.MaxPacketSize - ping.Length]]));
        Assert.Equal(DecodeError.TooLong, Codec.Check([.. ping, .. new byte[Codec.MaxPacketSize - ping.Length + 1]]));
        Assert.Equal(DecodeError.TooShort, Codec.Check(ping.AsSpan(0, Codec.MinPacketSize - 1)));
        Assert.Equal(DecodeError.BadPrefix, Codec.Check(ping.AsSpan(1)));
        Assert.True(Codec.HasPrefix(ping));
        Assert.False(Codec.HasPrefix(ping.AsSpan(1)));
    }

    [Fact]
    public void Expiration_counts_where_there_is_one()
    {
        DateTimeOffset now = DateTimeOffset.FromUnixTimeSeconds(1000);
        Assert.False(new FindNodeHash(default, 1000).IsExpired(now));
        Assert.True(new FindNodeHash(default, 999).IsExpired(now));
        Assert.True(new Ping(4, default, default, ulong.MaxValue, []).IsExpired(now));
        Assert.False(new Pong(default, null, new Ticket(1, default, 1, [])).IsExpired(now));
        Assert.False(new TopicQuery(TopicOf([1]), 0).IsExpired(now));
        Assert.True(new TopicQuery(TopicOf([1]), 1).IsExpired(now));
    }

    private static Topic TopicOf(byte[] bytes) => Topic.TryCreate(bytes, out Topic? topic) ? topic : throw new ArgumentException("too long", nameof(bytes));

    private static T Decode<T>(byte[] datagram)
        where T : Packet
    {
        Assert.True(Codec.TryDecode(datagram, out Packet? packet, out _, out _, out _));
        return Assert.IsType<T>(packet);
    }

    private static byte[] Encode(Packet packet, out PacketHash hash)
    {
        byte[] buffer = new byte[Codec.MaxPacketSize];
        int length = Codec.Encode(packet, static (digest, signature) => Secp256k1.Instance.SignRecoverable(digest, Key.Bytes, signature), buffer, out hash);
        return buffer[..length];
    }

    private static IPAddress V6(byte[] bytes)
    {
        bytes[0] = 0x20;
        return new IPAddress(bytes);
    }
}
