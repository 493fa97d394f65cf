using System.Net;
using CsCheck;
using DevP2P.Nat;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>The packets as RFC 6887 draws them.</summary>
public sealed class PcpCodecTests
{
    private const string Client4 = "00000000 00000000 0000FFFF C0A80102";
    private const string NonceHex = "01020304 05060708 090A0B0C";
    private const string Outside = "00000000 00000000 0000FFFF C6336407";

    private static readonly UInt128 Nonce = new(0x01020304, 0x05060708090A0B0C);
    private static readonly PcpMap Map = new(Nonce, NatProtocol.Udp, 30303);

    [Fact]
    public void Requests_of_IPv4() => Assert.Equal(
        Hex($"02 01 0000 00001C20 {Client4} {NonceHex} 11 000000 765F 7660 00000000 00000000 0000FFFF 00000000"),
        PcpCodec.MapRequest(IPAddress.Parse("192.168.1.2"), Map, 30304, 7200));

    [Fact]
    public void Requests_of_IPv6() => Assert.Equal(
        Hex($"02 01 0000 00000000 20010DB8 00000000 00000000 00000002 {NonceHex} 06 000000 765F 0000 00000000 00000000 00000000 00000000"),
        PcpCodec.MapRequest(IPAddress.Parse("2001:db8::2"), Map with { Transport = NatProtocol.Tcp }, 0, 0));

    [Fact]
    public void Announcements()
    {
        Assert.Equal(Hex($"02 00 0000 00000000 {Client4}"), PcpCodec.AnnounceRequest(IPAddress.Parse("192.168.1.2")));

        Assert.True(PcpCodec.TryDecode(Hex("02 80 00 00 00000000 00000005 00000000 00000000 00000000"), out PcpAnswer answer));
        Assert.Equal(new PcpAnswer(2, PcpOperation.Announce, PcpResult.Success) { Epoch = TimeSpan.FromSeconds(5) }, answer);
    }

    [Theory]
    [InlineData("")]
    [InlineData("02 00 0004 01020304")] // an option that we did not ask for
    public void A_mapping(string options)
    {
        Assert.True(PcpCodec.TryDecode(
            Hex($"02 81 00 00 00000E10 00012345 00000000 00000000 00000000 {NonceHex} 11 000000 765F 7661 {Outside} {options}"), out PcpAnswer answer));

        Assert.Equal(
            new PcpAnswer(2, PcpOperation.Map, PcpResult.Success)
            {
                Lifetime = TimeSpan.FromHours(1), Epoch = TimeSpan.FromSeconds(0x12345), Map = Map, ExternalPort = 30305,
                ExternalAddress = IPAddress.Parse("198.51.100.7"),
            },
            answer);
    }

    [Theory]
    [InlineData("02 81 00 0B 0000001E 00000001 00000000 00000000 00000000", PcpResult.CannotProvideExternal)]
    [InlineData("02 81 00 FF FFFFFFFF FFFFFFFF 00000000 00000000 00000000 00000000", (PcpResult)255)]
    internal void A_failure_may_be_short(string packet, PcpResult result)
    {
        Assert.True(PcpCodec.TryDecode(Hex(packet), out PcpAnswer answer));
        Assert.Equal((result, (PcpMap?)null), (answer.Result, answer.Map));
    }

    [Theory]
    [InlineData("00 81 0001 00000005", 0)]
    [InlineData("00 01 0001 00000005", 0)]
    [InlineData("00 80 0001", 0)]
    [InlineData("01 81 00 01 00000000 00000000 00000000 00000000 00000000", 1)]
    [InlineData("03 81 00 01 00000000 00000000 00000000 00000000 00000000", 3)]
    public void Other_versions_are_understood_as_far_as_to_say_so(string packet, byte version)
    {
        Assert.True(PcpCodec.TryDecode(Hex(packet), out PcpAnswer answer));
        Assert.Equal((version, PcpResult.UnsupportedVersion), (answer.Version, answer.Result));
    }

    [Theory]
    [InlineData("")]
    [InlineData("02 80")]
    [InlineData("02 80 00 00 00000000 00000005 00000000 00000000 000000")]
    [InlineData("02 80 00 00 00000000 00000005 00000000 00000000 00000000 00")]
    [InlineData("02 00 00 00 00000000 00000005 00000000 00000000 00000000")]
    [InlineData("02 82 00 00 00000000 00000005 00000000 00000000 00000000")]
    [InlineData("02 81 00 00 00000E10 00000005 00000000 00000000 00000000")]
    [InlineData($"02 81 00 00 00000E10 00000005 00000000 00000000 00000000 {NonceHex} 11 000000 765F 7661 00000000 00000000 0000FFFF")]
    [InlineData($"02 81 00 00 00000E10 00000005 00000000 00000000 00000000 {NonceHex} 00 000000 765F 7661 {Outside}")]
    [InlineData("00 81 0000 00000005 765F 7660 00000E10")]
    [InlineData("00 81 0101 00000005 765F 7660 00000E10")]
    [InlineData("01 01 00 01 00000000 00000000 00000000 00000000 00000000")]
    [InlineData("01 81 00 00 00000000 00000000 00000000 00000000 00000000")]
    public void No_answers(string packet) => Assert.False(PcpCodec.TryDecode(Hex(packet), out _));

    [Fact]
    public void Longer_than_a_packet_can_be()
    {
        byte[] longest = new byte[PcpCodec.MaxPacketSize + 4];
        Hex("02 80 00 00").CopyTo(longest, 0);

        Assert.True(PcpCodec.TryDecode(longest.AsSpan(0, PcpCodec.MaxPacketSize), out _));
        Assert.False(PcpCodec.TryDecode(longest, out _));
    }

    [Fact]
    public void Whatever_is_granted_is_read_as_it_was_written() =>
        Gen.Select(Gen.UInt, Gen.ULong, Gen.Bool, Gen.UShort, Gen.UShort, Gen.UInt, Gen.Byte.Array[16], Gen.Bool).Sample(
            (high, low, isTcp, inside, outside, seconds, bytes, isIPv4) =>
            {
                IPAddress address = isIPv4 ? new IPAddress(bytes.AsSpan(0, 4)) : new IPAddress(bytes);
                var map = new PcpMap(new UInt128(high, low), isTcp ? NatProtocol.Tcp : NatProtocol.Udp, inside);
                byte[] packet = FakePcp.Grant(PcpCodec.MapRequest(address, map, outside, seconds), address, epoch: seconds);

                Assert.True(PcpCodec.TryDecode(packet, out PcpAnswer answer));
                Assert.Equal((map, outside, address), (answer.Map, answer.ExternalPort, answer.ExternalAddress));
                Assert.Equal((TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(seconds)), (answer.Lifetime, answer.Epoch));
            });
}
