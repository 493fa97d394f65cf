using System.Text.Json;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting.Rpc;

/// <summary>The node's events for subscribers, in the two forms: geth's <c>peerEvents</c>, and all that this node tells.</summary>
internal sealed class AdminEvents : IDisposable
{
    private readonly Server _server;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly EventStream _peerEvents;
    private readonly EventStream _all;
    private bool _isStarted;

    public AdminEvents(Server server, ILogger logger, TimeProvider time)
    {
        _server = server;
        _logger = logger;
        _time = time;
        _peerEvents = new EventStream(missed => JsonSerializer.SerializeToUtf8Bytes(
            new PeerEvent { Type = PeerEventType.Lagged, Missed = missed, Peers = [.. server.Peers.Select(peer => peer.Id)] }, P2PJson.PeerEvent));
        _all = new EventStream(CreateLagged);
    }

    /// <summary>For admin_subscribe.</summary>
    public EventStream PeerEvents
    {
        get
        {
            Start();
            return _peerEvents;
        }
    }

    /// <summary>For devp2p_subscribe.</summary>
    public EventStream All
    {
        get
        {
            Start();
            return _all;
        }
    }

    /// <summary>Somebody has set other limits.</summary>
    public void LimitsSet(LimitsReport limits) =>
        _all.Publish(JsonSerializer.SerializeToUtf8Bytes(new LimitsChange(Now, "limits", limits), AdminJson.Default.LimitsChange));

    /// <summary>Somebody has banned a node.</summary>
    public void Banned(BanReport ban) => Publish(new BanChange(Now, "banned", ban.Id, ban.Until, ban.Reason));

    /// <summary>Somebody has ended a node's ban.</summary>
    public void Unbanned(NodeId id) => Publish(new BanChange(Now, "unbanned", id.ToString(), null, null));

    public void Dispose() => _stop.Cancel();

    private void Publish(BanChange change) => _all.Publish(JsonSerializer.SerializeToUtf8Bytes(change, AdminJson.Default.BanChange));

    /// <summary>Nothing is watched before somebody asks.</summary>
    private void Start()
    {
        lock (_gate)
        {
            if (!_isStarted)
            {
                _isStarted = true;
                _ = WatchPeersAsync(_server.SubscribeEvents());
                _ = WatchDialsAsync(_server.WatchDials());
            }
        }
    }

    private async Task WatchPeersAsync(PeerEventSubscription events)
    {
        try
        {
            using (events)
            {
                await foreach (PeerEvent e in events.WithCancellation(_stop.Token).ConfigureAwait(false))
                {
                    if (_peerEvents.HasSubscribers)
                    {
                        _peerEvents.Publish(JsonSerializer.SerializeToUtf8Bytes(e, P2PJson.PeerEvent));
                    }

                    if (_all.HasSubscribers && Describe(e) is { } item)
                    {
                        _all.Publish(item);
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The API ends.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            RpcLog.EventsFailed(_logger, e);
        }
    }

    private async Task WatchDialsAsync(IAsyncEnumerable<DialAttempt> dials)
    {
        try
        {
            await foreach (DialAttempt attempt in dials.WithCancellation(_stop.Token).ConfigureAwait(false))
            {
                if (_all.HasSubscribers)
                {
                    _all.Publish(JsonSerializer.SerializeToUtf8Bytes(DialReport.From(attempt, "dial"), AdminJson.Default.DialReport));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The API ends.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            RpcLog.EventsFailed(_logger, e);
        }
    }

    /// <summary>An event in our own form; null for those of messages, which only geth's form has.</summary>
    private byte[]? Describe(PeerEvent e) => e.Type switch
    {
        PeerEventType.Add => Serialize(new PeerChange(Now, "peerAdded", e.Peer.ToString(), e.RemoteAddress, null, null, null)),
        PeerEventType.Drop => Serialize(new PeerChange(
            Now, "peerDropped", e.Peer.ToString(), e.RemoteAddress, e.Reason?.ToText(), e.IsRemote, e.Error)),
        PeerEventType.Lagged => CreateLagged(e.Missed ?? 0),
        _ => null,
    };

    private byte[] CreateLagged(long missed) =>
        JsonSerializer.SerializeToUtf8Bytes(new LaggedEvent(Now, "lagged", missed), AdminJson.Default.LaggedEvent);

    private static byte[] Serialize(PeerChange change) => JsonSerializer.SerializeToUtf8Bytes(change, AdminJson.Default.PeerChange);

    private DateTime Now => _time.GetUtcNow().UtcDateTime;
}
