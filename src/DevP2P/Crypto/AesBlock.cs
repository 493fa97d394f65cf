using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using AesInstructions = System.Runtime.Intrinsics.X86.Aes;
using Ssse3 = System.Runtime.Intrinsics.X86.Ssse3;

namespace DevP2P.Crypto;

/// <summary>
/// Single AES blocks under one key (FIPS 197), for the RLPx frame MAC, discv5 header masking, and as the core of
/// <see cref="AesCtr"/>. Keys have 16, 24 or 32 bytes. Not safe for concurrent use.
/// </summary>
/// <remarks>
/// The platform's <see cref="Aes"/> takes more than a microsecond for one block, most of it overhead, so the processor's
/// instructions are used directly where there are some (x86). Elsewhere the platform's implementation does the work
/// through one reused transform; it is never a table-driven one of our own, whose timing would depend on the key.
/// Nothing needs disposing: what the transform holds is released by its finaliser.
/// </remarks>
internal sealed class AesBlock
{
    public const int BlockSize = 16;

    // A round takes four cycles, but the processor begins one or two every cycle: eight independent blocks fill the gap.
    private const int BlocksAtOnce = 8;

    private readonly Vector128<byte>[]? _roundKeys;
    private readonly ICryptoTransform? _transform;
    private readonly byte[] _scratch = [];

    public AesBlock(ReadOnlySpan<byte> key)
        : this(key, IsHardwareSupported)
    {
    }

    /// <summary>For tests, which run both paths.</summary>
    internal AesBlock(ReadOnlySpan<byte> key, bool useHardware)
    {
        if (key.Length is not (16 or 24 or 32))
        {
            throw new ArgumentException($"an AES key has 16, 24 or 32 bytes, not {key.Length}", nameof(key));
        }

        if (useHardware)
        {
            _roundKeys = ExpandKey(key);
            return;
        }

        using var aes = Aes.Create();
        aes.Mode = CipherMode.ECB;
        aes.Padding = PaddingMode.None;
        aes.SetKey(key);
        _transform = aes.CreateEncryptor();
        _scratch = new byte[32 * BlockSize];
    }

    /// <summary>True where the processor's own AES instructions are used.</summary>
    public static bool IsHardwareSupported => AesInstructions.IsSupported;

    // AggressiveOptimization, here and below: tiered compilation would leave the first seconds of a connection to slow code.

    /// <summary>Encrypts one 16-byte block; source and destination may be the same.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Encrypt(ReadOnlySpan<byte> block, Span<byte> destination)
    {
        block = block[..BlockSize];
        destination = destination[..BlockSize];
        if (_roundKeys is { } keys)
        {
            EncryptOne(keys, Vector128.Create(block)).CopyTo(destination);
        }
        else
        {
            block.CopyTo(destination);
            TransformInPlace(destination);
        }
    }

    /// <summary>Encrypts each 16-byte block of <paramref name="blocks"/> by itself, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void EncryptBlocks(Span<byte> blocks)
    {
        if (blocks.Length % BlockSize != 0)
        {
            throw new ArgumentException($"{blocks.Length} bytes are not whole blocks", nameof(blocks));
        }

        if (_roundKeys is { } keys)
        {
            foreach (ref Vector128<byte> block in MemoryMarshal.Cast<byte, Vector128<byte>>(blocks))
            {
                block = EncryptOne(keys, block);
            }
        }
        else
        {
            TransformInPlace(blocks);
        }
    }

    /// <summary>
    /// XORs the key stream of a 128-bit big-endian counter into data (NIST SP 800-38A, section 6.5), eight blocks at a time and without a detour
    /// through memory, as far as there are eight blocks and instructions for them.
    /// </summary>
    /// <param name="data">Encrypted or decrypted in place, from the start.</param>
    /// <param name="counterHigh">The counter's upper half.</param>
    /// <param name="counterLow">The counter's lower half; counted on.</param>
    /// <returns>How many bytes are done. It stops before a carry into the upper half, too.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int XorKeyStream(Span<byte> data, ulong counterHigh, ref ulong counterLow)
    {
        if (_roundKeys is not { } keys || !Ssse3.IsSupported)
        {
            return 0;
        }

        Span<Vector128<byte>> blocks = MemoryMarshal.Cast<byte, Vector128<byte>>(data);
        var toBigEndian = Vector128.Create((byte)15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        int done = 0;
        for (; blocks.Length >= BlocksAtOnce && counterLow <= ulong.MaxValue - BlocksAtOnce; blocks = blocks[BlocksAtOnce..])
        {
            var counter = Vector128.Create(counterLow, counterHigh);
            Vector128<byte> key = keys[0];
            Vector128<byte> b0 = Ssse3.Shuffle(counter.AsByte(), toBigEndian) ^ key;
            Vector128<byte> b1 = Ssse3.Shuffle((counter + Vector128.CreateScalar(1UL)).AsByte(), toBigEndian) ^ key;
            Vector128<byte> b2 = Ssse3.Shuffle((counter + Vector128.CreateScalar(2UL)).AsByte(), toBigEndian) ^ key;
            Vector128<byte> b3 = Ssse3.Shuffle((counter + Vector128.CreateScalar(3UL)).AsByte(), toBigEndian) ^ key;
            Vector128<byte> b4 = Ssse3.Shuffle((counter + Vector128.CreateScalar(4UL)).AsByte(), toBigEndian) ^ key;
            Vector128<byte> b5 = Ssse3.Shuffle((counter + Vector128.CreateScalar(5UL)).AsByte(), toBigEndian) ^ key;
            Vector128<byte> b6 = Ssse3.Shuffle((counter + Vector128.CreateScalar(6UL)).AsByte(), toBigEndian) ^ key;
            Vector128<byte> b7 = Ssse3.Shuffle((counter + Vector128.CreateScalar(7UL)).AsByte(), toBigEndian) ^ key;
            for (int i = 1; i < keys.Length - 1; i++)
            {
                key = keys[i];
                b0 = AesInstructions.Encrypt(b0, key);
                b1 = AesInstructions.Encrypt(b1, key);
                b2 = AesInstructions.Encrypt(b2, key);
                b3 = AesInstructions.Encrypt(b3, key);
                b4 = AesInstructions.Encrypt(b4, key);
                b5 = AesInstructions.Encrypt(b5, key);
                b6 = AesInstructions.Encrypt(b6, key);
                b7 = AesInstructions.Encrypt(b7, key);
            }

            key = keys[^1];
            blocks[7] ^= AesInstructions.EncryptLast(b7, key);
            blocks[0] ^= AesInstructions.EncryptLast(b0, key);
            blocks[1] ^= AesInstructions.EncryptLast(b1, key);
            blocks[2] ^= AesInstructions.EncryptLast(b2, key);
            blocks[3] ^= AesInstructions.EncryptLast(b3, key);
            blocks[4] ^= AesInstructions.EncryptLast(b4, key);
            blocks[5] ^= AesInstructions.EncryptLast(b5, key);
            blocks[6] ^= AesInstructions.EncryptLast(b6, key);
            counterLow += BlocksAtOnce;
            done += BlocksAtOnce * BlockSize;
        }

        return done;
    }

    private void TransformInPlace(Span<byte> blocks)
    {
        while (!blocks.IsEmpty)
        {
            int count = Math.Min(blocks.Length, _scratch.Length);
            blocks[..count].CopyTo(_scratch);
            _transform!.TransformBlock(_scratch, 0, count, _scratch, 0);
            _scratch.AsSpan(0, count).CopyTo(blocks);
            blocks = blocks[count..];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector128<byte> EncryptOne(Vector128<byte>[] keys, Vector128<byte> block)
    {
        block ^= keys[0];
        for (int i = 1; i < keys.Length - 1; i++)
        {
            block = AesInstructions.Encrypt(block, keys[i]);
        }

        return AesInstructions.EncryptLast(block, keys[^1]);
    }

    /// <summary>The key schedule of FIPS 197, section 5.2, in little-endian words.</summary>
    private static Vector128<byte>[] ExpandKey(ReadOnlySpan<byte> key)
    {
        int keyWords = key.Length / 4;
        var roundKeys = new Vector128<byte>[keyWords + 7];
        Span<uint> words = MemoryMarshal.Cast<Vector128<byte>, uint>(roundKeys.AsSpan());
        byte roundConstant = 1;
        for (int i = 0; i < words.Length; i++)
        {
            if (i < keyWords)
            {
                words[i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(4 * i)..]);
                continue;
            }

            uint word = words[i - 1];
            if (i % keyWords == 0)
            {
                word = SubWord(uint.RotateRight(word, 8)) ^ roundConstant;
                roundConstant = (byte)((roundConstant << 1) ^ ((roundConstant >> 7) * 0x1b));
            }
            else if (keyWords > 6 && i % keyWords == 4)
            {
                word = SubWord(word);
            }

            words[i] = words[i - keyWords] ^ word;
        }

        return roundKeys;
    }

    private static uint SubWord(uint word) => AesInstructions.KeygenAssist(Vector128.Create(word).AsByte(), 0).AsUInt32().ToScalar();
}
