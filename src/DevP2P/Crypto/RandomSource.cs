using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DevP2P.Crypto;

/// <summary>Where protocol logic gets its randomness from, so that a simulation can repeat every byte of a run.</summary>
internal abstract class RandomSource
{
    /// <summary>The operating system's generator. Safe for concurrent calls.</summary>
    public static RandomSource System { get; } = new SystemSource();

    public abstract void Fill(Span<byte> destination);

    /// <summary>A uniform number in [0, <paramref name="exclusiveMax"/>).</summary>
    public int Next(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        Span<byte> bytes = stackalloc byte[4];
        uint bound = (uint)exclusiveMax;
        // Rejection keeps the distribution uniform: the last, incomplete run of values is thrown away.
        uint limit = uint.MaxValue - (uint.MaxValue % bound);
        uint value;
        do
        {
            Fill(bytes);
            value = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        }
        while (value >= limit);
        return (int)(value % bound);
    }

    private sealed class SystemSource : RandomSource
    {
        public override void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
    }
}
