using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DevP2P.Crypto;

/// <summary>The 25 lanes of a Keccak state, lane x + 5y of FIPS 202, section 3.1.2.</summary>
[InlineArray(25)]
internal struct KeccakState
{
    private ulong _lane;
}

/// <summary>
/// The permutation Keccak-f[1600] (FIPS 202, section 3.3). It is most of what a frame's MAC costs, hence two forms: one
/// in general registers, and one with each lane in a vector register, because AVX-512 has registers for all 25 lanes,
/// rotates, and three-operand logic (a quarter less time).
/// </summary>
internal static class KeccakPermutation
{
    internal static ReadOnlySpan<ulong> RoundConstants =>
    [
        0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
        0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
        0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
        0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
    ];

    /// <summary>True where <see cref="PermuteVector"/> runs.</summary>
    public static bool IsVectorSupported => Avx512F.VL.IsSupported;

    public static void Permute(ref KeccakState state)
    {
        if (IsVectorSupported)
        {
            PermuteVector(ref state);
        }
        else
        {
            PermuteScalar(ref state);
        }
    }

    // AggressiveOptimization, here and below: tiered compilation would leave the first seconds of a connection to
    // unoptimised code that is ten times slower.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void PermuteScalar(ref KeccakState state)
    {
        Unsafe.SkipInit(out KeccakState other);
        for (int i = 0; i < RoundConstants.Length; i += 2)
        {
            Round(in state, ref other, RoundConstants[i]);
            Round(in other, ref state, RoundConstants[i + 1]);
        }
    }

    /// <summary>One round from <paramref name="s"/> to <paramref name="t"/>: theta, then row by row rho, pi and chi, then iota.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref readonly KeccakState s, ref KeccakState t, ulong constant)
    {
        ulong c0 = s[0] ^ s[5] ^ s[10] ^ s[15] ^ s[20];
        ulong c1 = s[1] ^ s[6] ^ s[11] ^ s[16] ^ s[21];
        ulong c2 = s[2] ^ s[7] ^ s[12] ^ s[17] ^ s[22];
        ulong c3 = s[3] ^ s[8] ^ s[13] ^ s[18] ^ s[23];
        ulong c4 = s[4] ^ s[9] ^ s[14] ^ s[19] ^ s[24];
        ulong d0 = c4 ^ Rol(c1, 1);
        ulong d1 = c0 ^ Rol(c2, 1);
        ulong d2 = c1 ^ Rol(c3, 1);
        ulong d3 = c2 ^ Rol(c4, 1);
        ulong d4 = c3 ^ Rol(c0, 1);

        Chi(ref t, 0, constant, s[0] ^ d0, Rol(s[6] ^ d1, 44), Rol(s[12] ^ d2, 43), Rol(s[18] ^ d3, 21), Rol(s[24] ^ d4, 14));
        Chi(ref t, 5, 0, Rol(s[3] ^ d3, 28), Rol(s[9] ^ d4, 20), Rol(s[10] ^ d0, 3), Rol(s[16] ^ d1, 45), Rol(s[22] ^ d2, 61));
        Chi(ref t, 10, 0, Rol(s[1] ^ d1, 1), Rol(s[7] ^ d2, 6), Rol(s[13] ^ d3, 25), Rol(s[19] ^ d4, 8), Rol(s[20] ^ d0, 18));
        Chi(ref t, 15, 0, Rol(s[4] ^ d4, 27), Rol(s[5] ^ d0, 36), Rol(s[11] ^ d1, 10), Rol(s[17] ^ d2, 15), Rol(s[23] ^ d3, 56));
        Chi(ref t, 20, 0, Rol(s[2] ^ d2, 62), Rol(s[8] ^ d3, 55), Rol(s[14] ^ d4, 39), Rol(s[15] ^ d0, 41), Rol(s[21] ^ d1, 2));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Chi(ref KeccakState t, int row, ulong iota, ulong b0, ulong b1, ulong b2, ulong b3, ulong b4)
    {
        t[row] = b0 ^ (~b1 & b2) ^ iota;
        t[row + 1] = b1 ^ (~b2 & b3);
        t[row + 2] = b2 ^ (~b3 & b4);
        t[row + 3] = b3 ^ (~b4 & b0);
        t[row + 4] = b4 ^ (~b0 & b1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Rol(ulong lane, int count) => ulong.RotateLeft(lane, count);

    /// <summary>The same with each lane in the low half of a vector; needs <see cref="IsVectorSupported"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PermuteVector(ref KeccakState state)
    {
        Vector128<ulong> a0 = Load(state[0]), a1 = Load(state[1]), a2 = Load(state[2]), a3 = Load(state[3]), a4 = Load(state[4]);
        Vector128<ulong> a5 = Load(state[5]), a6 = Load(state[6]), a7 = Load(state[7]), a8 = Load(state[8]), a9 = Load(state[9]);
        Vector128<ulong> a10 = Load(state[10]), a11 = Load(state[11]), a12 = Load(state[12]), a13 = Load(state[13]), a14 = Load(state[14]);
        Vector128<ulong> a15 = Load(state[15]), a16 = Load(state[16]), a17 = Load(state[17]), a18 = Load(state[18]), a19 = Load(state[19]);
        Vector128<ulong> a20 = Load(state[20]), a21 = Load(state[21]), a22 = Load(state[22]), a23 = Load(state[23]), a24 = Load(state[24]);
        foreach (ulong constant in RoundConstants)
        {
            Vector128<ulong> c0 = a0 ^ a5 ^ a10 ^ a15 ^ a20;
            Vector128<ulong> c1 = a1 ^ a6 ^ a11 ^ a16 ^ a21;
            Vector128<ulong> c2 = a2 ^ a7 ^ a12 ^ a17 ^ a22;
            Vector128<ulong> c3 = a3 ^ a8 ^ a13 ^ a18 ^ a23;
            Vector128<ulong> c4 = a4 ^ a9 ^ a14 ^ a19 ^ a24;
            Vector128<ulong> d0 = c4 ^ Rol(c1, 1);
            Vector128<ulong> d1 = c0 ^ Rol(c2, 1);
            Vector128<ulong> d2 = c1 ^ Rol(c3, 1);
            Vector128<ulong> d3 = c2 ^ Rol(c4, 1);
            Vector128<ulong> d4 = c3 ^ Rol(c0, 1);

            Chi(a0 ^ d0, Rol(a6 ^ d1, 44), Rol(a12 ^ d2, 43), Rol(a18 ^ d3, 21), Rol(a24 ^ d4, 14),
                out Vector128<ulong> e0, out Vector128<ulong> e1, out Vector128<ulong> e2, out Vector128<ulong> e3, out Vector128<ulong> e4);
            Chi(Rol(a3 ^ d3, 28), Rol(a9 ^ d4, 20), Rol(a10 ^ d0, 3), Rol(a16 ^ d1, 45), Rol(a22 ^ d2, 61),
                out Vector128<ulong> e5, out Vector128<ulong> e6, out Vector128<ulong> e7, out Vector128<ulong> e8, out Vector128<ulong> e9);
            Chi(Rol(a1 ^ d1, 1), Rol(a7 ^ d2, 6), Rol(a13 ^ d3, 25), Rol(a19 ^ d4, 8), Rol(a20 ^ d0, 18),
                out Vector128<ulong> e10, out Vector128<ulong> e11, out Vector128<ulong> e12, out Vector128<ulong> e13, out Vector128<ulong> e14);
            Chi(Rol(a4 ^ d4, 27), Rol(a5 ^ d0, 36), Rol(a11 ^ d1, 10), Rol(a17 ^ d2, 15), Rol(a23 ^ d3, 56),
                out Vector128<ulong> e15, out Vector128<ulong> e16, out Vector128<ulong> e17, out Vector128<ulong> e18, out Vector128<ulong> e19);
            Chi(Rol(a2 ^ d2, 62), Rol(a8 ^ d3, 55), Rol(a14 ^ d4, 39), Rol(a15 ^ d0, 41), Rol(a21 ^ d1, 2),
                out Vector128<ulong> e20, out Vector128<ulong> e21, out Vector128<ulong> e22, out Vector128<ulong> e23, out Vector128<ulong> e24);

            (a0, a1, a2, a3, a4) = (e0 ^ Load(constant), e1, e2, e3, e4);
            (a5, a6, a7, a8, a9) = (e5, e6, e7, e8, e9);
            (a10, a11, a12, a13, a14) = (e10, e11, e12, e13, e14);
            (a15, a16, a17, a18, a19) = (e15, e16, e17, e18, e19);
            (a20, a21, a22, a23, a24) = (e20, e21, e22, e23, e24);
        }

        (state[0], state[1], state[2], state[3], state[4]) = (a0.ToScalar(), a1.ToScalar(), a2.ToScalar(), a3.ToScalar(), a4.ToScalar());
        (state[5], state[6], state[7], state[8], state[9]) = (a5.ToScalar(), a6.ToScalar(), a7.ToScalar(), a8.ToScalar(), a9.ToScalar());
        (state[10], state[11], state[12], state[13], state[14]) = (a10.ToScalar(), a11.ToScalar(), a12.ToScalar(), a13.ToScalar(), a14.ToScalar());
        (state[15], state[16], state[17], state[18], state[19]) = (a15.ToScalar(), a16.ToScalar(), a17.ToScalar(), a18.ToScalar(), a19.ToScalar());
        (state[20], state[21], state[22], state[23], state[24]) = (a20.ToScalar(), a21.ToScalar(), a22.ToScalar(), a23.ToScalar(), a24.ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Chi(
        Vector128<ulong> b0, Vector128<ulong> b1, Vector128<ulong> b2, Vector128<ulong> b3, Vector128<ulong> b4,
        out Vector128<ulong> t0, out Vector128<ulong> t1, out Vector128<ulong> t2, out Vector128<ulong> t3, out Vector128<ulong> t4)
    {
        t0 = b0 ^ (~b1 & b2);
        t1 = b1 ^ (~b2 & b3);
        t2 = b2 ^ (~b3 & b4);
        t3 = b3 ^ (~b4 & b0);
        t4 = b4 ^ (~b0 & b1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Rol(Vector128<ulong> lane, [ConstantExpected] byte count) => Avx512F.VL.RotateLeft(lane, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Load(ulong lane) => Vector128.CreateScalarUnsafe(lane);
}
