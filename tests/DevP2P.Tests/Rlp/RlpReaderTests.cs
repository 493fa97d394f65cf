using System.Numerics;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Rlp;

/// <summary>The decoder's cases, largely those of go-ethereum's own tables (rlp/decode_test.go, rlp/raw_test.go).</summary>
public class RlpReaderTests
{
    [Theory]
    // integers and booleans
    [InlineData("05", "UInt32", RlpError.None)]
    [InlineData("80", "UInt32", RlpError.None)]
    [InlineData("8405050505", "UInt32", RlpError.None)]
    [InlineData("850505050505", "UInt32", RlpError.IntegerOverflow)]
    [InlineData("89000000000000000001", "UInt64", RlpError.IntegerOverflow)]
    [InlineData("88FFFFFFFFFFFFFFFF", "UInt64", RlpError.None)]
    [InlineData("820100", "Byte", RlpError.IntegerOverflow)]
    [InlineData("83010000", "UInt16", RlpError.IntegerOverflow)]
    [InlineData("C0", "UInt32", RlpError.ExpectedString)]
    [InlineData("00", "UInt32", RlpError.NonCanonicalInteger)]
    [InlineData("00", "Byte", RlpError.NonCanonicalInteger)]
    [InlineData("820004", "UInt32", RlpError.NonCanonicalInteger)]
    [InlineData("820002", "UInt64", RlpError.NonCanonicalInteger)]
    [InlineData("8105", "UInt32", RlpError.NonCanonicalSize)]
    [InlineData("8133", "UInt64", RlpError.NonCanonicalSize)]
    [InlineData("817F", "UInt64", RlpError.NonCanonicalSize)]
    [InlineData("8180", "UInt64", RlpError.None)]
    [InlineData("B8020004", "UInt32", RlpError.NonCanonicalSize)]
    [InlineData("01", "Boolean", RlpError.None)]
    [InlineData("80", "Boolean", RlpError.None)]
    [InlineData("02", "Boolean", RlpError.InvalidBoolean)]
    [InlineData("00", "Boolean", RlpError.NonCanonicalInteger)]
    // big integers (32 bytes at most, as a uint256)
    [InlineData("80", "Big", RlpError.None)]
    [InlineData("89FFFFFFFFFFFFFFFFFF", "Big", RlpError.None)]
    [InlineData("C0", "Big", RlpError.ExpectedString)]
    [InlineData("00", "Big", RlpError.NonCanonicalInteger)]
    [InlineData("820001", "Big", RlpError.NonCanonicalInteger)]
    [InlineData("8105", "Big", RlpError.NonCanonicalSize)]
    [InlineData("A0FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "Big", RlpError.None)]
    [InlineData("A1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00", "Big", RlpError.IntegerOverflow)]
    // strings
    [InlineData("C0", "Bytes", RlpError.ExpectedString)]
    [InlineData("8100", "Bytes", RlpError.NonCanonicalSize)]
    [InlineData("8101", "Bytes", RlpError.NonCanonicalSize)]
    [InlineData("817F", "Bytes", RlpError.NonCanonicalSize)]
    [InlineData("8180", "Bytes", RlpError.None)]
    [InlineData("02", "Exact1", RlpError.None)]
    [InlineData("8180", "Exact1", RlpError.None)]
    [InlineData("80", "Exact1", RlpError.WrongLength)]
    [InlineData("820102", "Exact1", RlpError.WrongLength)]
    [InlineData("8105", "Exact1", RlpError.NonCanonicalSize)]
    [InlineData("C0", "Exact1", RlpError.ExpectedString)]
    // headers: shortest form, no leading zeros
    [InlineData("B800", "Kind", RlpError.NonCanonicalSize)]
    [InlineData("B90000", "Kind", RlpError.NonCanonicalSize)]
    [InlineData("B90055", "Kind", RlpError.NonCanonicalSize)]
    [InlineData("BA0002FFFF", "Bytes", RlpError.NonCanonicalSize)]
    [InlineData("B802FFFF", "Kind", RlpError.NonCanonicalSize)]
    [InlineData("F800", "Kind", RlpError.NonCanonicalSize)]
    [InlineData("F90000", "Kind", RlpError.NonCanonicalSize)]
    [InlineData("F90055", "Kind", RlpError.NonCanonicalSize)]
    [InlineData("FA0002FFFF", "List", RlpError.NonCanonicalSize)]
    [InlineData("F8020004", "List", RlpError.NonCanonicalSize)]
    // sizes beyond the input
    [InlineData("81", "Bytes", RlpError.ValueTooLarge)]
    [InlineData("81", "UInt64", RlpError.ValueTooLarge)]
    [InlineData("81", "Raw", RlpError.ValueTooLarge)]
    [InlineData("8501010101", "Kind", RlpError.ValueTooLarge)]
    [InlineData("BFFFFFFFFFFFFFFFFF", "Kind", RlpError.ValueTooLarge)]
    [InlineData("BFFFFFFFFFFFFFFFFFFF", "Bytes", RlpError.ValueTooLarge)]
    [InlineData("FFFFFFFFFFFFFFFFFF", "Kind", RlpError.ValueTooLarge)]
    [InlineData("BFFFFFFFFFFFFFFF", "Bytes", RlpError.ValueTooLarge)]
    [InlineData("C801", "List", RlpError.ValueTooLarge)]
    [InlineData("C8C9010101010101010101", "List Kind", RlpError.ElementTooLarge)]
    [InlineData("C3B8FFFF", "List Kind", RlpError.ElementTooLarge)]
    [InlineData("CD04040404FFFFFFFFFFFFFFFFFF0303", "List UInt64 UInt64 UInt64 UInt64 List", RlpError.ElementTooLarge)]
    // wrong kinds and ends
    [InlineData("00", "List", RlpError.ExpectedList)]
    [InlineData("80", "List", RlpError.ExpectedList)]
    [InlineData("83222222", "List", RlpError.ExpectedList)]
    [InlineData("", "Kind", RlpError.EndOfInput)]
    [InlineData("", "UInt64", RlpError.EndOfInput)]
    [InlineData("", "List", RlpError.EndOfInput)]
    [InlineData("", "Skip", RlpError.EndOfInput)]
    [InlineData("8180", "UInt64 UInt64", RlpError.EndOfInput)]
    [InlineData("C0", "List UInt64", RlpError.EndOfList)]
    [InlineData("C3C2010201", "List List UInt64 UInt64 End", RlpError.None)]
    [InlineData("C3808080", "List Bytes Kind Kind Kind Bytes Kind Kind Bytes", RlpError.None)]
    [InlineData("C3808080", "List Bytes Bytes Bytes Bytes", RlpError.EndOfList)]
    [InlineData("C401020304", "List UInt64 End", RlpError.TooManyItems)]
    [InlineData("0102", "UInt64 End", RlpError.TrailingData)]
    // tails: ignored, or skipped and checked
    [InlineData("C401020304", "List UInt64 SkipRest End", RlpError.None)]
    [InlineData("C4018142FF", "List UInt64 SkipRest", RlpError.NonCanonicalSize)]
    [InlineData("C4010282FF", "List UInt64 SkipRest", RlpError.ElementTooLarge)]
    public void Calls_end_as_in_go_ethereum(string hex, string calls, RlpError expected)
    {
        var reader = new RlpReader(Convert.FromHexString(hex));
        bool ok = true;
        foreach (string call in calls.Split(' '))
        {
            Assert.True(ok, "only the last call may fail");
            ok = RlpCalls.Try(ref reader, call);
        }

        Assert.Equal(expected, reader.Error);
        Assert.Equal(expected == RlpError.None, ok);
        Assert.Equal(expected != RlpError.None, reader.HasError);
    }

    [Theory]
    [InlineData(0xB8)]
    [InlineData(0xF8)]
    public void The_long_form_starts_at_56_bytes(byte header)
    {
        foreach (byte size in (byte[])[0, 1, 54, 55, 56, 57, 255])
        {
            byte[] data = [header, size, .. new byte[size]];
            Assert.Equal(size > 55, new RlpReader(data).TrySkip());
            Assert.Equal(size > 55, RlpEncoding.IsWellFormed(data, out RlpError error));
            Assert.Equal(size > 55 ? RlpError.None : RlpError.NonCanonicalSize, error);
        }
    }

    [Fact]
    public void Values_come_out_as_they_went_in()
    {
        byte[] data = Convert.FromHexString("D9 05 820505 83050505 8405050505 85FAFAFAFAFA 01 80 83646F67".Replace(" ", ""));
        RlpReader list = new RlpReader(data).ReadList();

        Assert.Equal(5, list.ReadByte());
        Assert.Equal(0x0505, list.ReadUInt16());
        Assert.Equal(0x050505u, list.ReadUInt32());
        Assert.Equal(new BigInteger(0x05050505), list.ReadBigInteger(4));
        Assert.Equal(0xFAFAFAFAFAul, list.ReadUInt64());
        Assert.True(list.ReadBoolean());
        Assert.False(list.ReadBoolean());
        Assert.Equal(RlpKind.String, list.PeekKind());
        Assert.Equal("dog", list.ReadString());
        Assert.True(list.IsAtEnd);
        list.ReadEnd();
    }

    [Fact]
    public void Raw_items_keep_their_headers_and_the_outer_reader_goes_on_behind_a_list()
    {
        byte[] data = Convert.FromHexString("C8C20102C401C1C00380AA");
        var reader = new RlpReader(data);
        RlpReader list = reader.ReadList();

        Assert.Equal("C20102", Convert.ToHexString(list.ReadRaw()));
        Assert.Equal(3, list.Consumed);
        Assert.Equal("C401C1C003", Convert.ToHexString(list.Remaining));
        Assert.Equal(RlpError.None, list.Error);

        Assert.Equal(9, reader.Consumed);
        Assert.False(reader.IsAtEnd);
    }

    [Fact]
    public void Failure_sticks_and_ends_every_loop()
    {
        RlpReader list = new RlpReader(Convert.FromHexString("C4010203C0")).ReadList();
        Assert.False(list.TryReadList(out RlpReader inner));

        Assert.False(list.TryReadUInt64(out ulong value));
        Assert.Equal(0ul, value);
        Assert.False(list.TrySkip());
        Assert.False(list.TryCountItems(out int count));
        Assert.Equal(0, count);
        Assert.False(list.TrySkipRest());
        Assert.False(list.TryReadEnd());
        Assert.True(list.IsAtEnd);
        Assert.Equal(RlpError.ExpectedList, list.Error);
        Assert.False(inner.TryReadUInt64(out _));
        Assert.Equal(RlpError.ExpectedList, inner.Error);
    }

    [Theory]
    [InlineData("", 0, RlpError.None)]
    [InlineData("00", 1, RlpError.None)]
    [InlineData("C0", 1, RlpError.None)]
    [InlineData("010203", 3, RlpError.None)]
    [InlineData("01C40607080902", 3, RlpError.None)]
    [InlineData("820101820202840303030304", 4, RlpError.None)]
    [InlineData("01010101", 0, RlpError.None)]
    [InlineData("0101010101", 0, RlpError.TooManyItems)]
    [InlineData("8142", 0, RlpError.NonCanonicalSize)]
    [InlineData("01018142", 0, RlpError.NonCanonicalSize)]
    [InlineData("0284020202", 0, RlpError.ValueTooLarge)]
    public void Counting_is_bounded_and_does_not_advance(string hex, int expected, RlpError error)
    {
        var reader = new RlpReader(Convert.FromHexString(hex));
        bool ok = reader.TryCountItems(4, out int count);

        Assert.Equal(error, reader.Error);
        Assert.Equal(error == RlpError.None, ok);
        Assert.Equal(expected == 0 && ok ? hex.Length / 2 : expected, count);
        Assert.Equal(0, reader.Consumed);
    }

    [Theory]
    [InlineData("01", 1ul, 1)]
    [InlineData("7FFF", 0x7Ful, 1)]
    [InlineData("80FF", 0ul, 1)]
    [InlineData("81FAFF", 0xFAul, 2)]
    [InlineData("82FAFAFF", 0xFAFAul, 3)]
    [InlineData("87FAFAFAFAFAFAFAFF", 0xFAFAFAFAFAFAFAul, 8)]
    [InlineData("88FAFAFAFAFAFAFAFAFF", 0xFAFAFAFAFAFAFAFAul, 9)]
    [InlineData("", 0ul, 0)]
    [InlineData("00", 0ul, 0)]
    [InlineData("81", 0ul, 0)]
    [InlineData("8100", 0ul, 0)]
    [InlineData("8200FF", 0ul, 0)]
    [InlineData("8103FF", 0ul, 0)]
    [InlineData("C0", 0ul, 0)]
    [InlineData("89FAFAFAFAFAFAFAFAFAFF", 0ul, 0)]
    public void A_leading_integer_is_split_off(string hex, ulong expected, int expectedConsumed)
    {
        bool ok = RlpEncoding.TryReadUInt64Prefix(Convert.FromHexString(hex), out ulong value, out int consumed);

        Assert.Equal(expectedConsumed > 0, ok);
        Assert.Equal(expected, value);
        Assert.Equal(expectedConsumed, consumed);
    }

    [Theory]
    [InlineData("C330F9C030F93030CE3030303030303030BD303030303030", RlpError.ElementTooLarge)] // a fuzzer's find, from go-ethereum
    [InlineData("C0C0", RlpError.TrailingData)]
    [InlineData("C2C180", RlpError.None)]
    [InlineData("C3C2C180", RlpError.None)]
    [InlineData("C2C280", RlpError.ElementTooLarge)]
    [InlineData("C2C18101", RlpError.ElementTooLarge)]
    public void Validation_looks_inside_lists(string hex, RlpError expected)
    {
        Assert.Equal(expected == RlpError.None, RlpEncoding.IsWellFormed(Convert.FromHexString(hex), out RlpError error));
        Assert.Equal(expected, error);
    }

    [Fact]
    public void Text_that_is_not_utf8_is_replaced_as_go_does_not_reject_it()
    {
        var reader = new RlpReader(Convert.FromHexString("83FF61FE"));
        Assert.Equal("\uFFFDa\uFFFD", reader.ReadString());
    }

    [Fact]
    public void The_exception_says_what_is_wrong()
    {
        RlpException e = Assert.Throws<RlpException>(() => new RlpReader("\0"u8).ReadUInt64());
        Assert.Equal(RlpError.NonCanonicalInteger, e.Error);
        Assert.Equal("invalid RLP: an integer has leading zero bytes", e.Message);
        foreach (RlpError error in Enum.GetValues<RlpError>().Except([RlpError.None]))
        {
            Assert.DoesNotContain(error.ToString(), new RlpException(error).Message);
        }
    }
}
