using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>The text forms, which are those of geth's <c>--nat</c>.</summary>
public sealed class NatMethodTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("off")]
    [InlineData("OFF")]
    public void None(string? text) => Assert.Null(NatMethod.Parse(text));

    [Theory]
    [InlineData("any", "any")]
    [InlineData("auto", "any")]
    [InlineData("On", "any")]
    [InlineData("upnp", "upnp")]
    [InlineData("UPnP", "upnp")]
    [InlineData("pmp", "pmp")]
    [InlineData("natpmp", "pmp")]
    [InlineData("NAT-PMP", "pmp")]
    [InlineData("pmp:192.168.0.1", "pmp:192.168.0.1")]
    [InlineData("nat-pmp:192.168.0.1", "pmp:192.168.0.1")]
    [InlineData("pmp:::ffff:192.168.0.1", "pmp:192.168.0.1")]
    [InlineData("pcp", "pcp")]
    [InlineData("PCP:192.168.0.1", "pcp:192.168.0.1")]
    [InlineData("pcp:2001:db8::1", "pcp:2001:db8::1")]
    [InlineData("pcp:fe80::1%1", "pcp:fe80::1%1")]
    [InlineData("stun", "stun")]
    [InlineData("stun:", "stun")]
    [InlineData("STUN:192.168.0.1:1234", "stun:192.168.0.1:1234")]
    [InlineData("stun:example.org", "stun:example.org")]
    [InlineData("stun:example.org:1", "stun:example.org:1")]
    [InlineData("stun:[2001:db8::1]:3478", "stun:[2001:db8::1]:3478")]
    [InlineData("extip:77.12.33.4", "extip:77.12.33.4")]
    [InlineData("ip:77.12.33.4", "extip:77.12.33.4")]
    [InlineData("EXTIP:2001:DB8::1", "extip:2001:db8::1")]
    [InlineData(" extip:192.0.2.1, 2001:db8::1 ", "extip:192.0.2.1,2001:db8::1")]
    [InlineData("extip:2001:db8::1,192.0.2.1", "extip:2001:db8::1,192.0.2.1")]
    public void Methods(string text, string expected)
    {
        Assert.True(NatMethod.TryParse(text, out INat? nat, out string? error), error);

        Assert.Equal(expected, nat?.ToString());
        Assert.Equal(expected, NatMethod.Parse(expected)?.ToString());
    }

    [Theory]
    [InlineData("foo", "want none, any, upnp")]
    [InlineData("none:1.2.3.4", "takes nothing")]
    [InlineData("any:1.2.3.4", "takes nothing")]
    [InlineData("upnp:1.2.3.4", "takes nothing")]
    [InlineData(":", "takes nothing")]
    [InlineData("pmp:", "want its IP address")]
    [InlineData("pmp:router", "want its IP address")]
    [InlineData("pmp:1.2.3", "want its IP address")]
    [InlineData("pmp:192.168.000.001", "want its IP address")]
    [InlineData("pmp:2001:db8::1", "want an IPv4 address")]
    [InlineData("pcp:[2001:db8::1]", "want its IP address")]
    [InlineData("pcp:2001:db8::1%1", "want its IP address")]
    [InlineData("stun:a b", "want HOST")]
    [InlineData("stun:host:0", "want HOST")]
    [InlineData("stun:2001:db8::1", "want HOST")]
    [InlineData("extip", "want extip:IP")]
    [InlineData("extip:", "want extip:IP")]
    [InlineData("extip:host", "want extip:IP")]
    [InlineData("extip:1.2.3.4,", "want extip:IP")]
    [InlineData("extip:1.2.3.4,5.6.7.8", "one of IPv4 and one of IPv6")]
    [InlineData("extip:1.2.3.4,2001:db8::1,5.6.7.8", "one of IPv4 and one of IPv6")]
    [InlineData("extip:0.0.0.0", "no host's address")]
    [InlineData("extip:::", "no host's address")]
    public void Errors_say_what_would_be_right(string text, string expected)
    {
        Assert.False(NatMethod.TryParse(text, out INat? nat, out string? error));

        Assert.Null(nat);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Equal(error, Assert.Throws<FormatException>(() => NatMethod.Parse(text)).Message);
    }

    [Fact]
    public void Factories()
    {
        Assert.Equal("any", NatMethod.Any().ToString());
        Assert.Equal("pmp:192.168.0.1", NatMethod.NatPmp(IPAddress.Parse("192.168.0.1")).ToString());
        Assert.Equal("pcp:2001:db8::1", NatMethod.Pcp(IPAddress.Parse("2001:db8::1")).ToString());
        Assert.Equal("stun:example.org", NatMethod.Stun("example.org").ToString());
        Assert.Equal("extip:192.0.2.1", NatMethod.ExternalAddress(IPAddress.Parse("192.0.2.1")).ToString());
        Assert.Throws<ArgumentException>(() => NatMethod.NatPmp(IPAddress.IPv6Loopback));
        Assert.Throws<ArgumentException>(() => NatMethod.Stun("a b"));
        Assert.Throws<ArgumentException>(() => NatMethod.ExternalAddress());
        Assert.Throws<ArgumentException>(() => NatMethod.ExternalAddress(IPAddress.Any));
    }

    [Fact]
    public async Task A_static_address_is_said_for_its_family_and_nothing_is_mapped()
    {
        INat nat = NatMethod.Parse("extip:192.0.2.1,2001:db8::1")!;

        Assert.False(nat.CanMap);
        Assert.Equal(new NatStatus { ExternalAddress = IPAddress.Parse("192.0.2.1") }, await StatusAsync(nat, AddressFamily.InterNetwork));
        Assert.Equal(new NatStatus { ExternalAddress = IPAddress.Parse("2001:db8::1") }, await StatusAsync(nat, AddressFamily.InterNetworkV6));
        Assert.Equal(new NatStatus(), await StatusAsync(NatMethod.Parse("ip:192.0.2.1")!, AddressFamily.InterNetworkV6));
        await FailsAsync(NatError.Unsupported, () => nat.MapAsync(Udp30303).AsTask());
        await nat.UnmapAsync(Udp30303, TestContext.Current.CancellationToken);
    }

    private static async Task<NatStatus> StatusAsync(INat nat, AddressFamily family) =>
        await nat.GetStatusAsync(family, TestContext.Current.CancellationToken);
}
