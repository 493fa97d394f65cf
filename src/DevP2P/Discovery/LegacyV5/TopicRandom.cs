using System.Buffers.Binary;
using DevP2P.Crypto;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>The distributions that topic discovery draws from.</summary>
internal static class TopicRandom
{
    private const int DoubleBits = 53;

    /// <summary>A number in [0, <paramref name="bound"/>), 0 for 0; of 64-bit numbers, none is noticeably more likely than others.</summary>
    public static ulong Below(RandomSource random, ulong bound) => Math.BigMul(Next(random), bound, out _);

    /// <summary>Exponentially distributed with mean 1.</summary>
    public static double Exponential(RandomSource random) =>
        -Math.Log(1 - ((Next(random) >> (64 - DoubleBits)) * (1.0 / (1UL << DoubleBits))));

    private static ulong Next(RandomSource random)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        random.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}
