using System.Buffers.Binary;

namespace DevP2P.Crypto;

/// <summary>
/// Draws from another source in larger pieces: asking the operating system for a few bytes costs as much as for many. For nonces and
/// the like, not for keys, because what was drawn stays in memory for a while. Not safe for concurrent calls.
/// </summary>
internal sealed class BufferedRandom(RandomSource source) : RandomSource
{
    private readonly byte[] _buffer = new byte[512];
    private int _used = int.MaxValue;

    public ulong NextUInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public override void Fill(Span<byte> destination)
    {
        if (destination.Length > _buffer.Length)
        {
            source.Fill(destination);
            return;
        }

        if (_used > _buffer.Length - destination.Length)
        {
            source.Fill(_buffer);
            _used = 0;
        }

        _buffer.AsSpan(_used, destination.Length).CopyTo(destination);
        _used += destination.Length;
    }
}
