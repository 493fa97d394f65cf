using DevP2P;
using DevP2P.Hosting;

// A node in an ASP.NET Core application. Its options are the section "DevP2P" of appsettings.json, or --DevP2P:MaxPeers=50 and so on.
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Services.AddDevP2P(builder.Configuration.GetSection("DevP2P"))
    .AddDevP2PProtocol<Greeter>("greet", version: 1, length: 1)
    .AddDevP2PMetrics()
    .AddDevP2PHealthChecks();

WebApplication app = builder.Build();
app.MapGet("/enode", (Server server) => server.Self.ToString());
app.MapDevP2PMetrics();
app.MapDevP2PHealth();
await app.RunAsync();

// One for each peer that speaks the protocol too, made by the services: the constructor asks for what it needs.
internal sealed class Greeter(ILogger<Greeter> logger) : IProtocolHandler
{
    public async Task RunAsync(Peer peer, IMessageStream stream, CancellationToken cancellationToken)
    {
        await stream.SendItemsAsync(0, $"hello {peer.Name}");
        while (true)
        {
            Message message = await stream.ReadAsync(cancellationToken);
            string text = message.GetReader().ReadList().ReadString();
            logger.LogInformation("{Peer} says {Text}", peer, text);
        }
    }
}
