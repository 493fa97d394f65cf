using System.Net;
using DevP2P.Cli.Configuration;
using DevP2P.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DevP2P.Cli.Admin;

/// <summary>The web server, and the Unix socket if it is wanted.</summary>
internal sealed class WebHost : IAdminHost
{
    /// <summary>Connections, those that stay open included; more wait to be accepted.</summary>
    private const int MaxConnections = 256;

    /// <summary>WebSockets.</summary>
    private const int MaxUpgradedConnections = 128;

    private const int MaxHeaderBytes = 16 * 1024;

    private const int MaxHeaders = 64;

    private const long MaxBodyBytes = 5 * 1024 * 1024;

    private static readonly TimeSpan s_headersTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_keepAliveTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Requests under way may end in this time, when the node stops.</summary>
    private static readonly TimeSpan s_shutdownTimeout = TimeSpan.FromSeconds(2);

    private readonly WebApplication _application;
    private readonly IPEndPoint _endPoint;

    public WebHost(NodeConfig config, IPEndPoint endPoint, Server server, ILoggerFactory loggers)
    {
        _endPoint = endPoint;
        IpcPath = config.IpcPath;
        HasToken = config.HttpTokenFile is not null;

        // Empty: neither settings files of the working directory nor ASPNETCORE_ variables open further ports.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "devp2p" });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => Configure(options, endPoint));
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<ILoggerFactory>(new QuietLoggers(loggers));
        builder.Services.AddSingleton<IHostLifetime, SilentLifetime>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = s_shutdownTimeout);
        builder.Services.AddSingleton(server);
        builder.Services.AddDevP2PAdmin(options =>
        {
            options.TokenFile = config.HttpTokenFile;
            options.SocketPath = config.IpcPath;
            options.DataDirectory = config.DataDirectory;
            options.NetworkId = config.NetworkId;
            AddTo(options.Hosts, config.HttpHosts);
            AddTo(options.Origins, config.HttpOrigins);
            if (!endPoint.Address.Equals(IPAddress.Any) && !endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                // The operator has named it.
                options.Hosts.Add(endPoint.Address.ToString());
            }
        });
        builder.Services.AddDevP2PMetrics();
        builder.Services.AddDevP2PHealthChecks();
        _application = builder.Build();
        _application.MapDevP2PAdmin();
        _application.MapDevP2PMetrics().RequireDevP2PAccess();

        // The page asks for the token, and shows it when it calls.
        _application.MapDevP2PDashboard().RequireDevP2PAccess(token: false);

        // Whoever watches over the node asks this, and learns little.
        _application.MapDevP2PHealth().RequireDevP2PAccess(token: false);

        // Reads the token.
        _application.Services.GetServices<IHostedService>();
    }

    public string? IpcPath { get; }

    public bool HasToken { get; }

    public async Task<IReadOnlyList<string>> StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _application.StartAsync(cancellationToken);
        }
        catch (IOException e)
        {
            throw new P2PException($"the admin API cannot listen at {_endPoint}: {e.InnerException?.Message ?? e.Message}", e);
        }

        return [.. _application.Urls];
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
    }

    private static void Configure(KestrelServerOptions options, IPEndPoint endPoint)
    {
        options.AddServerHeader = false;
        options.Limits.MaxConcurrentConnections = MaxConnections;
        options.Limits.MaxConcurrentUpgradedConnections = MaxUpgradedConnections;
        options.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
        options.Limits.MaxRequestHeaderCount = MaxHeaders;
        options.Limits.MaxRequestBodySize = MaxBodyBytes;
        options.Limits.RequestHeadersTimeout = s_headersTimeout;
        options.Limits.KeepAliveTimeout = s_keepAliveTimeout;
        options.Listen(endPoint, listen => listen.Protocols = HttpProtocols.Http1);
    }

    private static void AddTo(IList<string> list, IEnumerable<string> items)
    {
        foreach (string item in items)
        {
            list.Add(item);
        }
    }

    /// <summary>The signals are the command's to watch.</summary>
    private sealed class SilentLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>The command's log, without what the web server says of each request.</summary>
    private sealed class QuietLoggers(ILoggerFactory loggers) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName)
        {
            ILogger logger = loggers.CreateLogger(categoryName);
            return categoryName.StartsWith("Microsoft.", StringComparison.Ordinal) ? new WarningsOnly(logger) : logger;
        }

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
            // They are the command's.
        }
    }

    private sealed class WarningsOnly(ILogger logger) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning && logger.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                logger.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }
}
