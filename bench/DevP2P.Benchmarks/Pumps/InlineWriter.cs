using System.Buffers;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>Every message is sent by itself, before its write completes.</summary>
internal sealed class InlineWriter(Transport transport) : FrameWriter
{
    private readonly SemaphoreSlim _gate = new(1, 1);

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> payload)
    {
        await _gate.WaitAsync();
        byte[] frame = ArrayPool<byte>.Shared.Rent(FakeFrame.Size);
        try
        {
            FakeFrame.Encode(payload.Span, frame);
            CountSend();
            await transport.SendAsync(frame.AsMemory(0, FakeFrame.Size));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
            _gate.Release();
        }
    }

    public override ValueTask DisposeAsync()
    {
        _gate.Dispose();
        return ValueTask.CompletedTask;
    }
}
