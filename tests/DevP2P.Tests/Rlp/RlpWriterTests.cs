using System.Buffers;
using System.Numerics;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Rlp;

public class RlpWriterTests
{
    [Theory]
    [InlineData(0UL, "80")]
    [InlineData(1UL, "01")]
    [InlineData(2UL, "02")]
    [InlineData(127UL, "7F")]
    [InlineData(128UL, "8180")]
    [InlineData(129UL, "8181")]
    [InlineData(0x400UL, "820400")]
    [InlineData(0xFFFFFFUL, "83FFFFFF")]
    [InlineData(ulong.MaxValue, "88FFFFFFFFFFFFFFFF")]
    public void Integers_have_no_leading_zeros(ulong value, string expected)
    {
        Span<byte> bytes = stackalloc byte[RlpEncoding.MaxUInt64Length];
        int length = RlpEncoding.WriteUInt64(bytes, value);

        Assert.Equal(expected, Convert.ToHexString(bytes[..length]));
        Assert.Equal(length, RlpEncoding.GetLength(value));
        Assert.Equal(expected, Convert.ToHexString(RlpEncoding.Encode(value)));
        Assert.Equal(expected, Convert.ToHexString(RlpEncoding.Encode((BigInteger)value)));
    }

    [Fact]
    public void Every_supported_type_has_its_encoding()
    {
        object?[] items =
        [
            (byte)1, (ushort)2, 3u, 4UL, 5, 6L, (BigInteger)7, true, false, "dog", new byte[] { 0x7F }, new byte[] { 0x80 },
            new ReadOnlyMemory<byte>([9, 9]), new Memory<byte>([8]), new object[] { 1, "a" }, new List<uint> { 1, 2 }, null, new Pair(),
        ];

        Assert.Equal("DE 01020304050607 01 80 83646F67 7F 8180 820909 08 C20161 C20102 C0 C20AC0".Replace(" ", ""), Convert.ToHexString(RlpEncoding.Encode(items)));
    }

    [Fact]
    public void Lists_around_the_limit_of_the_short_form_get_the_right_header()
    {
        foreach (int length in (int[])[0, 1, 54, 55, 56, 57, 254, 255, 256, 257, 65535, 65536, 70000])
        {
            // The smallest start forces the buffer to grow in every way.
            var writer = new RlpWriter(new byte[2].AsSpan());
            RlpListToken outer = writer.StartList();
            RlpListToken inner = writer.StartList();
            for (int i = 0; i < length; i++)
            {
                writer.Write(1);
            }

            writer.EndList(inner);
            writer.Write("end");
            writer.EndList(outer);
            byte[] bytes = writer.ToArray();
            writer.Dispose();

            Assert.True(RlpEncoding.IsWellFormed(bytes));
            Assert.Equal(RlpEncoding.GetListLength(RlpEncoding.GetListLength(length) + 4), bytes.Length);
            RlpReader list = new RlpReader(bytes).ReadList();
            Assert.Equal(length, list.ReadList().CountItems());
            Assert.Equal("end", list.ReadString());
            list.ReadEnd();
        }
    }

    [Fact]
    public void What_has_no_encoding_is_refused_by_name()
    {
        Assert.Contains("System.Double", Assert.Throws<ArgumentException>(() => RlpEncoding.Encode(1.5)).Message);
        Assert.Contains("System.Char", Assert.Throws<ArgumentException>(() => RlpEncoding.Encode(new object[] { 1, new object[] { 'x' } })).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => RlpEncoding.Encode(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => RlpEncoding.Encode(-1L));
        Assert.Throws<ArgumentOutOfRangeException>(() => RlpEncoding.Encode(BigInteger.MinusOne));
    }

    [Fact]
    public void A_list_that_contains_itself_is_refused()
    {
        var list = new List<object>();
        list.Add(list);

        Assert.Throws<InvalidOperationException>(() => RlpEncoding.Encode(list));
    }

    [Fact]
    public void Lists_must_be_closed_in_order_and_once()
    {
        Assert.Throws<InvalidOperationException>(() =>
        {
            using var writer = new RlpWriter(16);
            RlpListToken outer = writer.StartList();
            writer.StartList();
            writer.EndList(outer);
        });
        Assert.Throws<InvalidOperationException>(() =>
        {
            using var writer = new RlpWriter(16);
            RlpListToken list = writer.StartList();
            writer.EndList(list);
            writer.EndList(list);
        });
        Assert.Throws<InvalidOperationException>(() =>
        {
            using var writer = new RlpWriter(16);
            writer.StartList();
            return writer.ToArray().Length;
        });
    }

    [Fact]
    public void Writing_allocates_nothing()
    {
        byte[] payload = new byte[100];
        WriteSome(payload);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            WriteSome(payload);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_cleared_writer_starts_anew_and_copies_to_buffer_writers()
    {
        using var writer = new RlpWriter(16);
        writer.StartList();
        writer.Clear();
        writer.Write("abc"u8);
        var destination = new ArrayBufferWriter<byte>();
        writer.CopyTo(destination);

        Assert.Equal("83616263", Convert.ToHexString(destination.WrittenSpan));
        Assert.Equal(4, writer.Length);
    }

    private static void WriteSome(byte[] payload)
    {
        using var writer = new RlpWriter(16);
        RlpListToken list = writer.StartList();
        for (ulong i = 0; i < 20; i++)
        {
            writer.Write(i << (int)i);
            writer.Write("text");
            writer.Write(payload);
            writer.Write(true);
        }

        writer.EndList(list);
        if (writer.Written.Length < 2000)
        {
            throw new InvalidOperationException();
        }
    }

    private sealed class Pair : IRlpSerializable
    {
        public void WriteTo(ref RlpWriter writer)
        {
            RlpListToken list = writer.StartList();
            writer.Write(10);
            writer.EndList(writer.StartList());
            writer.EndList(list);
        }
    }
}
