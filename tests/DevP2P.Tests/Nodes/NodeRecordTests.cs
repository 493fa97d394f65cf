using System.Buffers.Text;
using System.Net;
using System.Numerics;
using CsCheck;
using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Nodes;

/// <summary>Node records; the vectors are those of EIP-778 and of go-ethereum's p2p/enr and p2p/enode.</summary>
public class NodeRecordTests
{
    private static readonly PrivateKey Key = TestRecords.Key;

    [Fact]
    public void The_vector_of_eip_778_is_read()
    {
        NodeRecord record = NodeRecord.Parse(TestRecords.VectorText);

        Assert.Equal(1UL, record.Sequence);
        Assert.Equal(NodeId.Parse("a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7"), record.NodeId);
        Assert.Equal(Key.PublicKey, record.PublicKey);
        Assert.Equal(IPAddress.Loopback, record.IPv4Address);
        Assert.Equal(30303, record.UdpPort);
        Assert.Null(record.TcpPort);
        Assert.Null(record.IPv6Address);
        Assert.Null(record.Udp6Port);
        Assert.Null(record.Tcp6Port);
        Assert.Null(record.ForkId);
        Assert.Equal(["id", "ip", "secp256k1", "udp"], record.GetEntries().Select(entry => entry.Key));
        Assert.Equal(TestRecords.VectorText, record.ToString());
        Assert.Equal(TestRecords.VectorRlp, Convert.ToHexStringLower(record.Encoded.Span));
        Assert.Equal(record, NodeRecord.Decode(Convert.FromHexString(TestRecords.VectorRlp)));
    }

    [Fact]
    public void The_vector_of_eip_778_is_written_byte_for_byte()
    {
        NodeRecord record = new NodeRecordBuilder { Sequence = 1 }.SetUdpPort(30303).SetAddress(IPAddress.Loopback).Sign(Key);

        Assert.Equal(TestRecords.VectorRlp, Convert.ToHexStringLower(record.Encoded.Span));
        Assert.Equal(TestRecords.VectorText, record.ToString());
        Assert.Equal(record.GetHashCode(), NodeRecord.Parse(TestRecords.VectorText).GetHashCode());
    }

    [Fact]
    public void The_record_of_go_ethereums_node_table_is_made_and_read()
    {
        PrivateKey key = PrivateKey.ParseHex("45a915e4d060149eb4365960e6a7a45f334393093061116b197e3240065ff2d8");
        NodeRecord record = new NodeRecordBuilder { Sequence = 99 }.SetAddress(IPAddress.Loopback).SetUdpPort(30303).Sign(key);

        Assert.Equal(
            "enr:-IS4QGrdq0ugARp5T2BZ41TrZOqLc_oKvZoPuZP5--anqWE_J-Tucc1xgkOL7qXl0puJgT7qc2KSvcupc4NCb0nr4tdjgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQM6UUF2Rm-oFe1IH_rQkRCi00T2ybeMHRSvw1HDpRvjPYN1ZHCCdl8",
            record.ToString());
        Assert.Equal(record, Node.Parse(record.ToString()).Record);
    }

    [Theory]
    [InlineData(null, "starts with \"enr:\"")]
    [InlineData("", "starts with \"enr:\"")]
    [InlineData("ENR:-IS4QA", "starts with \"enr:\"")]
    [InlineData("enr:", "EndOfInput")]
    [InlineData("enr:x", "base64")]
    [InlineData("enr:-IS4Q", "base64")]
    [InlineData(" " + TestRecords.VectorText, "starts with \"enr:\"")]
    [InlineData(TestRecords.VectorText + "=", "base64")]
    [InlineData(TestRecords.VectorText + "\n", "base64")]
    [InlineData("enr:-IS4QHC+", "base64")]
    [InlineData("enr:-IS4QHC/", "base64")]
    [InlineData("enr:-IS4 QHC", "base64")]
    [InlineData("enr:\u00FC\u00FC\u00FC\u00FC", "base64")]
    [InlineData("enr:wQ", "not canonical RLP")]
    [InlineData("enr:wR", "base64")] // the same byte, but bits that mean nothing are set
    [InlineData("enr:-EmGZm9vYmFyY4JpZIJ2NIJpcIR_AAABiXNlY3AyNTZrMaEDOlFBdkZvqBXtSB_60JEQotNE9sm3jB0Ur8NRw6Ub4z2DdWRwgnZf", "signature has 6 bytes")]
    public void Texts_that_are_no_record_are_refused_with_a_reason(string? text, string expected)
    {
        Assert.False(NodeRecord.TryParse(text, out NodeRecord? record, out string? error));
        Assert.Null(record);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        if (text is not null)
        {
            Assert.Equal(error, Assert.Throws<FormatException>(() => NodeRecord.Parse(text)).Message);
        }
    }

    /// <summary>go-ethereum's TestDecodeIncomplete and its neighbours.</summary>
    [Theory]
    [InlineData("", "EndOfInput")]
    [InlineData("80", "not a string")]
    [InlineData("c0", "no signature")]
    [InlineData("c101", "no sequence number")]
    [InlineData("c20102", "no identity scheme")]
    [InlineData("c3010203", "last key has no value")]
    [InlineData("c401020304", "no identity scheme")]
    [InlineData("c50102030405", "last key has no value")]
    [InlineData("c2c001", "signature is malformed")]
    [InlineData("c201c0", "sequence number is malformed")]
    [InlineData("c3018100", "not canonical RLP")]
    [InlineData("c401820001", "sequence number is malformed")]
    [InlineData("cb0189010000000000000000", "sequence number is malformed")]
    [InlineData("c20102" + "00", "TrailingData")]
    [InlineData("c40102c001", "a key of the record is a list")]
    [InlineData("c50102030405" + "c0", "TrailingData")]
    [InlineData("c80102610162016103", "not sorted")]
    [InlineData("c60102610161" + "02", "twice")]
    [InlineData("c60102800180" + "02", "twice")]
    [InlineData("c60102610180" + "02", "not sorted")]
    [InlineData("c50102" + "61c181", "not canonical RLP")] // inside a value
    public void Malformed_bytes_are_refused_with_a_reason(string hex, string expected)
    {
        Assert.False(NodeRecord.TryDecode(Convert.FromHexString(hex), out NodeRecord? record, out string? error));
        Assert.Null(record);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Equal(error, Assert.Throws<FormatException>(() => NodeRecord.Decode(Convert.FromHexString(hex))).Message);
    }

    [Fact]
    public void Only_the_identity_scheme_v4_is_accepted()
    {
        AssertRefused(TestRecords.SignRaw(1, ("id", "null"), ("secp256k1", TestRecords.CompressedKey)), "identity scheme \"null\" is unknown; only \"v4\"");
        AssertRefused(TestRecords.SignRaw(1, ("id", "V4"), ("secp256k1", TestRecords.CompressedKey)), "identity scheme \"V4\" is unknown");
        AssertRefused(TestRecords.SignRaw(1, ("id", "v4\n\u001b["), ("secp256k1", TestRecords.CompressedKey)), "identity scheme \"v4??[\" is unknown");
        AssertRefused(TestRecords.SignRaw(1, ("id", new object[] { "v4" }), ("secp256k1", TestRecords.CompressedKey)), "identity scheme \"\" is unknown");
        AssertRefused(TestRecords.SignRaw(1, ("secp256k1", TestRecords.CompressedKey)), "no identity scheme");
        AssertRefused(TestRecords.SignRaw(1, ("id", "v4")), "no public key");
        Assert.True(NodeRecord.TryDecode(TestRecords.SignRaw(1, ("id", "v4"), ("secp256k1", TestRecords.CompressedKey)), out _, out _));
    }

    [Fact]
    [Trait("Threat", "T08")]
    public void Keys_off_the_curve_or_out_of_range_or_in_another_form_are_refused()
    {
        byte[] offCurve = [2, .. new byte[31], 5]; // 5^3 + 7 is no square
        byte[] tooLarge = [2, .. Convert.FromHexString("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc30")]; // p + 1
        byte[] wrongPrefix = [4, .. TestRecords.CompressedKey[1..]];
        object[] keys = [offCurve, tooLarge, wrongPrefix, Key.PublicKey.Bytes.ToArray(), TestRecords.CompressedKey[..32], Array.Empty<byte>(), new object[] { TestRecords.CompressedKey }];
        foreach (object key in keys)
        {
            AssertRefused(TestRecords.SignRaw(1, ("id", "v4"), ("secp256k1", key)), "not a compressed point of the curve");
        }
    }

    [Fact]
    public void A_signature_by_another_key_or_in_another_form_is_refused()
    {
        byte[] valid = NodeRecord.Parse(TestRecords.VectorText).Encoded.ToArray();
        byte[] other = new NodeRecordBuilder { Sequence = 1 }.SetUdpPort(30303).SetAddress(IPAddress.Loopback).Sign(PrivateKey.Generate()).Encoded.ToArray();
        AssertRefused(TestRecords.WithSignature(valid, other[4..68]), "invalid signature");
        AssertRefused(TestRecords.WithSignature(valid, []), "signature has 0 bytes");
        AssertRefused(TestRecords.WithSignature(valid, [.. valid[4..68], 0]), "signature has 65 bytes");
        AssertRefused(TestRecords.WithSignature(valid, new byte[64]), "invalid signature");

        // The same signature with the other s, which mathematics would accept, too.
        var order = BigInteger.Parse("0FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141", System.Globalization.NumberStyles.HexNumber);
        byte[] highS = (order - new BigInteger(valid.AsSpan(36, 32), isUnsigned: true, isBigEndian: true)).ToByteArray(isUnsigned: true, isBigEndian: true);
        AssertRefused(TestRecords.WithSignature(valid, [.. valid[4..36], .. new byte[32 - highS.Length], .. highS]), "invalid signature");
        Assert.True(NodeRecord.TryDecode(TestRecords.WithSignature(valid, valid[4..68]), out _, out _));
    }

    [Fact]
    public void Every_byte_is_under_the_signature()
    {
        byte[] valid = Convert.FromHexString(TestRecords.VectorRlp);
        for (int i = 0; i < valid.Length; i++)
        {
            byte[] changed = [.. valid];
            changed[i] ^= 1;
            Assert.False(NodeRecord.TryDecode(changed, out _, out _));
            Assert.False(NodeRecord.TryDecode(valid.AsSpan(0, i), out _, out _));
        }
    }

    [Fact]
    public void Records_of_300_bytes_are_accepted_and_larger_ones_refused_unread()
    {
        int free = NodeRecord.MaxSize - TestRecords.SignRaw(1, ("id", "v4"), ("secp256k1", TestRecords.CompressedKey), ("z", new byte[60])).Length + 60 - 1;
        byte[] largest = TestRecords.SignRaw(1, ("id", "v4"), ("secp256k1", TestRecords.CompressedKey), ("z", new byte[free]));
        byte[] tooLarge = TestRecords.SignRaw(1, ("id", "v4"), ("secp256k1", TestRecords.CompressedKey), ("z", new byte[free + 1]));

        Assert.Equal((300, 301), (largest.Length, tooLarge.Length));
        Assert.True(NodeRecord.TryDecode(largest, out NodeRecord? record, out string? error), error);
        Assert.True(NodeRecord.TryParse(record.ToString(), out _, out error), error);
        AssertRefused(tooLarge, "takes 301 bytes; the limit is 300");
        Assert.False(NodeRecord.TryParse("enr:" + Base64Url.EncodeToString(tooLarge), out _, out error));
        Assert.Contains("the limit is 300", error, StringComparison.Ordinal);

        Assert.Equal(largest, new NodeRecordBuilder { Sequence = 1 }.Set("z", new byte[free]).Sign(Key).Encoded);
        var builder = new NodeRecordBuilder { Sequence = 1 }.Set("z", new byte[free + 1]);
        Assert.Contains("takes 301 bytes", Assert.Throws<InvalidOperationException>(() => builder.Sign(Key)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => builder.Set("z", new byte[10_000]).Sign(Key));
        Assert.Equal(largest, builder.Set("z", new byte[free]).Sign(Key).Encoded);
    }

    [Fact]
    public void Entries_are_sorted_and_the_last_value_of_a_key_counts()
    {
        (string, uint)[][] inputs = [[("a", 1), ("c", 2), ("b", 3)], [("a", 1), ("c", 2), ("b", 3), ("d", 4), ("a", 5), ("bb", 6)], [("zz", 1), ("\u00FF", 2), ("", 3)]];
        (string, uint)[][] sorted = [[("a", 1), ("b", 3), ("c", 2)], [("a", 5), ("b", 3), ("bb", 6), ("c", 2), ("d", 4)], [("", 3), ("zz", 1), ("\u00FF", 2)]];
        foreach (((string Key, uint Value)[] input, (string Key, uint Value)[] want) in inputs.Zip(sorted))
        {
            var builder = new NodeRecordBuilder();
            Array.ForEach(input, entry => builder.Set(entry.Key, entry.Value));
            NodeRecord record = NodeRecord.Decode(builder.Sign(Key).Encoded.Span);

            Assert.Equal(want, record.GetEntries().Where(entry => entry.Key is not ("id" or "secp256k1"))
                .Select(entry => (entry.Key, new RlpReader(entry.Value.Span).ReadUInt32())));
        }
    }

    [Fact]
    public void Typed_entries_survive_the_round_trip()
    {
        IPAddress address6 = IPAddress.Parse("2001:4860:0:2001::68");
        var forkId = new ForkId(0xfc64ec04, 1150000);
        NodeRecord record = NodeRecord.Decode(new NodeRecordBuilder { Sequence = ulong.MaxValue }
            .SetAddress(IPAddress.Parse("::ffff:192.168.0.3")).SetAddress(address6)
            .SetTcpPort(30303).SetUdpPort(30309).SetTcp6Port(1).SetUdp6Port(65535)
            .SetForkId(forkId)
            .Set("snap", Array.Empty<object>())
            .Set("topic-discovery", 1)
            .Sign(Key).Encoded.Span);

        Assert.Equal(ulong.MaxValue, record.Sequence);
        Assert.Equal(IPAddress.Parse("192.168.0.3"), record.IPv4Address);
        Assert.Equal(address6, record.IPv6Address);
        Assert.Equal((30303, 30309, 1, 65535), (record.TcpPort, record.UdpPort, record.Tcp6Port, record.Udp6Port));
        Assert.Equal(IPEndPoint.Parse("192.168.0.3:30303"), record.IPv4TcpEndPoint);
        Assert.Equal(IPEndPoint.Parse("192.168.0.3:30309"), record.IPv4UdpEndPoint);
        Assert.Equal(new IPEndPoint(address6, 1), record.IPv6TcpEndPoint);
        Assert.Equal(new IPEndPoint(address6, 65535), record.IPv6UdpEndPoint);
        Assert.Equal(forkId, record.ForkId);
        Assert.True(record.Contains("snap"));
        Assert.Equal<byte>([0xc0], record.GetRaw("snap"));
        Assert.True(record.TryGetReader("topic-discovery", out RlpReader reader));
        Assert.Equal(1UL, reader.ReadUInt64());
        Assert.False(record.Contains("les"));
        Assert.True(record.GetRaw("les").IsEmpty);
        Assert.False(record.TryGetReader("i", out reader));
        Assert.False(reader.TrySkip());
    }

    [Fact]
    public void Known_entries_of_a_wrong_form_are_as_good_as_missing_but_do_not_spoil_the_record()
    {
        NodeRecord record = NodeRecord.Decode(TestRecords.SignRaw(
            1, ("eth", "x"), ("id", "v4"), ("ip", new byte[16]), ("ip6", new byte[4]), ("secp256k1", TestRecords.CompressedKey),
            ("tcp", 65536), ("tcp6", new object[] { 1 }), ("udp", new byte[] { 0, 1 }), ("udp6", 0)));

        Assert.Null(record.IPv4Address);
        Assert.Null(record.IPv6Address);
        Assert.Null(record.TcpPort);
        Assert.Null(record.Tcp6Port);
        Assert.Null(record.UdpPort);
        Assert.Equal(0, record.Udp6Port);
        Assert.Null(record.ForkId);
        Assert.Null(record.IPv6UdpEndPoint);
        Assert.True(Node.FromRecord(record).IsIncomplete);
    }

    [Fact]
    public void The_builder_refuses_what_the_specification_rules_out()
    {
        var builder = new NodeRecordBuilder();
        Assert.Throws<ArgumentException>(() => builder.Set("id", "v5"));
        Assert.Throws<ArgumentException>(() => builder.Set("secp256k1", TestRecords.CompressedKey));
        Assert.Throws<ArgumentException>(() => builder.Remove("id"));
        Assert.Throws<ArgumentException>(() => builder.Set("ip", new byte[16]));
        Assert.Throws<ArgumentException>(() => builder.Set("ip6", new byte[4]));
        Assert.Throws<ArgumentException>(() => builder.Set("tcp", 65536));
        Assert.Throws<ArgumentException>(() => builder.Set("udp6", "port"));
        Assert.Throws<ArgumentException>(() => builder.Set("eth", new object[] { 1 }));
        Assert.Throws<ArgumentException>(() => builder.Set("\u0100", 1));
        Assert.Throws<ArgumentException>(() => builder.Set("x", new object()));
        Assert.Throws<ArgumentException>(() => builder.SetRaw("x", []));
        Assert.Throws<ArgumentException>(() => builder.SetRaw("x", [1, 2]));
        Assert.Throws<ArgumentException>(() => builder.SetRaw("x", [0x81, 0x01]));
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.SetTcpPort(65536));
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.SetUdpPort(-1));
        Assert.Equal(["id", "secp256k1"], builder.Sign(Key).GetEntries().Select(entry => entry.Key));
    }

    [Fact]
    public void A_changed_version_has_the_next_number_and_keeps_what_nobody_here_understands()
    {
        byte[] strange = [0xc3, 0x01, 0xc1, 0x80];
        NodeRecord first = NodeRecord.Decode(TestRecords.SignItems(7, "\u0001", new byte[] { 0xff }, "id", "v4", "les", new object[] { 1, Array.Empty<object>() }, "secp256k1", TestRecords.CompressedKey));
        NodeRecord second = first.ToBuilder().SetUdpPort(9).SetRaw("zz", strange).Sign(Key);

        Assert.Equal(8UL, second.Sequence);
        Assert.Equal(["\u0001", "id", "les", "secp256k1", "udp", "zz"], second.GetEntries().Select(entry => entry.Key));
        Assert.Equal(first.GetRaw("les"), second.GetRaw("les"));
        Assert.Equal(first.GetRaw("\u0001"), second.GetRaw("\u0001"));
        Assert.Equal(strange, second.GetRaw("zz"));
        Assert.Equal(9, NodeRecord.Decode(second.Encoded.Span).UdpPort);
        Assert.Null(second.ToBuilder().Remove("udp").Sign(Key).UdpPort);
        Assert.Equal(ulong.MaxValue, new NodeRecordBuilder { Sequence = ulong.MaxValue }.Sign(Key).ToBuilder().Sequence);

        PrivateKey other = PrivateKey.Generate();
        Assert.Equal(other.PublicKey.NodeId, NodeRecord.Decode(second.ToBuilder().Sign(other).Encoded.Span).NodeId);
    }

    [Fact]
    public void Any_entries_survive_the_round_trip_byte_for_byte()
    {
        Gen<string> keys = Gen.OneOf(Gen.Byte.Array[0, 8], Gen.Byte[(byte)'a', (byte)'z'].Array[1, 4]).Select(bytes => System.Text.Encoding.Latin1.GetString(bytes));
        Gen<byte[]> values = Gen.OneOf(
            Gen.Byte.Array[0, 12].Select(bytes => RlpEncoding.Encode(bytes)),
            Gen.ULong.Select(number => RlpEncoding.Encode(new object[] { number, Array.Empty<object>() })));
        Gen.Select(Gen.Dictionary(keys, values)[0, 6], Gen.ULong).Sample((entries, sequence) =>
        {
            var builder = new NodeRecordBuilder { Sequence = sequence };
            foreach ((string key, byte[] value) in entries)
            {
                if (key is "ip" or "ip6" or "tcp" or "udp" or "tcp6" or "udp6" or "id" or "eth")
                {
                    return;
                }

                builder.SetRaw(key, value);
            }

            NodeRecord signed = builder.Sign(Key);
            NodeRecord record = NodeRecord.Parse(signed.ToString());
            Assert.Equal(signed, record);
            Assert.Equal(sequence, record.Sequence);
            Assert.Equal(entries.Count + 2, record.GetEntries().Count);
            Assert.All(entries, entry => Assert.Equal(entry.Value, record.GetRaw(entry.Key)));
            Assert.Equal(RlpEncoding.Encode(record), record.Encoded);
        }, iter: 300);
    }

    [Fact]
    [Trait("Threat", "T13")]
    public void No_bytes_make_the_decoder_throw()
    {
        byte[] valid = new NodeRecordBuilder { Sequence = 300 }.SetAddress(IPAddress.Loopback).SetForkId(new ForkId(1, 2)).Set("les", new object[] { 1 }).Sign(Key).Encoded.ToArray();
        Gen<byte[]> changed = Gen.Select(Gen.Int[0, valid.Length], Gen.Int[0, valid.Length], Gen.Byte.Array[0, 4]).Select((from, to, inserted) =>
            (byte[])[.. valid[..Math.Min(from, to)], .. inserted, .. valid[Math.Max(from, to)..]]);
        // As the signature would hide what lies behind it, signed garbage as well.
        Gen<byte[]> signed = Gen.Byte.Array[0, 100].Select(bytes => TestRecords.WithSignature([0xc2, 0x80, 0x80], bytes));
        Gen<byte[]> garbage = Gen.Byte.Array[0, 120].Select(items => Wrap([0xb8, 64, .. valid[4..68], 1, .. items]));
        Gen.OneOf(Gen.Byte.Array[0, 350], changed, signed, garbage).Sample(bytes =>
        {
            bool ok = NodeRecord.TryDecode(bytes, out NodeRecord? record, out string? error);
            Assert.Equal(ok, record is not null);
            Assert.Equal(ok, error is null);
            Assert.True(error is null || error.Length < 200);
            Assert.Equal(ok, NodeRecord.TryParse("enr:" + Base64Url.EncodeToString(bytes), out _, out _));
            ok = NodeRecord.TryDecode(bytes, verifySignature: false, out record, out _);
            if (ok)
            {
                Assert.Equal(bytes, record!.Encoded);
                Assert.NotNull(Node.FromRecord(record).ToString());
                Assert.NotNull(record.GetEntries());
                _ = record.ForkId;
            }
        }, iter: 2000);

        static byte[] Wrap(byte[] content) => [0xf9, (byte)(content.Length >> 8), (byte)content.Length, .. content];
    }

    [Fact]
    [Trait("Threat", "T13")]
    public void A_value_that_nobody_reads_is_canonical_to_its_depth()
    {
        byte[] record = new NodeRecordBuilder { Sequence = 1 }.Set("zz", new object[] { 0x7F, 5 }).Sign(Key).Encoded.ToArray();
        Assert.True(NodeRecord.TryDecode(record, verifySignature: false, out _, out _));
        Assert.Equal([0xC2, 0x7F, 5], record[^3..]);
        record[^2] = 0x81;
        Assert.False(NodeRecord.TryDecode(record, verifySignature: false, out _, out string? error));
        Assert.Contains("canonical", error, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Threat", "T13")]
    public void Large_input_is_refused_without_memory()
    {
        byte[] bytes = new byte[10_000_000];
        string text = "enr:" + new string('A', 10_000_000);
        Assert.False(NodeRecord.TryDecode(bytes, out _, out _));
        Assert.False(NodeRecord.TryParse(text, out _, out _));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(NodeRecord.TryDecode(bytes, out _, out _));
        Assert.False(NodeRecord.TryParse(text, out _, out _));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 10_000);
    }

    private static void AssertRefused(byte[] rlp, string expected)
    {
        Assert.False(NodeRecord.TryDecode(rlp, out NodeRecord? record, out string? error));
        Assert.Null(record);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }
}
