using DevP2P.Cli.Logging;
using DevP2P.Dialing;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>A server of this process that is connected to a node with the test protocol, and its message stream.</summary>
internal sealed class EchoConnection : IAsyncDisposable
{
    private readonly TaskCompletionSource<IMessageStream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Server _server;

    private EchoConnection()
    {
        _server = new Server(BenchPeer.ServerOptions(
            new Protocol
            {
                Name = EchoProtocol.Name,
                Version = EchoProtocol.Version,
                Length = EchoProtocol.Length,
                RunAsync = (_, stream, cancellationToken) =>
                {
                    _stream.TrySetResult(stream);
                    return _end.Task.WaitAsync(cancellationToken);
                },
            },
            maxPeers: 1,
            listens: false));
    }

    /// <summary>The messages.</summary>
    public IMessageStream Stream => _stream.Task.Result;

    /// <summary>Starts a server that is not connected yet.</summary>
    public static async Task<EchoConnection> StartAsync(CancellationToken cancellationToken)
    {
        var connection = new EchoConnection();
        await connection._server.StartAsync(cancellationToken);
        return connection;
    }

    /// <summary>Connects to a node.</summary>
    public static async Task<EchoConnection> ConnectAsync(Node node, CancellationToken cancellationToken)
    {
        EchoConnection connection = await StartAsync(cancellationToken);
        try
        {
            await connection.DialAsync(node, cancellationToken);
            await connection._stream.Task.WaitAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects, and waits until the node is a peer.</summary>
    public async Task DialAsync(Node node, CancellationToken cancellationToken)
    {
        DialAttempt attempt = await _server.AddPeerAsync(node, cancellationToken);
        if (!attempt.Succeeded)
        {
            throw new CliException($"cannot reach the node: {LogText.NameOf(attempt.Stage)}: {attempt.Reason}");
        }
    }

    /// <summary>Waits until the other side has taken all that was sent before.</summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        await Stream.WriteAsync(EchoProtocol.Request, new byte[1], cancellationToken);
        while ((await Stream.ReadAsync(cancellationToken)).Code != EchoProtocol.Reply)
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        _end.TrySetResult();
        await _server.DisposeAsync();
    }
}
