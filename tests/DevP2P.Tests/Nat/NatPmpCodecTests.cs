using System.Net;
using CsCheck;
using DevP2P.Nat;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>The packets as RFC 6886 draws them.</summary>
public sealed class NatPmpCodecTests
{
    [Fact]
    public void Requests()
    {
        Assert.Equal("0000", Convert.ToHexString(NatPmpCodec.AddressRequest()));
        Assert.Equal("0001 0000 765F 7660 00001C20", Spaced(NatPmpCodec.MappingRequest(NatPmpOperation.MapUdp, 30303, 30304, 7200)));
        Assert.Equal("0002 0000 765F 0000 00000000", Spaced(NatPmpCodec.MappingRequest(NatPmpOperation.MapTcp, 30303, 0, 0)));
    }

    [Fact]
    public void The_address_outside()
    {
        Assert.True(NatPmpCodec.TryDecode(Hex("00 80 0000 00012345 C6336407"), out NatPmpAnswer answer));

        Assert.Equal(
            new NatPmpAnswer(NatPmpOperation.Address, NatPmpResult.Success)
            {
                Epoch = TimeSpan.FromSeconds(0x12345), ExternalAddress = IPAddress.Parse("198.51.100.7"),
            },
            answer);
    }

    [Fact]
    public void A_mapping()
    {
        Assert.True(NatPmpCodec.TryDecode(Hex("00 82 0000 FFFFFFFF 765F 7661 00000E10"), out NatPmpAnswer answer));

        Assert.Equal(
            new NatPmpAnswer(NatPmpOperation.MapTcp, NatPmpResult.Success)
            {
                Epoch = TimeSpan.FromSeconds(uint.MaxValue), InternalPort = 30303, ExternalPort = 30305, Lifetime = TimeSpan.FromHours(1),
            },
            answer);
    }

    [Theory]
    [InlineData("00 80 0001 00000005", 0, 1)]
    [InlineData("00 80 0003 00000005 00000000", 0, 3)]
    [InlineData("00 81 0002 00000005", 1, 2)]
    [InlineData("00 81 0004 00000005 765F 0000 00000000", 1, 4)]
    [InlineData("00 82 0005 00000005", 2, 5)]
    [InlineData("00 82 FFFF 00000005", 2, 0xFFFF)]
    internal void Failures(string packet, int operation, int result)
    {
        Assert.True(NatPmpCodec.TryDecode(Hex(packet), out NatPmpAnswer answer));

        Assert.Equal(((NatPmpOperation)operation, (NatPmpResult)result), (answer.Operation, answer.Result));
        Assert.Equal(TimeSpan.FromSeconds(5), answer.Epoch);
        Assert.Null(answer.ExternalAddress);
    }

    [Fact]
    public void A_gateway_that_speaks_PCP_only()
    {
        Assert.True(NatPmpCodec.TryDecode(Hex("02 80 00 01 0000001E 00000007 000000000000000000000000"), out NatPmpAnswer answer));

        Assert.Equal((NatPmpResult.UnsupportedVersion, TimeSpan.FromSeconds(7)), (answer.Result, answer.Epoch));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("00 80 0000 000000")]
    [InlineData("00 80 0000 00000001")]
    [InlineData("00 80 0000 00000001 C63364")]
    [InlineData("00 81 0000 00000001 765F 7660 00000E")]
    [InlineData("00 81 0000 00000001 765F 7660 00000E10 00")]
    [InlineData("00 00 0000 00000001 C6336407")]
    [InlineData("00 83 0000 00000001 765F 7660 00000E10")]
    [InlineData("01 80 0000 00000001 C6336407")]
    [InlineData("02 80 00 00 0000001E 00000007 000000000000000000000000")]
    public void No_answers(string packet) => Assert.False(NatPmpCodec.TryDecode(Hex(packet), out _));

    [Fact]
    public void Whatever_is_granted_is_read_as_it_was_written() =>
        Gen.Select(Gen.Bool, Gen.UShort, Gen.UShort, Gen.UInt, Gen.UInt).Sample((isTcp, inside, outside, lifetime, epoch) =>
        {
            NatPmpOperation operation = isTcp ? NatPmpOperation.MapTcp : NatPmpOperation.MapUdp;
            byte[] packet = FakeNatPmp.Grant(NatPmpCodec.MappingRequest(operation, inside, outside, lifetime), epoch);

            Assert.True(NatPmpCodec.TryDecode(packet, out NatPmpAnswer answer));
            Assert.Equal((operation, inside, outside), (answer.Operation, answer.InternalPort, answer.ExternalPort));
            Assert.Equal((TimeSpan.FromSeconds(lifetime), TimeSpan.FromSeconds(epoch)), (answer.Lifetime, answer.Epoch));
        });

    private static string Spaced(byte[] packet)
    {
        string hex = Convert.ToHexString(packet);
        return $"{hex[..4]} {hex[4..8]} {hex[8..12]} {hex[12..16]} {hex[16..]}";
    }
}
