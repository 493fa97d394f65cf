using System.Diagnostics;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;

namespace DevP2P.InteropTests;

/// <summary>One of our servers on loopback, with its events at hand.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);

    private readonly PeerEventSubscription _subscription;
    private readonly IAsyncEnumerator<PeerEvent> _events;

    private TestNode(Server server)
    {
        Server = server;
        _subscription = server.SubscribeEvents();
        _events = _subscription.GetAsyncEnumerator();
    }

    public Server Server { get; }

    public string Enode => Server.Self.ToString();

    public static async Task<TestNode> StartAsync(Func<ServerOptions, ServerOptions>? configure = null, params Protocol[] protocols)
    {
        var options = new ServerOptions
        {
            PrivateKey = PrivateKey.Generate(),
            Name = "devp2p-interop",
            ListenAddress = "127.0.0.1:0",
            NoDiscovery = true,
            Protocols = protocols,
        };
        var server = new Server(configure?.Invoke(options) ?? options);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return new TestNode(server);
    }

    public Task<DialAttempt> DialAsync(JsPeer peer) =>
        Server.AddPeerAsync(Node.Parse(peer.Enode), TestContext.Current.CancellationToken).WaitAsync(s_deadline);

    /// <summary>The next event of that type; others before it are passed over.</summary>
    public async Task<PeerEvent> NextEventAsync(PeerEventType type)
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            TimeSpan left = s_deadline - Stopwatch.GetElapsedTime(start);
            Assert.True(left > TimeSpan.Zero, $"no event {type}");
            Assert.True(await _events.MoveNextAsync().AsTask().WaitAsync(left, TestContext.Current.CancellationToken));
        }
        while (_events.Current.Type != type);
        return _events.Current;
    }

    public async ValueTask DisposeAsync()
    {
        _subscription.Dispose();
        await Server.DisposeAsync();
    }
}
