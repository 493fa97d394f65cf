using DevP2P.Buffers;

namespace DevP2P;

/// <summary>
/// One end of a full-duplex message pipe in memory, for tests and for protocols that run within one process: what is written
/// to one end is read from the other. Safe for concurrent use.
/// </summary>
/// <remarks>Go: <c>p2p.MsgPipeRW</c>.</remarks>
public sealed class MessagePipe : IMessageStream, IDisposable
{
    private readonly Direction _incoming;
    private readonly Direction _outgoing;

    private MessagePipe(Direction incoming, Direction outgoing)
    {
        _incoming = incoming;
        _outgoing = outgoing;
    }

    /// <summary>Makes a pipe.</summary>
    /// <param name="capacity">
    /// How many messages may stand unread in each direction before a write waits. 0 is Go's rendezvous: a write waits until
    /// its message is read (and a wait that is cancelled leaves the message in the pipe).
    /// </param>
    /// <returns>The two ends.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    /// <remarks>Go: <c>p2p.MsgPipe</c>. Go's writers wait until the payload is consumed; here they wait until the message is read, and the payload is a copy.</remarks>
    public static (MessagePipe First, MessagePipe Second) CreatePair(int capacity = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        var there = new Direction(capacity);
        var back = new Direction(capacity);
        return (new MessagePipe(back, there), new MessagePipe(there, back));
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ulong code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        if (payload.Length > Rlpx.FrameCodec.MaxMessageSize)
        {
            throw new ArgumentException($"a message has at most {Rlpx.FrameCodec.MaxMessageSize} bytes, not {payload.Length}", nameof(payload));
        }

        await _outgoing.WriteAsync(code, payload, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<Message> ReadAsync(CancellationToken cancellationToken = default) => _incoming.ReadAsync(cancellationToken);

    /// <summary>
    /// Closes both ends: reads and writes that wait, and all later ones, throw <see cref="MessagePipeClosedException"/>, and so
    /// does access to the payload of a message that was read and not taken. May be called any number of times.
    /// </summary>
    /// <remarks>Go: <c>MsgPipeRW.Close</c>.</remarks>
    public void Close()
    {
        _incoming.Close();
        _outgoing.Close();
    }

    /// <summary>Does what <see cref="Close"/> does.</summary>
    public void Dispose() => Close();

    /// <summary>One direction of the pipe.</summary>
    private sealed class Direction(int capacity)
    {
        private readonly MessageQueue _queue = new();
        private readonly Lock _gate = new();
        private readonly SemaphoreSlim _writeOrder = new(1);
        private readonly Queue<TaskCompletionSource> _rendezvous = new(0);
        private TaskCompletionSource? _roomWaiter;
        private int _unread;
        private bool _isClosed;

        public async ValueTask WriteAsync(ulong code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
        {
            await _writeOrder.WaitAsync(cancellationToken).ConfigureAwait(false);
            TaskCompletionSource? read;
            try
            {
                while (WaitForRoom() is { } room)
                {
                    await room.WaitAsync(cancellationToken).ConfigureAwait(false);
                }

                read = Enqueue(code, payload);
            }
            finally
            {
                _writeOrder.Release();
            }

            if (read is not null)
            {
                await read.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        public async ValueTask<Message> ReadAsync(CancellationToken cancellationToken)
        {
            Message message = await _queue.DequeueAsync(cancellationToken).ConfigureAwait(false);
            TaskCompletionSource? writer;
            lock (_gate)
            {
                _unread--;
                writer = _rendezvous.TryDequeue(out TaskCompletionSource? read) ? read : _roomWaiter;
            }

            writer?.TrySetResult();
            return message;
        }

        public void Close()
        {
            TaskCompletionSource[] writers;
            lock (_gate)
            {
                if (_isClosed)
                {
                    return;
                }

                _isClosed = true;
                writers = [.. _rendezvous];
                _rendezvous.Clear();
                _roomWaiter?.TrySetResult();
            }

            _queue.Complete(new MessagePipeClosedException());
            _queue.Clear();
            Message handedOut = _queue.HandedOut;
            handedOut.Owner?.InterruptForClosedPipe(handedOut.Generation);
            foreach (TaskCompletionSource writer in writers)
            {
                writer.TrySetException(new MessagePipeClosedException());
            }
        }

        /// <summary>Null if a message may be enqueued now; else what to wait for. Called by one writer at a time.</summary>
        private Task? WaitForRoom()
        {
            lock (_gate)
            {
                if (_isClosed || capacity == 0 || _unread < capacity)
                {
                    _roomWaiter = null;
                    return null;
                }

                _roomWaiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                return _roomWaiter.Task;
            }
        }

        /// <summary>Appends a copy. At a rendezvous it returns what completes when the message is read.</summary>
        private TaskCompletionSource? Enqueue(ulong code, ReadOnlyMemory<byte> payload)
        {
            PooledBuffer buffer = BufferPool.Shared.Rent(payload.Length);
            payload.Span.CopyTo(buffer.Span);
            var message = new Message(code, payload.Length, ReceivedPayload.Create(buffer, null, 0), DateTime.UtcNow.Ticks);
            lock (_gate)
            {
                if (!_isClosed)
                {
                    TaskCompletionSource? read = null;
                    if (capacity == 0)
                    {
                        read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                        _rendezvous.Enqueue(read);
                    }

                    _unread++;
                    _queue.TryEnqueue(message);
                    return read;
                }
            }

            message.Discard();
            throw new MessagePipeClosedException();
        }
    }
}
