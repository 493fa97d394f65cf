using CsCheck;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Rlp;

public class RlpPropertyTests
{
    /// <summary>Strings as byte arrays, lists as object arrays, nested up to five deep.</summary>
    private static readonly Gen<object> Items = MakeItems(5);

    /// <summary>Encodings with a few bytes changed, cut or appended: nearly valid, which random bytes seldom are.</summary>
    private static readonly Gen<byte[]> Mutated =
        from bytes in Items.Select(NaiveEncode)
        from edits in Gen.Select(Gen.Int[0, 1 << 20], Gen.Byte).Array[0, 3]
        from cut in Gen.Int[-2, 2]
        select Mutate(bytes, edits, cut);

    [Fact]
    public void Items_survive_the_round_trip_and_the_writer_agrees_with_the_definition()
    {
        Items.Sample(item =>
        {
            byte[] bytes = RlpEncoding.Encode(item);
            Assert.Equal(NaiveEncode(item), bytes);
            Assert.True(RlpEncoding.IsWellFormed(bytes));
            var reader = new RlpReader(bytes);
            AssertSame(item, Decode(ref reader));
            Assert.True(reader.TryReadEnd());
        });
    }

    [Fact]
    public void Integers_survive_the_round_trip()
    {
        Gen.ULong.Sample(value =>
        {
            Assert.True(RlpEncoding.TryReadUInt64Prefix(RlpEncoding.Encode(value), out ulong back, out int consumed));
            Assert.Equal(value, back);
            Assert.Equal(RlpEncoding.GetLength(value), consumed);
        });
    }

    [Fact]
    public void What_is_accepted_is_exactly_what_encodes_back_to_itself()
    {
        Gen.OneOf(Mutated, Gen.Byte.Array[0, 40]).Sample(bytes =>
        {
            var reader = new RlpReader(bytes);
            object? item = Decode(ref reader);
            bool accepted = item is not null && reader.TryReadEnd();

            Assert.Equal(RlpEncoding.IsWellFormed(bytes), accepted);
            if (accepted)
            {
                Assert.Equal(bytes, NaiveEncode(item!));
            }
        }, iter: 2000);
    }

    [Fact]
    public void No_bytes_and_no_calls_make_a_try_method_throw_and_both_forms_agree()
    {
        Gen.Select(Gen.OneOf(Mutated, Gen.Byte.Array[0, 40]), Gen.Int[0, RlpCalls.Names.Length - 1].Select(i => RlpCalls.Names[i]).Array[1, 12]).Sample((bytes, calls) =>
        {
            var trying = new RlpReader(bytes);
            var throwing = new RlpReader(bytes);
            foreach (string call in calls)
            {
                bool ok = RlpCalls.Try(ref trying, call);
                RlpError thrown = RlpError.None;
                try
                {
                    RlpCalls.Throwing(ref throwing, call);
                }
                catch (RlpException e)
                {
                    thrown = e.Error;
                }

                Assert.Equal(ok ? RlpError.None : trying.Error, thrown);
                Assert.Equal(!ok, trying.HasError);
                if (!ok)
                {
                    break;
                }

                Assert.Equal(trying.Consumed, throwing.Consumed);
            }
        }, iter: 2000);
    }

    private static Gen<object> MakeItems(int depth)
    {
        Gen<object> strings = Gen.OneOf(Gen.Byte.Array[0, 3], Gen.Byte.Array[0, 70], Gen.Byte.Array[250, 260]).Select(bytes => (object)bytes);
        return depth == 0 ? strings : Gen.OneOf(strings, MakeItems(depth - 1).Array[0, 5].Select(items => (object)items));
    }

    private static byte[] Mutate(byte[] bytes, (int, byte)[] edits, int cut)
    {
        byte[] result = new byte[Math.Max(0, bytes.Length + cut)];
        bytes.AsSpan(0, Math.Min(bytes.Length, result.Length)).CopyTo(result);
        foreach ((int where, byte value) in edits)
        {
            if (result.Length > 0)
            {
                result[where % result.Length] = value;
            }
        }

        return result;
    }

    private static object? Decode(ref RlpReader reader)
    {
        if (!reader.TryPeekKind(out RlpKind kind))
        {
            return null;
        }

        if (kind == RlpKind.String)
        {
            return reader.TryReadBytes(out ReadOnlySpan<byte> bytes) ? bytes.ToArray() : null;
        }

        var items = new List<object>();
        Assert.True(reader.TryReadList(out RlpReader list));
        while (!list.IsAtEnd)
        {
            if (Decode(ref list) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return items.ToArray();
    }

    private static void AssertSame(object expected, object? actual)
    {
        if (expected is byte[] bytes)
        {
            Assert.Equal(bytes, Assert.IsType<byte[]>(actual));
            return;
        }

        object[] items = Assert.IsType<object[]>(actual);
        Assert.Equal(((object[])expected).Length, items.Length);
        for (int i = 0; i < items.Length; i++)
        {
            AssertSame(((object[])expected)[i], items[i]);
        }
    }

    /// <summary>The definition of RLP, without a thought for speed.</summary>
    private static byte[] NaiveEncode(object item)
    {
        if (item is byte[] bytes)
        {
            return bytes is [< 0x80] ? bytes : [.. Header(0x80, bytes.Length), .. bytes];
        }

        byte[] content = ((object[])item).SelectMany(NaiveEncode).ToArray();
        return [.. Header(0xC0, content.Length), .. content];
    }

    private static byte[] Header(int offset, int length)
    {
        if (length <= 55)
        {
            return [(byte)(offset + length)];
        }

        byte[] size = BitConverter.GetBytes(length).Reverse().SkipWhile(b => b == 0).ToArray();
        return [(byte)(offset + 55 + size.Length), .. size];
    }
}
