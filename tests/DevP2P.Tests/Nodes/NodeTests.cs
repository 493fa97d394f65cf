using System.Net;
using CsCheck;
using DevP2P.Crypto;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Nodes;

/// <summary>Node URLs; the vectors are those of go-ethereum's p2p/enode/urlv4_test.go.</summary>
public class NodeTests
{
    private const string Key =
        "1dd9d65c4552b5eb43d5ad55a2ee3f56c6cbc1c64a5c8d659f51fcd51bace24351232b8d7821617d2b29b54b81cdefb9b3e9c37d7fd5f63270bcc9e1a6f6a439";

    private static readonly PublicKey PublicKey = PublicKey.Parse(Convert.FromHexString(Key));

    [Theory]
    [InlineData("127.0.0.1:52150", "127.0.0.1", null, 52150, 52150)]
    [InlineData("valid.:3", null, "valid.", 3, 3)]
    [InlineData("[::]:52150", "::", null, 52150, 52150)]
    [InlineData("[2001:db8:3c4d:15::abcd:ef12]:52150", "2001:db8:3c4d:15::abcd:ef12", null, 52150, 52150)]
    [InlineData("127.0.0.1:52150?discport=22334", "127.0.0.1", null, 52150, 22334)]
    [InlineData("node-1.example_x.org:30303?discport=30301", null, "node-1.example_x.org", 30303, 30301)]
    [InlineData("localhost:0", null, "localhost", 0, 0)]
    [InlineData("10.3.58.6:30303?discport=0", "10.3.58.6", null, 30303, 0)]
    [InlineData("10.3.58.6:0?discport=30303", "10.3.58.6", null, 0, 30303)]
    [InlineData("[::102:304]:1", "::102:304", null, 1, 1)]
    [InlineData("[fe80::5efe:102:304]:1", "fe80::5efe:102:304", null, 1, 1)]
    public void Complete_urls_are_read_and_written_letter_for_letter(string tail, string? address, string? hostName, int tcp, int udp)
    {
        string url = $"enode://{Key}@{tail}";
        Assert.True(Node.TryParse(url, out Node? node, out string? error), error);
        Assert.Null(error);

        Assert.Equal(PublicKey, node.PublicKey);
        Assert.Equal(PublicKey.NodeId, node.Id);
        Assert.Equal(address is null ? null : IPAddress.Parse(address), node.Address);
        Assert.Equal(hostName, node.HostName);
        Assert.Equal(tcp, node.TcpPort);
        Assert.Equal(udp, node.UdpPort);
        Assert.False(node.IsIncomplete);
        Assert.Equal(url, node.ToString());
        Assert.Equal(node, Node.Parse(node.ToString()));
        Assert.Equal(node.GetHashCode(), Node.Parse(url).GetHashCode());
    }

    [Theory]
    [InlineData("[::ffff:10.3.58.6]:30303", "10.3.58.6:30303")]
    [InlineData("[2001:DB8:0:0:0:0:0:1]:30303", "[2001:db8::1]:30303")]
    [InlineData("10.3.58.6:030303", "10.3.58.6:30303")]
    [InlineData("10.3.58.6:30303?discport=", "10.3.58.6:30303")]
    [InlineData("10.3.58.6:30303?discport=30303", "10.3.58.6:30303")]
    [InlineData("10.3.58.6:30303?x=1&discport=7&discport=8", "10.3.58.6:30303?discport=7")]
    [InlineData("10.3.58.6:30303/some/path?discport=7#discport=8", "10.3.58.6:30303?discport=7")]
    [InlineData("10.3.58.6:30303?", "10.3.58.6:30303")]
    public void Other_spellings_are_read_too(string tail, string canonical) =>
        Assert.Equal($"enode://{Key}@{canonical}", Node.Parse($"enode://{Key}@{tail}").ToString());

    [Theory]
    [InlineData("enode://" + Key)]
    [InlineData("ENODE://" + Key)]
    [InlineData(Key)]
    public void Incomplete_urls_have_a_key_only(string url)
    {
        Node node = Node.Parse(url);

        Assert.True(node.IsIncomplete);
        Assert.Null(node.Address);
        Assert.Null(node.HostName);
        Assert.Null(node.TcpEndPoint);
        Assert.Null(node.UdpEndPoint);
        Assert.Equal((0, 0), (node.TcpPort, node.UdpPort));
        Assert.Equal("enode://" + Key, node.ToString());
        Assert.Equal(Node.Create(PublicKey, null, 0, 0), node);
    }

    [Fact]
    public void A_url_with_a_port_but_no_host_is_incomplete_as_in_go()
    {
        Node node = Node.Parse($"enode://{Key}@:30303");
        Assert.True(node.IsIncomplete);
        Assert.Equal(30303, node.TcpPort);
        Assert.Equal("enode://" + Key, node.ToString());
    }

    [Theory]
    [InlineData("", "invalid URL scheme, want \"enode\"")]
    [InlineData(null, "invalid URL scheme, want \"enode\"")]
    [InlineData("http://foobar", "invalid URL scheme, want \"enode\"")]
    [InlineData("://foo", "invalid URL scheme, want \"enode\"")]
    [InlineData("enr:-IS4QA", "not canonical RLP")]
    [InlineData("ENR:-IS4QA", "or a record (enr:...)")]
    [InlineData("01010101", "wrong length, want 128 hex chars, not 8")]
    [InlineData("enode://01010101", "wrong length, want 128 hex chars, not 8")]
    [InlineData("enode://01010101@123.124.125.126:3", "wrong length, want 128 hex chars, not 8")]
    [InlineData("enode://0x" + Key + "@10.3.58.6:3", "\"x\" is not a hexadecimal digit")]
    [InlineData("enode://@10.3.58.6:3", "wrong length, want 128 hex chars, not 0")]
    [InlineData("enode://", "does not contain node ID")]
    [InlineData("enode://10.3.58.6:30303", "does not contain node ID")]
    [InlineData("enode://" + Key + "@", "invalid port: there is none")]
    [InlineData("enode://" + Key + "@10.3.58.6", "invalid port: there is none")]
    [InlineData("enode://" + Key + "@[::1]", "invalid port: there is none")]
    [InlineData("enode://" + Key + "@[::1]30303", "want ':' and a port")]
    [InlineData("enode://" + Key + "@127.0.0.1:foo", "invalid port \"foo\"")]
    [InlineData("enode://" + Key + "@127.0.0.1:", "invalid port \"\"")]
    [InlineData("enode://" + Key + "@127.0.0.1:65536", "want a number from 0 to 65535")]
    [InlineData("enode://" + Key + "@127.0.0.1:-1", "invalid port")]
    [InlineData("enode://" + Key + "@127.0.0.1:+1", "invalid port")]
    [InlineData("enode://" + Key + "@127.0.0.1:3?discport=foo", "invalid discport in query \"foo\"")]
    [InlineData("enode://" + Key + "@127.0.0.1:3?discport=65536", "invalid discport in query")]
    [InlineData("enode://" + Key + "@::1:30303", "an IPv6 address stands in brackets")]
    [InlineData("enode://" + Key + "@[::1:30303", "the bracket is not closed")]
    [InlineData("enode://" + Key + "@[fe80::1%eth0]:30303", "without a zone")]
    [InlineData("enode://" + Key + "@[10.3.58.6]:30303", "invalid IPv6 address")]
    [InlineData("enode://" + Key + "@[]:30303", "invalid IPv6 address")]
    [InlineData("enode://" + Key + "@10.3.58:30303", "invalid IP address")]
    [InlineData("enode://" + Key + "@1.2.3.256:30303", "four numbers from 0 to 255")]
    [InlineData("enode://" + Key + "@010.3.58.6:30303", "without leading zeros")]
    [InlineData("enode://" + Key + "@2130706433:30303", "invalid IP address")]
    [InlineData("enode://" + Key + "@224.0.0.22:30303", "multicast")]
    [InlineData("enode://" + Key + "@[ff05::1:3]:30303", "multicast")]
    [InlineData("enode://" + Key + "@b\u00FCcher.example:30303", "xn--")]
    [InlineData("enode://" + Key + "@a..b:30303", "between the dots")]
    [InlineData("enode://" + Key + "@a b:30303", "white space")]
    [InlineData("enode://" + Key + "@10.3.58.6:30303\n", "white space")]
    [InlineData(" enode://" + Key, "invalid URL scheme")]
    public void Errors_say_what_is_wrong_and_what_would_be_right(string? url, string expected)
    {
        Assert.False(Node.TryParse(url, out Node? node, out string? error));
        Assert.Null(node);
        Assert.Contains(expected, error);
        Assert.DoesNotContain(error, c => char.IsControl(c));
        if (url is not null)
        {
            Assert.Equal(error, Assert.Throws<FormatException>(() => Node.Parse(url)).Message);
        }
    }

    [Fact]
    [Trait("Threat", "T08")]
    public void Keys_off_the_curve_or_out_of_range_are_refused()
    {
        string[] bad =
        [
            Key[..^1] + "8",
            new string('0', 128),
            new string('f', 128),
            // y of the generator with an x that is the field's prime, equal to 0 once reduced
            "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
        ];
        foreach (string key in bad)
        {
            foreach (string url in (string[])[key, "enode://" + key, $"enode://{key}@10.3.58.6:30303"])
            {
                Assert.False(Node.TryParse(url, out _, out string? error));
                Assert.Contains("not a point of the curve", error);
            }
        }
    }

    [Fact]
    public void End_points_need_an_address_and_a_port()
    {
        Node node = Node.Create(PublicKey, IPAddress.Parse("::ffff:10.3.58.6"), 30303, 0);
        Assert.Equal(new IPEndPoint(IPAddress.Parse("10.3.58.6"), 30303), node.TcpEndPoint);
        Assert.Null(node.UdpEndPoint);
        Assert.Null(Node.Create(PublicKey, IPAddress.IPv6Any, 1, 1).TcpEndPoint);
        Assert.Null(Node.Create(PublicKey, IPAddress.Any, 1, 1).UdpEndPoint);
        Assert.Null(Node.Parse($"enode://{Key}@localhost:1").TcpEndPoint);
    }

    [Fact]
    public void A_resolved_host_name_keeps_its_name_in_the_url()
    {
        Node named = Node.Parse($"enode://{Key}@localhost:30303");
        Node resolved = named.WithAddress(IPAddress.Loopback);

        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 30303), resolved.TcpEndPoint);
        Assert.Equal(named.ToString(), resolved.ToString());
        Assert.NotEqual(named, resolved);
        Assert.Equal("localhost", Node.Create(PublicKey, IPAddress.Loopback, 1, 1).WithHostName("localhost").HostName);
        Assert.Throws<ArgumentException>(() => named.WithHostName("a:b"));
        Assert.Throws<ArgumentException>(() => named.WithHostName(""));
    }

    [Fact]
    public void A_scope_never_gets_into_the_url()
    {
        Node node = Node.Create(PublicKey, new IPAddress(IPAddress.Parse("fe80::1").GetAddressBytes(), 3), 1, 1);
        Assert.Equal($"enode://{Key}@[fe80::1]:1", node.ToString());
    }

    [Fact]
    public void Ports_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Node.Create(PublicKey, null, -1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Node.Create(PublicKey, null, 65536, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Node.Create(PublicKey, null, 0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Node.Create(PublicKey, null, 0, 65536));
    }

    [Fact]
    public void Every_part_counts_for_equality()
    {
        Node[] nodes =
        [
            Node.Create(PublicKey, IPAddress.Loopback, 1, 1),
            Node.Create(PublicKey, IPAddress.IPv6Loopback, 1, 1),
            Node.Create(PublicKey, IPAddress.Loopback, 2, 1),
            Node.Create(PublicKey, IPAddress.Loopback, 1, 2),
            Node.Create(PublicKey, IPAddress.Loopback, 1, 1).WithHostName("a"),
            Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, 1, 1),
        ];
        Assert.Equal(nodes.Length, nodes.Distinct().Count());
        Assert.False(nodes[0].Equals(null));
    }

    [Fact]
    public void Addresses_and_ports_survive_the_round_trip()
    {
        Gen<byte[]> addresses = Gen.OneOf(
            Gen.Byte.Array[4],
            Gen.Byte.Array[16],
            // runs of zeros, which the text form of IPv6 shortens
            Gen.OneOf(Gen.Const((byte)0), Gen.Byte).Array[16]);
        Gen.Select(addresses, Gen.UShort, Gen.UShort).Sample((bytes, tcp, udp) =>
        {
            var address = new IPAddress(bytes);
            bool multicast = bytes.Length == 4 ? bytes[0] is >= 224 and < 240 : bytes[0] == 0xFF;
            Node node = Node.Create(PublicKey, address, tcp, udp);

            Assert.Equal(!multicast, Node.TryParse(node.ToString(), out Node? back, out _));
            Assert.True(multicast || node.Equals(back));
        });
    }

    [Fact]
    public void No_text_makes_the_parser_throw()
    {
        string[] pieces =
        [
            "enode://", "ENODE:", Key, Key[..^1] + "8", "0a", "@", ":", "[", "]", "?discport=", "&", "=", "#", "/", "%", ".", "-",
            "1.2.3.4", "::1", "fe80::1%1", "host", "30303", "99999999999", "\0", "\u00FC", "\uD800", " ", "",
        ];
        Gen<string> assembled = Gen.Int[0, pieces.Length - 1].Array[0, 8].Select(which => string.Concat(which.Select(i => pieces[i])));
        Gen.OneOf(Gen.String, assembled, assembled.Select(tail => $"enode://{Key}@{tail}")).Sample(text =>
        {
            bool ok = Node.TryParse(text, out Node? node, out string? error);
            Assert.Equal(ok, node is not null);
            Assert.Equal(ok, error is null);
            if (ok)
            {
                Assert.Equal(node!.ToString(), Node.Parse(node.ToString()).ToString());
            }
        }, iter: 1000);
    }
}
