using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting;

/// <summary>
/// One scope for each peer, which all its handlers share: made by the first of them, disposed by the last one that ends.
/// </summary>
internal sealed class PeerScopes(IServiceScopeFactory factory, IEnumerable<ProtocolSource> sources, ILoggerFactory loggers)
{
    private readonly HashSet<Capability> _handled = [.. sources.OfType<HandlerSource>().Select(static source => source.Capability)];
    private readonly ILogger _logger = loggers.CreateLogger(Log.Category);
    private readonly Lock _gate = new();
    private readonly Dictionary<Peer, Entry> _entries = [];

    /// <summary>For a handler that begins. Each of the peer's handlers calls this once, and <see cref="LeaveAsync"/> once.</summary>
    public IServiceProvider Enter(Peer peer)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(peer, out Entry? entry))
            {
                // All of them are counted at once: one may end before another has begun.
                entry = new Entry(factory.CreateAsyncScope(), peer.RunningProtocols.Count(_handled.Contains));
                _entries.Add(peer, entry);
            }

            return entry.Scope.ServiceProvider;
        }
    }

    /// <summary>For a handler that has ended.</summary>
    public async ValueTask LeaveAsync(Peer peer)
    {
        Entry entry;
        lock (_gate)
        {
            entry = _entries[peer];
            if (--entry.Remaining > 0)
            {
                return;
            }

            _entries.Remove(peer);
        }

        try
        {
            await entry.Scope.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // The application's: it must not change why the peer is gone.
            Log.ScopeDisposalFailed(_logger, peer.Id.ToString(), e);
        }
    }

    private sealed class Entry(AsyncServiceScope scope, int remaining)
    {
        public AsyncServiceScope Scope { get; } = scope;

        public int Remaining { get; set; } = remaining;
    }
}
