using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DevP2P.Nodes;

/// <summary>
/// 32 bytes that are compared at once. A vector as a field would be aligned to its size, and whatever has an id in it would be half as large again.
/// </summary>
[InlineArray(Size / sizeof(ulong))]
internal struct Bytes32
{
    public const int Size = 32;

    private ulong _first;

    /// <param name="bytes">At least <see cref="Size"/> bytes.</param>
    public static Bytes32 From(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<Bytes32>(bytes);

    [UnscopedRef]
    public readonly ReadOnlySpan<byte> AsSpan() => MemoryMarshal.AsBytes(new ReadOnlySpan<Bytes32>(in this));

    public readonly bool IsEqualTo(in Bytes32 other) => MemoryMarshal.Read<Vector256<byte>>(AsSpan()) == MemoryMarshal.Read<Vector256<byte>>(other.AsSpan());
}
