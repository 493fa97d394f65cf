using System.Collections.Concurrent;
using System.Numerics;

namespace DevP2P.Buffers;

/// <summary>
/// Blocks for received payloads, receive buffers and frames waiting to be sent. What is kept for reuse is bounded in each size
/// class; what is lent is bounded by <see cref="MemoryBudget"/>. Safe for concurrent use.
/// </summary>
internal sealed class BufferPool
{
    /// <summary>The smallest block.</summary>
    public const int MinSize = 64;

    /// <summary>Bytes kept for reuse per size class of managed blocks.</summary>
    private const int MaxKeptPerClass = 1024 * 1024;

    /// <summary>Native memory kept for reuse, in all.</summary>
    private const long MaxKeptNative = 32 * 1024 * 1024;

    /// <summary>Native blocks grow in these steps, so that a block is never much larger than what it holds.</summary>
    private const int NativeStep = 64 * 1024;

    /// <summary>
    /// Overwrites blocks that come back, so that tests see whoever reads them late. The whole test suite runs with it
    /// (runtime option <c>DevP2P.PoisonBuffers</c>).
    /// </summary>
    private static readonly bool Poison = AppContext.TryGetSwitch("DevP2P.PoisonBuffers", out bool on) && on;

    private readonly SizeClass[] _classes;
    private readonly ConcurrentQueue<PooledBuffer> _native = new();
    private long _keptNative;
    private long _lent;

    private BufferPool()
    {
        int count = ClassOf(PooledBuffer.MaxArraySize) + 1;
        _classes = new SizeClass[count];
        for (int i = 0; i < count; i++)
        {
            _classes[i] = new SizeClass(MaxKeptPerClass / (MinSize << i));
        }
    }

    public static BufferPool Shared { get; } = new();

    /// <summary>Whether blocks that come back are overwritten.</summary>
    public static bool PoisonsReturnedBuffers => Poison;

    /// <summary>Blocks that are out at this moment; for leak tests.</summary>
    public long Lent => Interlocked.Read(ref _lent);

    /// <summary>Native memory that is kept for reuse.</summary>
    public long KeptNative => Interlocked.Read(ref _keptNative);

    public PooledBuffer Rent(int size)
    {
        Interlocked.Increment(ref _lent);
        if (size <= PooledBuffer.MaxArraySize)
        {
            int index = ClassOf(size);
            return _classes[index].TryPop() ?? new PooledBuffer(MinSize << index);
        }

        // The oldest large block serves if it fits without waste; otherwise it makes room for one that does.
        if (_native.TryDequeue(out PooledBuffer? large))
        {
            Interlocked.Add(ref _keptNative, -large.Capacity);
            if (large.Capacity >= size && large.Capacity <= 2 * (long)size)
            {
                return large;
            }

            ((IDisposable)large).Dispose();
        }

        return new PooledBuffer(RoundUp(size));
    }

    /// <summary>Exchanges a lent block for a larger one with the same first bytes. A native block grows where it is.</summary>
    public PooledBuffer Grow(PooledBuffer buffer, int size, int keep)
    {
        if (buffer.IsNative)
        {
            buffer.GrowNative(RoundUp(size));
            return buffer;
        }

        PooledBuffer larger = Rent(size);
        buffer.Span[..keep].CopyTo(larger.Span);
        Return(buffer);
        return larger;
    }

    /// <summary>Takes a block back. The caller must not touch it any more.</summary>
    public void Return(PooledBuffer buffer)
    {
        Interlocked.Decrement(ref _lent);
        buffer.Retire();
        if (Poison)
        {
            buffer.Span.Fill(0xDB);
        }

        if (!buffer.IsNative)
        {
            _classes[ClassOf(buffer.Capacity)].Push(buffer);
        }
        else if (Interlocked.Add(ref _keptNative, buffer.Capacity) <= MaxKeptNative)
        {
            _native.Enqueue(buffer);
        }
        else
        {
            Interlocked.Add(ref _keptNative, -buffer.Capacity);
            ((IDisposable)buffer).Dispose();
        }
    }

    private static int ClassOf(int size) =>
        size <= MinSize ? 0 : BitOperations.Log2((uint)(size - 1)) - BitOperations.Log2(MinSize) + 1;

    private static int RoundUp(int size) => (size + NativeStep - 1) / NativeStep * NativeStep;

    /// <summary>A bounded stack of equal blocks: the one used last, still in the cache, is lent first.</summary>
    private sealed class SizeClass(int limit)
    {
        private readonly Lock _gate = new();
        private PooledBuffer?[] _kept = new PooledBuffer?[4];
        private int _count;

        public PooledBuffer? TryPop()
        {
            lock (_gate)
            {
                if (_count == 0)
                {
                    return null;
                }

                PooledBuffer? top = _kept[--_count];
                _kept[_count] = null;
                return top;
            }
        }

        public void Push(PooledBuffer buffer)
        {
            lock (_gate)
            {
                if (_count == limit)
                {
                    return;
                }

                if (_count == _kept.Length)
                {
                    Array.Resize(ref _kept, 2 * _count);
                }

                _kept[_count++] = buffer;
            }
        }
    }
}
