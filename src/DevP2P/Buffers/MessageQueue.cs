using System.Buffers;
using System.Threading.Tasks.Sources;

namespace DevP2P.Buffers;

/// <summary>
/// Messages on their way from one writer to any number of readers, in order. Unbounded by itself: whoever enqueues bounds it (the
/// read loop by bytes, the pipe by messages). An idle queue holds no memory, and one reader waiting allocates nothing.
/// The queue also keeps the promise of how long a payload lives: each read gives back what the read before handed out.
/// Safe for concurrent use.
/// </summary>
internal sealed class MessageQueue : IValueTaskSource<Message>
{
    /// <summary>An empty queue keeps an array of at most this length; longer ones are shared with other queues.</summary>
    private const int MaxKeptLength = 16;

    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource<Message>> _moreReaders = new(0);
    private Message[] _items = [];
    private int _head;
    private int _count;
    private Message _handedOut;
    private Exception? _completion;
    private ManualResetValueTaskSourceCore<Message> _reader;
    private CancellationTokenRegistration _cancellation;
    private bool _readerWaits;
    private bool _readerSourceInUse;

    /// <summary>Messages that nobody has read yet.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    /// <summary>Hands a message to a waiting reader or keeps it. False, and the message stays the caller's, once completed.</summary>
    public bool TryEnqueue(Message message)
    {
        bool isTaken = TryEnqueueQuietly(message);
        Wake();
        return isTaken;
    }

    /// <summary>Keeps a message, also if a reader waits for it: <see cref="Wake"/> is to follow. False as <see cref="TryEnqueue"/>.</summary>
    public bool TryEnqueueQuietly(Message message)
    {
        lock (_gate)
        {
            if (_completion is not null)
            {
                return false;
            }

            Append(message);
            return true;
        }
    }

    /// <summary>Hands messages to readers that wait for them.</summary>
    /// <param name="here">Whether the first reader goes on on this thread, before this returns, instead of on one of the pool's.</param>
    public void Wake(bool here = false)
    {
        while (true)
        {
            Message message;
            TaskCompletionSource<Message>? other = null;
            lock (_gate)
            {
                if (_count == 0 || (!_readerWaits && !_moreReaders.TryDequeue(out other)))
                {
                    return;
                }

                if (other is { Task.IsCompleted: true })
                {
                    continue;
                }

                if (other is null)
                {
                    _readerWaits = false;
                }

                TryTake(out message);
                _handedOut = message;
            }

            if (other is null)
            {
                _reader.RunContinuationsAsynchronously = !here;
                _reader.SetResult(message);
            }
            else if (!other.TrySetResult(message))
            {
                // That reader gave up in this very moment: the message goes back to where it was.
                lock (_gate)
                {
                    PutBack(message);
                }
            }
        }
    }

    /// <summary>No more messages: readers get what is left, then <paramref name="reason"/>. Only the first call counts.</summary>
    public void Complete(Exception reason)
    {
        bool wake;
        TaskCompletionSource<Message>[] others;
        lock (_gate)
        {
            if (_completion is not null)
            {
                return;
            }

            _completion = reason;
        }

        Wake();
        lock (_gate)
        {
            wake = _readerWaits;
            _readerWaits = false;
            others = [.. _moreReaders];
            _moreReaders.Clear();
        }

        if (wake)
        {
            _reader.RunContinuationsAsynchronously = true;
            _reader.SetException(reason);
        }

        foreach (TaskCompletionSource<Message> other in others)
        {
            other.TrySetException(reason);
        }
    }

    /// <summary>Throws away what nobody has read.</summary>
    public void Clear()
    {
        while (true)
        {
            Message message;
            lock (_gate)
            {
                if (!TryTake(out message))
                {
                    return;
                }
            }

            message.Discard();
        }
    }

    /// <summary>The message that was read last.</summary>
    public Message HandedOut
    {
        get
        {
            lock (_gate)
            {
                return _handedOut;
            }
        }
    }

    public ValueTask<Message> DequeueAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Message>(cancellationToken);
        }

        HandedOut.Discard();
        lock (_gate)
        {
            if (TryTake(out Message message))
            {
                _handedOut = message;
                return new ValueTask<Message>(message);
            }

            if (_completion is not null)
            {
                return ValueTask.FromException<Message>(_completion);
            }

            if (_readerSourceInUse)
            {
                return WaitWithOthers(cancellationToken);
            }

            _readerSourceInUse = true;
            _readerWaits = true;
        }

        short version = _reader.Version;
        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.UnsafeRegister(static (queue, token) => ((MessageQueue)queue!).Cancel(token), this);
        }

        return new ValueTask<Message>(this, version);
    }

    Message IValueTaskSource<Message>.GetResult(short token)
    {
        _cancellation.Dispose();
        _cancellation = default;
        try
        {
            return _reader.GetResult(token);
        }
        finally
        {
            _reader.Reset();
            lock (_gate)
            {
                _readerSourceInUse = false;
            }
        }
    }

    ValueTaskSourceStatus IValueTaskSource<Message>.GetStatus(short token) => _reader.GetStatus(token);

    void IValueTaskSource<Message>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _reader.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken token)
    {
        lock (_gate)
        {
            if (!_readerWaits)
            {
                return;
            }

            _readerWaits = false;
        }

        _reader.RunContinuationsAsynchronously = true;
        _reader.SetException(new OperationCanceledException(token));
    }

    private ValueTask<Message> WaitWithOthers(CancellationToken cancellationToken)
    {
        var waiter = new TaskCompletionSource<Message>(TaskCreationOptions.RunContinuationsAsynchronously);
        _moreReaders.Enqueue(waiter);
        if (cancellationToken.CanBeCanceled)
        {
            CancellationTokenRegistration registration =
                cancellationToken.UnsafeRegister(static (w, token) => ((TaskCompletionSource<Message>)w!).TrySetCanceled(token), waiter);
            waiter.Task.ContinueWith(
                static (_, r) => ((CancellationTokenRegistration)r!).Dispose(),
                registration, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        return new ValueTask<Message>(waiter.Task);
    }

    private void Append(Message message)
    {
        if (_count == _items.Length)
        {
            int length = Math.Max(4, 2 * _count);
            Message[] larger = length > MaxKeptLength ? ArrayPool<Message>.Shared.Rent(length) : new Message[length];
            for (int i = 0; i < _count; i++)
            {
                larger[i] = _items[(_head + i) % _items.Length];
            }

            ReplaceItems(larger);
        }

        _items[(_head + _count) % _items.Length] = message;
        _count++;
    }

    private void PutBack(Message message)
    {
        Append(default);
        _head = (_head + _items.Length - 1) % _items.Length;
        _items[_head] = message;
        // Nobody has it: the next read must not give its payload back.
        _handedOut = default;
    }

    private bool TryTake(out Message message)
    {
        if (_count == 0)
        {
            message = default;
            return false;
        }

        message = _items[_head];
        _items[_head] = default;
        _head = (_head + 1) % _items.Length;
        if (--_count == 0 && _items.Length > MaxKeptLength)
        {
            ReplaceItems([]);
        }

        return true;
    }

    private void ReplaceItems(Message[] items)
    {
        if (_items.Length > MaxKeptLength)
        {
            ArrayPool<Message>.Shared.Return(_items, clearArray: true);
        }

        _items = items;
        _head = 0;
    }
}
