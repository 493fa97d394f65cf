using System.Diagnostics;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>A server that sends the same to all its peers.</summary>
internal sealed class Broadcaster : IAsyncDisposable
{
    private static readonly Capability s_echo = new(EchoProtocol.Name, EchoProtocol.Version);

    private readonly Server _server;
    private IMessageStream? _last;

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
                    _last = stream;
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

    /// <summary>Waits until there are so many peers.</summary>
    public async Task WaitForPeersAsync(int peers, CancellationToken cancellationToken)
    {
        while (_server.PeerCount < peers || _last is null)
        {
            await Task.Delay(1, cancellationToken);
        }
    }

    /// <summary>Sends one message to each peer that has room for it, once a millisecond, from a thread of its own: what the pool's threads cost that look for work in between is not measured.</summary>
    /// <returns>How many were sent.</returns>
    public Task<long> SendToAllAsync(byte[] payload, TimeSpan time, CancellationToken cancellationToken) => Task.Factory.StartNew(
        () =>
        {
            long sent = 0;
            long start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start) < time)
            {
                sent += _server.BroadcastAsync(s_echo, EchoProtocol.Data, payload, cancellationToken: cancellationToken).AsTask().GetAwaiter().GetResult().Sent;
                // As between two blocks or transactions: everyone has taken the last message before the next one comes.
                Thread.Sleep(1);
            }

            return sent;
        },
        cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Sends one message as a handler does that has one peer: it waits for room.</summary>
    public ValueTask SendToOneAsync(byte[] payload, CancellationToken cancellationToken) => _last!.WriteAsync(EchoProtocol.Data, payload, cancellationToken);

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
