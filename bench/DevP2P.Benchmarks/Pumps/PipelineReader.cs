using System.Buffers;
using System.IO.Pipelines;

namespace DevP2P.Benchmarks.Pumps;

/// <summary><see cref="PipeReader"/> over a stream.</summary>
internal sealed class PipelineReader(Stream stream, int bufferSize, bool zeroByteReads) : FrameReader
{
    private readonly PipeReader _reader = PipeReader.Create(
        stream, new StreamPipeReaderOptions(bufferSize: bufferSize, useZeroByteReads: zeroByteReads, leaveOpen: true));

    public override async Task RunAsync(Func<ReadOnlyMemory<byte>, ValueTask> onFrame)
    {
        while (true)
        {
            ReadResult result = await _reader.ReadAsync();
            Receives++;
            ReadOnlySequence<byte> data = result.Buffer;
            while (TryTakeFrame(ref data, out ReadOnlyMemory<byte> frame))
            {
                await onFrame(frame);
            }

            _reader.AdvanceTo(data.Start, data.End);
            if (result.IsCompleted)
            {
                break;
            }
        }

        await _reader.CompleteAsync();
    }

    private static bool TryTakeFrame(ref ReadOnlySequence<byte> data, out ReadOnlyMemory<byte> frame)
    {
        int size = FakeFrame.Measure(data.FirstSpan);
        if (size > 0)
        {
            frame = data.First[..size];
        }
        else if (data.Length >= FakeFrame.Size)
        {
            // The frame lies across two segments. The codec wants it in one piece; RLPx would copy it here, too.
            frame = data.Slice(0, FakeFrame.Size).ToArray();
            size = FakeFrame.Measure(frame.Span);
        }
        else
        {
            frame = default;
            return false;
        }

        data = data.Slice(size);
        return true;
    }
}
