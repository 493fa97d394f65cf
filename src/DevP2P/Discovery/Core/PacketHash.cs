using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DevP2P.Discovery.Core;

/// <summary>A packet's hash: what answers refer to.</summary>
internal readonly record struct PacketHash
{
    public const int Size = 32;

    private readonly Words _words;

    /// <param name="bytes">Exactly <see cref="Size"/> bytes.</param>
    public PacketHash(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        _words = MemoryMarshal.Read<Words>(bytes);
    }

    /// <summary>All of it at once, as in <see cref="Nodes.NodeId"/>.</summary>
    private Vector256<byte> Value => MemoryMarshal.Read<Vector256<byte>>(MemoryMarshal.AsBytes(new ReadOnlySpan<PacketHash>(in this)));

    public void CopyTo(Span<byte> destination) => MemoryMarshal.Write(destination, in this);

    /// <summary>Its first eight bytes: different for all packets that are not made to have them the same.</summary>
    public ulong Leading => _words[0];

    public bool Equals(PacketHash other) => Value == other.Value;

    /// <summary>It is a hash already, so eight of its bytes serve.</summary>
    public override int GetHashCode() => Leading.GetHashCode();

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    [InlineArray(Size / sizeof(ulong))]
    private struct Words
    {
        private ulong _first;
    }
}
