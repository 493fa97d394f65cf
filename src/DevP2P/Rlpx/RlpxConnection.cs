using System.Net.Sockets;
using System.Runtime.CompilerServices;
using DevP2P.Buffers;

namespace DevP2P.Rlpx;

/// <summary>
/// The pump between a stream and the frame codec: the messages are read in this file, bytes in
/// RlpxConnection.Receive.cs; the send side is in RlpxConnection.Send.cs, the two handshakes are in RlpxConnection.Handshake.cs.
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

    private readonly Stream _stream;
    private readonly Socket? _socket;
    private readonly PeerBudget _budget;
    private readonly TimeProvider _time;
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

    private DecodedFrame _frame;
    private MacPiece? _piece;
    private bool _isHashDue;

    /// <param name="stream">Owned from now on. A <see cref="NetworkStream"/> is waited on without holding a buffer.</param>
    /// <param name="budget">What received bytes are charged to.</param>
    /// <param name="time">The clock for deadlines and for <see cref="Message.ReceivedAt"/>.</param>
    public RlpxConnection(Stream stream, PeerBudget budget, TimeProvider time)
    {
        _stream = stream;
        _socket = (stream as NetworkStream)?.Socket;
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

    /// <summary>Where large pieces are hashed together with those of other connections.</summary>
    public MacQueue Macs { get; init; } = MacQueue.Shared;

    /// <summary>What has gone over this connection, from the Hello on.</summary>
    public ConnectionTraffic Traffic { get; } = new();

    /// <summary>True once frames may be sent: from then on the other side can be told why it is refused.</summary>
    public bool IsEncrypted => _encoder is not null;

    /// <summary>Whether bytes have come that are not decoded yet. For whoever reads.</summary>
    public bool HasBytes => _start < _end;

    /// <summary>Whether it is over a socket, whose operations end on a thread of the pool that is theirs until they return.</summary>
    public bool IsOverSocket => _socket is not null;

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
            else if (_isHashDue)
            {
                await Macs.AbsorbAsync(_decoder!.TakeHashDue(_piece ??= new MacPiece(), _received!.Memory[_start.._end])).ConfigureAwait(false);
                _isHashDue = false;
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

    /// <summary>Decodes the next message from the bytes at hand. False, and nothing is lost, if bytes, memory budget or its hash are missing.</summary>
    /// <exception cref="P2PException">As <see cref="ReadAsync"/>.</exception>
    public bool TryRead(out Message message)
    {
        message = default;
        if (!_frame.IsPending)
        {
            if (_received is not { } buffer || _isHashDue)
            {
                return false;
            }

            Span<byte> bytes = buffer.Span[_start.._end];
            FrameStatus status = _decoder!.TryDecode(bytes, MacQueue.MinSize - 1, out int consumed, out ulong code, out Range data);
            if (status == FrameStatus.HashDue)
            {
                _start += consumed;
                if (Macs.IsWorthIt())
                {
                    _isHashDue = true;
                    return false;
                }

                bytes = buffer.Span[_start.._end];
                status = _decoder.TryDecode(bytes, int.MaxValue, out consumed, out code, out data);
            }

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
