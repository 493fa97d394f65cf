using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting.Rpc;

/// <summary>The node that the methods are about, and what they share.</summary>
internal sealed class AdminNode(Server server, AdminOptions options, ILogger logger, TimeProvider time) : IDisposable
{
    private readonly long _started = time.GetTimestamp();

    public Server Server => server;

    public AdminOptions Options => options;

    public TimeProvider Time => time;

    /// <summary>Since the API was made, which is when the node was.</summary>
    public TimeSpan Uptime => time.GetElapsedTime(_started);

    public AdminEvents Events { get; } = new(server, logger, time);

    /// <summary>The lookups that may begin.</summary>
    public SemaphoreSlim Lookups { get; } = new(RpcLimits.MaxLookups, RpcLimits.MaxLookups);

    /// <summary>The waits for outcomes that may begin.</summary>
    public SemaphoreSlim Connects { get; } = new(RpcLimits.MaxConnects, RpcLimits.MaxConnects);

    public string ClientVersion => options.ClientVersion ?? server.Options.Name;

    public void Dispose() => Events.Dispose();
}
