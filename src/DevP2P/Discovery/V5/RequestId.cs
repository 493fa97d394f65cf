using System.Buffers.Binary;

namespace DevP2P.Discovery.V5;

/// <summary>What ties a response to its request: up to 8 bytes of the requester's choice (discv5-wire.md, "Protocol Messages").</summary>
internal readonly record struct RequestId
{
    public const int MaxSize = 8;

    private readonly ulong _bytes;
    private readonly byte _length;

    /// <param name="bytes">At most <see cref="MaxSize"/> bytes.</param>
    public RequestId(ReadOnlySpan<byte> bytes)
    {
        Span<byte> padded = stackalloc byte[MaxSize];
        padded.Clear();
        bytes.CopyTo(padded);
        (_bytes, _length) = (BinaryPrimitives.ReadUInt64LittleEndian(padded), (byte)bytes.Length);
    }

    /// <summary>An id of ours: 8 bytes.</summary>
    public RequestId(ulong value) => (_bytes, _length) = (value, MaxSize);

    /// <summary>Writes the id.</summary>
    /// <param name="destination">Has <see cref="MaxSize"/> bytes.</param>
    /// <returns>The part that the id takes.</returns>
    public ReadOnlySpan<byte> Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, _bytes);
        return destination[.._length];
    }

    public override int GetHashCode() => _bytes.GetHashCode();

    public override string ToString() => Convert.ToHexStringLower(Write(stackalloc byte[MaxSize]));
}
