using System.Diagnostics.CodeAnalysis;

namespace DevP2P.Nodes;

/// <summary>A node's 256-bit id: the Keccak-256 hash of its public key.</summary>
/// <remarks>Go: <c>enode.ID</c>.</remarks>
public readonly struct NodeId : IEquatable<NodeId>, IComparable<NodeId>
{
    /// <summary>The length of an id in bytes.</summary>
    public const int Size = 32;

    private readonly Bytes32 _bytes;

    /// <summary>Makes an id from its 32 bytes.</summary>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> does not have 32 bytes.</exception>
    public NodeId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
        {
            throw new ArgumentException($"a node id has {Size} bytes, not {bytes.Length}", nameof(bytes));
        }

        _bytes = Bytes32.From(bytes);
    }

    /// <summary>The id's 32 bytes.</summary>
    public byte[] ToArray()
    {
        byte[] bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>Writes the id's 32 bytes.</summary>
    public void CopyTo(Span<byte> destination) => _bytes.AsSpan().CopyTo(destination);

    /// <summary>Reads 64 hexadecimal digits, optionally after <c>0x</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out NodeId id)
    {
        ReadOnlySpan<char> digits = text;
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            digits = digits[2..];
        }

        Span<byte> bytes = stackalloc byte[Size];
        bool ok = digits.Length == 2 * Size
            && Convert.FromHexString(digits, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        id = ok ? new NodeId(bytes) : default;
        return ok;
    }

    /// <summary>Reads 64 hexadecimal digits, optionally after <c>0x</c>.</summary>
    /// <exception cref="FormatException">The text is not a node id.</exception>
    public static NodeId Parse(string text) =>
        TryParse(text, out NodeId id) ? id : throw new FormatException("a node id is 64 hexadecimal digits");

    /// <inheritdoc/>
    public bool Equals(NodeId other) => _bytes.IsEqualTo(in other._bytes);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is NodeId other && Equals(other);

    /// <summary>A hash of the id; ids are hashes already, so eight of their bytes serve.</summary>
    public override int GetHashCode() => ((long)_bytes[0]).GetHashCode();

    /// <summary>Orders ids as big-endian numbers.</summary>
    public int CompareTo(NodeId other) => _bytes.AsSpan().SequenceCompareTo(other._bytes.AsSpan());

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(_bytes.AsSpan());

    /// <summary>The first 16 digits, for logs.</summary>
    public string ToShortString() => Convert.ToHexStringLower(_bytes.AsSpan()[..8]);

    /// <summary>Equality of all 32 bytes.</summary>
    public static bool operator ==(NodeId left, NodeId right) => left.Equals(right);

    /// <summary>Inequality.</summary>
    public static bool operator !=(NodeId left, NodeId right) => !left.Equals(right);

    /// <summary>Big-endian order.</summary>
    public static bool operator <(NodeId left, NodeId right) => left.CompareTo(right) < 0;

    /// <summary>Big-endian order.</summary>
    public static bool operator <=(NodeId left, NodeId right) => left.CompareTo(right) <= 0;

    /// <summary>Big-endian order.</summary>
    public static bool operator >(NodeId left, NodeId right) => left.CompareTo(right) > 0;

    /// <summary>Big-endian order.</summary>
    public static bool operator >=(NodeId left, NodeId right) => left.CompareTo(right) >= 0;
}
