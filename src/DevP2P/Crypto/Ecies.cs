using System.Security.Cryptography;

namespace DevP2P.Crypto;

/// <summary>ECIES as RLPx uses it (rlpx.md, "ECIES Encryption"): 0x04 || R || iv || c || d.</summary>
internal static class Ecies
{
    /// <summary>What a ciphertext is longer than its plaintext: public key 65, IV 16, MAC 32.</summary>
    public const int Overhead = 65 + 16 + 32;

    /// <summary>Encrypts to <paramref name="remote"/>. <paramref name="ciphertext"/> has plaintext length + <see cref="Overhead"/> bytes.</summary>
    public static void Encrypt(
        PublicKey remote, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> authData, RandomSource random, Span<byte> ciphertext)
    {
        PrivateKey ephemeral = PrivateKey.Generate(random);
        Span<byte> shared = stackalloc byte[32];
        if (!Secp256k1.Instance.TryEcdh(ephemeral.Bytes, remote.Bytes, shared))
        {
            throw new CryptographicException("key agreement failed");
        }

        Span<byte> keys = stackalloc byte[32];
        DeriveKeys(shared, keys);
        ciphertext[0] = 0x04;
        ephemeral.PublicKey.Bytes.CopyTo(ciphertext[1..]);
        Span<byte> iv = ciphertext.Slice(65, 16);
        random.Fill(iv);
        Span<byte> body = ciphertext.Slice(81, plaintext.Length);
        plaintext.CopyTo(body);
        using (var aes = new AesCtr(keys[..16], iv))
        {
            aes.Process(body);
        }

        ComputeTag(keys[16..], ciphertext.Slice(65, 16 + plaintext.Length), authData, ciphertext.Slice(81 + plaintext.Length, 32));
    }

    /// <summary>Decrypts. False for anything wrong with it, without saying what: one indistinguishable failure.</summary>
    public static bool TryDecrypt(
        PrivateKey key, ReadOnlySpan<byte> ciphertext, ReadOnlySpan<byte> authData, Span<byte> plaintext, out int written)
    {
        written = 0;
        if (ciphertext.Length < Overhead || ciphertext[0] != 0x04)
        {
            return false;
        }

        Span<byte> remote = stackalloc byte[64];
        Span<byte> shared = stackalloc byte[32];
        if (!Secp256k1.Instance.TryParsePublicKey(ciphertext[..65], remote)
            || !Secp256k1.Instance.TryEcdh(key.Bytes, remote, shared))
        {
            return false;
        }

        Span<byte> keys = stackalloc byte[32];
        DeriveKeys(shared, keys);
        Span<byte> tag = stackalloc byte[32];
        ComputeTag(keys[16..], ciphertext[65..^32], authData, tag);
        if (!CryptographicOperations.FixedTimeEquals(tag, ciphertext[^32..]))
        {
            return false;
        }

        ReadOnlySpan<byte> body = ciphertext[81..^32];
        body.CopyTo(plaintext);
        using var aes = new AesCtr(keys[..16], ciphertext.Slice(65, 16));
        aes.Process(plaintext[..body.Length]);
        written = body.Length;
        return true;
    }

    /// <summary>NIST SP 800-56 concatenation KDF with SHA-256: one block gives the 32 bytes that are needed.</summary>
    private static void DeriveKeys(ReadOnlySpan<byte> shared, Span<byte> keys)
    {
        Span<byte> input = stackalloc byte[36];
        input[..4].Clear();
        input[3] = 1;
        shared.CopyTo(input[4..]);
        SHA256.HashData(input, keys);
    }

    private static void ComputeTag(ReadOnlySpan<byte> macKey, ReadOnlySpan<byte> ivAndBody, ReadOnlySpan<byte> authData, Span<byte> tag)
    {
        Span<byte> key = stackalloc byte[32];
        SHA256.HashData(macKey, key);
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData(ivAndBody);
        hmac.AppendData(authData);
        hmac.GetHashAndReset(tag);
    }
}
