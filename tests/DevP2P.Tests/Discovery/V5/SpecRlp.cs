using static Discv5Spec.SpecException;

namespace Discv5Spec;

/// <summary>An RLP item: a string of bytes or a list. Only the canonical encoding is understood.</summary>
/// <param name="Encoding">All of its bytes, prefix included.</param>
/// <param name="Content">The bytes of a string; null for a list.</param>
/// <param name="Items">The items of a list; null for a string.</param>
internal sealed record SpecRlp(byte[] Encoding, byte[]? Content, SpecRlp[]? Items)
{
    // Far more than any message or record needs; keeps hostile nesting from the stack.
    private const int MaxDepth = 64;

    public byte[] AsBytes => Content ?? throw new SpecException(SpecError.RlpStringExpected);

    public SpecRlp[] AsList => Items ?? throw new SpecException(SpecError.RlpListExpected);

    /// <summary>A positive integer or zero: big endian, without leading zeros, zero being the empty string.</summary>
    public ulong AsInteger(int maxBytes = 8)
    {
        byte[] bytes = AsBytes;
        Require(bytes.Length == 0 || bytes[0] != 0, SpecError.RlpIntegerNotCanonical);
        Require(bytes.Length <= maxBytes, SpecError.RlpIntegerTooLarge);
        return bytes.Aggregate(0UL, static (sum, b) => (sum << 8) | b);
    }

    /// <summary>The one item that all the bytes encode.</summary>
    public static SpecRlp Decode(byte[] bytes)
    {
        int position = 0;
        SpecRlp item = Read(bytes, bytes.Length, ref position, 0);
        Require(position == bytes.Length, SpecError.RlpTrailingBytes);
        return item;
    }

    /// <summary>The encoding of a list of items that are encoded already.</summary>
    public static byte[] EncodeList(IEnumerable<byte[]> items)
    {
        byte[] payload = [.. items.SelectMany(static i => i)];
        if (payload.Length < 56)
        {
            return [(byte)(0xc0 + payload.Length), .. payload];
        }

        byte[] length = [.. BitConverter.GetBytes(payload.Length).Reverse().SkipWhile(static b => b == 0)];
        return [(byte)(0xf7 + length.Length), .. length, .. payload];
    }

    private static SpecRlp Read(byte[] bytes, int end, ref int position, int depth)
    {
        Require(position < end, SpecError.RlpTruncated);
        Require(depth <= MaxDepth, SpecError.RlpNotCanonical);
        int start = position;
        byte prefix = bytes[position++];
        if (prefix < 0x80)
        {
            return new SpecRlp([prefix], [prefix], null);
        }

        bool isList = prefix >= 0xc0;
        int size = prefix - (isList ? 0xc0 : 0x80);
        if (size > 55)
        {
            size = ReadLongSize(bytes, end, ref position, size - 55);
        }

        Require(size <= end - position, SpecError.RlpTruncated);
        int contentStart = position;
        position += size;
        byte[] encoding = bytes[start..position];
        if (!isList)
        {
            byte[] content = bytes[contentStart..position];
            Require(content.Length != 1 || content[0] >= 0x80, SpecError.RlpNotCanonical);
            return new SpecRlp(encoding, content, null);
        }

        var items = new List<SpecRlp>();
        for (int inner = contentStart; inner < position;)
        {
            items.Add(Read(bytes, position, ref inner, depth + 1));
        }

        return new SpecRlp(encoding, null, [.. items]);
    }

    private static int ReadLongSize(byte[] bytes, int end, ref int position, int sizeOfSize)
    {
        Require(sizeOfSize <= end - position, SpecError.RlpTruncated);
        Require(bytes[position] != 0, SpecError.RlpNotCanonical);
        long size = 0;
        for (int i = 0; i < sizeOfSize; i++)
        {
            size = (size << 8) | bytes[position++];
            // No input is that long, and the sum must not overflow.
            Require(size <= int.MaxValue, SpecError.RlpTruncated);
        }

        Require(size > 55, SpecError.RlpNotCanonical);
        return (int)size;
    }
}
