using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>A packet's hash: what answers refer to.</summary>
internal readonly record struct PacketHash
{
    public const int Size = Bytes32.Size;

    private readonly Bytes32 _bytes;

    /// <param name="bytes">Exactly <see cref="Size"/> bytes.</param>
    public PacketHash(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        _bytes = Bytes32.From(bytes);
    }

    public void CopyTo(Span<byte> destination) => _bytes.AsSpan().CopyTo(destination);

    /// <summary>Its first eight bytes: different for all packets that are not made to have them the same.</summary>
    public ulong Leading => _bytes[0];

    public bool Equals(PacketHash other) => _bytes.IsEqualTo(in other._bytes);

    /// <summary>It is a hash already, so eight of its bytes serve.</summary>
    public override int GetHashCode() => Leading.GetHashCode();

    public override string ToString() => Convert.ToHexStringLower(_bytes.AsSpan());
}
