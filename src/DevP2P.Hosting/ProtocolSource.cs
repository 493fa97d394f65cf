using System.Collections.Concurrent;
using DevP2P.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace DevP2P.Hosting;

/// <summary>A protocol that is registered; what it needs of the services is there when it is made.</summary>
internal abstract class ProtocolSource
{
    public abstract Protocol Make(IServiceProvider services);
}

/// <summary>A protocol as it is.</summary>
internal sealed class FixedSource(Protocol protocol) : ProtocolSource
{
    public override Protocol Make(IServiceProvider services) => protocol;
}

/// <summary>A protocol whose handlers are made by the services.</summary>
internal abstract class HandlerSource(Capability capability) : ProtocolSource
{
    public Capability Capability { get; } = capability;
}

/// <summary>A protocol whose handlers are of a class.</summary>
internal sealed class HandlerSource<THandler>(Capability capability, ulong length, DevP2PProtocolOptions options) : HandlerSource(capability)
    where THandler : class, IProtocolHandler
{
    public override Protocol Make(IServiceProvider services)
    {
        var scopes = services.GetRequiredService<PeerScopes>();
        var handlers = new ConcurrentDictionary<NodeId, THandler>();
        var protocol = new Protocol
        {
            Name = Capability.Name,
            Version = Capability.Version,
            Length = length,
            RunAsync = (peer, stream, cancellation) => RunAsync(scopes, handlers, peer, stream, cancellation),
            NodeInfo = options.NodeInfo is { } info ? () => info(services) : null,
            PeerInfo = id => handlers.TryGetValue(id, out THandler? handler) ? handler.GetPeerInfo() : null,
            DialCandidates = options.DialCandidates?.Invoke(services),
        };
        return options.MaxMessageSize is { } size ? protocol with { MaxMessageSize = size } : protocol;
    }

    private static async Task RunAsync(
        PeerScopes scopes, ConcurrentDictionary<NodeId, THandler> handlers, Peer peer, IMessageStream stream, CancellationToken cancellation)
    {
        IServiceProvider services = scopes.Enter(peer);
        THandler? handler = null;
        try
        {
            handler = services.GetRequiredService<THandler>();
            handlers[peer.Id] = handler;
            await handler.RunAsync(peer, stream, cancellation).ConfigureAwait(false);
        }
        finally
        {
            if (handler is not null)
            {
                // Only its own: the node may be back already, with another handler.
                handlers.TryRemove(KeyValuePair.Create(peer.Id, handler));
            }

            await scopes.LeaveAsync(peer).ConfigureAwait(false);
        }
    }
}
