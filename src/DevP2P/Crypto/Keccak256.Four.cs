using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DevP2P.Crypto;

/// <content>Four independent hashes at a time.</content>
internal partial struct Keccak256
{
    private const int RateLanes = Rate / LaneSize;

    /// <summary>Absorbs more input into each of four: the same as <see cref="Append"/> for one after the other. All inputs have the same length.</summary>
    [SkipLocalsInit]
    public static void AppendFour(
        ref Keccak256 a, ref Keccak256 b, ref Keccak256 c, ref Keccak256 d,
        ReadOnlySpan<byte> dataA, ReadOnlySpan<byte> dataB, ReadOnlySpan<byte> dataC, ReadOnlySpan<byte> dataD)
    {
        if (KeccakPermutation4.IsSupported && dataA.Length >= Rate)
        {
            // What is left of the block that each is in, which ends elsewhere for each; from there on whole blocks.
            dataA = a.Fill(dataA);
            dataB = b.Fill(dataB);
            dataC = c.Fill(dataC);
            dataD = d.Fill(dataD);
            int blocks = Math.Min(Math.Min(dataA.Length, dataB.Length), Math.Min(dataC.Length, dataD.Length)) / Rate;
            Unsafe.SkipInit(out KeccakState4 state);
            Load(ref state, a._state, b._state, c._state, d._state);
            KeccakPermutation4.Permute(ref state);
            for (int i = 0; i < blocks; i++)
            {
                Absorb(ref state, dataA[..Rate], dataB[..Rate], dataC[..Rate], dataD[..Rate]);
                KeccakPermutation4.Permute(ref state);
                dataA = dataA[Rate..];
                dataB = dataB[Rate..];
                dataC = dataC[Rate..];
                dataD = dataD[Rate..];
            }

            Store(state, ref a._state, ref b._state, ref c._state, ref d._state);
            a._offset = b._offset = c._offset = d._offset = 0;
        }

        a.Append(dataA);
        b.Append(dataB);
        c.Append(dataC);
        d.Append(dataD);
    }

    /// <summary>The digests of four, as <see cref="GetDigest"/> gives them.</summary>
    [SkipLocalsInit]
    public static void GetDigestFour(
        in Keccak256 a, in Keccak256 b, in Keccak256 c, in Keccak256 d, Span<byte> digestA, Span<byte> digestB, Span<byte> digestC, Span<byte> digestD)
    {
        if (!KeccakPermutation4.IsSupported)
        {
            a.GetDigest(digestA);
            b.GetDigest(digestB);
            c.GetDigest(digestC);
            d.GetDigest(digestD);
            return;
        }

        Unsafe.SkipInit(out KeccakState4 state);
        Load(ref state, a.Padded(), b.Padded(), c.Padded(), d.Padded());
        KeccakPermutation4.Permute(ref state);
        for (int i = 0; i < DigestSize / LaneSize; i++)
        {
            Vector256<ulong> lane = state[i];
            BinaryPrimitives.WriteUInt64LittleEndian(digestA[(i * LaneSize)..], lane[0]);
            BinaryPrimitives.WriteUInt64LittleEndian(digestB[(i * LaneSize)..], lane[1]);
            BinaryPrimitives.WriteUInt64LittleEndian(digestC[(i * LaneSize)..], lane[2]);
            BinaryPrimitives.WriteUInt64LittleEndian(digestD[(i * LaneSize)..], lane[3]);
        }
    }

    private static void Load(ref KeccakState4 state, in KeccakState a, in KeccakState b, in KeccakState c, in KeccakState d)
    {
        for (int i = 0; i < 25; i++)
        {
            state[i] = Vector256.Create(a[i], b[i], c[i], d[i]);
        }
    }

    private static void Store(in KeccakState4 state, ref KeccakState a, ref KeccakState b, ref KeccakState c, ref KeccakState d)
    {
        for (int i = 0; i < 25; i++)
        {
            Vector256<ulong> lane = state[i];
            (a[i], b[i], c[i], d[i]) = (lane[0], lane[1], lane[2], lane[3]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Absorb(ref KeccakState4 state, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c, ReadOnlySpan<byte> d)
    {
        for (int i = 0; i < RateLanes; i++)
        {
            int at = i * LaneSize;
            state[i] ^= Vector256.Create(
                BinaryPrimitives.ReadUInt64LittleEndian(a[at..]), BinaryPrimitives.ReadUInt64LittleEndian(b[at..]),
                BinaryPrimitives.ReadUInt64LittleEndian(c[at..]), BinaryPrimitives.ReadUInt64LittleEndian(d[at..]));
        }
    }

    /// <summary>Absorbs what the block still takes, without the permutation that then is due.</summary>
    /// <returns>What is left.</returns>
    private ReadOnlySpan<byte> Fill(ReadOnlySpan<byte> data)
    {
        int room = Rate - _offset;
        Absorb(data[..room]);
        return data[room..];
    }

    /// <summary>The state before the last permutation of a digest.</summary>
    private readonly KeccakState Padded()
    {
        Keccak256 copy = this;
        copy.Pad();
        return copy._state;
    }
}
