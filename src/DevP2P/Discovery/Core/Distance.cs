using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>The distance of two ids: their exclusive or, taken as a big-endian number (discv4.md, "Node Identities").</summary>
/// <remarks>Go: <c>enode.LogDist</c>, <c>enode.DistCmp</c>.</remarks>
internal static class Distance
{
    /// <summary>The greatest logarithmic distance: the ids differ in the first bit.</summary>
    public const int Max = 8 * NodeId.Size;

    /// <summary>The logarithmic distance, 0 to 256: the number of bits from the first that differs to the end; 0 for equal ids.</summary>
    public static int Log(in NodeId a, in NodeId b)
    {
        for (int i = 0; i < 4; i++)
        {
            ulong difference = Word(a, i) ^ Word(b, i);
            if (difference != 0)
            {
                return Max - (64 * i) - BitOperations.LeadingZeroCount(difference);
            }
        }

        return 0;
    }

    /// <summary>Negative if <paramref name="a"/> is closer to the target than <paramref name="b"/>, positive if it is farther, 0 only for equal ids.</summary>
    public static int Compare(in NodeId target, in NodeId a, in NodeId b)
    {
        for (int i = 0; i < 4; i++)
        {
            ulong t = Word(target, i);
            int order = (Word(a, i) ^ t).CompareTo(Word(b, i) ^ t);
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }

    /// <summary>The first 64 bits of the distance: enough to order ids unless they are equal.</summary>
    public static ulong Leading(in NodeId a, in NodeId b) => Word(a, 0) ^ Word(b, 0);

    private static ulong Word(in NodeId id, int index) =>
        BinaryPrimitives.ReadUInt64BigEndian(MemoryMarshal.AsBytes(new ReadOnlySpan<NodeId>(in id))[(8 * index)..]);
}
