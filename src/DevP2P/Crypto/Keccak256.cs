using System.Buffers.Binary;
using System.Runtime.CompilerServices;

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

    private const int LaneSize = 8;

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
        // Byte by byte up to a lane boundary, then whole lanes, then the rest, which no longer fills a lane.
        if (_offset % LaneSize != 0)
        {
            int head = Math.Min(LaneSize - (_offset % LaneSize), data.Length);
            AppendBytes(data[..head]);
            data = data[head..];
        }

        while (data.Length >= LaneSize)
        {
            int lanes = Math.Min(Rate - _offset, data.Length) / LaneSize;
            Span<ulong> state = ((Span<ulong>)_state).Slice(_offset / LaneSize, lanes);
            for (int i = 0; i < state.Length; i++)
            {
                state[i] ^= BinaryPrimitives.ReadUInt64LittleEndian(data);
                data = data[LaneSize..];
            }

            _offset += lanes * LaneSize;
            PermuteIfFull();
        }

        AppendBytes(data);
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

    private void AppendBytes(ReadOnlySpan<byte> data)
    {
        foreach (byte b in data)
        {
            XorByte(_offset++, b);
        }

        PermuteIfFull();
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
