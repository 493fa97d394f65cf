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

    /// <summary>The format's own bound.</summary>
    public static int GetMaxCompressedSize(int size) => Snappy.GetMaxCompressedLength(size);

    public static int Compress(ReadOnlySpan<byte> payload, Span<byte> destination) => Snappy.Compress(payload, destination);

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
