namespace DevP2P.Crypto;

/// <summary>
/// The secp256k1 operations that the protocols need. Public keys are 64 bytes, X || Y, big-endian; private keys and
/// hashes 32 bytes; recoverable signatures 65 bytes, r || s || v with v in 0..3.
/// </summary>
internal abstract class Secp256k1
{
    public const int PrivateKeySize = 32;
    public const int PublicKeySize = 64;
    public const int RecoverableSignatureSize = 65;

    /// <summary>The implementation that this process uses, chosen once.</summary>
    public static Secp256k1 Instance { get; } = new ManagedSecp256k1();

    /// <summary>What <c>devp2p version</c> shows.</summary>
    public abstract string Name { get; }

    /// <summary>True for 1..n-1.</summary>
    public abstract bool IsValidPrivateKey(ReadOnlySpan<byte> privateKey);

    public abstract void CreatePublicKey(ReadOnlySpan<byte> privateKey, Span<byte> publicKey);

    /// <summary>Accepts 33 (compressed), 64 (X || Y) and 65 bytes (0x04 || X || Y); false unless the point is on the curve.</summary>
    public abstract bool TryParsePublicKey(ReadOnlySpan<byte> encoded, Span<byte> publicKey);

    /// <summary>The X coordinate of the shared point, unhashed.</summary>
    public abstract bool TryEcdh(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> sharedX);

    /// <summary>Signs deterministically (RFC 6979) with low s.</summary>
    public abstract void SignRecoverable(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> privateKey, Span<byte> signature);

    public abstract bool TryRecover(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, Span<byte> publicKey);

    /// <summary>Verifies r || s (64 bytes). A high s is refused, as everywhere in this protocol family.</summary>
    public abstract bool Verify(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> publicKey);
}
