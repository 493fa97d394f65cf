using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace DevP2P.Testing.Discovery;

/// <summary>
/// What happened to one node, in the order in which it happened, as one number of 128 bits. Fast, and not made to resist anybody:
/// the report's hash is SHA-256 over those of all nodes.
/// </summary>
internal struct TraceHash
{
    public const int Size = 16;

    private const ulong Prime1 = 0x9e3779b185ebca87;
    private const ulong Prime2 = 0xc2b2ae3d27d4eb4f;

    private ulong _a;
    private ulong _b;

    /// <summary>Something has happened.</summary>
    /// <param name="ticks">When.</param>
    /// <param name="source">Who did it.</param>
    /// <param name="content">The digest of what it was (<see cref="Digest"/>); 0 if nothing more is to be said.</param>
    public void Add(long ticks, int source, ulong content)
    {
        _a = (BitOperations.RotateLeft(_a, 27) ^ (ulong)ticks ^ ((ulong)(uint)source << 40)) * Prime1;
        _b = (BitOperations.RotateLeft(_b, 31) ^ content ^ (_a >> 29)) * Prime2;
    }

    public readonly void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, SimulationRandom.Mix(_a));
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], SimulationRandom.Mix(_b));
    }

    /// <summary>A number that stands for bytes, never 0.</summary>
    public static ulong Digest(ReadOnlySpan<byte> bytes)
    {
        ulong hash = (ulong)bytes.Length * Prime1;
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(bytes))
        {
            hash = (BitOperations.RotateLeft(hash, 29) ^ word) * Prime2;
        }

        foreach (byte b in bytes[(bytes.Length & ~7)..])
        {
            hash = (BitOperations.RotateLeft(hash, 29) ^ b) * Prime2;
        }

        return SimulationRandom.Mix(hash) | 1;
    }
}
