using System.Buffers;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>What a <see cref="LoopReader"/> does while it waits for data.</summary>
internal enum IdleWait
{
    /// <summary>A zero-byte receive comes before every receive.</summary>
    ZeroByteAlways,

    /// <summary>A zero-byte receive, but only when the last receive left room in the buffer and no part of a frame in it.</summary>
    ZeroByteWhenDrained,

    /// <summary>As above, with a receive into a few bytes that the connection owns instead of the zero-byte receive.</summary>
    FewBytes,

    /// <summary>A receive into the whole buffer, which is never given back: the lower bound for CPU, not for memory.</summary>
    WholeBuffer,
}

/// <summary>Own loop: a pooled buffer, borrowed only while there is data, and all frames in it decoded per wake-up.</summary>
internal sealed class LoopReader(Transport transport, IdleWait idleWait, int bufferSize) : FrameReader
{
    private const int FewBytesSize = 256;

    private readonly byte[] _few = idleWait == IdleWait.FewBytes ? new byte[FewBytesSize] : [];
    private byte[]? _buffer;
    private int _filled;
    private bool _lastReceiveFilledUp;

    public override async Task RunAsync(Func<ReadOnlyMemory<byte>, ValueTask> onFrame)
    {
        while (await ReceiveAsync())
        {
            int start = 0;
            int size;
            while ((size = FakeFrame.Measure(_buffer.AsSpan(start, _filled - start))) > 0)
            {
                await onFrame(_buffer.AsMemory(start, size));
                start += size;
            }

            KeepFrom(start);
        }

        ReturnBuffer();
    }

    private async ValueTask<bool> ReceiveAsync()
    {
        bool drained = _filled == 0 && !_lastReceiveFilledUp;
        if (idleWait == IdleWait.ZeroByteAlways || (drained && idleWait == IdleWait.ZeroByteWhenDrained))
        {
            await transport.ReceiveAsync(Memory<byte>.Empty);
        }
        else if (drained && idleWait == IdleWait.FewBytes)
        {
            int few = await transport.ReceiveAsync(_few);
            _buffer = ArrayPool<byte>.Shared.Rent(bufferSize);
            _few.AsSpan(0, few).CopyTo(_buffer);
            return Received(few, _few.Length);
        }

        _buffer ??= ArrayPool<byte>.Shared.Rent(bufferSize);
        return Received(await transport.ReceiveAsync(_buffer.AsMemory(_filled)), _buffer.Length - _filled);
    }

    private bool Received(int count, int space)
    {
        Receives++;
        _filled += count;
        _lastReceiveFilledUp = count == space;
        return count > 0;
    }

    /// <summary>Keeps what is left from <paramref name="start"/> on; gives the buffer back if that is nothing.</summary>
    private void KeepFrom(int start)
    {
        _filled -= start;
        if (_filled > 0)
        {
            _buffer.AsSpan(start, _filled).CopyTo(_buffer);
        }
        else if (idleWait != IdleWait.WholeBuffer && (!_lastReceiveFilledUp || idleWait == IdleWait.ZeroByteAlways))
        {
            ReturnBuffer();
        }
    }

    private void ReturnBuffer()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }
    }
}
