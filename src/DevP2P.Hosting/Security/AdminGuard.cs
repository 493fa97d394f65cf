using System.Net;
using DevP2P.Hosting.Rpc;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace DevP2P.Hosting.Security;

/// <summary>
/// Stops an application that would serve the admin API beyond loopback without a token: once when it starts, where it can say why.
/// <see cref="AccessPolicy"/> refuses every such request as well, whatever is bound later. Opens the Unix socket, if there is to be one.
/// </summary>
internal sealed class AdminGuard(AccessPolicy policy, RpcEndpoint endpoint, IOptions<AdminOptions> options, IServiceProvider services)
    : IHostedLifecycleService
{
    private AdminSocket? _socket;

    /// <exception cref="P2PException">An address is open to the network and there is no token.</exception>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        // The web server is there when this is a web application, which it need not be.
        IServerAddressesFeature? addresses = services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>();
        foreach (string text in addresses?.Addresses ?? [])
        {
            if (AccessPolicy.DescribeExposure(ReadAddress(text), policy.HasToken) is { } exposure)
            {
                throw new P2PException(exposure);
            }
        }

        return Task.CompletedTask;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // That the endpoint is made here lets its uptime begin with the application, and not with the first call.
        _socket = options.Value.SocketPath is { } path ? AdminSocket.Open(path, endpoint) : null;
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => _socket?.DisposeAsync().AsTask() ?? Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>"http://+:80" and names are all addresses, as far as one can tell; a Unix socket is none.</summary>
    private static IPAddress ReadAddress(string address)
    {
        if (address.Contains("://unix:", StringComparison.Ordinal))
        {
            return IPAddress.Loopback;
        }

        string host = Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) ? uri.Host.Trim('[', ']') : "";
        return host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(host, out IPAddress? parsed) ? parsed : IPAddress.Any;
    }
}
