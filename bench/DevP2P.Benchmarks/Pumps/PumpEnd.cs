using System.Net;
using System.Net.Sockets;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>One end of a loopback connection with its reader and its writer.</summary>
internal sealed class PumpEnd : IAsyncDisposable
{
    private readonly NetworkStream _stream;

    public PumpEnd(Socket socket, PumpVariant variant)
    {
        socket.NoDelay = true;
        _stream = new NetworkStream(socket, ownsSocket: true);
        Reader = variant.CreateReader(socket, _stream);
        Writer = variant.CreateWriter(socket, _stream, Reader);
    }

    public FrameReader Reader { get; }

    public FrameWriter Writer { get; }

    /// <summary>The loop of the reader; completes after the other end has finished.</summary>
    public Task Reading { get; private set; } = Task.CompletedTask;

    public static async Task<PumpEnd> ConnectAsync(EndPoint endPoint, PumpVariant variant)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(endPoint);
        return new PumpEnd(socket, variant);
    }

    public void Start(Func<ReadOnlyMemory<byte>, ValueTask> onFrame) => Reading = Reader.RunAsync(onFrame);

    /// <summary>Sends what is pending and says that no more follows; the other end's loop then ends.</summary>
    public async Task FinishAsync()
    {
        await Writer.DisposeAsync();
        _stream.Socket.Shutdown(SocketShutdown.Send);
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();
}
