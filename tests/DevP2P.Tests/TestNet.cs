using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests;

/// <summary>Servers on loopback, and waiting with a deadline.</summary>
internal static class TestNet
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>A protocol that reads and discards until the peer is gone.</summary>
    public static Protocol Sink(string name = "sink", uint version = 1, ulong length = 8) => new()
    {
        Name = name,
        Version = version,
        Length = length,
        RunAsync = async (_, stream, cancellation) =>
        {
            while (true)
            {
                await stream.ReadAsync(cancellation);
            }
        },
    };

    public static ServerOptions Options(params Protocol[] protocols) => new()
    {
        PrivateKey = PrivateKey.Generate(),
        ListenAddress = "127.0.0.1:0",
        NoDiscovery = true,
        Protocols = protocols.Length == 0 ? [Sink()] : protocols,
    };

    public static async Task<Server> StartAsync(ServerOptions? options = null)
    {
        var server = new Server(options ?? Options());
        await server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        DateTime end = DateTime.UtcNow + Deadline;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < end, $"waited in vain until {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public static async Task<T> WithinDeadline<T>(this Task<T> task) => await task.WaitAsync(Deadline, TestContext.Current.CancellationToken);

    public static async Task WithinDeadline(this Task task) => await task.WaitAsync(Deadline, TestContext.Current.CancellationToken);

    /// <summary>A connected pair of TCP streams on loopback.</summary>
    public static async Task<(NetworkStream Client, NetworkStream Server)> TcpPairAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Task<Socket> accepting = listener.AcceptAsync(TestContext.Current.CancellationToken).AsTask();
        await client.ConnectAsync(listener.LocalEndPoint!, TestContext.Current.CancellationToken);
        Socket server = await accepting;
        server.NoDelay = true;
        return (new NetworkStream(client, ownsSocket: true), new NetworkStream(server, ownsSocket: true));
    }

    public static Peer PeerOf(this Server server, Server other) => server.Peers.Single(p => p.Id == other.Self.Id);

    public static Node NodeOf(Server server) => server.Self;

    public static async Task<List<PeerEvent>> TakeAsync(this PeerEventSubscription events, int count)
    {
        using var timeout = new CancellationTokenSource(Deadline);
        List<PeerEvent> seen = [];
        await foreach (PeerEvent item in events.WithCancellation(timeout.Token))
        {
            seen.Add(item);
            if (seen.Count == count)
            {
                break;
            }
        }

        return seen;
    }
}
