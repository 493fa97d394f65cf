using System.Net;
using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Nodes;

/// <summary>The local node; after go-ethereum's p2p/enode/localnode_test.go.</summary>
public class LocalNodeTests
{
    private static readonly PrivateKey Key = TestRecords.Key;
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly ulong StartMilliseconds = (ulong)Start.ToUnixTimeMilliseconds();

    private NodeRecord? _stored;
    private int _saves;

    [Fact]
    public void Entries_stand_in_the_record()
    {
        LocalNode local = Create();
        Assert.Equal(Key.PublicKey.NodeId, local.Id);
        Assert.Equal(local.Id, local.Node.Id);
        Assert.Equal(Key.PublicKey, local.PublicKey);

        local.Set("x", 3);
        local.SetForkId(new ForkId(5, 6));
        local.Set("tcp", 30303);

        Assert.True(local.Node.Record!.TryGetReader("x", out RlpReader x));
        Assert.Equal(3UL, x.ReadUInt64());
        Assert.Equal(new ForkId(5, 6), local.Node.Record.ForkId);
        Assert.Equal(30303, local.Node.TcpPort);
        Assert.True(NodeRecord.TryDecode(local.Node.Record.Encoded.Span, out _, out string? error), error);
    }

    [Fact]
    public void The_sequence_number_rises_only_when_something_changed()
    {
        LocalNode local = Create();
        ulong first = local.Sequence;
        Assert.Equal(StartMilliseconds, first);
        Node node = local.Node;
        Assert.Same(node, local.Node);

        local.Set("x", 1);
        Assert.Equal(first + 1, local.Sequence);
        local.Set("x", 1);
        local.Remove("y");
        local.SetFallbackUdpPort(0);
        Assert.Equal(first + 1, local.Sequence);

        // Several changes at once are one, and none when they undo each other.
        local.Set("x", 2);
        local.Set("y", 2);
        Assert.Equal(first + 2, local.Sequence);
        local.Set("x", 3);
        local.Remove("y");
        local.Set("y", 2);
        local.Set("x", 2);
        Assert.Equal(first + 2, local.Sequence);
        Assert.Equal(first, node.Sequence);
        Assert.Equal(3, _saves);
    }

    [Fact]
    public void The_sequence_number_survives_restarts_and_stays_when_nothing_changed()
    {
        LocalNode local = Create();
        local.Set("x", 1);
        local.SetStaticAddress(IPAddress.Parse("99.22.33.1"));
        NodeRecord record = local.Node.Record!;
        Assert.Equal(record, _stored);

        // An hour later with the same settings: the same record, byte for byte.
        LocalNode second = Create(Start.AddHours(1));
        second.SetStaticAddress(IPAddress.Parse("99.22.33.1"));
        second.Set("x", 1);
        Assert.Equal(record, second.Node.Record);
        Assert.Equal(1, _saves);

        // With others: above both what was stored and the clock.
        LocalNode third = Create(Start.AddHours(2));
        third.Set("x", 2);
        Assert.Equal((ulong)Start.AddHours(2).ToUnixTimeMilliseconds(), third.Sequence);

        // Even when the clock went back.
        LocalNode fourth = Create(Start.AddDays(-100));
        Assert.Equal(third.Sequence + 1, fourth.Sequence);
    }

    [Fact]
    public void A_stored_number_without_a_record_is_exceeded()
    {
        Assert.Equal(StartMilliseconds + 6, new LocalNode(Key, Start, storedSequence: StartMilliseconds + 5).Sequence);
        Assert.Equal(StartMilliseconds, new LocalNode(Key, Start, storedSequence: 5).Sequence);

        // A record older than the number is not the last one that others have seen.
        NodeRecord old = new NodeRecordBuilder { Sequence = 3 }.Sign(Key);
        Assert.Equal(3UL, new LocalNode(Key, Start, storedSequence: 2, storedRecord: old).Sequence);
        Assert.Equal(StartMilliseconds, new LocalNode(Key, Start, storedSequence: 4, storedRecord: old).Sequence);
    }

    [Fact]
    public void A_stored_record_of_another_key_is_ignored()
    {
        NodeRecord other = new NodeRecordBuilder { Sequence = ulong.MaxValue }.Sign(PrivateKey.Generate());
        LocalNode local = new(Key, Start, storedRecord: other);
        Assert.Equal(StartMilliseconds, local.Sequence);
        Assert.Equal(Key.PublicKey, local.Node.PublicKey);
    }

    [Fact]
    public void When_a_record_cannot_be_stored_nobody_sees_it()
    {
        bool fails = true;
        var seen = new List<ulong>();
        LocalNode local = new(Key, Start, save: record =>
        {
            seen.Add(record.Sequence);
            _ = fails ? throw new IOException("disk full") : 0;
        });
        Assert.Throws<IOException>(() => local.Node);
        fails = false;
        Assert.Equal(StartMilliseconds, local.Sequence);
        Assert.Equal([StartMilliseconds, StartMilliseconds], seen);
    }

    [Fact]
    public void The_static_address_comes_before_the_predicted_and_that_before_the_fallback()
    {
        IPAddress fallback = IPAddress.Parse("99.22.33.1");
        IPEndPoint predicted = IPEndPoint.Parse("99.22.33.2:81");
        LocalNode local = Create();
        Assert.Null(local.Node.Address);
        Assert.Equal(0, local.Node.UdpPort);
        ulong first = local.Sequence;

        local.SetFallbackAddress(fallback);
        local.SetFallbackUdpPort(80);
        Assert.Equal(new IPEndPoint(fallback, 80), local.Node.UdpEndPoint);
        Assert.Equal(first + 1, local.Sequence);

        for (int i = 0; i < IpTracker.DefaultMinStatements; i++)
        {
            Assert.Equal(new IPEndPoint(fallback, 80), local.Node.UdpEndPoint);
            Assert.Equal(first + 1, local.Sequence);
            local.AddEndPointStatement(TimeSpan.FromSeconds(i), From(i), predicted);
        }

        Assert.Equal(predicted, local.Node.UdpEndPoint);
        Assert.Equal(first + 2, local.Sequence);

        local.SetStaticAddress(predicted.Address);
        Assert.Equal(new IPEndPoint(predicted.Address, 80), local.Node.UdpEndPoint);
        Assert.Equal(first + 3, local.Sequence);
    }

    [Fact]
    public void What_a_device_says_comes_before_the_predicted_and_after_the_static_address()
    {
        IPEndPoint predicted = IPEndPoint.Parse("99.22.33.2:81");
        LocalNode local = Create();
        local.SetFallbackUdpPort(80);
        for (int i = 0; i < IpTracker.DefaultMinStatements; i++)
        {
            local.AddEndPointStatement(TimeSpan.FromSeconds(i), From(i), predicted);
        }

        local.SetExternalEndPoint(isIPv6: false, IPAddress.Parse("99.22.33.3"), 0);
        Assert.Equal(IPEndPoint.Parse("99.22.33.3:80"), local.Node.UdpEndPoint);
        local.SetExternalEndPoint(isIPv6: false, predicted.Address, 0);
        Assert.Equal(predicted, local.Node.UdpEndPoint);
        local.SetExternalEndPoint(isIPv6: false, predicted.Address, 90);
        Assert.Equal(IPEndPoint.Parse("99.22.33.2:90"), local.Node.UdpEndPoint);
        local.SetExternalEndPoint(isIPv6: false, null, 90);
        Assert.Equal(IPEndPoint.Parse("99.22.33.2:90"), local.Node.UdpEndPoint);
        local.SetStaticAddress(IPAddress.Parse("99.22.33.4"));
        Assert.Equal(IPEndPoint.Parse("99.22.33.4:90"), local.Node.UdpEndPoint);
        local.SetStaticUdpPorts(70, 0);
        Assert.Equal(IPEndPoint.Parse("99.22.33.4:70"), local.Node.UdpEndPoint);
        Assert.Equal(predicted.Address, local.GetVotedAddress(isIPv6: false));
    }

    [Fact]
    public void A_TCP_port_of_IPv6_stands_in_the_record_while_it_differs_and_there_is_an_IPv6_address()
    {
        LocalNode local = Create();
        local.SetTcpPorts(1000, 2000);
        Assert.Equal((1000, null), (local.Node.Record!.TcpPort, local.Node.Record!.Tcp6Port));
        local.SetExternalEndPoint(isIPv6: true, IPAddress.Parse("2a00::1"), 0);
        Assert.Equal((1000, 2000), (local.Node.Record!.TcpPort, local.Node.Record!.Tcp6Port));
        local.SetTcpPorts(1000, 1000);
        Assert.Equal((1000, null), (local.Node.Record!.TcpPort, local.Node.Record!.Tcp6Port));
        local.SetTcpPorts(1000, 3000);
        local.SetExternalEndPoint(isIPv6: true, null, 0);
        Assert.Equal((1000, null), (local.Node.Record!.TcpPort, local.Node.Record!.Tcp6Port));
        ulong sequence = local.Sequence;
        local.SetTcpPorts(1000, 3000);
        local.SetExternalEndPoint(isIPv6: true, null, 0);
        Assert.Equal(sequence, local.Sequence);
    }

    [Fact]
    public void A_prediction_ends_when_its_statements_are_too_old()
    {
        LocalNode local = Create();
        local.SetFallbackUdpPort(80);
        for (int i = 0; i < IpTracker.DefaultMinStatements; i++)
        {
            local.AddEndPointStatement(TimeSpan.Zero, From(i), IPEndPoint.Parse("99.22.33.2:81"));
        }

        local.AddContact(IpTracker.DefaultWindow, From(1));
        Assert.Equal(IPEndPoint.Parse("99.22.33.2:81"), local.Node.UdpEndPoint);
        local.AddContact(IpTracker.DefaultWindow + TimeSpan.FromTicks(1), From(1));
        Assert.Null(local.Node.Address);
        Assert.Equal(80, local.Node.UdpPort);
    }

    [Fact]
    public void Both_address_families_are_predicted_each_for_itself()
    {
        LocalNode local = Create();
        local.SetFallbackUdpPort(30303);
        for (int i = 0; i < IpTracker.DefaultMinStatements; i++)
        {
            local.AddEndPointStatement(TimeSpan.Zero, From(i), IPEndPoint.Parse("[2a00::1]:30303"));
            local.AddEndPointStatement(TimeSpan.Zero, From(i), IPEndPoint.Parse("[::ffff:99.22.33.2]:30303"));
        }

        NodeRecord record = local.Node.Record!;
        Assert.Equal(IPEndPoint.Parse("99.22.33.2:30303"), record.IPv4UdpEndPoint);
        Assert.Equal(IPEndPoint.Parse("[2a00::1]:30303"), record.IPv6UdpEndPoint);
        Assert.Null(record.Udp6Port);

        for (int i = 0; i < IpTracker.DefaultMinStatements; i++)
        {
            local.AddEndPointStatement(TimeSpan.Zero, From(i), IPEndPoint.Parse("[2a00::1]:40404"));
        }

        Assert.Equal(IPEndPoint.Parse("99.22.33.2:30303"), local.Node.Record!.IPv4UdpEndPoint);
        Assert.Equal(IPEndPoint.Parse("[2a00::1]:40404"), local.Node.Record!.IPv6UdpEndPoint);
    }

    [Theory]
    [Trait("Threat", "T18")]
    [InlineData("127.0.0.1:81")]
    [InlineData("192.168.1.2:81")]
    [InlineData("100.64.0.1:81")]
    [InlineData("0.0.0.0:81")]
    [InlineData("224.0.0.1:81")]
    [InlineData("[2001:db8::1]:81")]
    [InlineData("[::ffff:10.0.0.1]:81")]
    [InlineData("99.22.33.2:0")]
    public void Statements_that_no_honest_node_makes_do_not_count(string endPoint)
    {
        LocalNode local = Create();
        ulong first = local.Sequence;
        for (int i = 0; i < 2 * IpTracker.DefaultMinStatements; i++)
        {
            local.AddEndPointStatement(TimeSpan.Zero, From(i), IPEndPoint.Parse(endPoint));
        }

        Assert.Null(local.Node.Address);
        Assert.Equal(first, local.Sequence);
    }

    [Fact]
    public void Statements_within_the_local_network_count()
    {
        LocalNode local = Create();
        for (int i = 0; i < IpTracker.DefaultMinStatements; i++)
        {
            local.AddEndPointStatement(TimeSpan.Zero, new IPEndPoint(IPAddress.Parse($"10.0.0.{i + 1}"), 9), IPEndPoint.Parse("10.0.1.1:81"));
        }

        Assert.Equal(IPEndPoint.Parse("10.0.1.1:81"), local.Node.UdpEndPoint);
    }

    [Fact]
    public void A_statement_of_a_host_that_was_never_contacted_shows_a_full_cone()
    {
        LocalNode local = Create();
        local.AddContact(TimeSpan.Zero, From(1));
        local.AddEndPointStatement(TimeSpan.FromSeconds(1), From(1), IPEndPoint.Parse("99.22.33.2:81"));
        Assert.False(local.PredictFullConeNat(TimeSpan.FromSeconds(2)));
        local.AddEndPointStatement(TimeSpan.FromSeconds(3), From(2), IPEndPoint.Parse("99.22.33.2:81"));
        Assert.True(local.PredictFullConeNat(TimeSpan.FromSeconds(4)));
    }

    [Fact]
    public void Unspecified_addresses_do_not_stand_in_the_record()
    {
        LocalNode local = Create();
        local.SetFallbackAddress(IPAddress.Any);
        local.SetFallbackAddress(IPAddress.IPv6Any);
        Assert.Equal(["id", "secp256k1"], local.Node.Record!.GetEntries().Select(entry => entry.Key));
    }

    [Fact]
    public void Entries_that_follow_from_something_else_cannot_be_set()
    {
        LocalNode local = Create();
        foreach (string key in (string[])["ip", "ip6", "udp", "udp6", "id", "secp256k1"])
        {
            Assert.Throws<ArgumentException>(() => local.Set(key, 1));
            Assert.Throws<ArgumentException>(() => local.Remove(key));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => local.SetFallbackUdpPort(65536));
    }

    [Fact]
    public void There_is_always_room_for_both_addresses()
    {
        LocalNode local = Create();
        int size = 0;
        for (; ; size++)
        {
            try
            {
                local.Set("x", new byte[size + 1]);
            }
            catch (ArgumentException e)
            {
                Assert.Contains("the limit is 300", e.Message, StringComparison.Ordinal);
                break;
            }
        }

        Assert.InRange(size, 100, 150);
        local.SetFallbackAddress(IPAddress.Parse("99.22.33.1"));
        local.SetFallbackAddress(IPAddress.Parse("2a00::1"));
        local.SetFallbackUdpPort(65535);
        for (int i = 0; i < IpTracker.DefaultMinStatements; i++)
        {
            local.AddEndPointStatement(TimeSpan.Zero, From(i), IPEndPoint.Parse("[2a00::1]:40404"));
        }

        Assert.True(local.Node.Record!.TryGetReader("x", out RlpReader x));
        Assert.Equal(size, x.ReadBytes().Length);
        Assert.Equal(40404, local.Node.Record.Udp6Port);
        Assert.Equal(300, local.Node.Record.Encoded.Length + 9 - RlpEncoding.GetLength(local.Sequence));
        Assert.Throws<ArgumentException>(() => local.Set("y", 1));
        Assert.False(local.Node.Record.Contains("y"));
    }

    [Fact]
    public async Task Concurrent_changes_and_reads_see_whole_records()
    {
        LocalNode local = Create();
        await Parallel.ForAsync(0, 4, async (worker, _) =>
        {
            await Task.Yield();
            ulong last = 0;
            for (int i = 0; i < 100; i++)
            {
                local.Set("w" + worker, i);
                local.AddEndPointStatement(TimeSpan.Zero, From(i), IPEndPoint.Parse("99.22.33.2:81"));
                Node node = local.Node;
                Assert.True(node.Record!.TryGetReader("w" + worker, out RlpReader value));
                Assert.Equal((ulong)i, value.ReadUInt64());
                Assert.True(node.Sequence >= last);
                last = node.Sequence;
            }
        });
        Assert.Equal(local.Sequence - StartMilliseconds + 1, (ulong)_saves);
        Assert.Equal(_stored, local.Node.Record);
    }

    private static IPEndPoint From(int host) => new(new IPAddress([99, 1, (byte)(host >> 8), (byte)host]), 9000);

    private LocalNode Create(DateTimeOffset? now = null) =>
        new(Key, now ?? Start, _stored?.Sequence ?? 0, _stored, record =>
        {
            _stored = record;
            _saves++;
        });
}
