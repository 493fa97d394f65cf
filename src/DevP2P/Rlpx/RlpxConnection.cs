using System.Net.Sockets;
using System.Runtime.CompilerServices;
using DevP2P.Buffers;
using DevP2P.Limits;

namespace DevP2P.Rlpx;

/// <summary>
/// The pump between a stream and the frame codec: the receive side is in this file, the send side in RlpxConnection.Send.cs, the two
/// handshakes in RlpxConnection.Handshake.cs.
/// One reader at a time; writes are safe for concurrent calls. Why it is built this way: docs/decisions/0001-socket-pump.md.
/// </summary>
internal sealed partial class RlpxConnection : IDisposable
{
    /// <summary>The longest that a message may take to arrive, the time before its first byte included: a peer's idle time.</summary>
    public static readonly TimeSpan FrameReadTimeout = TimeSpan.FromSeconds(30);

    /// <summary>After a disconnect reason was sent and the connection half-closed: how long the other side's bytes are still read away.</summary>
    public static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(2);

    /// <summary>The greatest base-protocol message; and until the Hello is read, the greatest message at all.</summary>
    public const int MaxBaseMessageSize = 2 * 1024;

    /// <summary>What a message is charged on top of its block: its place in a queue.</summary>
    public const int MessageOverhead = 128;

    private const int FirstReceiveSize = 2 * 1024;
    private const int MaxReceiveSize = PooledBuffer.MaxArraySize;

    private readonly Stream _stream;
    private readonly Socket? _socket;
    private readonly PeerBudget _budget;
    private readonly TimeProvider _time;
    private readonly bool _canWaitWithoutBuffer;
    private FrameDecoder? _decoder;
    private bool _useSnappy;
    private PooledBuffer? _received;
    private int _charged;
    private int _start;
    private int _end;
    private int _receiveSize = FirstReceiveSize;
    private bool _expectMore;
    private long _receivedAtTicks;
    private long _waitingSince;
    private PeerBandwidth? _download;
    private int _unpaid;
    private bool _isHeldBack;

    private DecodedFrame _frame;

    /// <param name="stream">Owned from now on. A <see cref="NetworkStream"/> is waited on without holding a buffer.</param>
    /// <param name="budget">What received bytes are charged to.</param>
    /// <param name="time">The clock for deadlines and for <see cref="Message.ReceivedAt"/>.</param>
    public RlpxConnection(Stream stream, PeerBudget budget, TimeProvider time)
    {
        _stream = stream;
        _socket = (stream as NetworkStream)?.Socket;
        _canWaitWithoutBuffer = _socket is not null;
        _budget = budget;
        _time = time;
    }

    /// <summary>The greatest payload that is accepted for a message code, or -1 if the code is invalid.</summary>
    public Func<ulong, int> GetMaxPayloadSize { get; set; } = static _ => MaxBaseMessageSize;

    /// <summary>
    /// The greatest frame-data that is received; a header that announces more ends the connection. Until the Hello is read there
    /// is no need for more than a Hello (T11).
    /// </summary>
    public int MaxFrameSize { get; set; } = FrameCodec.MaxCodeSize + MaxBaseMessageSize;

    /// <summary>What has gone over this connection, from the Hello on.</summary>
    public ConnectionTraffic Traffic { get; } = new();

    /// <summary>The bandwidth that it may be read with; null for no limit. From the next read on.</summary>
    public PeerBandwidth? Download
    {
        get => Volatile.Read(ref _download);
        set => Volatile.Write(ref _download, value);
    }

    /// <summary>True once frames may be sent: from then on the other side can be told why it is refused.</summary>
    public bool IsEncrypted => _encoder is not null;

    /// <summary>Waits for the next message. Frames that are here already cost no wait.</summary>
    /// <param name="cancellationToken">Ends a wait for memory, not a wait for bytes: that ends when the connection is disposed.</param>
    /// <exception cref="ProtocolViolationException">An invalid code, size or compression.</exception>
    /// <exception cref="P2PException">A wrong MAC, or the stream ended or broke.</exception>
    public ValueTask<Message> ReadAsync(CancellationToken cancellationToken) =>
        TryRead(out Message message) ? new ValueTask<Message>(message) : ReadSlowAsync(cancellationToken);

    /// <summary>
    /// True if the other side has been silent, or slow with a message, for longer than it may. Time in which our own handlers
    /// keep the connection from being read does not count, nor does time for which the bandwidth limit holds it back; time in which
    /// the budget of all peers is spent does, or those who hold it could hold it for ever.
    /// </summary>
    public bool IsReadOverdue(long timestamp)
    {
        if (Volatile.Read(ref _isHeldBack))
        {
            return false;
        }

        // Read after that: by then it does not count the time for which the connection was held back.
        long since = Volatile.Read(ref _waitingSince);
        return since != 0 && !_budget.WaitsForOwnHandlers && _time.GetElapsedTime(since, timestamp) > FrameReadTimeout;
    }

    /// <summary>Reads and discards until the other side closes, so that no reset swallows what was sent to it last.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        PooledBuffer buffer = BufferPool.Shared.Rent(FirstReceiveSize);
        try
        {
            while (await _stream.ReadAsync(buffer.Memory, cancellationToken).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (Exception)
        {
            // Reset, disposed, out of time, or whatever a stream of the application's throws: drained enough.
        }
        finally
        {
            BufferPool.Shared.Return(buffer);
        }
    }

    /// <summary>Gives back what the receive side holds. Only once nobody reads any more.</summary>
    public void ReleaseReceiveBuffer()
    {
        if (_received is { } buffer)
        {
            _received = null;
            BufferPool.Shared.Return(buffer);
        }

        _budget.ReleaseReceive(_charged);
        _charged = 0;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Message> ReadSlowAsync(CancellationToken cancellationToken)
    {
        Volatile.Write(ref _waitingSince, _time.GetTimestamp());
        Message message;
        do
        {
            if (_frame.IsPending)
            {
                await _budget.ChargeMessageAsync(_frame.Charge, cancellationToken).ConfigureAwait(false);
                _frame.IsCharged = true;
                RestartReadClock();
            }
            else
            {
                await ReceiveAsync(CheckAnnounced(_decoder!.BytesWanted), cancellationToken).ConfigureAwait(false);
            }
        }
        while (!TryRead(out message));
        Volatile.Write(ref _waitingSince, 0);
        return message;
    }

    /// <summary>Decodes the next message from the bytes at hand, unless bytes or memory budget are missing.</summary>
    private bool TryRead(out Message message)
    {
        message = default;
        if (!_frame.IsPending)
        {
            if (_received is not { } buffer)
            {
                return false;
            }

            Span<byte> bytes = buffer.Span[_start.._end];
            FrameStatus status = _decoder!.TryDecode(bytes, out int consumed, out ulong code, out Range data);
            if (status == FrameStatus.Frame)
            {
                _frame = CheckFrame(code, bytes[data], _start + data.Start.Value);
            }

            _start += consumed;
            if (status != FrameStatus.Frame)
            {
                return status == FrameStatus.NeedMoreData ? false : throw Failure(status);
            }
        }

        if (!_frame.IsCharged && !_budget.TryChargeMessage(_frame.Charge))
        {
            return false;
        }

        message = TakeFrame();
        return true;
    }

    /// <summary>Refuses a frame by its header, before its bytes are waited for.</summary>
    private int CheckAnnounced(int wanted)
    {
        int limit = FrameCodec.Pad(MaxFrameSize) + FrameMac.Size;
        return wanted <= limit
            ? wanted
            : throw new ProtocolViolationException($"a frame of {wanted} bytes exceeds the limit of {limit}");
    }

    /// <summary>Checks code and size before any memory is committed.</summary>
    private DecodedFrame CheckFrame(ulong code, ReadOnlySpan<byte> data, int offset)
    {
        int size = data.Length;
        bool isCompressed = _useSnappy;
        if (isCompressed && !SnappyPayload.TryGetSize(data, out size))
        {
            // Some nodes never compress a Disconnect. One byte, bare or in a list, is no valid snappy, so there is no doubt.
            if (code != BaseProtocol.DisconnectCode)
            {
                throw new ProtocolViolationException($"message {code}: invalid snappy data");
            }

            isCompressed = false;
            size = data.Length;
        }

        int limit = GetMaxPayloadSize(code);
        if (limit < 0)
        {
            throw new ProtocolViolationException($"message code {code} is out of range");
        }

        if (size > limit)
        {
            throw new ProtocolViolationException($"message {code}: {size} bytes exceed the limit of {limit}");
        }

        return new DecodedFrame(code, offset, data.Length, size, isCompressed, _decoder!.WireSize);
    }

    /// <summary>Turns the pending frame, whose memory is charged, into a message.</summary>
    private Message TakeFrame()
    {
        DecodedFrame frame = _frame;
        _frame = default;
        if (frame.PayloadSize == 0 && !frame.IsCompressed)
        {
            Traffic.CountReceived(frame.Code, 0, frame.WireSize);
            return new Message(frame.Code, 0, ReceivedPayload.Create(null, _budget, frame.Charge), _receivedAtTicks);
        }

        PooledBuffer payload = BufferPool.Shared.Rent(frame.PayloadSize);
        ReadOnlySpan<byte> data = _received!.Span.Slice(frame.Offset, frame.Length);
        Span<byte> destination = payload.Span[..frame.PayloadSize];
        if (!frame.IsCompressed)
        {
            data.CopyTo(destination);
        }
        else if (!SnappyPayload.TryDecompress(data, destination))
        {
            BufferPool.Shared.Return(payload);
            _budget.ReleaseMessage(frame.Charge);
            throw new ProtocolViolationException($"message {frame.Code}: corrupt snappy data");
        }

        Traffic.CountReceived(frame.Code, frame.PayloadSize, frame.WireSize);
        return new Message(frame.Code, frame.PayloadSize, ReceivedPayload.Create(payload, _budget, frame.Charge), _receivedAtTicks);
    }

    /// <summary>Receives at least one byte more. The buffer grows with the bytes that came, never with those that were announced.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReceiveAsync(int wanted, CancellationToken cancellationToken)
    {
        PeerBandwidth? download = Download;
        if (_unpaid > 0)
        {
            await PayAsync(download, cancellationToken).ConfigureAwait(false);
        }

        if (_start == _end)
        {
            _start = _end = 0;
            if (!_expectMore && _canWaitWithoutBuffer)
            {
                ReleaseReceiveBuffer();
                await WaitForDataAsync().ConfigureAwait(false);
            }
            else if (_received is { IsNative: true })
            {
                ReleaseReceiveBuffer();
            }
        }

        await MakeRoomAsync(wanted, cancellationToken).ConfigureAwait(false);
        int room = _received!.Capacity - _end;
        if (download is not null)
        {
            // What is read is paid for before more is: a large message in its parts.
            room = Math.Min(room, MaxReceiveSize);
        }

        int count;
        try
        {
            count = await _stream.ReadAsync(_received.Memory.Slice(_end, room), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            throw ConnectionLost(e);
        }

        if (count == 0)
        {
            throw ConnectionLost(null);
        }

        _end += count;
        _unpaid = download is null ? 0 : count;
        _receivedAtTicks = _time.GetUtcNow().UtcTicks;

        // A read that filled the buffer says that more is coming: read on at once, and more at a time.
        _expectMore = count == room;
        _receiveSize = _expectMore
            ? Math.Min(2 * _receiveSize, MaxReceiveSize)
            : Math.Max(FirstReceiveSize, count < _receiveSize / 8 ? _receiveSize / 2 : _receiveSize);
    }

    /// <summary>
    /// Waits until the bytes that were read last fit into the bandwidth limit. Meanwhile TCP holds the other side back; that is our doing,
    /// and not counted as its silence.
    /// </summary>
    private async ValueTask PayAsync(PeerBandwidth? download, CancellationToken cancellationToken)
    {
        int unpaid = _unpaid;
        _unpaid = 0;
        if (download?.TryAcquire(unpaid) != false)
        {
            return;
        }

        long heldSince = _time.GetTimestamp();
        Volatile.Write(ref _isHeldBack, true);
        try
        {
            await download.AcquireAsync(unpaid, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (Volatile.Read(ref _waitingSince) is not 0 and long since)
            {
                Volatile.Write(ref _waitingSince, since + _time.GetTimestamp() - heldSince);
            }

            Volatile.Write(ref _isHeldBack, false);
        }
    }

    private async ValueTask WaitForDataAsync()
    {
        try
        {
            await _stream.ReadAsync(Memory<byte>.Empty, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            throw ConnectionLost(e);
        }
    }

    private async ValueTask MakeRoomAsync(int wanted, CancellationToken cancellationToken)
    {
        if (_received is null)
        {
            // A peer that has had much to say must not wait for room for that: what comes next may be small.
            if (_receiveSize > FirstReceiveSize && !TryChargeReceive(_receiveSize))
            {
                _receiveSize = FirstReceiveSize;
            }

            await ChargeReceiveAsync(_receiveSize, cancellationToken).ConfigureAwait(false);
            _received = BufferPool.Shared.Rent(_receiveSize);
            return;
        }

        if (_start > 0)
        {
            Span<byte> span = _received.Span;
            span[_start.._end].CopyTo(span);
            _end -= _start;
            _start = 0;
        }

        if (_end == _received.Capacity)
        {
            int larger = (int)Math.Min(Math.Max(wanted, _end + 1), 2L * _end);
            await ChargeReceiveAsync(larger, cancellationToken).ConfigureAwait(false);
            _received = BufferPool.Shared.Grow(_received, larger, _end);
        }
    }

    /// <summary>Charges what the receive buffer is about to have more than it has.</summary>
    private async ValueTask ChargeReceiveAsync(int size, CancellationToken cancellationToken)
    {
        if (!TryChargeReceive(size))
        {
            await _budget.ChargeReceiveAsync(size - _charged, cancellationToken).ConfigureAwait(false);
            _charged = size;
            RestartReadClock();
        }
    }

    private bool TryChargeReceive(int size)
    {
        if (size > _charged && !_budget.TryChargeReceive(size - _charged))
        {
            return false;
        }

        _charged = Math.Max(_charged, size);
        return true;
    }

    /// <summary>After a wait that was our own doing. Not while a handshake runs, which has a clock of its own.</summary>
    private void RestartReadClock()
    {
        if (_budget.WaitedForOwnHandlers && Volatile.Read(ref _waitingSince) != 0)
        {
            Volatile.Write(ref _waitingSince, _time.GetTimestamp());
        }
    }

    private static P2PException Failure(FrameStatus status) => status switch
    {
        FrameStatus.BadHeaderMac => new P2PException("bad header MAC"),
        FrameStatus.BadFrameMac => new P2PException("bad frame MAC"),
        _ => new ProtocolViolationException("invalid message code"),
    };

    private static P2PException ConnectionLost(Exception? cause) => cause switch
    {
        null => new P2PException("the connection was closed by the other side"),
        { InnerException: SocketException socket } => new P2PException($"the connection broke: {socket.SocketErrorCode}", cause),
        _ => new P2PException("the connection broke", cause),
    };

    /// <summary>A frame that was decoded in place and waits to become a message.</summary>
    private struct DecodedFrame(ulong code, int offset, int length, int payloadSize, bool isCompressed, int wireSize)
    {
        public readonly ulong Code = code;
        public readonly int Offset = offset;
        public readonly int Length = length;
        public readonly int PayloadSize = payloadSize;
        public readonly bool IsCompressed = isCompressed;
        public readonly int WireSize = wireSize;
        public readonly int Charge = MessageOverhead + payloadSize;
        public readonly bool IsPending = true;
        public bool IsCharged;
    }
}
