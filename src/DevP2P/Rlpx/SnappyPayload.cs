using Snappier;

namespace DevP2P.Rlpx;

/// <summary>Compression of message payloads: the raw snappy block format, without framing (EIP-706).</summary>
internal static class SnappyPayload
{
    /// <summary>
    /// No element of the format yields more than 64 bytes from 3: whoever declares more than this many times what was sent
    /// lies, and is found out before anything is allocated.
    /// </summary>
    private const int MaxExpansion = 22;

    /// <summary>
    /// Payloads up to this size are stored as one literal: there is little to gain in them, and the library's compressor
    /// allocates and costs more than the rest of a small frame.
    /// </summary>
    private const int MaxStoredSize = 128;

    /// <summary>A literal's tag holds its length up to this; above, one more byte does (lengths up to 256).</summary>
    private const int MaxShortLiteral = 60;

    /// <summary>The format's own bound.</summary>
    public static int GetMaxCompressedSize(int size) => Math.Max(Snappy.GetMaxCompressedLength(size), size + 4);

    public static int Compress(ReadOnlySpan<byte> payload, Span<byte> destination)
    {
        if (payload.Length is 0 or > MaxStoredSize)
        {
            return Snappy.Compress(payload, destination);
        }

        // The uncompressed length as a varint, then the literal's tag.
        int at = 0;
        if (payload.Length < 0x80)
        {
            destination[at++] = (byte)payload.Length;
        }
        else
        {
            destination[at++] = (byte)(payload.Length | 0x80);
            destination[at++] = (byte)(payload.Length >> 7);
        }

        if (payload.Length <= MaxShortLiteral)
        {
            destination[at++] = (byte)((payload.Length - 1) << 2);
        }
        else
        {
            destination[at++] = MaxShortLiteral << 2;
            destination[at++] = (byte)(payload.Length - 1);
        }

        payload.CopyTo(destination[at..]);
        return at + payload.Length;
    }

    /// <summary>Reads the declared size without decompressing anything.</summary>
    /// <returns>False for a malformed length, and for one that these bytes cannot possibly expand to.</returns>
    public static bool TryGetSize(ReadOnlySpan<byte> compressed, out int size)
    {
        // A base-128 varint of at most 32 bits, least significant group first.
        ulong value = 0;
        for (int i = 0; i < compressed.Length && i < 5; i++)
        {
            value |= (ulong)(compressed[i] & 0x7F) << (7 * i);
            if (compressed[i] < 0x80)
            {
                size = (int)Math.Min(value, int.MaxValue);
                return value <= (ulong)(compressed.Length - i - 1) * MaxExpansion || value > FrameCodec.MaxMessageSize;
            }
        }

        size = 0;
        return false;
    }

    /// <summary>Decompresses into exactly the declared size.</summary>
    /// <returns>False if the data is corrupt.</returns>
    public static bool TryDecompress(ReadOnlySpan<byte> compressed, Span<byte> destination)
    {
        // One short literal that is the whole block needs no decompressor.
        if (destination.Length is > 0 and <= MaxShortLiteral
            && compressed.Length == destination.Length + 2 && compressed[1] == (destination.Length - 1) << 2)
        {
            compressed[2..].CopyTo(destination);
            return true;
        }

        try
        {
            return Snappy.TryDecompress(compressed, destination, out int written) && written == destination.Length;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }
}
