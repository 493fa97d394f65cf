using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace DevP2P.Crypto;

/// <summary>A secp256k1 private key: a node's identity. Immutable; safe for concurrent use. Never shown by <see cref="ToString"/>.</summary>
/// <remarks>Go: <c>*ecdsa.PrivateKey</c>, <c>crypto.GenerateKey</c>, <c>crypto.HexToECDSA</c>.</remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class PrivateKey
{
    private readonly byte[] _bytes;

    private PrivateKey(byte[] bytes)
    {
        _bytes = bytes;
        Span<byte> xy = stackalloc byte[Secp256k1.PublicKeySize];
        Secp256k1.Instance.CreatePublicKey(bytes, xy);
        PublicKey = PublicKey.FromValidated(xy);
    }

    /// <summary>The public key that belongs to this key.</summary>
    public PublicKey PublicKey { get; }

    internal ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>A new key from the operating system's random generator.</summary>
    public static PrivateKey Generate() => Generate(RandomSource.System);

    /// <summary>Reads a 32-byte big-endian key.</summary>
    /// <param name="bytes">The key.</param>
    /// <param name="key">The key, or null.</param>
    /// <returns>False unless there are 32 bytes that encode a number from 1 to n-1.</returns>
    public static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out PrivateKey? key)
    {
        key = Secp256k1.Instance.IsValidPrivateKey(bytes) ? new PrivateKey(bytes.ToArray()) : null;
        return key is not null;
    }

    /// <summary>Reads a 32-byte big-endian key.</summary>
    /// <exception cref="FormatException">The bytes are not a private key. The message does not repeat them.</exception>
    public static PrivateKey Parse(ReadOnlySpan<byte> bytes) =>
        TryParse(bytes, out PrivateKey? key) ? key : throw new FormatException("not a secp256k1 private key (32 bytes, 1 to n-1)");

    /// <summary>Reads 64 hexadecimal digits, optionally after <c>0x</c>; white space around them is ignored.</summary>
    /// <exception cref="FormatException">The text is not a private key. The message does not repeat it.</exception>
    public static PrivateKey ParseHex(string hex)
    {
        ArgumentNullException.ThrowIfNull(hex);
        ReadOnlySpan<char> digits = hex.AsSpan().Trim();
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            digits = digits[2..];
        }

        byte[] bytes = new byte[Secp256k1.PrivateKeySize];
        if (digits.Length != 64 || Convert.FromHexString(digits, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            throw new FormatException("a private key is 64 hexadecimal digits");
        }

        return Parse(bytes);
    }

    /// <summary>The key as 64 lower-case hexadecimal digits. A secret: for storing it, never for showing it.</summary>
    public string ExportHex() => Convert.ToHexStringLower(_bytes);

    /// <summary>Redacted: the id of the node that the key belongs to, nothing of the key itself.</summary>
    public override string ToString() => $"PrivateKey({PublicKey.NodeId.ToString()[..16]}…)";

    internal static PrivateKey Generate(RandomSource random)
    {
        byte[] bytes = new byte[Secp256k1.PrivateKeySize];
        GenerateBytes(random, bytes);
        return new PrivateKey(bytes);
    }

    /// <summary>Fills in a valid private key: for keys that live for one computation and need no object.</summary>
    internal static void GenerateBytes(RandomSource random, Span<byte> privateKey)
    {
        do
        {
            random.Fill(privateKey);
        }
        while (!Secp256k1.Instance.IsValidPrivateKey(privateKey));
    }
}
