using System.Security.Cryptography;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>The real thing, for the identity scheme "v4": secp256k1, HKDF with SHA-256, AES-128-GCM.</summary>
/// <param name="key">Our static key.</param>
internal sealed class V4IdentityCrypto(PrivateKey key) : SessionCrypto
{
    /// <summary>An upper bound of challenge data: a WHOAREYOU, unmasked.</summary>
    private const int ChallengeSize = PacketCodec.MinPacketSize;

    private static ReadOnlySpan<byte> KdfText => "discovery v5 key agreement"u8;

    private static ReadOnlySpan<byte> SignatureText => "discovery v5 identity proof"u8;

    public override NodeId Self { get; } = key.PublicKey.NodeId;

    public override bool TryInitiate(
        PublicKey remote, ReadOnlySpan<byte> challengeData, ReadOnlySpan<byte> ephemeral, Span<byte> ephemeralKey, Span<byte> signature, Span<byte> keys)
    {
        Secp256k1 curve = Secp256k1.Instance;
        Span<byte> xy = stackalloc byte[Secp256k1.PublicKeySize];
        curve.CreatePublicKey(ephemeral, xy);
        ephemeralKey[0] = (byte)(2 | (xy[63] & 1));
        xy[..32].CopyTo(ephemeralKey[1..]);

        if (!TryDeriveKeys(ephemeral, remote.Bytes, Self, remote.NodeId, challengeData, keys))
        {
            return false;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> recoverable = stackalloc byte[Secp256k1.RecoverableSignatureSize];
        HashProof(challengeData, ephemeralKey, remote.NodeId, hash);
        curve.SignRecoverable(hash, key.Bytes, recoverable);
        recoverable[..Secp256k1.SignatureSize].CopyTo(signature);
        return true;
    }

    public override bool TryAccept(
        PublicKey remote, ReadOnlySpan<byte> challengeData, ReadOnlySpan<byte> ephemeralKey, ReadOnlySpan<byte> signature, Span<byte> keys)
    {
        // T08, T09: that the ephemeral key is on the curve is checked before our private key is used with it.
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> xy = stackalloc byte[Secp256k1.PublicKeySize];
        HashProof(challengeData, ephemeralKey, Self, hash);
        return Secp256k1.Instance.Verify(hash, signature, remote.Bytes)
            && Secp256k1.Instance.TryParsePublicKey(ephemeralKey, xy)
            && TryDeriveKeys(key.Bytes, xy, remote.NodeId, Self, challengeData, keys);
    }

    public override Node? ReadRecord(ReadOnlySpan<byte> record) => Node.TryFromRecord(record, out Node? node, out _) ? node : null;

    public override SessionCipher CreateCipher(ReadOnlySpan<byte> key) => new GcmCipher(key);

    /// <summary>discv5-theory.md, "Handshake Steps", step 3. The challenge is the salt, the secret the input, as in the test vectors.</summary>
    internal static bool TryDeriveKeys(
        ReadOnlySpan<byte> privateKey,
        ReadOnlySpan<byte> publicKey,
        in NodeId initiator,
        in NodeId recipient,
        ReadOnlySpan<byte> challengeData,
        Span<byte> keys)
    {
        Span<byte> secret = stackalloc byte[Secp256k1.CompressedKeySize];
        if (!Secp256k1.Instance.TryEcdhPoint(privateKey, publicKey, secret))
        {
            return false;
        }

        Span<byte> info = stackalloc byte[KdfText.Length + (2 * NodeId.Size)];
        KdfText.CopyTo(info);
        initiator.CopyTo(info[KdfText.Length..]);
        recipient.CopyTo(info[(KdfText.Length + NodeId.Size)..]);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, keys[..KeysSize], challengeData, info);
        CryptographicOperations.ZeroMemory(secret);
        return true;
    }

    internal static void HashProof(ReadOnlySpan<byte> challengeData, ReadOnlySpan<byte> ephemeralKey, in NodeId recipient, Span<byte> hash)
    {
        Span<byte> input = stackalloc byte[SignatureText.Length + ChallengeSize + Secp256k1.CompressedKeySize + NodeId.Size];
        int length = 0;
        Append(SignatureText, input, ref length);
        Append(challengeData, input, ref length);
        Append(ephemeralKey, input, ref length);
        recipient.CopyTo(input[length..]);
        SHA256.HashData(input[..(length + NodeId.Size)], hash);
    }

    private static void Append(ReadOnlySpan<byte> part, Span<byte> input, ref int length)
    {
        part.CopyTo(input[length..]);
        length += part.Length;
    }

    /// <summary>AES-128-GCM. What the platform holds is released by its finaliser when the session is forgotten.</summary>
    private sealed class GcmCipher(ReadOnlySpan<byte> key) : SessionCipher
    {
        private readonly AesGcm _gcm = new(key, PacketCodec.TagSize);
        private readonly AesBlock _aes = new(key);

        public override void Encrypt(Nonce nonce, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> head, Span<byte> message)
        {
            Span<byte> bytes = stackalloc byte[Nonce.Size];
            nonce.CopyTo(bytes);
            _gcm.Encrypt(bytes, plaintext, message[..plaintext.Length], message[plaintext.Length..], head);
        }

        /// <remarks>
        /// The platform's decryption throws when a tag is wrong, which costs more than all the rest and is in everybody's hands to
        /// bring about. So the counter mode is undone here, and the tag is found by encrypting again.
        /// </remarks>
        public override bool TryDecrypt(Nonce nonce, ReadOnlySpan<byte> message, ReadOnlySpan<byte> head, Span<byte> plaintext)
        {
            // The counter begins at 1 for the tag and at 2 for the message (NIST SP 800-38D, section 7).
            Span<byte> counter = stackalloc byte[AesBlock.BlockSize];
            nonce.CopyTo(counter);
            counter[Nonce.Size..].Clear();
            counter[^1] = 2;
            message[..^PacketCodec.TagSize].CopyTo(plaintext);
            AesCtr.Process(_aes, counter, 0, plaintext);

            Span<byte> again = stackalloc byte[PacketCodec.MaxPacketSize];
            Span<byte> tag = stackalloc byte[PacketCodec.TagSize];
            _gcm.Encrypt(counter[..Nonce.Size], plaintext, again[..plaintext.Length], tag, head);
            bool isGood = CryptographicOperations.FixedTimeEquals(tag, message[^PacketCodec.TagSize..]);
            if (!isGood)
            {
                plaintext.Clear();
            }

            return isGood;
        }
    }
}
