using System.Buffers.Binary;
using System.Numerics;

namespace DevP2P.Rlp;

/// <summary>RLP without a reader or writer: sizes, single integers, whole objects. All methods are safe for concurrent use.</summary>
/// <remarks>Go: the functions of package <c>rlp</c>. The format: Yellow Paper, appendix B; canonical form as go-ethereum demands it.</remarks>
public static class RlpEncoding
{
    /// <summary>
    /// How deep lists may be nested, for reading and for writing. No protocol of the family needs more than ten levels; the
    /// limit keeps code that recurses into nested lists from exhausting its stack on hostile input.
    /// </summary>
    public const int MaxDepth = 1024;

    /// <summary>How many items of a list <see cref="RlpReader.TryCountItems(out int)"/> counts before it gives up.</summary>
    public const int MaxListItems = 1 << 20;

    /// <summary>The most bytes that an encoded <see cref="ulong"/> takes.</summary>
    public const int MaxUInt64Length = 9;

    /// <summary>The length in bytes of an encoded integer.</summary>
    /// <remarks>Go: <c>rlp.IntSize</c>.</remarks>
    public static int GetLength(ulong value) => value < RlpHeader.StringOffset ? 1 : 1 + GetByteCount(value);

    /// <summary>The length in bytes of an encoded string.</summary>
    /// <remarks>Go: <c>rlp.BytesSize</c>.</remarks>
    public static int GetLength(ReadOnlySpan<byte> value) =>
        value.Length == 1 && value[0] < RlpHeader.StringOffset ? 1 : checked(RlpHeader.GetLength(value.Length) + value.Length);

    /// <summary>The length in bytes of a list whose encoded items take <paramref name="contentLength"/> bytes.</summary>
    /// <remarks>Go: <c>rlp.ListSize</c>.</remarks>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="contentLength"/> is negative.</exception>
    public static int GetListLength(int contentLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(contentLength);
        return checked(RlpHeader.GetLength(contentLength) + contentLength);
    }

    /// <summary>Writes one integer.</summary>
    /// <param name="destination">Has room for <see cref="GetLength(ulong)"/> bytes; <see cref="MaxUInt64Length"/> always suffice.</param>
    /// <param name="value">The integer.</param>
    /// <returns>How many bytes were written.</returns>
    /// <remarks>Go: <c>rlp.AppendUint64</c>.</remarks>
    public static int WriteUInt64(Span<byte> destination, ulong value)
    {
        if (value < RlpHeader.StringOffset)
        {
            destination[0] = value == 0 ? RlpHeader.StringOffset : (byte)value;
            return 1;
        }

        int length = GetByteCount(value);
        WriteBigEndian(destination.Slice(1, length), value);
        destination[0] = (byte)(RlpHeader.StringOffset + length);
        return 1 + length;
    }

    /// <summary>Reads the integer that <paramref name="data"/> starts with, whatever follows it.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="value">The integer, or 0.</param>
    /// <param name="consumed">How many bytes it took, or 0.</param>
    /// <returns>False when the bytes do not start with a canonical integer of at most 64 bits.</returns>
    /// <remarks>Go: <c>rlp.SplitUint64</c>.</remarks>
    public static bool TryReadUInt64Prefix(ReadOnlySpan<byte> data, out ulong value, out int consumed)
    {
        var reader = new RlpReader(data);
        bool ok = reader.TryReadUInt64(out value);
        consumed = ok ? reader.Consumed : 0;
        return ok;
    }

    /// <summary>Encodes one value as <see cref="RlpWriter.WriteItem"/> does.</summary>
    /// <exception cref="ArgumentException">The value, or one inside it, is of a type that has no encoding; the message names it.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    /// <remarks>Go: <c>rlp.EncodeToBytes</c>.</remarks>
    public static byte[] Encode(object? content)
    {
        var writer = new RlpWriter(stackalloc byte[256]);
        try
        {
            writer.WriteItem(content);
            return writer.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>
    /// Whether <paramref name="data"/> is exactly one item in canonical form, its nested lists included. Takes time linear in
    /// the input and no memory that grows with it. Readers check what they read, so this is for data that is passed on unread.
    /// </summary>
    public static bool IsWellFormed(ReadOnlySpan<byte> data) => IsWellFormed(data, out _);

    /// <summary>As <see cref="IsWellFormed(ReadOnlySpan{byte})"/>, and says what is wrong.</summary>
    public static bool IsWellFormed(ReadOnlySpan<byte> data, out RlpError error)
    {
        // Where the lists end that the walk stands in. An explicit stack: nesting is the sender's choice.
        Span<int> ends = stackalloc int[MaxDepth];
        int depth = 0;
        int position = 0;
        int end = data.Length;
        error = data.IsEmpty ? RlpError.EndOfInput : RlpError.None;
        while (error == RlpError.None)
        {
            error = RlpHeader.Parse(data[position..end], out RlpKind kind, out int headerLength, out int contentLength);
            if (error != RlpError.None)
            {
                error = error == RlpError.ValueTooLarge && depth > 0 ? RlpError.ElementTooLarge : error;
                break;
            }

            position += headerLength;
            if (kind == RlpKind.List)
            {
                if (depth == MaxDepth)
                {
                    error = RlpError.TooDeep;
                    break;
                }

                ends[depth++] = end;
                end = position + contentLength;
            }
            else
            {
                position += contentLength;
            }

            while (depth > 0 && position == end)
            {
                end = ends[--depth];
            }

            if (depth == 0)
            {
                error = position == data.Length ? RlpError.None : RlpError.TrailingData;
                break;
            }
        }

        return error == RlpError.None;
    }

    /// <summary>How many bytes an integer has without leading zeros; 0 for 0.</summary>
    internal static int GetByteCount(ulong value) => (64 - BitOperations.LeadingZeroCount(value) + 7) / 8;

    /// <summary>Reads 0 to 8 bytes as a big-endian number.</summary>
    internal static ulong ReadBigEndian(ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        foreach (byte b in bytes)
        {
            value = (value << 8) | b;
        }

        return value;
    }

    /// <summary>Fills 0 to 8 bytes with the low bytes of a number, big-endian.</summary>
    internal static void WriteBigEndian(Span<byte> destination, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        bytes[^destination.Length..].CopyTo(destination);
    }
}
