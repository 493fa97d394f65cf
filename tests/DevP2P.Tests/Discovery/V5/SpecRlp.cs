using static Discv5Spec.SpecException;

namespace Discv5Spec;

/// <summary>
/// An RLP item: a string of bytes or a list. Only the canonical encoding is understood. What is in a list is looked at when it is
/// asked for: a record that is no RLP inside is a wrong record in a right message.
/// </summary>
/// <param name="Encoding">All of its bytes, prefix included.</param>
/// <param name="Content">The bytes of a string; null for a list.</param>
/// <param name="Payload">The bytes of a list's items; null for a string.</param>
internal sealed record SpecRlp(byte[] Encoding, byte[]? Content, byte[]? Payload)
{
    public byte[] AsBytes => Content ?? throw new SpecException(SpecError.RlpStringExpected);

    public SpecRlp[] AsList => ReadItems(Payload ?? throw new SpecException(SpecError.RlpListExpected));

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
        SpecRlp item = Read(bytes, ref position);
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

    private static SpecRlp[] ReadItems(byte[] payload)
    {
        var items = new List<SpecRlp>();
        for (int position = 0; position < payload.Length;)
        {
            items.Add(Read(payload, ref position));
        }

        return [.. items];
    }

    private static SpecRlp Read(byte[] bytes, ref int position)
    {
        Require(position < bytes.Length, SpecError.RlpTruncated);
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
            size = ReadLongSize(bytes, ref position, size - 55);
        }

        Require(size <= bytes.Length - position, SpecError.RlpTruncated);
        int contentStart = position;
        position += size;
        byte[] encoding = bytes[start..position];
        byte[] content = bytes[contentStart..position];
        if (isList)
        {
            return new SpecRlp(encoding, null, content);
        }

        Require(content.Length != 1 || content[0] >= 0x80, SpecError.RlpNotCanonical);
        return new SpecRlp(encoding, content, null);
    }

    private static int ReadLongSize(byte[] bytes, ref int position, int sizeOfSize)
    {
        Require(sizeOfSize <= bytes.Length - position, SpecError.RlpTruncated);
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
