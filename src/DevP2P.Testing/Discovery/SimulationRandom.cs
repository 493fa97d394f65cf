using System.Buffers.Binary;
using System.Numerics;
using DevP2P.Crypto;

namespace DevP2P.Testing.Discovery;

/// <summary>
/// Repeatable randomness (xoshiro256**, seeded by SplitMix64): small, because every node has one, and the same in every version
/// of the runtime. Not for secrets.
/// </summary>
internal sealed class SimulationRandom : RandomSource
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    /// <param name="seed">The run's.</param>
    /// <param name="stream">Which of the run's sources: each has a sequence of its own, whatever the others are used for.</param>
    public SimulationRandom(int seed, long stream)
    {
        ulong state = Mix((ulong)(uint)seed + 1) ^ Mix(~(ulong)stream);
        _s0 = Mix(state += 0x9e3779b97f4a7c15);
        _s1 = Mix(state += 0x9e3779b97f4a7c15);
        _s2 = Mix(state += 0x9e3779b97f4a7c15);
        _s3 = Mix(state + 0x9e3779b97f4a7c15);
    }

    /// <summary>Spreads a number over all bits (the end of SplitMix64).</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }

    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>At least 0 and less than 1.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    public override void Fill(Span<byte> destination)
    {
        Span<byte> last = stackalloc byte[8];
        for (; destination.Length >= 8; destination = destination[8..])
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination, NextUInt64());
        }

        if (!destination.IsEmpty)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(last, NextUInt64());
            last[..destination.Length].CopyTo(destination);
        }
    }
}
