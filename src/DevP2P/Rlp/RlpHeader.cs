namespace DevP2P.Rlp;

/// <summary>The one place that knows how an item's header looks (Yellow Paper, appendix B).</summary>
internal static class RlpHeader
{
    /// <summary>Up to this many bytes of content, the size stands in the first byte.</summary>
    internal const int MaxShortContent = 55;

    internal const byte StringOffset = 0x80;
    internal const byte ListOffset = 0xC0;

    /// <summary>Reads the header at the start of <paramref name="data"/>, which must not be empty.</summary>
    /// <returns>
    /// None, <see cref="RlpError.NonCanonicalSize"/> or <see cref="RlpError.ValueTooLarge"/>. With None, the header and its
    /// content lie within <paramref name="data"/>. A byte below 0x80 is its own content and has a header of no bytes.
    /// </returns>
    internal static RlpError Parse(ReadOnlySpan<byte> data, out RlpKind kind, out int headerLength, out int contentLength)
    {
        byte first = data[0];
        kind = first < ListOffset ? RlpKind.String : RlpKind.List;
        if (first < StringOffset)
        {
            headerLength = 0;
            contentLength = 1;
            return RlpError.None;
        }

        int size = first - (kind == RlpKind.String ? StringOffset : ListOffset);
        if (size > MaxShortContent)
        {
            return ParseLong(data, size - MaxShortContent, out headerLength, out contentLength);
        }

        headerLength = 1;
        contentLength = size;
        if (size > data.Length - 1)
        {
            return RlpError.ValueTooLarge;
        }

        // A byte below 0x80 has one encoding only: itself.
        return kind == RlpKind.String && size == 1 && data[1] < StringOffset ? RlpError.NonCanonicalSize : RlpError.None;
    }

    /// <summary>How many bytes a header takes in front of <paramref name="contentLength"/> bytes.</summary>
    internal static int GetLength(int contentLength) =>
        contentLength <= MaxShortContent ? 1 : 1 + RlpEncoding.GetByteCount((uint)contentLength);

    /// <summary>Writes a header and returns its length.</summary>
    internal static int Write(Span<byte> destination, byte offset, int contentLength)
    {
        if (contentLength <= MaxShortContent)
        {
            destination[0] = (byte)(offset + contentLength);
            return 1;
        }

        int sizeLength = RlpEncoding.GetByteCount((uint)contentLength);
        destination[0] = (byte)(offset + MaxShortContent + sizeLength);
        RlpEncoding.WriteBigEndian(destination.Slice(1, sizeLength), (uint)contentLength);
        return 1 + sizeLength;
    }

    private static RlpError ParseLong(ReadOnlySpan<byte> data, int sizeLength, out int headerLength, out int contentLength)
    {
        headerLength = 1 + sizeLength;
        contentLength = 0;
        if (headerLength > data.Length)
        {
            return RlpError.ValueTooLarge;
        }

        ulong size = RlpEncoding.ReadBigEndian(data.Slice(1, sizeLength));
        if (data[1] == 0 || size <= MaxShortContent)
        {
            return RlpError.NonCanonicalSize;
        }

        if (size > (ulong)(data.Length - headerLength))
        {
            return RlpError.ValueTooLarge;
        }

        contentLength = (int)size;
        return RlpError.None;
    }
}
