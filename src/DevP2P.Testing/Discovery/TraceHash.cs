using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DevP2P.Testing.Discovery;

/// <summary>
/// The hash over all that happened, in the order in which it happened. It is computed by another thread, block after block, while
/// the next block is filled.
/// </summary>
internal sealed class TraceHash : IDisposable
{
    private const int HeadSize = 20;
    private const int BlockSize = 1 << 18;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _buffer = new byte[BlockSize];
    private byte[] _hashed = new byte[BlockSize];
    private Task _hashing = Task.CompletedTask;
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
        _hashing.Wait();
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    public void Dispose()
    {
        // After a cancellation a block may still be under way.
        _hashing.Wait();
        _hash.Dispose();
    }

    private void Flush()
    {
        _hashing.Wait();
        int length = _used;
        (_buffer, _hashed, _used) = (_hashed, _buffer, 0);
        _hashing = Task.Run(() => _hash.AppendData(_hashed, 0, length));
    }
}
