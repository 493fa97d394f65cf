using System.Net.Sockets;
using System.Runtime.CompilerServices;
using DevP2P.Buffers;
using DevP2P.Limits;

namespace DevP2P.Rlpx;

/// <summary>
/// The send side: frames are encoded one behind the other into a pending buffer, and one flush at a time carries away whatever
/// has gathered there, so that small messages share system calls.
/// </summary>
internal sealed partial class RlpxConnection : IThreadPoolWorkItem
{
    /// <summary>The longest that one flush may take.</summary>
    public static readonly TimeSpan FrameWriteTimeout = TimeSpan.FromSeconds(20);

    /// <summary>How long is spent on telling the other side the reason of a disconnect.</summary>
    public static readonly TimeSpan DisconnectWriteTimeout = TimeSpan.FromSeconds(1);

    /// <summary>While this much is waiting to be sent, a write waits; a message that is larger still passes whole.</summary>
    public const int MaxPendingBytes = 16 * 1024;

    /// <summary>
    /// What is written so long after the last flush is sent by its writer at once: to wake another thread for it would cost more, and take
    /// longer. Sooner than that, it may be one of many.
    /// </summary>
    private static readonly TimeSpan OwnFlushGap = TimeSpan.FromMicroseconds(20);

    private readonly AsyncGate _gate = new();
    private FrameEncoder? _encoder;
    private PooledBuffer? _pending;
    private int _pendingLength;
    private int _pendingCount;
    private FlushPacing _pacing;
    private int _lastFlush;
    private long _lastFlushAt;
    private bool _isFlushing;
    private bool _isFlushDue;
    private bool _isClosing;
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _idle;
    private Exception? _sendFailure;
    private long _flushSince;
    private PeerBandwidth? _upload;

    /// <summary>Who is to send what was written.</summary>
    private enum FlushBy
    {
        /// <summary>A flush is on its way already.</summary>
        Nobody,
        Writer,
        Pool,
    }

    /// <summary>Called once, on any thread, when a flush fails.</summary>
    public Action<Exception>? SendFailed { get; set; }

    /// <summary>
    /// The bandwidth that messages may be sent with; null for no limit. From the next message on. Who writes waits for it, so that nothing
    /// that has been encrypted ever has to: pings, pongs and disconnects overtake, and borrow.
    /// </summary>
    public PeerBandwidth? Upload
    {
        get => Volatile.Read(ref _upload);
        set
        {
            Interlocked.Exchange(ref _upload, value);
            if (_isClosing)
            {
                value?.End();
            }
        }
    }

    /// <summary>Writes a message; completes when it stands encrypted in the pending buffer.</summary>
    public ValueTask WriteAsync(ulong code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        if (payload.Length > FrameCodec.MaxMessageSize)
        {
            return ValueTask.FromException(TooLarge(payload.Length));
        }

        if (Upload is { } upload)
        {
            return WriteLimitedAsync(upload, code, payload, cancellationToken);
        }

        if (!_gate.TryEnter())
        {
            return WriteSlowAsync(code, payload, null, 0, cancellationToken);
        }

        try
        {
            if (_pendingLength < MaxPendingBytes)
            {
                Append(code, payload.Span);
                return ValueTask.CompletedTask;
            }
        }
        catch (Exception e) when (e is ArgumentException or P2PException)
        {
            return ValueTask.FromException(e);
        }
        finally
        {
            EndWrite();
        }

        return WriteSlowAsync(code, payload, null, 0, cancellationToken);
    }

    /// <summary>
    /// Writes a ping or pong without waiting for room: the read loop must not wait for an other side that does not read. Past
    /// twice <see cref="MaxPendingBytes"/> it is dropped instead (T06); then there is enough that the other side could read.
    /// </summary>
    public async ValueTask WriteControlAsync(ulong code)
    {
        await _gate.EnterAsync().ConfigureAwait(false);
        try
        {
            if (_pendingLength < 2 * MaxPendingBytes && !_isClosing && _sendFailure is null)
            {
                AppendControl(code, BaseProtocol.EmptyList.Span);
            }
        }
        finally
        {
            EndWrite(maySend: false);
        }
    }

    /// <summary>True if a flush has been stuck for longer than it may.</summary>
    public bool IsWriteOverdue(long timestamp)
    {
        long since = Volatile.Read(ref _flushSince);
        return since != 0 && _time.GetElapsedTime(since, timestamp) > FrameWriteTimeout;
    }

    /// <summary>
    /// Ends the send side: no more writes; the reason, if there is one to tell, is sent within
    /// <see cref="DisconnectWriteTimeout"/>; then the connection is half-closed. The other side's bytes should be read away
    /// (<see cref="DrainAsync"/>) before <see cref="Dispose"/>, or a reset may swallow the reason.
    /// </summary>
    public async Task CloseSendAsync(DisconnectReason? reason)
    {
        using var timeout = new CancellationTokenSource(DisconnectWriteTimeout, _time);
        try
        {
            await _gate.EnterAsync(timeout.Token).ConfigureAwait(false);
            Task idle;
            try
            {
                if (reason is { } value && value != DisconnectReason.NetworkError && _encoder is not null && !_isClosing)
                {
                    AppendControl(BaseProtocol.DisconnectCode, BaseProtocol.EncodeDisconnect(value));
                }

                _isClosing = true;
                Upload?.End();
                idle = WhenIdle();
            }
            finally
            {
                EndWrite();
            }

            await idle.WaitAsync(timeout.Token).ConfigureAwait(false);
            _socket?.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is OperationCanceledException or P2PException or SocketException or ObjectDisposedException)
        {
            // Out of time, or broken already: the stream is about to be disposed in any case.
        }
    }

    /// <summary>Closes the stream: reads and writes that are under way fail. Never throws, whatever kind of stream it is.</summary>
    public void Dispose()
    {
        _isClosing = true;
        Interlocked.MemoryBarrier();
        Upload?.End();
        try
        {
            _stream.Dispose();
        }
        catch (Exception e)
        {
            // A stream of the application's: it is given up on either way.
            Volatile.Write(ref _sendFailure, e);
        }
    }

    /// <summary>Waits until nothing of the send side runs any more. After <see cref="Dispose"/>.</summary>
    public async Task WaitForSendSideAsync()
    {
        await _gate.EnterAsync().ConfigureAwait(false);
        Task idle = WhenIdle();
        _gate.Exit();
        await idle.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>The flush, as a work item of the thread pool.</summary>
    void IThreadPoolWorkItem.Execute() => FlushAsync(isWriters: false).AsTask();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteLimitedAsync(PeerBandwidth upload, ulong code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        // As if it could not be compressed; what is too much is given back.
        int estimate = FrameCodec.WireSize(FrameCodec.MaxCodeSize + payload.Length);
        if (!upload.TryAcquire(estimate) && !await upload.AcquireAsync(estimate, cancellationToken).ConfigureAwait(false))
        {
            throw new PeerDisconnectedException("the connection is closed", _sendFailure);
        }

        try
        {
            await WriteSlowAsync(code, payload, upload, estimate, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            upload.Charge(-estimate);
            throw;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteSlowAsync(
        ulong code, ReadOnlyMemory<byte> payload, PeerBandwidth? upload, int paid, CancellationToken cancellationToken)
    {
        while (true)
        {
            await _gate.EnterAsync(cancellationToken).ConfigureAwait(false);
            Task room;
            try
            {
                if (_pendingLength < MaxPendingBytes)
                {
                    int written = Append(code, payload.Span);
                    upload?.Charge(written - paid);
                    return;
                }

                _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _room.Task;
            }
            finally
            {
                EndWrite();
            }

            await room.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Encodes a frame behind those that wait. The gate is held.</summary>
    /// <returns>Its size.</returns>
    private int Append(ulong code, ReadOnlySpan<byte> payload)
    {
        if (_sendFailure is not null || _isClosing)
        {
            throw new PeerDisconnectedException("the connection is closed", _sendFailure);
        }

        int written = _encoder!.Encode(code, payload, Reserve(_encoder.GetMaxWireSize(payload.Length)));
        if (written == 0)
        {
            if (!_isFlushing)
            {
                // No flush is on its way that would give the block back.
                BufferPool.Shared.Return(_pending!);
                _pending = null;
            }

            throw TooLarge(payload.Length);
        }

        Traffic.CountSent(code, payload.Length, written);
        Commit(written);
        return written;
    }

    /// <summary>Encodes what does not wait for the bandwidth limit, but counts for it. The gate is held.</summary>
    private void AppendControl(ulong code, ReadOnlySpan<byte> payload)
    {
        int written = Append(code, payload);
        Upload?.Charge(written);
    }

    /// <summary>Room behind what waits. The gate is held.</summary>
    private Span<byte> Reserve(int size)
    {
        int needed = _pendingLength + size;
        if (_pending is null)
        {
            // As much as was sent the last time: a ping to an idle peer needs little, and a thousand are pinged at once.
            _pending = BufferPool.Shared.Rent(Math.Max(needed, Math.Min(_lastFlush, MaxPendingBytes)));
        }
        else if (needed > _pending.Capacity)
        {
            _pending = BufferPool.Shared.Grow(_pending, needed, _pendingLength);
        }

        return _pending.Span[_pendingLength..];
    }

    /// <summary>What was written there is to be sent. The gate is held.</summary>
    private void Commit(int written)
    {
        _pendingLength += written;
        _pendingCount++;
        if (!_isFlushing)
        {
            _isFlushing = _isFlushDue = true;
        }
    }

    /// <summary>Leaves the gate, and begins to send what was written, unless that has begun.</summary>
    /// <param name="maySend">Whether the caller may send it: not who pings all peers in a row, with next to nothing for each.</param>
    private void EndWrite(bool maySend = true) => BeginFlush(LeaveGate(maySend));

    /// <summary>The first half of <see cref="EndWrite"/>. Whatever it returns is to be handed to <see cref="BeginFlush"/>, once the caller holds no gate any more.</summary>
    private FlushBy LeaveGate(bool maySend)
    {
        FlushBy flush = !_isFlushDue ? FlushBy.Nobody
            : maySend && _time.GetElapsedTime(_lastFlushAt) >= OwnFlushGap ? FlushBy.Writer
            : FlushBy.Pool;
        _isFlushDue = false;
        _gate.Exit();
        return flush;
    }

    private void BeginFlush(FlushBy flush)
    {
        if (flush == FlushBy.Writer)
        {
            FlushAsync(isWriters: true).AsTask();
        }
        else if (flush == FlushBy.Pool)
        {
            QueueFlush();
        }
    }

    // On this thread's own queue: it runs when this thread next waits, after whatever else is written until then, or when another has nothing to do.
    private void QueueFlush() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FlushAsync(bool isWriters)
    {
        for (bool isFirst = true; ; isFirst = false)
        {
            if (!isWriters)
            {
                RestIfStreaming();
            }

            await _gate.EnterAsync().ConfigureAwait(false);
            if (isWriters && !isFirst && _pending is not null)
            {
                // Others write as well: a writer does not send for them without end.
                _gate.Exit();
                QueueFlush();
                return;
            }

            PooledBuffer? buffer = _pending;
            int length = _pendingLength;
            _lastFlush = length > 0 ? length : _lastFlush;
            TaskCompletionSource? room = _room;
            _pending = null;
            _pendingLength = 0;
            _pendingCount = 0;
            _room = null;
            if (buffer is null || _sendFailure is not null)
            {
                _isFlushing = false;
                _idle?.TrySetResult();
                _gate.Exit();
                room?.TrySetResult();
                ReturnIfAny(buffer);
                return;
            }

            _gate.Exit();
            room?.TrySetResult();
            try
            {
                _lastFlushAt = _time.GetTimestamp();
                Volatile.Write(ref _flushSince, _lastFlushAt);
                await _stream.WriteAsync(buffer.Memory[..length]).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Whatever the stream throws: it is broken, and the peer must hear of it.
                Volatile.Write(ref _sendFailure, e);
                SendFailed?.Invoke(e);
            }
            finally
            {
                Volatile.Write(ref _flushSince, 0);
                BufferPool.Shared.Return(buffer);
            }
        }
    }

    /// <summary>Before a flush of a stream of small messages: more of them shall share it.</summary>
    private void RestIfStreaming()
    {
        int count = Volatile.Read(ref _pendingCount);
        if (count > 1 && Volatile.Read(ref _pendingLength) < MaxPendingBytes / 2 && _pacing.IsRestDue() && FlushPause.TryRest())
        {
            _pacing.Rested(Volatile.Read(ref _pendingCount) - count);
        }
    }

    private static void ReturnIfAny(PooledBuffer? buffer)
    {
        if (buffer is not null)
        {
            BufferPool.Shared.Return(buffer);
        }
    }

    /// <summary>Completes when no flush runs. The gate is held.</summary>
    private Task WhenIdle()
    {
        if (!_isFlushing)
        {
            return Task.CompletedTask;
        }

        _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _idle.Task;
    }

    private static ArgumentException TooLarge(int size) => new(
        $"the message is too large: code and payload may have {FrameCodec.MaxMessageSize} bytes before and after compression, the payload has {size}");
}
