using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Discovery.Host;

/// <summary>Discovery without a server: what the operator fixes in the record.</summary>
public sealed class AdvertisedEndPointsTests
{
    private static readonly AdvertisedEndPoints Advertised = new() { IPv4Address = IPAddress.Parse("44.128.0.7"), UdpPort = 40303, TcpPort = 40304 };

    [Fact]
    public async Task Both_versions_name_it_and_a_vote_changes_nothing()
    {
        await using var v4 = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate(), AdvertisedEndPoints = Advertised });
        await using var v5 = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate(), AdvertisedEndPoints = Advertised });
        await v4.StartAsync(TestContext.Current.CancellationToken);
        await v5.StartAsync(TestContext.Current.CancellationToken);
        foreach (LocalNode local in new[] { v4.LocalNode, v5.LocalNode })
        {
            for (int i = 0; i < 20; i++)
            {
                local.AddEndPointStatement(TimeSpan.Zero, IPEndPoint.Parse($"45.1.{i}.1:1"), IPEndPoint.Parse("44.128.0.8:9"));
            }

            Assert.Equal((Advertised.IPv4Address, 40303, 40304), (local.Node.Address, local.Node.UdpPort, local.Node.TcpPort));
        }
    }

    [Fact]
    public void What_is_not_fixed_follows_from_the_rest()
    {
        var local = new LocalNode(PrivateKey.Generate(), DateTimeOffset.UnixEpoch);
        local.SetFixed(new AdvertisedEndPoints { UdpPort = 7, Tcp6Port = 8 });
        local.SetFallbackAddress(IPAddress.Loopback);
        local.SetFallbackAddress(IPAddress.IPv6Loopback);
        local.SetFallbackUdpPort(5);
        local.SetTcpPorts(6, 6);
        NodeRecord record = local.Node.Record!;
        Assert.Equal((7, 5, 6, 8), (record.UdpPort, record.Udp6Port, record.TcpPort, record.Tcp6Port));
        Assert.Equal((IPAddress.Loopback, IPAddress.IPv6Loopback), (record.IPv4Address, record.IPv6Address));
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        var wrong = new AdvertisedEndPoints { UdpPort = 0 };
        Assert.Contains("UdpPort is 0", Assert.Throws<ArgumentException>(
            () => new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate(), AdvertisedEndPoints = wrong })).Message, StringComparison.Ordinal);
        Assert.Contains("UdpPort is 0", Assert.Throws<ArgumentException>(
            () => new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate(), AdvertisedEndPoints = wrong })).Message, StringComparison.Ordinal);
    }
}
