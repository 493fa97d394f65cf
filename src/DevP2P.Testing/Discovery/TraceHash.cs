using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DevP2P.Testing.Discovery;

/// <summary>The hash over all that happened, in the order in which it happened.</summary>
internal sealed class TraceHash : IDisposable
{
    private const int HeadSize = 20;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _used;

    public void Add(TimeSpan time, int source, int destination, ReadOnlySpan<byte> bytes)
    {
        if (_used + HeadSize + bytes.Length > _buffer.Length)
        {
            Flush();
        }

        Span<byte> free = _buffer.AsSpan(_used);
        BinaryPrimitives.WriteInt64LittleEndian(free, time.Ticks);
        BinaryPrimitives.WriteInt32LittleEndian(free[8..], source);
        BinaryPrimitives.WriteInt32LittleEndian(free[12..], destination);
        BinaryPrimitives.WriteInt32LittleEndian(free[16..], bytes.Length);
        bytes.CopyTo(free[HeadSize..]);
        _used += HeadSize + bytes.Length;
    }

    public string Finish()
    {
        Flush();
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    public void Dispose() => _hash.Dispose();

    private void Flush()
    {
        _hash.AppendData(_buffer, 0, _used);
        _used = 0;
    }
}
