using System.Buffers.Binary;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>
/// A frame with the size of an RLPx frame that carries a 32-byte message, and none of its cryptography, so that the
/// cost of the pump around it shows: header and its MAC (32 bytes), body (code, snappy's two bytes and the payload, 35
/// bytes, padded to 48), MAC (16). The first four bytes hold the length of the body.
/// </summary>
internal static class FakeFrame
{
    public const int PayloadSize = 32;
    public const int Size = HeaderSize + BodySize + MacSize;

    private const int WorkSteps = 800;
    private const int HeaderSize = 32;
    private const int BodySize = 48;
    private const int MacSize = 16;

    /// <summary>
    /// Whether each frame costs <see cref="Work"/> to encode and again to decode, about what its cryptography will:
    /// writers that do real work between two frames share fewer flushes than ones that do none.
    /// </summary>
    public static bool Working { get; set; }

    public static void Encode(ReadOnlySpan<byte> payload, Span<byte> frame)
    {
        frame[..Size].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(frame, BodySize);
        payload.CopyTo(frame[HeaderSize..]);
        WorkIfWanted();
    }

    /// <summary>Returns the size of the frame at the start of <paramref name="data"/>, or 0 while it is incomplete.</summary>
    public static int Measure(ReadOnlySpan<byte> data)
    {
        if (data.Length < HeaderSize)
        {
            return 0;
        }

        int size = HeaderSize + BinaryPrimitives.ReadInt32LittleEndian(data) + MacSize;
        if (data.Length < size)
        {
            return 0;
        }

        WorkIfWanted();
        return size;
    }

    public static ReadOnlyMemory<byte> Payload(ReadOnlyMemory<byte> frame) => frame.Slice(HeaderSize, PayloadSize);

    /// <summary>A fixed amount of computation, around a microsecond.</summary>
    public static void Work()
    {
        ulong value = 1;
        for (int i = 0; i < WorkSteps; i++)
        {
            value = (value * 6364136223846793005) + 1442695040888963407;
        }

        if (value == 0)
        {
            throw new InvalidOperationException("Never: this only keeps the loop from being removed.");
        }
    }

    private static void WorkIfWanted()
    {
        if (Working)
        {
            Work();
        }
    }
}
