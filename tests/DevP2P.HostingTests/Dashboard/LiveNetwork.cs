using System.Net;
using DevP2P.Crypto;
using DevP2P.Hosting;
using DevP2P.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>
/// Ten nodes on loopback that have found each other and talk; the first has the admin API and the dashboard. Each has its own name and
/// key, drawn from the operating system.
/// </summary>
internal sealed class LiveNetwork : IAsyncDisposable
{
    public const int Size = 10;

    private readonly WebApplication _application;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _talk = [];

    private LiveNetwork(WebApplication application, IReadOnlyList<Server> servers)
    {
        _application = application;
        Servers = servers;
    }

    public IReadOnlyList<Server> Servers { get; }

    /// <summary>The node that the dashboard is of.</summary>
    public Server Node => Servers[0];

    public Uri Address => new(_application.Urls.Single());

    public static async Task<LiveNetwork> StartAsync()
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        List<Server> servers = [];
        for (int i = 0; i < Size; i++)
        {
            Node[] bootstrap = [.. servers.Take(1).Select(server => server.Self)];
            var server = new Server(new ServerOptions
            {
                PrivateKey = PrivateKey.Generate(),
                Name = $"live-node-{i}/v0.1.0/linux-x64",
                ListenAddress = "127.0.0.1:0",
                DiscoveryV5 = true,
                BootstrapNodes = bootstrap,
                BootstrapNodesV5 = bootstrap,
                Protocols = [Chatter("chat", 2), Chatter("gossip", 1)],
            });
            servers.Add(server);
            await server.StartAsync(cancellationToken);
        }

        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0));
        builder.Services.AddRoutingCore().AddSingleton(servers[0]).AddDevP2PAdmin();
        WebApplication application = builder.Build();
        application.MapDevP2PAdmin();
        application.MapDevP2PDashboard().RequireDevP2PAccess(token: false);
        await application.StartAsync(cancellationToken);
        var network = new LiveNetwork(application, servers);

        // Some are dialed by the first, the others dial it, whoever else they find.
        foreach (Server other in servers.Skip(1).Take(4))
        {
            await servers[0].AddPeerAsync(other.Self, cancellationToken);
        }

        foreach (Server other in servers.Skip(5))
        {
            await other.AddPeerAsync(servers[0].Self, cancellationToken);
        }

        await TestSite.UntilAsync(() => servers[0].PeerCount == Size - 1, "all are peers of the first");
        network._talk.Add(network.TalkAsync());
        return network;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_talk);
        await _application.StopAsync();
        await _application.DisposeAsync();
        foreach (Server server in Servers)
        {
            await server.DisposeAsync();
        }

        _stop.Dispose();
    }

    /// <summary>Every node tells its peers something, over and over.</summary>
    private async Task TalkAsync()
    {
        byte[] payload = new byte[2000];
        Random.Shared.NextBytes(payload);
        var random = new Random(1);
        try
        {
            while (true)
            {
                foreach (Server server in Servers)
                {
                    await server.BroadcastAsync(new Capability("chat", 2), 0, payload.AsMemory(0, 200 + random.Next(1800)), cancellationToken: _stop.Token);
                    await server.BroadcastAsync(new Capability("gossip", 1), 1, payload.AsMemory(0, 50 + random.Next(400)), cancellationToken: _stop.Token);
                }

                await Task.Delay(100, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the test.
        }
    }

    /// <summary>Reads and discards until the peer is gone.</summary>
    private static Protocol Chatter(string name, uint version) => new()
    {
        Name = name,
        Version = version,
        Length = 8,
        RunAsync = static async (_, stream, cancellation) =>
        {
            while (true)
            {
                (await stream.ReadAsync(cancellation)).Discard();
            }
        },
    };
}
