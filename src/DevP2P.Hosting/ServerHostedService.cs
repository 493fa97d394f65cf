using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting;

/// <summary>Starts the server with the host, and stops it with the host.</summary>
internal sealed class ServerHostedService(Server server, LiveOptions liveOptions, ILoggerFactory loggers) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken).ConfigureAwait(false);
        liveOptions.Start();
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        liveOptions.Dispose();
        try
        {
            await server.StopAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Log.StopTimedOut(loggers.CreateLogger(Log.Category), server.PeerCount);
        }
    }
}
