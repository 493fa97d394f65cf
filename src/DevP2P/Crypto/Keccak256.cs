using System.Numerics;
using System.Runtime.CompilerServices;

namespace DevP2P.Crypto;

/// <summary>
/// Keccak-256 with the padding of the Keccak submission (0x01, not SHA-3's 0x06), as RLPx and Ethereum use it.
/// A mutable struct of about 344 bytes: assigning it clones the state.
/// </summary>
internal struct Keccak256
{
    public const int DigestSize = 32;
    private const int Rate = 136;

    private State _state;
    private int _offset;

    [InlineArray(25)]
    private struct State
    {
        private ulong _lane;
    }

    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        var hash = default(Keccak256);
        hash.Append(data);
        hash.GetDigest(digest);
    }

    public static void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> digest)
    {
        var hash = default(Keccak256);
        hash.Append(first);
        hash.Append(second);
        hash.GetDigest(digest);
    }

    /// <summary>Absorbs more input.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        Span<byte> bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes((Span<ulong>)_state);
        foreach (byte b in data)
        {
            bytes[_offset++] ^= b;
            if (_offset == Rate)
            {
                Permute(ref _state);
                _offset = 0;
            }
        }
    }

    /// <summary>The digest of all input so far. The state is unchanged: more input may follow.</summary>
    public readonly void GetDigest(Span<byte> digest)
    {
        Keccak256 copy = this;
        Span<byte> bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes((Span<ulong>)copy._state);
        bytes[_offset] ^= 0x01;
        bytes[Rate - 1] ^= 0x80;
        Permute(ref copy._state);
        bytes[..DigestSize].CopyTo(digest);
    }

    private static ReadOnlySpan<ulong> RoundConstants =>
    [
        0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
        0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
        0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
        0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
    ];

    private static ReadOnlySpan<byte> Rotations => [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];

    private static ReadOnlySpan<byte> Lanes => [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];

    private static void Permute(ref State state)
    {
        Span<ulong> a = state;
        Span<ulong> c = stackalloc ulong[5];
        foreach (ulong constant in RoundConstants)
        {
            for (int x = 0; x < 5; x++)
            {
                c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
            }

            for (int x = 0; x < 5; x++)
            {
                ulong d = c[(x + 4) % 5] ^ BitOperations.RotateLeft(c[(x + 1) % 5], 1);
                for (int y = 0; y < 25; y += 5)
                {
                    a[x + y] ^= d;
                }
            }

            ulong t = a[1];
            for (int i = 0; i < 24; i++)
            {
                int lane = Lanes[i];
                (t, a[lane]) = (a[lane], BitOperations.RotateLeft(t, Rotations[i]));
            }

            for (int y = 0; y < 25; y += 5)
            {
                a.Slice(y, 5).CopyTo(c);
                for (int x = 0; x < 5; x++)
                {
                    a[x + y] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
                }
            }

            a[0] ^= constant;
        }
    }
}
