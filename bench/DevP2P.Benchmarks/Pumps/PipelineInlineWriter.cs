using System.IO.Pipelines;

namespace DevP2P.Benchmarks.Pumps;

/// <summary><see cref="PipeWriter"/> over a stream, flushed after each message.</summary>
internal sealed class PipelineInlineWriter(Stream stream) : FrameWriter
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly PipeWriter _writer = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> payload)
    {
        await _gate.WaitAsync();
        try
        {
            FakeFrame.Encode(payload.Span, _writer.GetSpan(FakeFrame.Size));
            _writer.Advance(FakeFrame.Size);
            CountSend();
            await _writer.FlushAsync();
        }
        finally
        {
            _gate.Release();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _writer.CompleteAsync();
        _gate.Dispose();
    }
}
