using System.Net.Sockets;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>One way to read and one way to write, under the name that the table shows.</summary>
internal sealed record PumpVariant(
    string Name,
    Func<Socket, NetworkStream, FrameReader> CreateReader,
    Func<Socket, NetworkStream, FrameReader, FrameWriter> CreateWriter)
{
    private const int Kilo = 1024;
    private const int Pending = 64 * Kilo;

    /// <summary>What is compared: pipelines first, then ways to read with one way to write, then the reverse.</summary>
    public static IReadOnlyList<PumpVariant> All { get; } =
    [
        new("pipe, read held 4K, w1", Pipelines(4 * Kilo, false), (_, stream, _) => new PipelineInlineWriter(stream)),
        new("pipe, zero-byte 4K, w1", Pipelines(4 * Kilo, true), (_, stream, _) => new PipelineInlineWriter(stream)),
        new("pipe, zero-byte 4K, w2", Pipelines(4 * Kilo, true), (_, stream, _) => new PipelineWriter(stream, Pending)),
        new("pipe, zero-byte 16K, w2", Pipelines(16 * Kilo, true), (_, stream, _) => new PipelineWriter(stream, Pending)),

        new("b1 zero-byte always 16K, w2", Loop(IdleWait.ZeroByteAlways, 16), Shared(FlushBy.WorkItem)),
        new("b2 when drained 4K, w2", Loop(IdleWait.ZeroByteWhenDrained, 4), Shared(FlushBy.WorkItem)),
        new("b2 when drained 16K, w2", Loop(IdleWait.ZeroByteWhenDrained, 16), Shared(FlushBy.WorkItem)),
        new("b2 when drained 64K, w2", Loop(IdleWait.ZeroByteWhenDrained, 64), Shared(FlushBy.WorkItem)),
        new("b2 16K over stream, w2", StreamLoop(IdleWait.ZeroByteWhenDrained, 16), StreamShared(FlushBy.WorkItem)),
        new("b3 few bytes 16K, w2", Loop(IdleWait.FewBytes, 16), Shared(FlushBy.WorkItem)),
        new("b0 held 16K, w2", Loop(IdleWait.WholeBuffer, 16), Shared(FlushBy.WorkItem)),

        new("b2 16K, w1", Loop(IdleWait.ZeroByteWhenDrained, 16), (socket, _, _) => new InlineWriter(new(socket, null))),
        new("b2 16K, w2 awaiting flush", Loop(IdleWait.ZeroByteWhenDrained, 16), Shared(FlushBy.WorkItem, awaitFlush: true)),
        new("b2 16K, w2 pending 16K", Loop(IdleWait.ZeroByteWhenDrained, 16), Shared(FlushBy.WorkItem, limit: 16 * Kilo)),
        new("b2 16K, w3", Loop(IdleWait.ZeroByteWhenDrained, 16), Shared(FlushBy.Writer)),
        new("b2 16K, w4", Loop(IdleWait.ZeroByteWhenDrained, 16), Shared(FlushBy.WriterInTurn)),

        new("b2 16K, channel, w2", HandedOver(synchronously: false), Shared(FlushBy.WorkItem)),
        new("b2 16K, sync channel, w2", HandedOver(synchronously: true), Shared(FlushBy.WorkItem)),
    ];

    private static Func<Socket, NetworkStream, FrameReader> Pipelines(int bufferSize, bool zeroByteReads) =>
        (_, stream) => new PipelineReader(stream, bufferSize, zeroByteReads);

    private static Func<Socket, NetworkStream, FrameReader> Loop(IdleWait wait, int kilobytes) =>
        (socket, _) => new LoopReader(new(socket, null), wait, kilobytes * Kilo);

    private static Func<Socket, NetworkStream, FrameReader> StreamLoop(IdleWait wait, int kilobytes) =>
        (socket, stream) => new LoopReader(new(socket, stream), wait, kilobytes * Kilo);

    private static Func<Socket, NetworkStream, FrameReader> HandedOver(bool synchronously) => (socket, _) =>
        new HandingOverReader(new LoopReader(new(socket, null), IdleWait.ZeroByteWhenDrained, 16 * Kilo), synchronously);

    private static Func<Socket, NetworkStream, FrameReader, FrameWriter> Shared(
        FlushBy by, int limit = Pending, bool awaitFlush = false) =>
        (socket, _, reader) => new SharedWriter(new(socket, null), reader, by, limit, awaitFlush);

    private static Func<Socket, NetworkStream, FrameReader, FrameWriter> StreamShared(FlushBy by) =>
        (socket, stream, reader) => new SharedWriter(new(socket, stream), reader, by, Pending);
}
