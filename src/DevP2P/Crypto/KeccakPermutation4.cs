using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DevP2P.Crypto;

/// <summary>Four Keccak states side by side: each vector has the same lane of all of them.</summary>
[InlineArray(25)]
internal struct KeccakState4
{
    private Vector256<ulong> _lane;
}

/// <summary>
/// The permutation Keccak-f[1600] of four independent states in little more time than one takes alone. A connection's MAC is serial,
/// but connections are independent: what goes to many peers is hashed four peers at a time.
/// </summary>
internal static class KeccakPermutation4
{
    /// <summary>True where this is faster than four permutations one after the other.</summary>
    public static bool IsSupported => Avx2.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Permute(ref KeccakState4 state)
    {
        Vector256<ulong> a0 = state[0], a1 = state[1], a2 = state[2], a3 = state[3], a4 = state[4];
        Vector256<ulong> a5 = state[5], a6 = state[6], a7 = state[7], a8 = state[8], a9 = state[9];
        Vector256<ulong> a10 = state[10], a11 = state[11], a12 = state[12], a13 = state[13], a14 = state[14];
        Vector256<ulong> a15 = state[15], a16 = state[16], a17 = state[17], a18 = state[18], a19 = state[19];
        Vector256<ulong> a20 = state[20], a21 = state[21], a22 = state[22], a23 = state[23], a24 = state[24];
        foreach (ulong constant in KeccakPermutation.RoundConstants)
        {
            Vector256<ulong> c0 = Xor(Xor(a0, a5, a10), a15, a20);
            Vector256<ulong> c1 = Xor(Xor(a1, a6, a11), a16, a21);
            Vector256<ulong> c2 = Xor(Xor(a2, a7, a12), a17, a22);
            Vector256<ulong> c3 = Xor(Xor(a3, a8, a13), a18, a23);
            Vector256<ulong> c4 = Xor(Xor(a4, a9, a14), a19, a24);
            Vector256<ulong> d0 = c4 ^ Rol(c1, 1);
            Vector256<ulong> d1 = c0 ^ Rol(c2, 1);
            Vector256<ulong> d2 = c1 ^ Rol(c3, 1);
            Vector256<ulong> d3 = c2 ^ Rol(c4, 1);
            Vector256<ulong> d4 = c3 ^ Rol(c0, 1);

            Chi(a0 ^ d0, Rol(a6 ^ d1, 44), Rol(a12 ^ d2, 43), Rol(a18 ^ d3, 21), Rol(a24 ^ d4, 14),
                out Vector256<ulong> e0, out Vector256<ulong> e1, out Vector256<ulong> e2, out Vector256<ulong> e3, out Vector256<ulong> e4);
            Chi(Rol(a3 ^ d3, 28), Rol(a9 ^ d4, 20), Rol(a10 ^ d0, 3), Rol(a16 ^ d1, 45), Rol(a22 ^ d2, 61),
                out Vector256<ulong> e5, out Vector256<ulong> e6, out Vector256<ulong> e7, out Vector256<ulong> e8, out Vector256<ulong> e9);
            Chi(Rol(a1 ^ d1, 1), Rol(a7 ^ d2, 6), Rol(a13 ^ d3, 25), Rol(a19 ^ d4, 8), Rol(a20 ^ d0, 18),
                out Vector256<ulong> e10, out Vector256<ulong> e11, out Vector256<ulong> e12, out Vector256<ulong> e13, out Vector256<ulong> e14);
            Chi(Rol(a4 ^ d4, 27), Rol(a5 ^ d0, 36), Rol(a11 ^ d1, 10), Rol(a17 ^ d2, 15), Rol(a23 ^ d3, 56),
                out Vector256<ulong> e15, out Vector256<ulong> e16, out Vector256<ulong> e17, out Vector256<ulong> e18, out Vector256<ulong> e19);
            Chi(Rol(a2 ^ d2, 62), Rol(a8 ^ d3, 55), Rol(a14 ^ d4, 39), Rol(a15 ^ d0, 41), Rol(a21 ^ d1, 2),
                out Vector256<ulong> e20, out Vector256<ulong> e21, out Vector256<ulong> e22, out Vector256<ulong> e23, out Vector256<ulong> e24);

            (a0, a1, a2, a3, a4) = (e0 ^ Vector256.Create(constant), e1, e2, e3, e4);
            (a5, a6, a7, a8, a9) = (e5, e6, e7, e8, e9);
            (a10, a11, a12, a13, a14) = (e10, e11, e12, e13, e14);
            (a15, a16, a17, a18, a19) = (e15, e16, e17, e18, e19);
            (a20, a21, a22, a23, a24) = (e20, e21, e22, e23, e24);
        }

        (state[0], state[1], state[2], state[3], state[4]) = (a0, a1, a2, a3, a4);
        (state[5], state[6], state[7], state[8], state[9]) = (a5, a6, a7, a8, a9);
        (state[10], state[11], state[12], state[13], state[14]) = (a10, a11, a12, a13, a14);
        (state[15], state[16], state[17], state[18], state[19]) = (a15, a16, a17, a18, a19);
        (state[20], state[21], state[22], state[23], state[24]) = (a20, a21, a22, a23, a24);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Chi(
        Vector256<ulong> b0, Vector256<ulong> b1, Vector256<ulong> b2, Vector256<ulong> b3, Vector256<ulong> b4,
        out Vector256<ulong> t0, out Vector256<ulong> t1, out Vector256<ulong> t2, out Vector256<ulong> t3, out Vector256<ulong> t4)
    {
        t0 = Chi(b0, b1, b2);
        t1 = Chi(b1, b2, b3);
        t2 = Chi(b2, b3, b4);
        t3 = Chi(b3, b4, b0);
        t4 = Chi(b4, b0, b1);
    }

    // The control bytes of the three-operand instruction are truth tables: a ^ (~b & c), and a ^ b ^ c.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Chi(Vector256<ulong> a, Vector256<ulong> b, Vector256<ulong> c) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.TernaryLogic(a, b, c, 0xD2) : a ^ Avx2.AndNot(b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Xor(Vector256<ulong> a, Vector256<ulong> b, Vector256<ulong> c) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.TernaryLogic(a, b, c, 0x96) : a ^ b ^ c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Rol(Vector256<ulong> lane, [ConstantExpected] byte count) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateLeft(lane, count) : (lane << count) | (lane >>> (64 - count));
}
