using System.Net;
using System.Security.Cryptography;
using DevP2P.Cli.Configuration;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Cli.Demo;

/// <summary>One node of the demo: a server with a port and a key of its own, and the gossip protocol on top.</summary>
internal sealed class DemoNode : IAsyncDisposable
{
    private const int MinPayload = 32;
    private const int MaxPayload = 1024;

    private readonly CancellationTokenSource _killed = new();

    public DemoNode(int index, int maxPeers)
    {
        Index = index;
        PrivateKey key = PrivateKey.Generate();
        Id = key.PublicKey.NodeId;
        Gossip = new GossipProtocol(Id);
        Server = new Server(new ServerOptions
        {
            PrivateKey = key,
            Name = NodeConfig.DefaultName(Name),
            MaxPeers = maxPeers,
            NoDiscovery = true,
            ListenAddress = new IPEndPoint(IPAddress.Loopback, 0).ToString(),
            Protocols = [Gossip.ToProtocol()],
        });
    }

    public int Index { get; }

    public string Name => $"node-{Index}";

    public NodeId Id { get; }

    public Server Server { get; }

    public GossipProtocol Gossip { get; }

    /// <summary>Links that the topology gives this node.</summary>
    public int ExpectedLinks { get; set; }

    public bool IsKilled => _killed.IsCancellationRequested;

    public bool IsConnected => !IsKilled && Gossip.Links == ExpectedLinks;

    /// <summary>Publishes at random moments, <paramref name="rate"/> times a second on average, until it is stopped or killed.</summary>
    public async Task PublishAsync(double rate, CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, _killed.Token);
        byte[] payload = new byte[MaxPayload];
        RandomNumberGenerator.Fill(payload);
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(2 * Random.Shared.NextDouble() / rate), either.Token);
                Gossip.Publish(payload.AsSpan(0, Random.Shared.Next(MinPayload, MaxPayload + 1)));
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the show.
        }
    }

    /// <summary>Ends the node, and with it what it publishes.</summary>
    public async Task KillAsync()
    {
        await _killed.CancelAsync();
        await Server.StopAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _killed.Dispose();
    }
}
