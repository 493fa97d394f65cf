using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DevP2P.Crypto;

/// <summary>ECIES as RLPx uses it (rlpx.md, "ECIES Encryption"): 0x04 || R || iv || c || d.</summary>
internal static class Ecies
{
    /// <summary>What a ciphertext is longer than its plaintext: public key 65, IV 16, MAC 32.</summary>
    public const int Overhead = KeySize + IvSize + TagSize;

    private const int KeySize = 1 + Secp256k1.PublicKeySize;
    private const int IvSize = AesBlock.BlockSize;
    private const int TagSize = 32;
    private const int AesKeySize = 16;

    /// <summary>Encrypts to <paramref name="remote"/>. <paramref name="ciphertext"/> has plaintext length + <see cref="Overhead"/> bytes.</summary>
    /// <exception cref="ArgumentException">The ciphertext has another length.</exception>
    public static void Encrypt(
        PublicKey remote, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> authData, RandomSource random, Span<byte> ciphertext)
    {
        if (ciphertext.Length != plaintext.Length + Overhead)
        {
            throw new ArgumentException($"a ciphertext is {Overhead} bytes longer than its plaintext", nameof(ciphertext));
        }

        Secp256k1 curve = Secp256k1.Instance;
        Span<byte> ephemeral = stackalloc byte[Secp256k1.PrivateKeySize];
        PrivateKey.GenerateBytes(random, ephemeral);
        ciphertext[0] = 0x04;
        curve.CreatePublicKey(ephemeral, ciphertext[1..KeySize]);
        Span<byte> keys = stackalloc byte[2 * AesKeySize];
        if (!TryAgree(curve, ephemeral, remote.Bytes, keys))
        {
            throw new CryptographicException("key agreement failed");
        }

        Span<byte> ivAndBody = ciphertext[KeySize..^TagSize];
        random.Fill(ivAndBody[..IvSize]);
        Span<byte> body = ivAndBody[IvSize..];
        plaintext.CopyTo(body);
        AesCtr.Process(new AesBlock(keys[..AesKeySize]), ivAndBody[..IvSize], 0, body);
        ComputeTag(keys[AesKeySize..], ivAndBody, authData, ciphertext[^TagSize..]);
        CryptographicOperations.ZeroMemory(ephemeral);
        CryptographicOperations.ZeroMemory(keys);
    }

    /// <summary>
    /// Decrypts. False for anything wrong with the ciphertext, without saying what: one indistinguishable failure. The
    /// public key in it is checked before anything is computed with the private key, and the tag before anything is decrypted.
    /// </summary>
    /// <param name="key">The receiver's key.</param>
    /// <param name="ciphertext">The message; any length, any content.</param>
    /// <param name="authData">What the sender authenticated without sending it in the ciphertext.</param>
    /// <param name="plaintext">At least ciphertext length - <see cref="Overhead"/> bytes; not written to on failure.</param>
    /// <param name="written">The plaintext's length.</param>
    /// <exception cref="ArgumentException"><paramref name="plaintext"/> is too short.</exception>
    public static bool TryDecrypt(
        PrivateKey key, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> authData, Span<byte> plaintext, out int written)
    {
        written = 0;
        if (ciphertext.Length < Overhead)
        {
            return false;
        }

        if (plaintext.Length < ciphertext.Length - Overhead)
        {
            throw new ArgumentException("too short for the plaintext", nameof(plaintext));
        }

        Secp256k1 curve = Secp256k1.Instance;
        Span<byte> remote = stackalloc byte[Secp256k1.PublicKeySize];
        Span<byte> keys = stackalloc byte[2 * AesKeySize];
        if (!curve.TryParsePublicKey(ciphertext[..KeySize], remote) || !TryAgree(curve, key.Bytes, remote, keys))
        {
            return false;
        }

        ReadOnlySpan<byte> ivAndBody = ciphertext[KeySize..^TagSize];
        Span<byte> tag = stackalloc byte[TagSize];
        ComputeTag(keys[AesKeySize..], ivAndBody, authData, tag);
        bool authentic = CryptographicOperations.FixedTimeEquals(tag, ciphertext[^TagSize..]);
        if (authentic)
        {
            ReadOnlySpan<byte> body = ivAndBody[IvSize..];
            body.CopyTo(plaintext);
            AesCtr.Process(new AesBlock(keys[..AesKeySize]), ivAndBody[..IvSize], 0, plaintext[..body.Length]);
            written = body.Length;
        }

        CryptographicOperations.ZeroMemory(keys);
        return authentic;
    }

    /// <summary>
    /// The concatenation key derivation function with SHA-256 and without other info (NIST SP 800-56A, section 5.8.1):
    /// as many blocks SHA-256(counter || shared) as the output needs, the counter big-endian and from 1.
    /// </summary>
    internal static void DeriveKey(ReadOnlySpan<byte> shared, Span<byte> output)
    {
        Span<byte> input = stackalloc byte[4 + 64];
        Span<byte> block = stackalloc byte[SHA256.HashSizeInBytes];
        input = input[..(4 + shared.Length)];
        shared.CopyTo(input[4..]);
        for (uint counter = 1; !output.IsEmpty; counter++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(input, counter);
            SHA256.HashData(input, block);
            int count = Math.Min(block.Length, output.Length);
            block[..count].CopyTo(output);
            output = output[count..];
        }

        CryptographicOperations.ZeroMemory(input);
        CryptographicOperations.ZeroMemory(block);
    }

    /// <summary>The AES key and the MAC key that two parties share.</summary>
    private static bool TryAgree(Secp256k1 curve, ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> keys)
    {
        Span<byte> shared = stackalloc byte[32];
        if (!curve.TryEcdh(privateKey, publicKey, shared))
        {
            return false;
        }

        DeriveKey(shared, keys);
        CryptographicOperations.ZeroMemory(shared);
        return true;
    }

    private static void ComputeTag(ReadOnlySpan<byte> macKey, ReadOnlySpan<byte> ivAndBody, ReadOnlySpan<byte> authData, Span<byte> tag)
    {
        Span<byte> key = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(macKey, key);

        // One contiguous message for the one-shot HMAC: copying it is cheaper than an incremental hash object.
        byte[] rented = ArrayPool<byte>.Shared.Rent(ivAndBody.Length + authData.Length);
        Span<byte> message = rented.AsSpan(0, ivAndBody.Length + authData.Length);
        ivAndBody.CopyTo(message);
        authData.CopyTo(message[ivAndBody.Length..]);
        HMACSHA256.HashData(key, message, tag);
        ArrayPool<byte>.Shared.Return(rented);
    }
}
