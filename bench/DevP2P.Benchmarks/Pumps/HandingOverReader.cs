using System.Buffers;
using System.Threading.Channels;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>
/// Another reader whose frames go through a bounded channel to a handler with a loop of its own, as a protocol's do, so
/// that a slow handler does not keep the reader from the base protocol.
/// </summary>
internal sealed class HandingOverReader(FrameReader inner, bool synchronously) : FrameReader
{
    private readonly Channel<byte[]> _frames = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(256)
    {
        SingleReader = true,
        SingleWriter = true,
        AllowSynchronousContinuations = synchronously,
    });

    public override async Task RunAsync(Func<ReadOnlyMemory<byte>, ValueTask> onFrame)
    {
        Task handling = HandleAllAsync(onFrame);
        await inner.RunAsync(frame =>
        {
            byte[] copy = ArrayPool<byte>.Shared.Rent(frame.Length);
            frame.CopyTo(copy);
            return _frames.Writer.WriteAsync(copy);
        });
        _frames.Writer.Complete();
        await handling;
    }

    private async Task HandleAllAsync(Func<ReadOnlyMemory<byte>, ValueTask> onFrame)
    {
        await foreach (byte[] frame in _frames.Reader.ReadAllAsync())
        {
            Receives = inner.Receives;
            await onFrame(frame.AsMemory(0, FakeFrame.Size));
            ArrayPool<byte>.Shared.Return(frame);
        }
    }
}
