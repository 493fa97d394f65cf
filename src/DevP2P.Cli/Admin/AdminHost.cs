using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;
using DevP2P.Hosting;
using Microsoft.Extensions.Logging;

namespace DevP2P.Cli.Admin;

/// <summary>
/// The admin API of <c>devp2p run</c>: a web server for <c>--http</c>, and the Unix socket for <c>--ipc</c>. Nothing of the web server is
/// loaded before this class is used with <c>--http</c>, so that a node without it starts as fast as ever.
/// </summary>
internal static partial class AdminHost
{
    /// <summary>Prepares it: what is wrong with the token is found before the node starts.</summary>
    /// <returns>For <see cref="StartAsync"/>; ends it when disposed.</returns>
    /// <exception cref="P2PException">The token's file cannot be used.</exception>
    public static IAsyncDisposable Create(NodeConfig config, Server server, ILoggerFactory loggers) =>
        config.Http is { } endPoint ? new WebHost(config, endPoint, server, loggers) : new SocketHost(config, server, loggers);

    /// <summary>Opens it, once the node runs.</summary>
    /// <exception cref="P2PException">The address or the path cannot be used.</exception>
    public static async Task StartAsync(IAsyncDisposable admin, ILogger log, JsonEventLog? json, CancellationToken cancellationToken)
    {
        var host = (IAdminHost)admin;
        IReadOnlyList<string> addresses = await host.StartAsync(cancellationToken);
        foreach (string address in addresses)
        {
            LogHttp(log, address, host.HasToken);
        }

        if (host.IpcPath is { } path)
        {
            LogIpc(log, path);
        }

        json?.Admin(addresses, host.IpcPath);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The admin API is served at={Address} token={Token}")]
    private static partial void LogHttp(ILogger logger, string address, bool token);

    [LoggerMessage(Level = LogLevel.Information, Message = "The admin API is served socket={Path}")]
    private static partial void LogIpc(ILogger logger, string path);
}

/// <summary>With or without a web server.</summary>
internal interface IAdminHost : IAsyncDisposable
{
    /// <summary>The Unix socket's path, if there is one.</summary>
    string? IpcPath { get; }

    /// <summary>Whether callers by HTTP need a token.</summary>
    bool HasToken { get; }

    /// <summary>Opens it; returns the URLs that it is served at.</summary>
    Task<IReadOnlyList<string>> StartAsync(CancellationToken cancellationToken);
}

/// <summary>The Unix socket alone.</summary>
internal sealed class SocketHost(NodeConfig config, Server server, ILoggerFactory loggers) : IAdminHost
{
    private AdminSocket? _socket;

    public string? IpcPath => config.IpcPath;

    public bool HasToken => false;

    public Task<IReadOnlyList<string>> StartAsync(CancellationToken cancellationToken)
    {
        var options = new AdminOptions { DataDirectory = config.DataDirectory, NetworkId = config.NetworkId };
        _socket = AdminSocket.Open(config.IpcPath!, server, options, loggers);
        return Task.FromResult<IReadOnlyList<string>>([]);
    }

    public ValueTask DisposeAsync() => _socket?.DisposeAsync() ?? ValueTask.CompletedTask;
}
