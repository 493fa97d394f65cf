using System.Buffers.Binary;

namespace DevP2P.Discovery.V5;

/// <summary>A message's 96-bit nonce: unique under one key, and what a WHOAREYOU packet refers to (discv5-wire.md, "Protocol Header").</summary>
internal readonly record struct Nonce
{
    public const int Size = 12;

    private readonly uint _first;
    private readonly ulong _rest;

    /// <param name="bytes">Exactly <see cref="Size"/> bytes.</param>
    public Nonce(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        _first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        _rest = BinaryPrimitives.ReadUInt64BigEndian(bytes[4..]);
    }

    /// <param name="count">The first 32 bits: how many messages were sent before under the same key.</param>
    /// <param name="random">The others.</param>
    public Nonce(uint count, ulong random) => (_first, _rest) = (count, random);

    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, _first);
        BinaryPrimitives.WriteUInt64BigEndian(destination[4..], _rest);
    }

    public override int GetHashCode() => _rest.GetHashCode() ^ (int)_first;

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
