using System.Net;
using DevP2P.Crypto;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Nodes;

/// <summary>Nodes made from records; the table of end points is that of go-ethereum's p2p/enode/node_test.go.</summary>
public class NodeFromRecordTests
{
    [Theory]
    [InlineData(null, null, 0, 0, null, 0)]
    [InlineData(null, null, 9000, 0, null, 9000)]
    [InlineData("127.0.0.1", null, 0, 0, "127.0.0.1", 0)]
    [InlineData("0.0.0.0", null, 0, 0, "0.0.0.0", 0)]
    [InlineData("99.22.33.1", null, 0, 0, "99.22.33.1", 0)]
    [InlineData(null, "2001::ff00:42:8329", 0, 0, "2001::ff00:42:8329", 0)]
    [InlineData("127.0.0.1", "2001::ff00:42:8329", 30304, 30306, "2001::ff00:42:8329", 30306)]
    [InlineData("0.0.0.0", "::1", 0, 0, "::1", 0)]
    [InlineData("192.168.2.2", "2001::ff00:42:8329", 30304, 30306, "2001::ff00:42:8329", 30306)]
    [InlineData("169.254.2.6", "2001::ff00:42:8329", 30304, 30306, "2001::ff00:42:8329", 30306)]
    [InlineData("192.168.2.2", "fd00::abcd:1", 30304, 30306, "192.168.2.2", 30304)]
    [InlineData("192.168.2.2", "fe80::1", 30304, 30306, "192.168.2.2", 30304)]
    // not in that table
    [InlineData("169.254.2.6", "fd00::abcd:1", 30304, 30306, "fd00::abcd:1", 30306)]
    [InlineData("99.22.33.1", "2001::ff00:42:8329", 30304, 30306, "99.22.33.1", 30304)]
    [InlineData(null, "2001::ff00:42:8329", 30304, 0, "2001::ff00:42:8329", 30304)]
    [InlineData("224.0.0.1", "2001::ff00:42:8329", 30304, 30306, "2001::ff00:42:8329", 30306)]
    [InlineData("99.22.33.1", "ff02::1", 30304, 30306, "99.22.33.1", 30304)]
    [InlineData("224.0.0.1", null, 30304, 0, null, 30304)]
    public void The_address_that_is_reachable_from_farthest_is_preferred_and_ipv4_on_a_tie(
        string? address4, string? address6, int udp, int udp6, string? expected, int expectedUdp)
    {
        var builder = new NodeRecordBuilder { Sequence = 1 };
        _ = address4 is null ? builder : builder.SetAddress(IPAddress.Parse(address4));
        _ = address6 is null ? builder : builder.SetAddress(IPAddress.Parse(address6));
        _ = udp == 0 ? builder : builder.SetUdpPort(udp).SetTcpPort(udp + 1);
        _ = udp6 == 0 ? builder : builder.SetUdp6Port(udp6).SetTcp6Port(udp6 + 1);
        NodeRecord record = builder.Sign(TestRecords.Key);
        Node node = Node.FromRecord(record);

        Assert.Equal(expected is null ? null : IPAddress.Parse(expected), node.Address);
        Assert.Equal(expectedUdp, node.UdpPort);
        Assert.Equal(expectedUdp == 0 ? 0 : expectedUdp + 1, node.TcpPort);
        Assert.Equal(1UL, node.Sequence);
        Assert.Same(record, node.Record);
        Assert.Equal(TestRecords.Key.PublicKey.NodeId, node.Id);
        // Both families stay accessible.
        Assert.Equal(address4 is null ? null : IPAddress.Parse(address4), record.IPv4Address);
        Assert.Equal(address6 is null ? null : IPAddress.Parse(address6), record.IPv6Address);
        Assert.StartsWith("enode://" + node.PublicKey, node.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_ipv4_address_in_ip6_counts_as_ipv4()
    {
        byte[] mapped = IPAddress.Parse("::ffff:99.22.33.1").GetAddressBytes();
        NodeRecord record = NodeRecord.Decode(TestRecords.SignRaw(
            1, ("id", "v4"), ("ip6", mapped), ("secp256k1", TestRecords.CompressedKey), ("udp", 1), ("udp6", 2)));
        Node node = Node.FromRecord(record);

        Assert.Equal(IPEndPoint.Parse("99.22.33.1:1"), node.UdpEndPoint);
        Assert.Null(record.IPv6UdpEndPoint);
    }

    [Fact]
    public void Nodes_are_read_from_texts_and_bytes()
    {
        Node node = Node.Parse(TestRecords.VectorText);
        Assert.Equal(TestRecords.VectorText, node.Record!.ToString());
        Assert.Equal(IPEndPoint.Parse("127.0.0.1:30303"), node.UdpEndPoint);
        Assert.Null(node.TcpEndPoint);
        Assert.EndsWith("@127.0.0.1:0?discport=30303", node.ToString(), StringComparison.Ordinal);

        Assert.True(Node.TryFromRecord(Convert.FromHexString(TestRecords.VectorRlp), out Node? same, out string? error), error);
        Assert.Equal(node, same);
        Assert.Equal(node.GetHashCode(), same.GetHashCode());
        Assert.False(Node.TryFromRecord([0xc0], out same, out error));
        Assert.Null(same);
        Assert.Contains("signature", error, StringComparison.Ordinal);
        Assert.False(Node.TryParse("enr:", out same, out error));
        Assert.Null(same);
        Assert.NotNull(error);
        Assert.Null(Node.Parse(node.ToString()).Record);
        Assert.Equal(0UL, Node.Parse(node.ToString()).Sequence);
    }

    [Fact]
    public void A_record_counts_for_equality_and_is_kept_by_copies()
    {
        Node first = Node.FromRecord(new NodeRecordBuilder { Sequence = 1 }.SetAddress(IPAddress.Loopback).SetUdpPort(1).SetTcpPort(1).Sign(TestRecords.Key));
        Node second = Node.FromRecord(new NodeRecordBuilder { Sequence = 2 }.SetAddress(IPAddress.Loopback).SetUdpPort(1).SetTcpPort(1).Sign(TestRecords.Key));
        Node url = Node.Parse(first.ToString());

        Assert.Equal(3, new[] { first, second, url }.Distinct().Count());
        Assert.Same(first.Record, first.WithHostName("localhost").Record);
        Assert.Same(first.Record, first.WithAddress(IPAddress.IPv6Loopback).Record);
        Assert.Equal(IPAddress.IPv6Loopback, first.WithAddress(IPAddress.IPv6Loopback).Address);
    }

    [Fact]
    public void The_newest_record_wins()
    {
        Node url = Node.Create(TestRecords.Key.PublicKey, IPAddress.Loopback, 1, 1);
        Node first = Node.FromRecord(new NodeRecordBuilder { Sequence = 1 }.Sign(TestRecords.Key));
        Node second = Node.FromRecord(new NodeRecordBuilder { Sequence = 2 }.Sign(TestRecords.Key));
        Node rival = Node.FromRecord(new NodeRecordBuilder { Sequence = 2 }.SetUdpPort(1).Sign(TestRecords.Key));

        Assert.Same(first, Node.Newest(url, first));
        Assert.Same(first, Node.Newest(first, url));
        Assert.Same(second, Node.Newest(first, second));
        Assert.Same(second, Node.Newest(second, first));
        Assert.Same(second, Node.Newest(second, rival));
        Assert.Throws<ArgumentException>(() => Node.Newest(first, Node.Create(PrivateKey.Generate().PublicKey, null, 0, 0)));
    }
}
