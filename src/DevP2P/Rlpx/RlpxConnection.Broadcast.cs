using DevP2P.Buffers;
using DevP2P.Rlp;

namespace DevP2P.Rlpx;

/// <content>One message for many connections.</content>
internal sealed partial class RlpxConnection
{
    /// <summary>What became of a message that was to be sent without waiting.</summary>
    public enum SendOutcome
    {
        /// <summary>It is on its way.</summary>
        Sent,

        /// <summary>The connection is closed.</summary>
        Closed,

        /// <summary>Not sent: too much waits there to be sent already.</summary>
        Slow,

        /// <summary>Not sent: the bandwidth limit does not allow it now.</summary>
        HeldBack,
    }

    /// <summary>
    /// One message for many connections: compressed once, and framed for four connections at a time (<see cref="FrameEncoder.EncodeDataFour"/>).
    /// Never waits for an other side. Not safe for concurrent use, but several may run at once.
    /// </summary>
    /// <param name="payload">The payload, which must stay as it is until <see cref="Dispose"/>.</param>
    public sealed class Broadcast(ReadOnlyMemory<byte> payload) : IDisposable
    {
        private const int Width = 4;

        // Their gates are held. All use snappy, and have codes of the same size.
        private readonly RlpxConnection[] _held = new RlpxConnection[Width];
        private readonly ulong[] _codes = new ulong[Width];
        private readonly FlushBy[] _flushes = new FlushBy[Width];
        private int _count;
        private PooledBuffer? _compressed;
        private int _compressedLength;

        /// <summary>Sends it over one connection more, soon: at the latest in <see cref="Dispose"/>.</summary>
        /// <returns>What becomes of it.</returns>
        /// <exception cref="ArgumentException">The message is too large, after compression.</exception>
        public SendOutcome Add(RlpxConnection connection, ulong code)
        {
            Compress();
            if (!connection._gate.TryEnter())
            {
                // Another write is being encoded there. Whoever waits for a gate must not hold one.
                Flush();
                connection._gate.Enter();
            }

            if (connection._isClosing || connection._sendFailure is not null || connection._pendingLength >= MaxPendingBytes)
            {
                bool isSlow = !connection._isClosing && connection._sendFailure is null;
                connection._gate.Exit();
                return isSlow ? SendOutcome.Slow : SendOutcome.Closed;
            }

            if (connection.Upload?.TryAcquire(GetWireSize(connection, code)) == false)
            {
                connection._gate.Exit();
                return SendOutcome.HeldBack;
            }

            if (!connection._useSnappy)
            {
                connection.AppendData(code, payload.Span, payload.Length);
                connection.EndWrite(maySend: false);
                return SendOutcome.Sent;
            }

            if (_count > 0 && GetCodeSize(code) != GetCodeSize(_codes[0]))
            {
                Flush();
            }

            (_held[_count], _codes[_count]) = (connection, code);
            if (++_count == Width)
            {
                FlushFour();
            }

            return SendOutcome.Sent;
        }

        /// <summary>Sends what is still held.</summary>
        public void Dispose()
        {
            Flush();
            if (_compressed is { } buffer)
            {
                _compressed = null;
                BufferPool.Shared.Return(buffer);
            }
        }

        private static int GetCodeSize(ulong code)
        {
            Span<byte> encoded = stackalloc byte[FrameCodec.MaxCodeSize];
            return RlpEncoding.WriteUInt64(encoded, code);
        }

        private int GetWireSize(RlpxConnection connection, ulong code) =>
            FrameCodec.WireSize(GetCodeSize(code) + (connection._useSnappy ? _compressedLength : payload.Length));

        private void Compress()
        {
            if (_compressed is not null)
            {
                return;
            }

            PooledBuffer buffer = BufferPool.Shared.Rent(SnappyPayload.GetMaxCompressedSize(payload.Length));
            int length = SnappyPayload.Compress(payload.Span, buffer.Span);
            if (length + FrameCodec.MaxCodeSize > FrameCodec.MaxMessageSize)
            {
                BufferPool.Shared.Return(buffer);
                throw TooLarge(payload.Length);
            }

            (_compressed, _compressedLength) = (buffer, length);
        }

        private void FlushFour()
        {
            ReadOnlySpan<byte> data = _compressed!.Span[.._compressedLength];
            int size = FrameCodec.WireSize(GetCodeSize(_codes[0]) + data.Length);
            int written = FrameEncoder.EncodeDataFour(
                [_held[0]._encoder!, _held[1]._encoder!, _held[2]._encoder!, _held[3]._encoder!], _codes, data,
                _held[0].Reserve(size), _held[1].Reserve(size), _held[2].Reserve(size), _held[3].Reserve(size));
            for (int i = 0; i < Width; i++)
            {
                _held[i].Traffic.CountSent(_codes[i], payload.Length, written);
                _held[i].Commit(written);
            }

            LeaveGates();
        }

        private void Flush()
        {
            for (int i = 0; i < _count; i++)
            {
                _held[i].AppendData(_codes[i], _compressed!.Span[.._compressedLength], payload.Length);
            }

            LeaveGates();
        }

        /// <summary>Leaves all gates, and only then sends: nobody waits for a gate because of another connection.</summary>
        private void LeaveGates()
        {
            for (int i = 0; i < _count; i++)
            {
                // A socket never blocks; an application's stream may, and then only for itself.
                _flushes[i] = _held[i].LeaveGate(maySend: _held[i]._socket is not null);
            }

            for (int i = 0; i < _count; i++)
            {
                _held[i].BeginFlush(_flushes[i]);
            }

            _count = 0;
        }
    }

    /// <summary>Encodes a frame whose data is compressed already, or needs not be. The gate is held.</summary>
    private void AppendData(ulong code, ReadOnlySpan<byte> data, int payloadLength)
    {
        int written = _encoder!.EncodeData(code, data, Reserve(FrameCodec.WireSize(FrameCodec.MaxCodeSize + data.Length)));
        Traffic.CountSent(code, payloadLength, written);
        Commit(written);
    }
}
