using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Rlp;

[Trait("Threat", "T13")]
public class RlpHostileInputTests
{
    [Fact]
    public void A_hundred_thousand_nested_lists_are_refused_without_recursion_or_allocation()
    {
        byte[] bomb = Nest(100_000);
        AssertAllocatesNothing(bomb, static data =>
        {
            Assert.False(RlpEncoding.IsWellFormed(data, out RlpError error));
            Assert.True(error == RlpError.TooDeep);

            // What is not read costs nothing, however deep it is.
            var outer = new RlpReader(data);
            Assert.True(outer.TrySkip());
            Assert.True(outer.TryReadEnd());

            // A decoder that recurses is stopped by the reader.
            var reader = new RlpReader(data);
            Assert.True(Descend(ref reader, 0) == RlpEncoding.MaxDepth);
        });
    }

    [Fact]
    public void The_deepest_permitted_nesting_is_accepted()
    {
        byte[] deepest = Nest(RlpEncoding.MaxDepth);
        Assert.True(RlpEncoding.IsWellFormed(deepest));
        var reader = new RlpReader(deepest);
        Assert.Equal(RlpEncoding.MaxDepth, Descend(ref reader, 0));
        Assert.False(RlpEncoding.IsWellFormed(Nest(RlpEncoding.MaxDepth + 1)));
    }

    [Fact]
    public void Four_million_items_are_not_counted_beyond_the_bound()
    {
        byte[] bomb = new byte[4 + (1 << 22)];
        bomb[0] = 0xFA;
        bomb[1] = 0x40;
        AssertAllocatesNothing(bomb, static data =>
        {
            var reader = new RlpReader(data);
            Assert.True(reader.TryReadList(out RlpReader list));
            RlpReader again = list;
            Assert.False(list.TryCountItems(1000, out int count));
            Assert.True(count == 0 && list.Error == RlpError.TooManyItems);
            Assert.False(again.TryCountItems(out _));
            Assert.True(again.Error == RlpError.TooManyItems);
        });
    }

    [Theory]
    [InlineData("BFFFFFFFFFFFFFFFFF")]
    [InlineData("BF7FFFFFFFFFFFFFFF00")]
    [InlineData("BB7FFFFFFF00")]
    [InlineData("BBFFFFFFFF00")]
    [InlineData("BC010000000000")]
    [InlineData("FFFFFFFFFFFFFFFFFF")]
    [InlineData("FB7FFFFFFF00")]
    [InlineData("FBFFFFFFFF00")]
    [InlineData("FA7FFFFF")]
    public void A_huge_declared_size_is_refused_before_anything_is_allocated(string hex)
    {
        AssertAllocatesNothing(Convert.FromHexString(hex), static data =>
        {
            foreach (string call in RlpCalls.Names)
            {
                var reader = new RlpReader(data);
                Assert.False(RlpCalls.Try(ref reader, call));
                Assert.True(reader.Error == (call == "End" ? RlpError.TrailingData : RlpError.ValueTooLarge), call);
            }

            Assert.False(RlpEncoding.IsWellFormed(data));
        });
    }

    [Fact]
    public void Integers_with_leading_zeros_are_refused_whatever_their_size()
    {
        for (int length = 1; length <= 40; length++)
        {
            byte[] content = new byte[length];
            content[^1] = 0xAA;
            content[0] = 0;
            byte[] data = RlpEncoding.Encode(content);
            foreach (string call in (string[])["UInt64", "UInt32", "UInt16", "Byte", "Boolean", "Big", "Integer"])
            {
                var reader = new RlpReader(data);
                Assert.False(RlpCalls.Try(ref reader, call));
                Assert.True(reader.Error is RlpError.NonCanonicalInteger or RlpError.IntegerOverflow);
            }
        }
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        byte[] data = RlpEncoding.Encode(Enumerable.Range(0, 100).Select(i => new object[] { i, new byte[i], true }));
        AssertAllocatesNothing(data, static data =>
        {
            ulong sum = 0;
            RlpReader list = new RlpReader(data).ReadList();
            while (!list.IsAtEnd)
            {
                RlpReader row = list.ReadList();
                sum += row.ReadUInt64() + (ulong)row.ReadBytes().Length + (row.ReadBoolean() ? 1UL : 0);
                row.ReadEnd();
            }

            Assert.True(sum == 10_000);
        });
    }

    /// <summary>The action must not use assertions that box what they compare.</summary>
    private static void AssertAllocatesNothing(byte[] data, Action<byte[]> action)
    {
        action(data); // once for the runtime's own needs
        long before = GC.GetAllocatedBytesForCurrentThread();
        action(data);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(0, allocated);
    }

    private static int Descend(ref RlpReader reader, int depth) =>
        reader.TryReadList(out RlpReader inner) ? Descend(ref inner, depth + 1) : depth;

    /// <summary>As many lists as <paramref name="levels"/>, one in the other.</summary>
    private static byte[] Nest(int levels)
    {
        // Built from the inside out, at the end of a buffer, because every header depends on what it encloses.
        byte[] buffer = new byte[4 * levels];
        int start = buffer.Length;
        for (int i = 0; i < levels; i++)
        {
            int length = buffer.Length - start;
            if (length <= 55)
            {
                buffer[--start] = (byte)(0xC0 + length);
                continue;
            }

            int sizeLength = 0;
            for (; length > 0; length >>= 8, sizeLength++)
            {
                buffer[--start] = (byte)length;
            }

            buffer[--start] = (byte)(0xF7 + sizeLength);
        }

        return buffer[start..];
    }
}
