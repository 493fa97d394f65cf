using System.IO.Pipelines;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>Frames go into a <see cref="Pipe"/>; a loop at its other end sends what has gathered.</summary>
internal sealed class PipelineWriter : FrameWriter
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Pipe _pipe;
    private readonly Task _sending;

    public PipelineWriter(Stream stream, int limit)
    {
        _pipe = new Pipe(new PipeOptions(
            pauseWriterThreshold: limit, resumeWriterThreshold: limit / 2, useSynchronizationContext: false));
        _sending = SendAllAsync(stream);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> payload)
    {
        await _gate.WaitAsync();
        try
        {
            FakeFrame.Encode(payload.Span, _pipe.Writer.GetSpan(FakeFrame.Size));
            _pipe.Writer.Advance(FakeFrame.Size);
            await _pipe.Writer.FlushAsync();
        }
        finally
        {
            _gate.Release();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _pipe.Writer.CompleteAsync();
        await _sending;
        _gate.Dispose();
    }

    private async Task SendAllAsync(Stream stream)
    {
        while (true)
        {
            ReadResult result = await _pipe.Reader.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                CountSend();
                await stream.WriteAsync(segment);
            }

            _pipe.Reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                break;
            }
        }
    }
}
