using System.Net;
using CsCheck;
using DevP2P.NetUtil;
using Xunit;

namespace DevP2P.Tests.NetUtil;

public class NetListTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData(" , ,", "")]
    [InlineData("127.0.0.0/8", "127.0.0.0/8")]
    [InlineData("127.0.0.0/16, 23.23.23.23/24,", "127.0.0.0/16,23.23.23.0/24")]
    [InlineData("fd00::/8,\n\t10.0.0.0/8", "fd00::/8,10.0.0.0/8")]
    [InlineData("2001:db8::1/128, 0.0.0.0/0, ::/0", "2001:db8::1/128,0.0.0.0/0,::/0")]
    [InlineData("255.255.255.255/31", "255.255.255.254/31")]
    public void Lists_are_read_as_in_go(string text, string expected)
    {
        NetList list = NetList.Parse(text);
        Assert.Equal(expected, list.ToString());
        Assert.Equal(expected.Length == 0 ? 0 : expected.Split(',').Length, list.Networks.Count);
        Assert.Equal(expected, NetList.Parse(list.ToString()).ToString());
    }

    [Theory]
    [InlineData("127.0.0.0/44")]
    [InlineData("::/129")]
    [InlineData("10.0.0.1")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0.0/255.0.0.0")]
    [InlineData("10/8")]
    [InlineData("fe80::%eth0/10")]
    [InlineData("::ffff:10.0.0.0/104")]
    [InlineData("example.org/8")]
    public void What_is_no_network_is_refused_by_name(string entry)
    {
        Assert.False(NetList.TryParse("10.0.0.0/8," + entry, out NetList? list, out string? error));
        Assert.Null(list);
        Assert.Contains($"\"{entry}\" is not a network", error);
        Assert.Contains("such as 10.0.0.0/8", Assert.Throws<FormatException>(() => NetList.Parse(entry)).Message);
    }

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("::ffff:10.1.2.3", true)]
    [InlineData("11.1.2.3", false)]
    [InlineData("2001:db8:1::", true)]
    [InlineData("2001:db9::", false)]
    [InlineData("a00::", false)]
    public void Containment_goes_by_family_and_prefix(string address, bool expected) =>
        Assert.Equal(expected, NetList.Parse("10.0.0.0/8,2001:db8::/32").Contains(IPAddress.Parse(address)));

    [Fact]
    public void The_empty_list_contains_nothing() => Assert.False(NetList.Parse("").Contains(IPAddress.Loopback));

    [Fact]
    public void A_network_contains_the_address_it_was_made_from_and_none_with_another_prefix()
    {
        Gen.Select(Gen.OneOf(Gen.Byte.Array[4], Gen.Byte.Array[16]), Gen.Int[1, 32], Gen.Int[0, 31]).Sample((bytes, prefix, bit) =>
        {
            var address = new IPAddress(bytes);
            NetList list = NetList.Parse($"{address}/{prefix}");
            Assert.True(list.Contains(address));

            byte[] other = [.. bytes];
            other[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Assert.Equal(bit >= prefix, list.Contains(new IPAddress(other)));
        });
    }
}
