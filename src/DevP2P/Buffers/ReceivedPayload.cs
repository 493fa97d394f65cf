using System.Buffers;
using System.Collections.Concurrent;

namespace DevP2P.Buffers;

/// <summary>
/// The payload of one received message on its way through a queue to a reader: a pooled block and what it is charged to. These
/// holders are reused; the generation tells a message whether the holder is still its own. Safe for concurrent use.
/// </summary>
internal sealed class ReceivedPayload
{
    private const int MaxKept = 16 * 1024;
    private static readonly ConcurrentQueue<ReceivedPayload> Kept = new();
    private static int s_kept;

    private readonly Lock _gate = new();
    private PooledBuffer? _buffer;
    private PeerBudget? _budget;
    private int _charged;
    private bool _pipeClosed;

    private ReceivedPayload()
    {
    }

    public int Generation { get; private set; }

    /// <summary>Takes over a block that the caller rented, and the bytes that the caller charged for it.</summary>
    public static ReceivedPayload Create(PooledBuffer? buffer, PeerBudget? budget, int charged)
    {
        if (Kept.TryDequeue(out ReceivedPayload? payload))
        {
            Interlocked.Decrement(ref s_kept);
        }
        else
        {
            payload = new ReceivedPayload();
        }

        payload._buffer = buffer;
        payload._budget = budget;
        payload._charged = charged;
        payload._pipeClosed = false;
        return payload;
    }

    public Memory<byte> GetMemory(int generation, int size)
    {
        lock (_gate)
        {
            Check(generation);
            return size == 0 ? default : _buffer!.Memory[..size];
        }
    }

    public OwnedPayload Take(int generation, int size)
    {
        OwnedPayload owned;
        lock (_gate)
        {
            Check(generation);
            owned = new OwnedPayload(_buffer, size);
            _buffer = null;
        }

        Release(generation);
        return owned;
    }

    /// <summary>Returns block and charge. A stale generation does nothing.</summary>
    public void Release(int generation)
    {
        PooledBuffer? buffer;
        PeerBudget? budget;
        int charged;
        lock (_gate)
        {
            if (generation != Generation || _pipeClosed)
            {
                return;
            }

            Generation++;
            (buffer, budget, charged) = (_buffer, _budget, _charged);
            (_buffer, _budget, _charged) = (null, null, 0);
        }

        if (buffer is not null)
        {
            BufferPool.Shared.Return(buffer);
        }

        budget?.ReleaseMessage(charged);
        if (Interlocked.Increment(ref s_kept) <= MaxKept)
        {
            Kept.Enqueue(this);
        }
        else
        {
            Interlocked.Decrement(ref s_kept);
        }
    }

    /// <summary>
    /// Interrupts the reader of a closed pipe's message. The block is left to the garbage collector: the reader may be in the
    /// middle of it on another thread.
    /// </summary>
    public void InterruptForClosedPipe(int generation)
    {
        lock (_gate)
        {
            if (generation == Generation)
            {
                _pipeClosed = true;
            }
        }
    }

    private void Check(int generation)
    {
        if (generation != Generation)
        {
            throw new InvalidOperationException(
                "the payload is gone: it is valid until the next read on its stream; use TakeOwnership() to keep it");
        }

        if (_pipeClosed)
        {
            throw new MessagePipeClosedException();
        }
    }
}

/// <summary>A payload that its reader has taken. Disposing it gives the block back.</summary>
internal sealed class OwnedPayload(PooledBuffer? buffer, int size) : IMemoryOwner<byte>
{
    private PooledBuffer? _buffer = buffer;

    public Memory<byte> Memory => size == 0
        ? default
        : _buffer?.Memory[..size] ?? throw new ObjectDisposedException(nameof(OwnedPayload));

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
        {
            BufferPool.Shared.Return(buffer);
        }
    }
}
