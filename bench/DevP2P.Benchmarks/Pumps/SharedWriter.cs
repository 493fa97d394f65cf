using System.Buffers;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>Who sends what a <see cref="SharedWriter"/> has pending while no flush is running.</summary>
internal enum FlushBy
{
    /// <summary>A work item on the thread pool, on the local queue of the writing thread.</summary>
    WorkItem,

    /// <summary>The writer itself, before its write completes.</summary>
    Writer,

    /// <summary>The writer if something was received since the last flush (it probably answers), else a work item.</summary>
    WriterInTurn,
}

/// <summary>
/// Frames are appended to a shared buffer under a gate, and one send takes all that is there. A write completes when
/// its frame is appended; it waits only while <paramref name="limit"/> bytes are pending, or, with
/// <paramref name="awaitFlush"/>, until its frame was sent.
/// </summary>
internal sealed class SharedWriter(Transport transport, FrameReader reader, FlushBy flushBy, int limit, bool awaitFlush = false)
    : FrameWriter, IThreadPoolWorkItem
{
    private const int FirstSize = 4096;

    private readonly Lock _gate = new();
    private byte[]? _pending;
    private int _count;
    private bool _flushing;
    private long _receivesAtLastFlush;
    private TaskCompletionSource? _taken; // completes when the pending bytes are taken for sending
    private TaskCompletionSource? _sent; // completes when the pending bytes are sent
    private TaskCompletionSource? _idle; // completes when nothing is pending any more

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> payload)
    {
        bool inline;
        Task? sent = null;
        lock (_gate)
        {
            if (_count + FakeFrame.Size > limit)
            {
                _taken ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                return WaitAndWriteAsync(_taken.Task, payload);
            }

            FakeFrame.Encode(payload.Span, Reserve(FakeFrame.Size));
            if (awaitFlush)
            {
                _sent ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                sent = _sent.Task;
            }

            if (_flushing)
            {
                return AsValueTask(sent);
            }

            _flushing = true;
            inline = flushBy == FlushBy.Writer || (flushBy == FlushBy.WriterInTurn && reader.Receives != _receivesAtLastFlush);
        }

        if (inline)
        {
            return FlushOnceAsync();
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
        return AsValueTask(sent);
    }

    /// <summary>Waits until all that was written is sent.</summary>
    public override async ValueTask DisposeAsync()
    {
        TaskCompletionSource idle;
        lock (_gate)
        {
            if (!_flushing)
            {
                return;
            }

            idle = _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        await idle.Task;
    }

    // Returns nothing to await, so that a failed send ends the process instead of leaving the comparison waiting.
    async void IThreadPoolWorkItem.Execute() => await FlushAllAsync();

    private static ValueTask AsValueTask(Task? task) => task is null ? ValueTask.CompletedTask : new ValueTask(task);

    private async ValueTask WaitAndWriteAsync(Task room, ReadOnlyMemory<byte> payload)
    {
        await room;
        await WriteAsync(payload);
    }

    private Span<byte> Reserve(int size)
    {
        if (_pending is null)
        {
            _pending = ArrayPool<byte>.Shared.Rent(FirstSize);
        }
        else if (_count + size > _pending.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(_pending.Length * 2);
            _pending.AsSpan(0, _count).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_pending);
            _pending = larger;
        }

        Span<byte> reserved = _pending.AsSpan(_count, size);
        _count += size;
        return reserved;
    }

    private async Task FlushAllAsync()
    {
        while (TryTake(out byte[] buffer, out int count, out TaskCompletionSource? sent))
        {
            await SendAsync(buffer, count);
            sent?.SetResult();
        }
    }

    /// <summary>Sends what is pending now; what others append meanwhile is left to a work item, so that no writer works for all.</summary>
    private async ValueTask FlushOnceAsync()
    {
        if (TryTake(out byte[] buffer, out int count, out _))
        {
            await SendAsync(buffer, count);
        }

        lock (_gate)
        {
            _flushing = _count > 0;
            if (!_flushing)
            {
                _idle?.SetResult();
                return;
            }
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
    }

    private async ValueTask SendAsync(byte[] buffer, int count)
    {
        CountSend();
        await transport.SendAsync(buffer.AsMemory(0, count));
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private bool TryTake(out byte[] buffer, out int count, out TaskCompletionSource? sent)
    {
        TaskCompletionSource? taken;
        lock (_gate)
        {
            _receivesAtLastFlush = reader.Receives;
            if (_count == 0)
            {
                _flushing = false;
                _idle?.SetResult();
                (buffer, count, sent) = ([], 0, null);
                return false;
            }

            (buffer, count, taken, sent) = (_pending!, _count, _taken, _sent);
            (_pending, _count, _taken, _sent) = (null, 0, null, null);
        }

        taken?.SetResult();
        return true;
    }
}
