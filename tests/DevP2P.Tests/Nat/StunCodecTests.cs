using System.Net;
using CsCheck;
using DevP2P.Nat;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>Messages of STUN, with the test vectors of RFC 5769.</summary>
public sealed class StunCodecTests
{
    private const string Header = "2112A442 B7E7A701 BC34D686 FA87DFAE";

    /// <summary>RFC 5769, section 2.2.</summary>
    private const string Vector4 = $"""
        0101003C {Header}
        8022000B 74657374 20766563 746F7220 00200008 0001A147 E112A643
        00080014 2B91F599 FD9E90C3 8C7489F9 2AF9BA53 F06BE7D7 80280004 C07D4C96
        """;

    /// <summary>RFC 5769, section 2.3.</summary>
    private const string Vector6 = $"""
        01010048 {Header}
        8022000B 74657374 20766563 746F7220 00200014 0002A147 0113A9FA A5D3F179 BC25F4B5 BED2B9D9
        00080014 A382954E 4BE67BF1 1784C97C 8292C275 BFE3ED41 80280004 C8FB0B4C
        """;

    private static readonly UInt128 Id = new(0xB7E7A701, 0xBC34D686FA87DFAE);

    [Fact]
    public void Requests()
    {
        Assert.Equal(Hex($"00010000 {Header}"), StunCodec.BindingRequest(Id));
        Assert.Equal(Hex($"00010008 {Header} 00030004 00000006"), StunCodec.BindingRequest(Id, StunChange.Both));
        Assert.Equal(Hex($"00010008 {Header} 00030004 00000002"), StunCodec.BindingRequest(Id, StunChange.Port));
        Assert.True(StunCodec.TryDecode(StunCodec.BindingRequest(Id, StunChange.Both), out StunMessage read));
        Assert.Equal(new StunMessage(StunType.Request, Id) { Change = StunChange.Both }, read);
    }

    [Theory]
    [InlineData(Vector4, "192.0.2.1")]
    [InlineData(Vector6, "2001:db8:1234:5678:11:2233:4455:6677")]
    public void The_vectors_of_RFC_5769(string packet, string address)
    {
        Assert.True(StunCodec.TryDecode(Hex(packet), out StunMessage message));

        Assert.Equal((StunType.Success, Id), (message.Type, message.TransactionId));
        Assert.Equal(new IPEndPoint(IPAddress.Parse(address), 32853), message.MappedEndPoint);
        Assert.False(message.HasUnknownRequired);
    }

    [Theory]
    [InlineData(Vector4)]
    [InlineData(Vector6)]
    public void A_flipped_bit_never_changes_the_address_unnoticed(string vector)
    {
        byte[] packet = Hex(vector);
        Assert.True(StunCodec.TryDecode(packet, out StunMessage genuine));
        int refused = 0;
        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            byte[] damaged = [.. packet];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            if (StunCodec.TryDecode(damaged, out StunMessage message))
            {
                Assert.Equal(genuine, message with { HasUnknownRequired = false });
            }
            else
            {
                refused++;
            }
        }

        // All but a few: those that turn the fingerprint into something else.
        Assert.True(refused > (packet.Length * 8) - 20, $"only {refused} were refused");
    }

    [Fact]
    public void A_server_without_the_mask()
    {
        StunMessage message = Decode("00010008 0001 1F90 C0000201");

        Assert.Equal(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 8080), message.MappedEndPoint);
    }

    [Fact]
    public void The_masked_address_counts_more_than_the_other_and_the_first_more_than_the_second()
    {
        StunMessage message = Decode("00010008 0001 1F90 01010101 00200008 0001A147 E112A643 00200008 0001A147 E112A644");

        Assert.Equal(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 32853), message.MappedEndPoint);
    }

    [Fact]
    public void What_RFC_5780_adds()
    {
        StunMessage message = Decode("802B0008 0001 0D96 C0000201 802C0008 0001 0D97 C0000202");

        Assert.Equal(IPEndPoint.Parse("192.0.2.1:3478"), message.ResponseOrigin);
        Assert.Equal(IPEndPoint.Parse("192.0.2.2:3479"), message.OtherEndPoint);
        Assert.Null(message.MappedEndPoint);
    }

    [Theory]
    [InlineData("00040008 0001 0D96 C0000201", false)] // SOURCE-ADDRESS of RFC 3489
    [InlineData("00050008 0001 0D96 C0000201", false)] // CHANGED-ADDRESS of RFC 3489
    [InlineData("7F000000", true)]
    [InlineData("00210001 00000000", true)]
    [InlineData("80FF0003 01020300", false)]
    public void Unknown_attributes(string attributes, bool mustBeUnderstood) => Assert.Equal(mustBeUnderstood, Decode(attributes).HasUnknownRequired);

    [Fact]
    public void What_follows_the_integrity_does_not_count()
    {
        StunMessage message = Decode("00080014 0000000000000000000000000000000000000000 00200008 0001A147 E112A643 7F000000");

        Assert.Null(message.MappedEndPoint);
        Assert.False(message.HasUnknownRequired);
    }

    [Theory]
    [InlineData("00090004 00000414", 420)]
    [InlineData("00090008 00000300 74727920", 300)]
    [InlineData("00090005 00000663 74000000", 699)]
    public void Error_codes(string attributes, int code)
    {
        Assert.True(StunCodec.TryDecode(Packet("0111", attributes), out StunMessage message));
        Assert.Equal((StunType.Error, (int?)code), (message.Type, message.ErrorCode));
    }

    [Theory]
    [InlineData("00200008 0001A147 E112A6")]
    [InlineData("00200007 0001A147 E112A600")]
    [InlineData("00200008 0002A147 E112A643")]
    [InlineData("00200008 0000A147 E112A643")]
    [InlineData("00200000")]
    [InlineData("00200014 0001A147 0113A9FA A5D3F179 BC25F4B5 BED2B9D9")]
    [InlineData("0020FFFF 0001A147 E112A643")]
    [InlineData("00090003 00000400")]
    [InlineData("00090004 00000200")]
    [InlineData("00090004 00000700")]
    [InlineData("00090004 00000464")]
    [InlineData("00030003 00000000")]
    [InlineData("80280004 00000000")]
    [InlineData("80280003 00000000")]
    [InlineData("8022FFFC")]
    public void Attributes_that_contradict_themselves(string attributes) => Assert.False(StunCodec.TryDecode(Packet("0101", attributes), out _));

    [Theory]
    [InlineData("")]
    [InlineData("01010000 2112A442 B7E7A701 BC34D686 FA87DF")]
    [InlineData("01010000 2112A443 B7E7A701 BC34D686 FA87DFAE")]
    [InlineData("01010004 2112A442 B7E7A701 BC34D686 FA87DFAE")]
    [InlineData("01010000 2112A442 B7E7A701 BC34D686 FA87DFAE 00000000")]
    [InlineData("01010003 2112A442 B7E7A701 BC34D686 FA87DFAE 000000")]
    [InlineData("01030000 2112A442 B7E7A701 BC34D686 FA87DFAE")]
    [InlineData("81010000 2112A442 B7E7A701 BC34D686 FA87DFAE")]
    public void No_messages(string packet) => Assert.False(StunCodec.TryDecode(Hex(packet), out _));

    [Fact]
    public void Longer_than_a_message_can_be()
    {
        Assert.True(StunCodec.TryDecode(WithPadding(StunCodec.MaxMessageSize), out _));
        Assert.False(StunCodec.TryDecode(WithPadding(StunCodec.MaxMessageSize + 4), out _));

        static byte[] WithPadding(int size)
        {
            byte[] packet = new byte[size];
            Hex($"0101{size - 20:X4} {Header} 8022{size - 24:X4}").CopyTo(packet, 0);
            return packet;
        }
    }

    [Fact]
    public void Whatever_a_server_says_is_read_as_it_was_written() =>
        Gen.Select(Gen.UInt, Gen.ULong, Gen.Byte.Array[16], Gen.Bool, Gen.UShort).Sample((high, low, bytes, isIPv4, port) =>
        {
            var id = new UInt128(high, low);
            var mapped = new IPEndPoint(isIPv4 ? new IPAddress(bytes.AsSpan(0, 4)) : new IPAddress(bytes), port);
            byte[] answer = FakeStun.Answer(StunCodec.BindingRequest(id), mapped, other: mapped);

            Assert.True(StunCodec.TryDecode(answer, out StunMessage message));
            Assert.Equal((id, mapped, mapped), (message.TransactionId, message.MappedEndPoint, message.OtherEndPoint));
        });

    private static StunMessage Decode(string attributes)
    {
        Assert.True(StunCodec.TryDecode(Packet("0101", attributes), out StunMessage message));
        return message;
    }

    private static byte[] Packet(string type, string attributes)
    {
        byte[] body = Hex(attributes);
        return [.. Hex($"{type}{body.Length:X4} {Header}"), .. body];
    }
}
