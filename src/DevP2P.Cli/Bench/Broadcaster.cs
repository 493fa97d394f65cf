using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>A server that sends the same to all its peers.</summary>
internal sealed class Broadcaster : IAsyncDisposable
{
    private readonly List<IMessageStream> _streams = [];
    private readonly Server _server;

    private Broadcaster(int peers)
    {
        _server = new Server(BenchPeer.ServerOptions(
            new Protocol
            {
                Name = EchoProtocol.Name,
                Version = EchoProtocol.Version,
                Length = EchoProtocol.Length,
                RunAsync = (_, stream, cancellationToken) =>
                {
                    lock (_streams)
                    {
                        _streams.Add(stream);
                    }

                    return Task.Delay(Timeout.Infinite, cancellationToken);
                },
            },
            peers,
            listens: true));
    }

    public Node Node => _server.Self;

    public static async Task<Broadcaster> StartAsync(int peers, CancellationToken cancellationToken)
    {
        var broadcaster = new Broadcaster(peers);
        await broadcaster._server.StartAsync(cancellationToken);
        return broadcaster;
    }

    /// <summary>Waits until so many peers take messages.</summary>
    public async Task WaitForPeersAsync(int peers, CancellationToken cancellationToken)
    {
        while (Count() < peers)
        {
            await Task.Delay(1, cancellationToken);
        }
    }

    /// <summary>Sends one message to each.</summary>
    public async ValueTask SendAsync(byte[] payload, CancellationToken cancellationToken)
    {
        foreach (IMessageStream stream in _streams)
        {
            await stream.WriteAsync(EchoProtocol.Data, payload, cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private int Count()
    {
        lock (_streams)
        {
            return _streams.Count;
        }
    }
}
