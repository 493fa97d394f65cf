using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Discovery.V4;

/// <summary>The official packets, as EIP-8 has them.</summary>
public sealed class CodecVectorTests
{
    private const ulong Expiration = 1136239445;

    private static readonly PrivateKey Key = PrivateKey.ParseHex(PacketVectors.Key);
    private static readonly Endpoint Local = new(IPAddress.Parse("127.0.0.1"), 3322, 5544);

    [Fact]
    public void Plain_ping()
    {
        Ping ping = Decode<Ping>(PacketVectors.PlainPing);

        Assert.Equal(4UL, ping.Version);
        Assert.Equal(Local, ping.From);
        Assert.Equal(new Endpoint(IPAddress.IPv6Loopback, 2222, 3333), ping.To);
        Assert.Equal(Expiration, ping.Expiration);
        Assert.Null(ping.RecordSequence);
    }

    [Fact]
    public void Ping_of_version4_with_more_elements()
    {
        Ping ping = Decode<Ping>(PacketVectors.PingVersion4);

        Assert.Equal(4UL, ping.Version);
        Assert.Equal(Local, ping.From);
        Assert.Equal(new Endpoint(IPAddress.IPv6Loopback, 2222, 3333), ping.To);
        Assert.Equal(Expiration, ping.Expiration);
        // What was an unknown element in 2015 is the record sequence number since EIP-868.
        Assert.Equal(1UL, ping.RecordSequence);
    }

    [Fact]
    public void Ping_of_version555_with_more_elements_and_trailing_data()
    {
        Ping ping = Decode<Ping>(PacketVectors.PingVersion555);

        Assert.Equal(555UL, ping.Version);
        Assert.Equal(new Endpoint(IPAddress.Parse("2001:db8:3c4d:15::abcd:ef12"), 3322, 5544), ping.From);
        Assert.Equal(new Endpoint(IPAddress.Parse("2001:db8:85a3:8d3:1319:8a2e:370:7348"), 2222, 33338), ping.To);
        Assert.Equal(Expiration, ping.Expiration);
        Assert.Null(ping.RecordSequence);
    }

    [Fact]
    public void Pong_with_more_elements_and_trailing_data()
    {
        Pong pong = Decode<Pong>(PacketVectors.Pong);

        Assert.Equal(new Endpoint(IPAddress.Parse("2001:db8:85a3:8d3:1319:8a2e:370:7348"), 2222, 33338), pong.To);
        Assert.Equal("fbc914b16819237dcd8801d7e53f69e9719adecb3cc0e790c57e91ca4461c954", pong.PingHash.ToString());
        Assert.Equal(Expiration, pong.Expiration);
        Assert.Null(pong.RecordSequence);
    }

    [Fact]
    public void Find_node_with_more_elements_and_trailing_data()
    {
        FindNode findNode = Decode<FindNode>(PacketVectors.FindNode);

        // The target is the key that signed the packet.
        Assert.Equal(Key.PublicKey.Bytes, findNode.Target.Span);
        Assert.Equal(Expiration, findNode.Expiration);
    }

    [Fact]
    public void Neighbors_with_more_elements_and_trailing_data()
    {
        Neighbors neighbors = Decode<Neighbors>(PacketVectors.Neighbors);

        Endpoint[] endpoints =
        [
            new(IPAddress.Parse("99.33.22.55"), 4444, 4445),
            new(IPAddress.Parse("1.2.3.4"), 1, 1),
            new(IPAddress.Parse("2001:db8:3c4d:15::abcd:ef12"), 3333, 3333),
            new(IPAddress.Parse("2001:db8:85a3:8d3:1319:8a2e:370:7348"), 999, 1000),
        ];
        string[] keys = ["3155e1427f85f10a", "312c55512422cf9b", "38643200b172dcfe", "8dcab8618c3253b5"];
        Assert.Equal(endpoints, neighbors.Nodes.Select(n => n.Endpoint));
        Assert.Equal(keys, neighbors.Nodes.Select(n => Convert.ToHexStringLower(n.Key.Span[..8])));
        Assert.All(neighbors.Nodes, n => Assert.True(PublicKey.TryParse(n.Key.Span, out _)));
        Assert.Equal(Expiration, neighbors.Expiration);
    }

    /// <summary>Type and content come out byte for byte; the vector's signature was made with a nonce that is not RFC 6979's.</summary>
    [Fact]
    public void Encoding_makes_the_same_bytes_behind_the_header()
    {
        Ping ping = Decode<Ping>(PacketVectors.PlainPing);
        byte[] buffer = new byte[Codec.MaxPacketSize];

        int length = Codec.Encode(ping, Sign, buffer, out PacketHash hash);

        Assert.Equal(PacketVectors.PlainPing[(2 * Codec.HeaderSize)..], Convert.ToHexStringLower(buffer.AsSpan(Codec.HeaderSize, length - Codec.HeaderSize)));
        Assert.Equal(Convert.ToHexStringLower(buffer.AsSpan(0, PacketHash.Size)), hash.ToString());
        Ping again = Decode<Ping>(Convert.ToHexStringLower(buffer.AsSpan(0, length)));
        Assert.Equal(ping.To, again.To);
    }

    /// <summary>Without what EIP-8 added, each vector's content is what the encoder makes of it.</summary>
    [Theory]
    [InlineData(PacketVectors.PingVersion555, 2, 6)]
    [InlineData(PacketVectors.Pong, 2, 8)]
    [InlineData(PacketVectors.FindNode, 2, 7)]
    [InlineData(PacketVectors.Neighbors, 3, 3)]
    public void Encoding_makes_the_elements_of_the_vectors(string hex, int listHeader, int additional)
    {
        byte[] vector = Convert.FromHexString(hex);
        byte[] buffer = new byte[Codec.MaxPacketSize];
        int length = Codec.Encode(Decode<Packet>(hex), Sign, buffer, out _);

        var list = new RlpReader(vector.AsSpan(Codec.HeaderSize + 1));
        Assert.True(list.TryReadRaw(out ReadOnlySpan<byte> content));
        Assert.Equal(content[listHeader..^additional], buffer.AsSpan(Codec.HeaderSize + 1 + listHeader, length - Codec.HeaderSize - 1 - listHeader));
    }

    private static void Sign(ReadOnlySpan<byte> hash, Span<byte> signature) => Secp256k1.Instance.SignRecoverable(hash, Key.Bytes, signature);

    private static T Decode<T>(string hex)
        where T : Packet
    {
        Assert.True(Codec.TryDecode(Convert.FromHexString(hex), out Packet? packet, out PublicKey? sender, out PacketHash hash, out DecodeError error));
        Assert.Equal(DecodeError.None, error);
        Assert.Equal(Key.PublicKey, sender);
        Assert.Equal(hex[..64], hash.ToString());
        return Assert.IsAssignableFrom<T>(packet);
    }
}
