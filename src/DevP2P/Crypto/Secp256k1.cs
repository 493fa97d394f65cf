namespace DevP2P.Crypto;

/// <summary>
/// The secp256k1 operations that the protocols need. Public keys are 64 bytes, X || Y, big-endian; private keys and
/// hashes 32 bytes; recoverable signatures 65 bytes, r || s || v with v in 0..3. Safe for concurrent use.
/// </summary>
/// <remarks>
/// What comes from outside never throws: a public key, hash or signature of a wrong length or value is answered with
/// false. What this program itself got wrong (its own private key, a destination that is too short) throws.
/// </remarks>
internal abstract class Secp256k1
{
    public const int PrivateKeySize = 32;
    public const int PublicKeySize = 64;
    public const int CompressedKeySize = 33;
    public const int HashSize = 32;
    public const int SignatureSize = 64;
    public const int RecoverableSignatureSize = 65;

    /// <summary>Forces the choice of <see cref="Instance"/>: <c>native</c> or <c>managed</c>.</summary>
    public const string EnvironmentVariable = "DEVP2P_SECP256K1";

    private static readonly Lazy<Secp256k1> Chosen = new(() => Choose(Environment.GetEnvironmentVariable(EnvironmentVariable)));
    private static readonly Lazy<Secp256k1?> Native = new(NativeSecp256k1.TryCreate);

    /// <summary>The implementation that this process uses, chosen once: the native library if there is one.</summary>
    /// <exception cref="PlatformNotSupportedException"><see cref="EnvironmentVariable"/> asks for what is not there.</exception>
    public static Secp256k1 Instance => Chosen.Value;

    /// <summary>The implementation that works everywhere.</summary>
    public static Secp256k1 Managed { get; } = new ManagedSecp256k1();

    /// <summary>The implementation through libsecp256k1, or null where it is not installed.</summary>
    public static Secp256k1? TryLoadNative() => Native.Value;

    /// <summary>What <c>devp2p version</c> shows.</summary>
    public abstract string Name { get; }

    /// <summary>True for 32 bytes that encode 1..n-1.</summary>
    public abstract bool IsValidPrivateKey(ReadOnlySpan<byte> privateKey);

    /// <summary>The public key of a private key.</summary>
    /// <exception cref="ArgumentException">Not a private key.</exception>
    public abstract void CreatePublicKey(ReadOnlySpan<byte> privateKey, Span<byte> publicKey);

    /// <summary>Accepts 33 (compressed), 64 (X || Y) and 65 bytes (0x04 || X || Y); false unless the point is on the curve.</summary>
    public abstract bool TryParsePublicKey(ReadOnlySpan<byte> encoded, Span<byte> publicKey);

    /// <summary>The X coordinate of the shared point, unhashed. False unless both keys are valid: the point is checked first.</summary>
    public abstract bool TryEcdh(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> sharedX);

    /// <summary>The shared point in its compressed form, 33 bytes, unhashed. False unless both keys are valid: the point is checked first.</summary>
    public abstract bool TryEcdhPoint(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> sharedPoint);

    /// <summary>Signs deterministically (RFC 6979 with SHA-256) with low s.</summary>
    /// <exception cref="ArgumentException">Not a private key, or not a hash of 32 bytes.</exception>
    public abstract void SignRecoverable(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> privateKey, Span<byte> signature);

    /// <summary>
    /// The key that made a signature. A high s is accepted here, as by the recovery of the other implementations of this
    /// protocol family.
    /// </summary>
    public abstract bool TryRecover(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, Span<byte> publicKey);

    /// <summary>Verifies r || s (64 bytes). A high s is refused, as everywhere in this protocol family.</summary>
    public abstract bool Verify(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> publicKey);

    internal static Secp256k1 Choose(string? forced) => forced switch
    {
        null or "" => TryLoadNative() ?? Managed,
        "managed" => Managed,
        "native" => TryLoadNative() ?? throw new PlatformNotSupportedException(
            $"{EnvironmentVariable}=native, but no libsecp256k1 with its ECDH and recovery modules is installed"),
        _ => throw new PlatformNotSupportedException($"{EnvironmentVariable} is 'native', 'managed' or not set"),
    };

    private protected static ArgumentException NotAPrivateKey() => new("not a secp256k1 private key (32 bytes, 1 to n-1)");

    private protected static ArgumentException NotAHash() => new($"the hash to sign has {HashSize} bytes");
}
