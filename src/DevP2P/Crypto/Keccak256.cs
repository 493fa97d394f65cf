using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DevP2P.Crypto;

/// <summary>
/// Keccak-256 with the padding of the Keccak submission (0x01, not SHA-3's 0x06), as RLPx and Ethereum use it.
/// A mutable struct of 208 bytes: <c>default</c> is the empty hash, and assigning it clones the state.
/// </summary>
internal partial struct Keccak256
{
    public const int DigestSize = 32;

    /// <summary>Bytes absorbed per permutation: 200 - 2 * <see cref="DigestSize"/>.</summary>
    internal const int Rate = 136;

    private const int LaneSize = sizeof(ulong);

    private KeccakState _state;
    private int _offset;

    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        var hash = default(Keccak256);
        hash.Append(data);
        hash.Finish(digest);
    }

    public static void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> digest)
    {
        var hash = default(Keccak256);
        hash.Append(first);
        hash.Append(second);
        hash.Finish(digest);
    }

    /// <summary>Absorbs more input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Append(ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            int count = Math.Min(Rate - _offset, data.Length);
            Absorb(data[..count]);
            data = data[count..];
            PermuteIfFull();
        }
    }

    /// <summary>The digest of all input so far, 32 bytes. The state is unchanged: more input may follow.</summary>
    public readonly void GetDigest(Span<byte> digest)
    {
        Keccak256 copy = this;
        copy.Finish(digest);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Finish(Span<byte> digest)
    {
        digest = digest[..DigestSize];
        Pad();
        KeccakPermutation.Permute(ref _state);
        for (int i = 0; i < DigestSize / LaneSize; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(digest[(i * LaneSize)..], _state[i]);
        }
    }

    private void Pad()
    {
        XorByte(_offset, 0x01);
        XorByte(Rate - 1, 0x80);
    }

    /// <summary>Mixes in what the block still has room for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Absorb(ReadOnlySpan<byte> data)
    {
        if (BitConverter.IsLittleEndian)
        {
            // The state's bytes stand in memory as they are numbered, so input goes where it belongs, aligned or not.
            Xor(MemoryMarshal.AsBytes((Span<ulong>)_state).Slice(_offset, data.Length), data);
            _offset += data.Length;
            return;
        }

        foreach (byte b in data)
        {
            XorByte(_offset++, b);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Xor(Span<byte> destination, ReadOnlySpan<byte> data)
    {
        while (data.Length >= Vector128<byte>.Count)
        {
            (Vector128.Create<byte>(destination) ^ Vector128.Create(data)).CopyTo(destination);
            destination = destination[Vector128<byte>.Count..];
            data = data[Vector128<byte>.Count..];
        }

        for (int i = 0; i < data.Length; i++)
        {
            destination[i] ^= data[i];
        }
    }

    private void PermuteIfFull()
    {
        if (_offset == Rate)
        {
            KeccakPermutation.Permute(ref _state);
            _offset = 0;
        }
    }

    private void XorByte(int offset, byte value) => _state[offset / LaneSize] ^= (ulong)value << (8 * (offset % LaneSize));
}
