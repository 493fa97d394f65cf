using System.Net;
using System.Net.Sockets;
using CsCheck;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>What discovery v5.1 is made of besides the protocol.</summary>
public sealed class SmallPartsTests
{
    [Fact]
    public void Endpoints_survive_being_compact() =>
        Gen.Select(Gen.OneOf(Gen.Byte.Array[4], Gen.Byte.Array[16]), Gen.UShort).Sample(
            (address, port) =>
            {
                var endPoint = new IPEndPoint(new IPAddress(address), port);
                var compact = CompactEndPoint.From(endPoint);
                Assert.Equal(endPoint, compact.ToEndPoint());
                Assert.Equal(address.Length == 4, compact.IsIPv4);
                Assert.Equal(endPoint.ToString(), compact.ToString());

                // By way of a socket's form, as it is and in IPv6 form, which is what a socket of both kinds has.
                Assert.Equal(compact, CompactEndPoint.From(endPoint.Serialize()));
                var inIPv6Form = new IPEndPoint(endPoint.Address.MapToIPv6(), port);
                Assert.Equal(compact, CompactEndPoint.From(inIPv6Form));
                Assert.Equal(compact, CompactEndPoint.From(inIPv6Form.Serialize()));
                Assert.Equal(inIPv6Form, Write(compact, AddressFamily.InterNetworkV6));
                if (address.Length == 4)
                {
                    Assert.Equal(endPoint, Write(compact, AddressFamily.InterNetwork));
                }
            },
            iter: 1000);

    [Fact]
    public void Nothing_of_the_last_address_is_left_in_the_sockets_form()
    {
        var to = new SocketAddress(AddressFamily.InterNetworkV6);
        to.Buffer.Span[2..].Fill(0xff);
        var endPoint = new IPEndPoint(IPAddress.Parse("2001:db8::1"), 9);

        CompactEndPoint.From(endPoint).CopyTo(to);

        Assert.Equal(endPoint.Serialize(), to);
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.255.0.9", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("128.0.0.1", false)]
    [InlineData("::2", false)]
    [InlineData("::", false)]
    [InlineData("::7f00:1", false)]
    public void Loopback(string address, bool isLoopback) => Assert.Equal(isLoopback, Compact(address).IsLoopback);

    [Fact]
    public void An_ipv6_network_has_64_bits()
    {
        Assert.Equal(Compact("2001:db8:1:2::1").Network, Compact("2001:db8:1:2:ffff::", port: 7).Network);
        Assert.NotEqual(Compact("2001:db8:1:2::1").Network, Compact("2001:db8:1:3::1").Network);
        Assert.Equal(Compact("192.0.2.1").Network, Compact("::ffff:192.0.2.1", port: 7).Network);
        Assert.NotEqual(Compact("192.0.2.1").Network, Compact("192.0.2.2").Network);
    }

    [Fact]
    public void An_address_has_its_burst_and_then_its_rate()
    {
        AddressLimiter limiter = Limiter(burst: 5, rate: 2);
        CompactEndPoint from = Compact("192.0.2.1");

        Assert.Equal(5, Take(limiter, Seconds(100), from, 20));
        Assert.Equal(0, Take(limiter, Seconds(100.4), from, 20));
        Assert.Equal(1, Take(limiter, Seconds(100.6), from, 20));
        Assert.Equal(4, Take(limiter, Seconds(102.6), from, 20));
        // What was refused costs nothing, and what is not used does not add up.
        Assert.Equal(5, Take(limiter, Seconds(1000), from, 20));
    }

    [Fact]
    public void Ports_and_hosts_of_one_network_share_an_allowance_and_others_do_not()
    {
        AddressLimiter limiter = Limiter(burst: 5, rate: 1);

        Assert.Equal(5, Take(limiter, default, Compact("192.0.2.1", port: 1), 20));
        Assert.Equal(0, Take(limiter, default, Compact("192.0.2.1", port: 2), 20));
        Assert.Equal(5, Take(limiter, default, Compact("192.0.2.2"), 20));
        Assert.Equal(5, Take(limiter, default, Compact("2001:db8::1"), 20));
        Assert.Equal(0, Take(limiter, default, Compact("2001:db8::2"), 20));
        Assert.Equal(5, Take(limiter, default, Compact("2001:db8:0:1::2"), 20));
    }

    [Fact]
    public void Loopback_may_take_more()
    {
        int more = 5 * AddressLimiter.LoopbackFactor;

        Assert.Equal(more, Take(Limiter(burst: 5, rate: 1), default, Compact("127.0.0.1"), 2 * more));
        Assert.Equal(more, Take(Limiter(burst: 5, rate: 1), default, Compact("::1"), 2 * more));
    }

    [Fact]
    public void Who_shares_a_place_depends_on_the_secret()
    {
        // Of 200 addresses, those that have nothing left because others were in their place of 64.
        Assert.Equal(Refused(1), Refused(1));
        Assert.NotEqual(Refused(1), Refused(2));
        Assert.InRange(Refused(1).Length, 100, 199);

        static int[] Refused(int seed)
        {
            var limiter = new AddressLimiter(1, 1, 64, new SeededRandomSource(seed));
            return [.. Enumerable.Range(0, 200).Where(i => !limiter.TryTake(default, Compact($"192.0.2.{i}")))];
        }
    }

    [Fact]
    public void Records_are_found_by_all_of_their_bytes()
    {
        var cache = new RecordCache();
        Node node = MakeNode(1);
        byte[] record = node.Record!.Encoded.ToArray();
        Assert.Null(cache.Find(record));

        cache.Add(node);

        Assert.Same(node, cache.Find(record));
        for (int i = 0; i < record.Length; i++)
        {
            record[i] ^= 1;
            Assert.Null(cache.Find(record));
            record[i] ^= 1;
            Assert.Null(cache.Find(record.AsSpan(0, i)));
        }

        Assert.Null(cache.Find([.. record, 0]));
        Assert.Same(node, cache.Find(record));
    }

    [Fact]
    public void The_cache_is_of_fixed_size()
    {
        var cache = new RecordCache(places: 4);
        Node[] nodes = [.. Enumerable.Range(1, 20).Select(MakeNode)];
        foreach (Node node in nodes)
        {
            cache.Add(node);
            Assert.Same(node, cache.Find(node.Record!.Encoded.Span));
        }

        Assert.InRange(nodes.Count(n => cache.Find(n.Record!.Encoded.Span) is not null), 1, 4);
    }

    [Fact]
    public void A_buffered_random_hands_out_each_drawn_byte_once_at_most()
    {
        var source = new CountingSource();
        var random = new BufferedRandom(source);
        var seen = new HashSet<ulong>();
        for (int i = 0; i < 1000; i++)
        {
            Assert.True(seen.Add(random.NextUInt64()));
            byte[] nonce = new byte[12];
            random.Fill(nonce);
            Assert.True(seen.Add(BitConverter.ToUInt64(nonce)));
        }

        // 20,000 bytes in pieces of 512.
        Assert.InRange(source.Calls, 40, 42);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(2000)]
    public void A_buffered_random_fills_pieces_of_any_size(int size)
    {
        var random = new BufferedRandom(new CountingSource());
        byte[] first = new byte[size], second = new byte[size];

        random.Fill(first);
        random.NextUInt64();
        random.Fill(second);

        Assert.DoesNotContain((byte)0, first);
        Assert.DoesNotContain((byte)0, second);
        if (size > 1)
        {
            Assert.NotEqual(first, second);
        }
    }

    [Fact]
    public void Datagrams_come_out_in_order_and_are_used_again()
    {
        var queue = new DatagramQueue(capacity: 100);
        CompactEndPoint to = Compact("192.0.2.1");
        Assert.False(queue.TryDequeue(out _));
        for (byte i = 0; i < 3; i++)
        {
            OutgoingDatagram datagram = queue.Rent();
            Assert.Equal(100, datagram.Buffer.Length);
            datagram.Buffer[0] = i;
            queue.Enqueue(datagram, to with { Port = i }, i + 1);
        }

        var sent = new HashSet<OutgoingDatagram>();
        for (byte i = 0; i < 3; i++)
        {
            Assert.True(queue.TryDequeue(out OutgoingDatagram? datagram));
            Assert.Equal((i + 1, i, i), (datagram.Bytes.Length, datagram.Bytes[0], (byte)datagram.To.Port));
            queue.Return(datagram);
            sent.Add(datagram);
        }

        Assert.False(queue.TryDequeue(out _));
        Assert.Subset(sent, new HashSet<OutgoingDatagram> { queue.Rent(), queue.Rent(), queue.Rent() });
        Assert.DoesNotContain(queue.Rent(), sent);
    }

    [Fact]
    public void Only_so_many_datagrams_are_kept()
    {
        var queue = new DatagramQueue(capacity: 10);
        OutgoingDatagram[] many = [.. Enumerable.Range(0, 1000).Select(_ => queue.Rent())];
        Assert.Equal(1000, many.Distinct().Count());
        Array.ForEach(many, queue.Return);

        Assert.Equal(64, Enumerable.Range(0, 1000).Select(_ => queue.Rent()).Count(many.Contains));
    }

    private static CompactEndPoint Compact(string address, int port = 30303) => CompactEndPoint.From(IPAddress.Parse(address), port);

    private static EndPoint Write(in CompactEndPoint compact, AddressFamily family)
    {
        var to = new SocketAddress(family);
        compact.CopyTo(to);
        return new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0).Create(to);
    }

    // So many places that none is shared here.
    private static AddressLimiter Limiter(int burst, int rate) => new(burst, rate, 4096, new SeededRandomSource(1));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static int Take(AddressLimiter limiter, TimeSpan now, CompactEndPoint from, int times) =>
        Enumerable.Range(0, times).Count(_ => limiter.TryTake(now, from));

    private static Node MakeNode(int seed) => Node.FromRecord(new NodeRecordBuilder().SetUdpPort(seed).Sign(PrivateKey.Generate(new SeededRandomSource(seed))));

    /// <summary>Counts upwards in words of four bytes, none of which is zero.</summary>
    private sealed class CountingSource : RandomSource
    {
        private uint _next;

        public int Calls { get; private set; }

        public override void Fill(Span<byte> destination)
        {
            Calls++;
            for (int i = 0; i < destination.Length; i++)
            {
                // Digits of base 128, the top bit set.
                uint word = _next + (uint)(i / 4);
                destination[i] = (byte)(0x80 | (word >> (7 * (i % 4))));
            }

            _next += (uint)((destination.Length + 3) / 4);
        }
    }
}
