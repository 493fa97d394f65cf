using System.Net;
using System.Text;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

/// <summary>Byte for byte what go-ethereum 1.8.27 writes, and of odd packets just those that it reads.</summary>
public sealed class CodecVectorTests
{
    private const ulong Expiration = 1136239445;

    private static readonly PrivateKey Key = PrivateKey.ParseHex(GoVectors.Key);
    private static readonly PrivateKey OtherKey = PrivateKey.ParseHex(GoVectors.OtherKey);
    private static readonly IPAddress V4 = IPAddress.Loopback;
    private static readonly IPAddress V6 = IPAddress.Parse("2001:db8:85a3::8a2e:370:7334");
    private static readonly Topic[] TwoTopics = [TopicOf("LES@0123456789abcdef"), TopicOf("foo")];

    private static readonly Dictionary<string, Func<Packet>> Contents = new()
    {
        ["ping-no-topics"] = () => new Ping(4, new Endpoint(V4, 3322, 5544), new Endpoint(V4, 2222, 0), Expiration, []),
        ["ping-topics"] = () => new Ping(
            4, new Endpoint(V6, 3322, 5544), new Endpoint(V4, 2222, 3333), Expiration, [.. TwoTopics, TopicOf(""), TopicOf("x"), TopicOf([0xFF, 0, 0x80])]),
        ["ping-no-address"] = () => new Ping(4, default, new Endpoint(V6, 30303, 30303), Expiration, []),
        ["pong-no-topics"] = () => new Pong(new Endpoint(V4, 2222, 3333), HashOf("ping"), new Ticket(Expiration, Topic.HashOf([]), 1, [])),
        ["pong-topics"] = () => new Pong(new Endpoint(V6, 2222, 3333), HashOf("ping"), new Ticket(86400, Topic.HashOf(TwoTopics), 0xfedcba98, [60, 3600])),
        ["findnode"] = () => new FindNode(OtherKey.PublicKey.Memory, Expiration),
        ["neighbors-0"] = () => new Neighbors([], Expiration),
        ["neighbors-2"] = () => new Neighbors(Nodes(2), Expiration),
        ["neighbors-max"] = () => new Neighbors(Nodes(Neighbors.MaxPerPacket), Expiration),
        ["findnode-hash"] = () => new FindNodeHash(OtherKey.PublicKey.NodeId, Expiration),
        ["topic-register"] = () => new TopicRegister(TwoTopics, 1, Convert.FromHexString(GoVectors.Packet("pong-topics").Datagram)),
        ["topic-register-0"] = () => new TopicRegister(TwoTopics[..1], 0, default),
        ["topic-query"] = () => new TopicQuery(TwoTopics[0], 0),
        ["topic-query-expiring"] = () => new TopicQuery(TwoTopics[1], Expiration),
        ["topic-nodes-0"] = () => new TopicNodes(new PacketHash([1, 2, 3, .. new byte[29]]), []),
        ["topic-nodes-max"] = () => new TopicNodes(HashOf("query"), Nodes(TopicNodes.MaxPerPacket)),
    };

    public static TheoryData<string> Names => [.. Contents.Keys];

    [Fact]
    public void Every_packet_of_the_file_is_tried() => Assert.Equal(GoVectors.PacketNames, Contents.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void Packets_are_written_as_go_ethereum_writes_them(string name)
    {
        (string hash, string datagram) = GoVectors.Packet(name);

        byte[] written = Encode(name, Contents[name](), out PacketHash writtenHash);

        Assert.Equal(datagram, Convert.ToHexStringLower(written));
        Assert.Equal(hash, writtenHash.ToString());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Packets_of_go_ethereum_are_read(string name)
    {
        (string hash, string datagram) = GoVectors.Packet(name);

        Assert.True(Codec.TryDecode(Convert.FromHexString(datagram), out Packet? packet, out PublicKey? sender, out PacketHash readHash, out _));

        Assert.Equal(Contents[name]().Type, packet.Type);
        Assert.Equal(KeyOf(name).PublicKey, sender);
        Assert.Equal(hash, readHash.ToString());
        Assert.Equal(datagram, Convert.ToHexStringLower(Encode(name, packet, out _)));
    }

    [Fact]
    public void What_go_ethereum_drops_is_dropped_and_what_it_takes_is_taken()
    {
        (string Name, bool IsAccepted)[] odd = [.. GoVectors.Odd.Select(o => (o.Name, o.IsAccepted))];

        Assert.Equal(odd, GoVectors.Odd.Select(o => (o.Name, Codec.TryDecode(o.Datagram, out _, out _, out _, out _))));
        Assert.Contains(odd, o => o.IsAccepted);
        Assert.Contains(odd, o => !o.IsAccepted);
    }

    [Fact]
    public void Lists_of_topics_have_the_hashes_of_go_ethereum() =>
        Assert.All(GoVectors.TopicHashes, v => Assert.Equal(v.Hash, Topic.HashOf([.. v.Topics.Select(TopicOf)]).ToString()));

    [Fact]
    public void Limits_are_those_of_go_ethereum()
    {
        Assert.Equal(Neighbors.MaxPerPacket, GoVectors.Constant("maxNeighbors"));
        Assert.Equal(TopicNodes.MaxPerPacket, GoVectors.Constant("maxTopicNodes"));
        Assert.Equal(Codec.HeaderSize, GoVectors.Constant("headSize"));
        Assert.Equal(Codec.PrefixSize, Codec.Prefix.Length);
    }

    [Fact]
    public void A_pong_with_a_token_that_is_no_hash_answers_no_ping()
    {
        byte[] datagram = GoVectors.Odd.Single(o => o.Name == "pong-short-token").Datagram;

        Assert.True(Codec.TryDecode(datagram, out Packet? packet, out _, out _, out _));

        Assert.Null(Assert.IsType<Pong>(packet).PingHash);
    }

    private static Topic TopicOf(string text) => TopicOf(Encoding.UTF8.GetBytes(text));

    private static Topic TopicOf(byte[] bytes) => Topic.TryCreate(bytes, out Topic? topic) ? topic : throw new ArgumentException("too long", nameof(bytes));

    private static PrivateKey KeyOf(string name) => name.StartsWith("topic-register", StringComparison.Ordinal) ? OtherKey : Key;

    private static byte[] Encode(string name, Packet packet, out PacketHash hash)
    {
        byte[] buffer = new byte[Codec.MaxPacketSize];
        PrivateKey key = KeyOf(name);
        int length = Codec.Encode(packet, (digest, signature) => Secp256k1.Instance.SignRecoverable(digest, key.Bytes, signature), buffer, out hash);
        return buffer[..length];
    }

    private static PacketHash HashOf(string text)
    {
        byte[] hash = new byte[32];
        Keccak256.Hash(Encoding.UTF8.GetBytes(text), hash);
        return new PacketHash(hash);
    }

    private static Neighbor[] Nodes(int count) => [.. Enumerable.Range(0, count).Select(i =>
    {
        byte[] v6 = V6.GetAddressBytes();
        v6[15] = (byte)i;
        IPAddress address = i % 2 == 1 ? new IPAddress(v6) : new IPAddress([10, 1, 2, (byte)i]);
        byte[] key = [.. Enumerable.Range(i, 64).Select(b => (byte)b)];
        return new Neighbor(new Endpoint(address, (ushort)(30000 + i), (ushort)(40000 + i)), key);
    })];
}
