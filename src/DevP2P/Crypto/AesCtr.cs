using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DevP2P.Crypto;

/// <summary>
/// AES in counter mode (NIST SP 800-38A, section 6.5) with a 128-bit big-endian counter: a key stream that goes on from
/// call to call, wherever the calls split the data. Not safe for concurrent use.
/// </summary>
internal sealed class AesCtr
{
    private const int ChunkSize = 32 * AesBlock.BlockSize;

    private readonly AesBlock _aes;
    private ulong _counterHigh;
    private ulong _counterLow;

    // The key stream that the last call left over: the last _left bytes of _last.
    private Vector128<byte> _last;
    private int _left;

    public AesCtr(ReadOnlySpan<byte> key, ReadOnlySpan<byte> initialCounter)
        : this(key, initialCounter, AesBlock.IsHardwareSupported)
    {
    }

    /// <summary>For tests, which run both paths.</summary>
    internal AesCtr(ReadOnlySpan<byte> key, ReadOnlySpan<byte> initialCounter, bool useHardware)
    {
        if (initialCounter.Length != AesBlock.BlockSize)
        {
            throw new ArgumentException($"the initial counter has 16 bytes, not {initialCounter.Length}", nameof(initialCounter));
        }

        _aes = new AesBlock(key, useHardware);
        _counterHigh = BinaryPrimitives.ReadUInt64BigEndian(initialCounter);
        _counterLow = BinaryPrimitives.ReadUInt64BigEndian(initialCounter[8..]);
    }

    /// <summary>Encrypts or decrypts in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public void Process(Span<byte> data)
    {
        if (_left > 0)
        {
            int count = Math.Min(_left, data.Length);
            Xor(data[..count], LastBlock.Slice(AesBlock.BlockSize - _left, count));
            _left -= count;
            data = data[count..];
        }

        data = data[_aes.XorKeyStream(data, _counterHigh, ref _counterLow)..];
        Span<byte> keyStream = stackalloc byte[ChunkSize];
        while (!data.IsEmpty)
        {
            int count = Math.Min(data.Length, ChunkSize);
            int blocks = (count + AesBlock.BlockSize - 1) / AesBlock.BlockSize;
            Span<byte> stream = keyStream[..(blocks * AesBlock.BlockSize)];
            WriteCounters(MemoryMarshal.Cast<byte, Vector128<byte>>(stream));
            _aes.EncryptBlocks(stream);
            Xor(data[..count], stream);
            data = data[count..];
            _left = stream.Length - count;
            if (_left > 0)
            {
                stream[^AesBlock.BlockSize..].CopyTo(LastBlock);
            }
        }
    }

    /// <summary>
    /// Encrypts or decrypts a short piece in place, from one block of its key stream on, with a cipher that is there already.
    /// </summary>
    /// <param name="aes">The cipher.</param>
    /// <param name="initialCounter">The counter of the key stream's first block, 16 bytes.</param>
    /// <param name="firstBlock">The block of the key stream that <paramref name="data"/> begins with.</param>
    /// <param name="data">The piece.</param>
    [SkipLocalsInit]
    public static void Process(AesBlock aes, ReadOnlySpan<byte> initialCounter, uint firstBlock, Span<byte> data)
    {
        UInt128 counter = BinaryPrimitives.ReadUInt128BigEndian(initialCounter) + firstBlock;
        Span<byte> keyStream = stackalloc byte[ChunkSize];
        while (!data.IsEmpty)
        {
            int count = Math.Min(data.Length, ChunkSize);
            Span<byte> stream = keyStream[..((count + AesBlock.BlockSize - 1) / AesBlock.BlockSize * AesBlock.BlockSize)];
            for (int i = 0; i < stream.Length; i += AesBlock.BlockSize)
            {
                BinaryPrimitives.WriteUInt128BigEndian(stream[i..], counter++);
            }

            aes.EncryptBlocks(stream);
            Xor(data[..count], stream);
            data = data[count..];
        }
    }

    private Span<byte> LastBlock => MemoryMarshal.AsBytes(new Span<Vector128<byte>>(ref _last));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void WriteCounters(Span<Vector128<byte>> blocks)
    {
        foreach (ref Vector128<byte> block in blocks)
        {
            ulong high = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(_counterHigh) : _counterHigh;
            ulong low = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(_counterLow) : _counterLow;
            block = Vector128.Create(high, low).AsByte();
            if (++_counterLow == 0)
            {
                _counterHigh++;
            }
        }
    }

    /// <summary>XORs the start of <paramref name="stream"/> into all of <paramref name="data"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Xor(Span<byte> data, ReadOnlySpan<byte> stream)
    {
        stream = stream[..data.Length];
        int i = 0;
        for (; i <= data.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
        {
            (Vector128.Create(data[i..]) ^ Vector128.Create(stream[i..])).CopyTo(data[i..]);
        }

        for (; i < data.Length; i++)
        {
            data[i] ^= stream[i];
        }
    }
}
