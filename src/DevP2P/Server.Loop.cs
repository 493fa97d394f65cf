using System.Diagnostics;
using System.Threading.Channels;
using DevP2P.Crypto;
using DevP2P.Diagnostics;
using DevP2P.Dialing;
using DevP2P.Nodes;

namespace DevP2P;

/// <summary>
/// The loop that owns the peer set, the trusted set and the dial scheduler. Everything here runs on the loop, one command after
/// the other, and never waits for anything else.
/// </summary>
public sealed partial class Server
{
    private readonly Channel<Action> _commands = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly DialScheduler _dials;
    private readonly DialConnector _dialConnector;
    private readonly PendingInbound _pendingInbound;
    private readonly InboundThrottle _throttle = new();
    private readonly Dictionary<NodeId, CancellationTokenSource> _activeDials = [];
    private readonly Dictionary<NodeId, List<DialWaiter>> _dialWaiters = [];
    private readonly Dictionary<int, IAsyncEnumerator<Node>> _candidateSources = [];
    private int _inboundCount;
    private bool _isStopping;

    private TimeSpan Now => _time.GetElapsedTime(_startTimestamp);

    private DialScheduler CreateDialScheduler(ServerOptions options) => new(
        new DialSchedulerOptions(
            options.PrivateKey.PublicKey.NodeId, options.MaxDialedPeers, options.MaxPendingPeers, options.NetRestrict, GetStanding),
        RandomSource.System);

    /// <summary>Has something done on the loop. False once the loop has ended.</summary>
    private bool Post(Action command) => _commands.Writer.TryWrite(command);

    private Task<T> AskAsync<T>(Func<T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        bool posted = Post(() =>
        {
            try
            {
                answer.SetResult(question());
            }
            catch (Exception e)
            {
                answer.SetException(e);
            }
        });
        return posted ? answer.Task : Task.FromException<T>(new InvalidOperationException("the server has stopped"));
    }

    private async Task RunLoopAsync()
    {
        // One timer serves the deadlines and pings of all peers, another the dial scheduler.
        using ITimer ticks = _time.CreateTimer(_ => TickPeers(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        using ITimer dialTimer = _time.CreateTimer(_ => Post(static () => { }), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        ChannelReader<Action> reader = _commands.Reader;
        while (!_isStopping || !_snapshot.IsEmpty)
        {
            await reader.WaitToReadAsync().ConfigureAwait(false);
            ExecuteAll(reader);
            if (!_isStopping && !_options.NoDial)
            {
                Execute(StartDials);
                TimeSpan? next = _dials.NextTimeout - Now;
                dialTimer.Change(
                    next is { } due ? TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling(due.TotalMilliseconds), 1, int.MaxValue)) : Timeout.InfiniteTimeSpan,
                    Timeout.InfiniteTimeSpan);
            }
        }

        await EndLoopAsync(reader).ConfigureAwait(false);
    }

    /// <summary>All peers are gone: waits for what is still in its handshakes, answering it meanwhile.</summary>
    private async Task EndLoopAsync(ChannelReader<Action> reader)
    {
        Task workDone = _work.WhenEmptyAsync();
        _ = workDone.ContinueWith(_ => Post(static () => { }), TaskScheduler.Default);
        while (!workDone.IsCompleted)
        {
            await reader.WaitToReadAsync().ConfigureAwait(false);
            ExecuteAll(reader);
        }

        _commands.Writer.Complete();
        ExecuteAll(reader);

        foreach (NodeId id in _dialWaiters.Keys.ToArray())
        {
            FailDialWaiters(id, "the server has stopped");
        }

        _events.Complete();
        _dialWatchers.Complete();
        Log.Stopped(_logger);
    }

    private void ExecuteAll(ChannelReader<Action> reader)
    {
        while (reader.TryRead(out Action? command))
        {
            Execute(command);
        }
    }

    /// <summary>A defect, ours or of something that the application brought, must not take the other peers down.</summary>
    private void Execute(Action command)
    {
        try
        {
            command();
        }
        catch (Exception e)
        {
            Log.LoopDefect(_logger, e);
        }
    }

    private void BeginStop()
    {
        _isStopping = true;
        foreach (Peer peer in _snapshot.Values)
        {
            peer.Disconnect(DisconnectReason.Quitting);
        }
    }

    private void TickPeers()
    {
        WatchForStarvation();
        WatchNetwork();
        CreditWhenDue();
        long timestamp = _time.GetTimestamp();
        foreach (Peer peer in _snapshot.Values)
        {
            peer.Tick(timestamp);
        }
    }

    private void AddStatic(Node node, TaskCompletionSource<DialAttempt>? waiter)
    {
        DialRefusal refusal = _dials.AddStatic(Now, node);
        string? reason = _options.NoDial ? "this server does not dial (NoDial)"
            : refusal != DialRefusal.None ? refusal.ToText()
            : _isStopping ? "the server is stopping"
            : null;
        if (refusal != DialRefusal.None)
        {
            RemoveFromSet(ref _named, node.Id);
        }

        if (reason is not null && !_snapshot.ContainsKey(node.Id))
        {
            Log.StaticNodeRefused(_logger, node.ToString(), reason);
            waiter?.TrySetResult(CreateAttempt(node, DialStage.Resolve, succeeded: false, reason));
        }
        else if (waiter is not null && _snapshot.ContainsKey(node.Id))
        {
            waiter.TrySetResult(CreateAttempt(node, DialStage.Admitted, succeeded: true, "already connected"));
        }
        else if (waiter is not null)
        {
            if (!_dialWaiters.TryGetValue(node.Id, out List<DialWaiter>? waiters))
            {
                _dialWaiters.Add(node.Id, waiters = []);
            }

            waiters.Add(new DialWaiter(node, waiter));
        }
    }

    private void RemoveStatic(NodeId id)
    {
        _dials.RemoveStatic(Now, id, holdDown: true);
        if (_activeDials.TryGetValue(id, out CancellationTokenSource? dial))
        {
            dial.Cancel();
        }

        if (_snapshot.TryGetValue(id, out Peer? peer))
        {
            peer.Disconnect(DisconnectReason.Requested);
        }

        FailDialWaiters(id, "the node was removed");
    }

    private void SetTrusted(NodeId id, bool trusted)
    {
        if (trusted)
        {
            _dials.EndHoldDown(id);
        }

        if (_snapshot.TryGetValue(id, out Peer? peer))
        {
            peer.SetTrusted(trusted);
        }
    }

    private void StartDials()
    {
        while (_dials.TryStartDial(Now, out DialRequest request))
        {
            var cancel = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            _activeDials.Add(request.Node.Id, cancel);
            _counters.CountDialed();
            DialRequest dial = request;
            _work.Run(() => DialAsync(dial, cancel));
        }

        while (_dials.TryGetWantedSource(Now, out int sourceId))
        {
            int id = sourceId;
            IAsyncEnumerator<Node> source = _candidateSources[id];
            _work.Run(() => AskSourceAsync(id, source));
        }
    }

    private void AddCandidateSource(IAsyncEnumerable<Node> candidates, bool allowLan)
    {
        IAsyncEnumerator<Node> source = candidates.GetAsyncEnumerator(_stopping.Token);
        _candidateSources.Add(_dials.AddSource(allowLan), source);
    }

    private async Task AskSourceAsync(int id, IAsyncEnumerator<Node> source)
    {
        try
        {
            if (await source.MoveNextAsync().ConfigureAwait(false))
            {
                Node node = source.Current;
                Post(() =>
                {
                    DialRefusal refusal = _dials.OfferCandidate(Now, id, node);
                    if (refusal != DialRefusal.None)
                    {
                        Log.CandidateDiscarded(_logger, node.Id.ToShortString(), refusal.ToText());
                        RecordBannedCandidate(node);
                    }
                });
                return;
            }
        }
        catch (Exception e)
        {
            // The source is the application's: it loses its voice, nothing else happens.
            if (!_stopping.IsCancellationRequested)
            {
                Log.SourceFailed(_logger, e);
            }
        }

        Post(() =>
        {
            _dials.RemoveSource(id);
            _candidateSources.Remove(id);
        });
        await source.DisposeAsync().ConfigureAwait(false);
    }

    private async Task DialAsync(DialRequest request, CancellationTokenSource cancel)
    {
        DateTimeOffset startedAt = _time.GetUtcNow();
        long start = _time.GetTimestamp();
        ConnectionResult result;
        System.Net.EndPoint? remote = null;
        using Activity? span = Spans.StartDial(request.Node, request.IsStatic);
        try
        {
            DialConnectResult connected = await _dialConnector.ConnectAsync(request, cancel.Token).ConfigureAwait(false);
            if (connected.Connection is { } connection)
            {
                remote = connection.RemoteEndPoint;
                ConnectionFlags flags = request.IsStatic ? ConnectionFlags.StaticDialed : ConnectionFlags.DynamicDialed;
                result = await SetupAsync(
                    new IncomingConnection(connection.Stream, flags, request.Node, connection.LocalEndPoint, remote), cancel.Token)
                    .ConfigureAwait(false);
            }
            else
            {
                result = new ConnectionResult { Stage = connected.Stage, Error = connected.Reason };
                _counters.CountRefused(connected.Stage == DialStage.Resolve ? "dial failed: resolve" : "dial failed: connect");
            }
        }
        catch (OperationCanceledException)
        {
            result = new ConnectionResult { Stage = DialStage.Connect, Error = CancelledReason };
            _counters.CountRefused(CancelledReason);
        }

        CountDial(result);
        Spans.Finish(span, request.Node.Id, result);
        var attempt = new DialAttempt
        {
            Node = request.Node,
            Stage = result.Stage,
            Succeeded = result.Peer is not null,
            Reason = result.Peer is not null ? "connected" : result.Error,
            DisconnectReason = result.Reason,
            StartedAt = startedAt,
            Duration = _time.GetElapsedTime(start),
            IsStatic = request.IsStatic,
            RemoteEndPoint = remote,
        };
        Post(() => FinishDial(attempt));
    }

    private void FinishDial(DialAttempt attempt)
    {
        NodeId id = attempt.Node.Id;
        if (_activeDials.Remove(id, out CancellationTokenSource? cancel))
        {
            cancel.Dispose();
        }

        JudgeDial(attempt);
        if (!attempt.Succeeded && FindBan(id) is { } ban)
        {
            attempt = attempt with { Reason = ban.ToText() };
        }

        _dials.DialFinished(Now, attempt);
        if (!attempt.Succeeded)
        {
            Log.DialFailed(
                _logger, id.ToShortString(), attempt.RemoteEndPoint, attempt.Stage, Log.Sanitize(attempt.Reason), attempt.IsStatic);
        }

        _dialWatchers.Publish(attempt);
        foreach (DialWaiter waiter in TakeDialWaiters(id))
        {
            waiter.Outcome.TrySetResult(attempt);
        }
    }

    private void FailDialWaiters(NodeId id, string reason)
    {
        foreach (DialWaiter waiter in TakeDialWaiters(id))
        {
            waiter.Outcome.TrySetResult(CreateAttempt(waiter.Node, DialStage.Resolve, succeeded: false, reason));
        }
    }

    private List<DialWaiter> TakeDialWaiters(NodeId id) => _dialWaiters.Remove(id, out List<DialWaiter>? waiters) ? waiters : [];

    private DialAttempt CreateAttempt(Node node, DialStage stage, bool succeeded, string reason) => new()
    {
        Node = node,
        Stage = stage,
        Succeeded = succeeded,
        Reason = reason,
        StartedAt = _time.GetUtcNow(),
        Duration = TimeSpan.Zero,
        IsStatic = true,
    };

    /// <summary>Somebody who waits for the next attempt to dial a node.</summary>
    private readonly record struct DialWaiter(Node Node, TaskCompletionSource<DialAttempt> Outcome);
}
