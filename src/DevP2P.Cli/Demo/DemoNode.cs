using System.Net;
using System.Security.Cryptography;
using DevP2P.Cli.Configuration;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Cli.Demo;

/// <summary>One node of the demo: a server with a port and a key of its own, discovery, and the gossip protocol on top.</summary>
internal sealed class DemoNode : IAsyncDisposable
{
    private const int MinPayload = 32;
    private const int MaxPayload = 1024;

    /// <summary>How many peers a node looks for; those that find it come on top.</summary>
    private const int Dials = 2;

    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly CancellationTokenSource _killed = new();

    public DemoNode(int index)
    {
        Index = index;
        Gossip = new GossipProtocol(Id);
    }

    public int Index { get; }

    public string Name => $"node-{Index}";

    public NodeId Id => _key.PublicKey.NodeId;

    /// <summary>Null before the start.</summary>
    public Server? Server { get; private set; }

    public GossipProtocol Gossip { get; }

    /// <summary>Nodes that discovery knows, by the version that knows more.</summary>
    public int Known => IsKilled ? 0 : Math.Max(Server?.DiscoveryV4?.NodeCount ?? 0, Server?.DiscoveryV5?.NodeCount ?? 0);

    public bool IsKilled => _killed.IsCancellationRequested;

    /// <summary>Whether both sides of a link stand.</summary>
    public bool IsLinkedWith(DemoNode other) => !IsKilled && !other.IsKilled && Gossip.IsLinked(other.Id) && other.Gossip.IsLinked(Id);

    /// <summary>Makes the server and starts it. Of the network it is told one node, or none if it is to be that one.</summary>
    /// <param name="bootnode">Who is there already.</param>
    /// <param name="networkSize">How many nodes there will be: as many peers find room.</param>
    /// <param name="prepare">Called before the start.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public async Task StartAsync(Node? bootnode, int networkSize, Action<Server> prepare, CancellationToken cancellationToken)
    {
        Node[] known = bootnode is null ? [] : [bootnode];
        Server = new Server(new ServerOptions
        {
            PrivateKey = _key,
            Name = NodeConfig.DefaultName(Name),
            MaxPeers = networkSize + Dials,
            DialRatio = Math.Max(1, (networkSize + Dials) / Dials),
            BootstrapNodes = known,
            BootstrapNodesV5 = known,
            DiscoveryV5 = true,
            ListenAddress = new IPEndPoint(IPAddress.Loopback, 0).ToString(),
            Protocols = [Gossip.ToProtocol()],
        });
        prepare(Server);
        await Server.StartAsync(cancellationToken);
    }

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
        if (Server is not null)
        {
            await Server.StopAsync();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Server is not null)
        {
            await Server.DisposeAsync();
        }

        _killed.Dispose();
    }
}
