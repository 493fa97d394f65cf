using DevP2P.Hosting.Security;

namespace DevP2P.Hosting.Rpc;

/// <summary>
/// A connection that stays open, by WebSocket or Unix socket: runs its requests beside each other, sends answers and events one after the
/// other, and is given up when the other side does not read.
/// </summary>
/// <param name="endpoint">What all connections share.</param>
/// <param name="name">How the log names the other side.</param>
/// <param name="write">Sends one message. An <see cref="IOException"/> if the other side has gone.</param>
/// <param name="abort">Breaks the connection, so that <paramref name="write"/> and the reading of it end.</param>
internal sealed class RpcConnection(RpcEndpoint endpoint, string name, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> write, Action abort)
    : IAsyncDisposable
{
    private readonly SemaphoreSlim _writeGate = new(1, 1);
    private readonly SemaphoreSlim _calls = new(RpcLimits.MaxCallsPerConnection, RpcLimits.MaxCallsPerConnection);
    private readonly CancellationTokenSource _closed = new();
    private readonly CallBucket _rate = RemoteRates.Create(endpoint.Time);
    private RpcSubscriptions? _subscriptions;

    /// <summary>How the log names the other side.</summary>
    public string Name => name;

    /// <summary>Why it was broken off; null if it was not.</summary>
    public string? AbortReason { get; private set; }

    /// <summary>
    /// Runs one request, and sends its answer. Returns when the next one may be read, which is before this one has ended unless
    /// <see cref="RpcLimits.MaxCallsPerConnection"/> are under way.
    /// </summary>
    /// <param name="request">The request; belongs to the connection from now on.</param>
    public async Task HandleAsync(RpcBuffer request)
    {
        await _calls.WaitAsync(_closed.Token).ConfigureAwait(false);
        _ = RunAsync(request);
    }

    /// <summary>Sends an answer or an event.</summary>
    /// <exception cref="IOException">The other side has gone, or does not read.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        await _writeGate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // Cancelled in the middle of a message, a connection would be broken: only the end of the connection may do that.
            using var timeout = new CancellationTokenSource(RpcLimits.SendTimeout, endpoint.Time);
            using var end = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _closed.Token);
            try
            {
                await write(message, end.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!_closed.IsCancellationRequested)
            {
                throw new IOException("does not read what it is sent");
            }
        }
        finally
        {
            _writeGate.Release();
        }
    }

    /// <summary>Breaks the connection.</summary>
    public void Abort(string reason)
    {
        AbortReason ??= reason;
        abort();
    }

    /// <summary>Ends subscriptions and calls; returns when none is under way any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync().ConfigureAwait(false);
        for (int i = 0; i < RpcLimits.MaxCallsPerConnection; i++)
        {
            await _calls.WaitAsync().ConfigureAwait(false);
        }

        if (_subscriptions is not null)
        {
            await _subscriptions.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task RunAsync(RpcBuffer request)
    {
        // The reader goes on reading while a call takes its time.
        await Task.Yield();
        using RpcBuffer owned = request;
        using RpcBuffer response = endpoint.CreateResponse();
        try
        {
            RpcSubscriptions subscriptions = LazyInitializer.EnsureInitialized(ref _subscriptions, () => new RpcSubscriptions(this, endpoint.Subscriptions));
            var caller = new RpcCaller(name, _rate, subscriptions);
            await endpoint.Dispatcher.DispatchAsync(request.Written, caller, response, _closed.Token).ConfigureAwait(false);
            if (response.Length > 0)
            {
                await SendAsync(response.Written, _closed.Token).ConfigureAwait(false);
            }

            caller.Activate();
        }
        catch (OperationCanceledException)
        {
            // The connection ends.
        }
        catch (IOException e)
        {
            Abort(e.Message);
        }
        catch (RpcException e)
        {
            // Not even room for an error.
            Abort(e.Message);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            RpcLog.MethodDefect(endpoint.Logger, "(connection)", e);
            Abort("a defect");
        }
        finally
        {
            _calls.Release();
        }
    }
}
