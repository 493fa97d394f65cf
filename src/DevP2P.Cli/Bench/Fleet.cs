using System.Diagnostics;
using System.Net.Sockets;
using DevP2P.Buffers;
using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Rlp;
using DevP2P.Rlpx;

namespace DevP2P.Cli.Bench;

/// <summary>
/// Many nodes in one process, reduced to what a connection needs: they answer pings, count what they receive, and send an echo when
/// told to. For servers that are to have many peers.
/// </summary>
internal sealed class Fleet : IAsyncDisposable
{
    /// <summary>More do not fit into the file descriptors that a process has by default on the systems that this is run on.</summary>
    public const int MaxPeers = 15_000;

    private const int ConnectsAtOnce = 16;

    private readonly List<RlpxConnection> _connections = [];
    private readonly List<Task> _running = [];
    private readonly MemoryBudget _memory = new(long.MaxValue);
    private long _received;
    private long _echoes;

    /// <summary>How many messages of the test protocol have come.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Connects that many nodes more.</summary>
    /// <returns>How many there are now.</returns>
    public async Task<int> ConnectAsync(int count, Node server)
    {
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = ConnectsAtOnce }, async (_, cancellationToken) =>
        {
            RlpxConnection connection = await ConnectAsync(server, cancellationToken);
            lock (_connections)
            {
                _connections.Add(connection);
                _running.Add(RunAsync(connection));
            }
        });
        return _connections.Count;
    }

    /// <summary>Each node sends an echo, and waits.</summary>
    /// <returns>How many were answered within half a minute.</returns>
    public async Task<long> EchoAsync()
    {
        byte[] payload = new byte[32];
        Interlocked.Exchange(ref _echoes, 0);
        foreach (RlpxConnection connection in _connections)
        {
            await connection.WriteAsync(BaseProtocol.Length + EchoProtocol.Request, payload, CancellationToken.None);
        }

        for (int i = 0; i < 300 && Interlocked.Read(ref _echoes) < _connections.Count; i++)
        {
            await Task.Delay(100);
        }

        return Interlocked.Read(ref _echoes);
    }

    /// <summary>All nodes send the same message again and again, each as fast as the server takes it from it.</summary>
    /// <returns>How many were sent.</returns>
    public async Task<long> SendAsync(ulong code, byte[] payload, TimeSpan time, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        long[] counts = await Task.WhenAll(_connections.Select(connection => Task.Run(
            async () =>
            {
                long count = 0;
                while (Stopwatch.GetElapsedTime(start) < time)
                {
                    await connection.WriteAsync(BaseProtocol.Length + code, payload, cancellationToken);
                    count++;
                }

                return count;
            },
            cancellationToken)));
        return counts.Sum();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (RlpxConnection connection in _connections)
        {
            connection.Dispose();
        }

        await Task.WhenAll(_running);
    }

    private async Task<RlpxConnection> ConnectAsync(Node server, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server.TcpEndPoint!, cancellationToken);
        var connection = new RlpxConnection(new NetworkStream(socket, ownsSocket: true), new PeerBudget(_memory, long.MaxValue), TimeProvider.System);
        var key = PrivateKey.Generate();
        await connection.HandshakeAsync(key, server.PublicKey, RandomSource.System, cancellationToken);
        var hello = new Hello(Hello.CurrentVersion, "bench", [new Capability(EchoProtocol.Name, EchoProtocol.Version)], 0, key.PublicKey);
        await connection.ExchangeHelloAsync(RlpEncoding.Encode(hello), server.PublicKey!, cancellationToken);
        connection.GetMaxPayloadSize = static _ => FrameCodec.MaxMessageSize;
        connection.MaxFrameSize = FrameCodec.MaxMessageSize;
        return connection;
    }

    private async Task RunAsync(RlpxConnection connection)
    {
        try
        {
            while (true)
            {
                Message message = await connection.ReadAsync(CancellationToken.None);
                ulong code = message.Code;
                message.Discard();
                if (code == BaseProtocol.PingCode)
                {
                    await connection.WriteControlAsync(BaseProtocol.PongCode);
                }
                else if (code >= BaseProtocol.Length)
                {
                    Interlocked.Increment(ref _received);
                    _ = code == BaseProtocol.Length + EchoProtocol.Reply ? Interlocked.Increment(ref _echoes) : 0;
                }
            }
        }
        catch (P2PException)
        {
            // The connection has ended: that of whoever did not expect it shows in the counts.
        }
    }
}
