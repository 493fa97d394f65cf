using System.Diagnostics.CodeAnalysis;
using DevP2P.Nodes;

namespace DevP2P.Crypto;

/// <summary>A secp256k1 public key that is known to lie on the curve. Immutable; safe for concurrent use.</summary>
/// <remarks>Go: <c>*ecdsa.PublicKey</c>.</remarks>
public sealed class PublicKey : IEquatable<PublicKey>
{
    private readonly byte[] _xy;

    private PublicKey(byte[] xy)
    {
        _xy = xy;
        Span<byte> hash = stackalloc byte[32];
        Keccak256.Hash(xy, hash);
        NodeId = new NodeId(hash);
    }

    /// <summary>The node id: the Keccak-256 hash of the 64-byte key (ENR "v4" identity scheme, EIP-778).</summary>
    public NodeId NodeId { get; }

    /// <summary>X || Y, 64 bytes, big-endian.</summary>
    public ReadOnlySpan<byte> Bytes => _xy;

    /// <summary><see cref="Bytes"/>, for packets that carry keys.</summary>
    internal ReadOnlyMemory<byte> Memory => _xy;

    /// <summary>Reads a key and checks that it is a point of the curve.</summary>
    /// <param name="encoded">33 bytes (compressed), 64 bytes (X || Y) or 65 bytes (0x04 || X || Y).</param>
    /// <param name="key">The key, or null.</param>
    /// <returns>False for a wrong length or prefix, a coordinate not below the field's prime, or a point off the curve.</returns>
    public static bool TryParse(ReadOnlySpan<byte> encoded, [NotNullWhen(true)] out PublicKey? key)
    {
        Span<byte> xy = stackalloc byte[Secp256k1.PublicKeySize];
        key = Secp256k1.Instance.TryParsePublicKey(encoded, xy) ? FromValidated(xy) : null;
        return key is not null;
    }

    /// <summary>Reads a key as <see cref="TryParse"/> does.</summary>
    /// <exception cref="FormatException">The bytes are not a public key.</exception>
    public static PublicKey Parse(ReadOnlySpan<byte> encoded) =>
        TryParse(encoded, out PublicKey? key) ? key : throw new FormatException("not a secp256k1 public key");

    /// <summary>The 33-byte compressed form.</summary>
    public byte[] ToCompressed()
    {
        byte[] result = new byte[33];
        result[0] = (byte)(2 | (_xy[63] & 1));
        _xy.AsSpan(0, 32).CopyTo(result.AsSpan(1));
        return result;
    }

    /// <inheritdoc/>
    public bool Equals(PublicKey? other) => other is not null && _xy.AsSpan().SequenceEqual(other._xy);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PublicKey);

    /// <inheritdoc/>
    public override int GetHashCode() => NodeId.GetHashCode();

    /// <summary>128 lower-case hexadecimal digits, as in an enode URL.</summary>
    public override string ToString() => Convert.ToHexStringLower(_xy);

    /// <summary>For keys that the crypto layer itself computed (and that are therefore on the curve).</summary>
    internal static PublicKey FromValidated(ReadOnlySpan<byte> xy) => new(xy.ToArray());
}
