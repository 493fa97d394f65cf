using System.Net.Sockets;
using System.Runtime.CompilerServices;
using DevP2P.Buffers;
using DevP2P.Limits;

namespace DevP2P.Rlpx;

/// <content>Bytes come in: the receive buffer, the memory it is charged for, and the bandwidth limit.</content>
internal sealed partial class RlpxConnection
{
    private const int FirstReceiveSize = 2 * 1024;
    private const int MaxReceiveSize = PooledBuffer.MaxArraySize;

    private PeerBandwidth? _download;
    private int _unpaid;
    private bool _isHeldBack;

    /// <summary>The bandwidth that it may be read with; null for no limit. From the next read on.</summary>
    public PeerBandwidth? Download
    {
        get => Volatile.Read(ref _download);
        set => Volatile.Write(ref _download, value);
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
            if (!_expectMore && IsOverSocket)
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

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
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
}
