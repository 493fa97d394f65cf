using System.Runtime.Intrinsics;

namespace DevP2P.Discovery.Core;

/// <summary>A packet's hash: what answers refer to.</summary>
internal readonly record struct PacketHash
{
    public const int Size = 32;

    private readonly Vector256<byte> _value;

    /// <param name="bytes">Exactly <see cref="Size"/> bytes.</param>
    public PacketHash(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        _value = Vector256.Create(bytes);
    }

    public void CopyTo(Span<byte> destination) => _value.CopyTo(destination);

    /// <summary>Its first eight bytes: different for all packets that are not made to have them the same.</summary>
    public ulong Leading => _value.AsUInt64().GetElement(0);

    public bool Equals(PacketHash other) => _value == other._value;

    /// <summary>It is a hash already, so eight of its bytes serve.</summary>
    public override int GetHashCode() => Leading.GetHashCode();

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
