using System.Net;
using System.Net.Sockets;
using DevP2P.NetUtil;
using Xunit;

namespace DevP2P.Tests.NetUtil;

/// <summary>Which errors leave a socket as it was.</summary>
public sealed class SocketErrorsTests
{
    [Theory]
    [InlineData(SocketError.TimedOut, true, true)]
    [InlineData(SocketError.Interrupted, true, false)]
    [InlineData(SocketError.TooManyOpenSockets, true, false)]
    [InlineData(SocketError.ConnectionReset, true, false)]
    [InlineData(SocketError.MessageSize, true, false)]
    [InlineData(SocketError.AddressAlreadyInUse, false, false)]
    [InlineData(SocketError.AccessDenied, false, false)]
    [InlineData(SocketError.NotSocket, false, false)]
    public void Errors_of_sockets(SocketError code, bool isTemporary, bool isTimeout)
    {
        var error = new SocketException((int)code);

        Assert.Equal((isTemporary, isTimeout), (SocketErrors.IsTemporary(error), SocketErrors.IsTimeout(error)));
    }

    [Fact]
    public void Other_errors()
    {
        Assert.True(SocketErrors.IsTimeout(new TimeoutException()));
        Assert.True(SocketErrors.IsTemporary(new TimeoutException()));
        Assert.False(SocketErrors.IsTemporary(new ObjectDisposedException("socket")));
        Assert.False(SocketErrors.IsTemporary(new IOException()));
    }

    [Fact]
    public void Binding_to_a_port_that_is_taken_is_not_temporary()
    {
        using var first = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        first.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var second = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

        SocketException error = Assert.Throws<SocketException>(() => second.Bind(first.LocalEndPoint!));
        Assert.False(SocketErrors.IsTemporary(error));
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.254", 24, true)]
    [InlineData("192.0.2.1", "192.0.3.1", 24, false)]
    [InlineData("192.0.2.1", "192.0.3.1", 23, true)]
    [InlineData("192.0.2.1", "192.0.2.2", 32, false)]
    [InlineData("192.0.2.1", "203.0.113.9", 0, true)]
    [InlineData("2001:db8::1", "2001:db8::2", 64, true)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", 64, false)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", 48, true)]
    [InlineData("192.0.2.1", "2001:db8::1", 0, false)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.9", 24, true)]
    public void Same_networks(string one, string other, int prefixLength, bool expected)
    {
        Assert.Equal(expected, AddressRules.AreInSameNetwork(IPAddress.Parse(one), IPAddress.Parse(other), prefixLength));
        Assert.Equal(expected, AddressRules.AreInSameNetwork(IPAddress.Parse(other), IPAddress.Parse(one), prefixLength));
    }

    [Fact]
    public void A_prefix_that_no_address_has_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => AddressRules.AreInSameNetwork(IPAddress.Loopback, IPAddress.Loopback, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => AddressRules.AreInSameNetwork(IPAddress.Loopback, IPAddress.Loopback, 33));
    }
}
