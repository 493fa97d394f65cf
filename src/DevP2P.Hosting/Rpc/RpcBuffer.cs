using System.Buffers;

namespace DevP2P.Hosting.Rpc;

/// <summary>
/// A growing piece of memory, bounded by itself and by what all of them share. What does not fit is an <see cref="RpcException"/>.
/// </summary>
internal sealed class RpcBuffer(int capacity, ByteBudget budget) : IBufferWriter<byte>, IDisposable
{
    private const int InitialBytes = 4096;

    private byte[] _bytes = [];

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>Forgets the first bytes.</summary>
    public void Consume(int count)
    {
        _bytes.AsSpan(count, Length - count).CopyTo(_bytes);
        Length -= count;
        if (Length == 0)
        {
            // An idle connection holds nothing.
            Dispose();
        }
    }

    /// <summary>Forgets all after the first bytes.</summary>
    public void Truncate(int length) => Length = length;

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureFree(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public void Dispose()
    {
        byte[] bytes = _bytes;
        _bytes = [];
        Length = 0;
        if (bytes.Length > 0)
        {
            budget.Return(bytes.Length);
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private void EnsureFree(int count)
    {
        if (_bytes.Length - Length >= count)
        {
            return;
        }

        // A writer asks for more than it writes, so that the end may be reached by a little.
        if (Length > capacity)
        {
            throw new RpcException(RpcErrorCode.ResponseTooLarge, "response too large");
        }

        byte[] grown = ArrayPool<byte>.Shared.Rent(Math.Max(Length + count, Math.Max(InitialBytes, 2 * _bytes.Length)));
        if (!budget.TryTake(grown.Length))
        {
            ArrayPool<byte>.Shared.Return(grown);
            throw RpcException.Limit("too much is under way, try again later");
        }

        Written.CopyTo(grown);
        int length = Length;
        Dispose();
        _bytes = grown;
        Length = length;
    }
}
