using DevP2P.Hosting.Security;
using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting.Rpc;

/// <summary>The admin API of one node, whatever it is reached by: what HTTP, WebSocket and Unix socket share.</summary>
internal sealed class RpcEndpoint : IDisposable
{
    private readonly ByteBudget _bytes = new(RpcLimits.MaxBytesInFlight);
    private readonly AdminNode _node;
    private readonly CallBucket _refusals;
    private int _connections;

    public RpcEndpoint(Server server, AdminOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        Time = time;
        _refusals = new CallBucket(RpcLimits.LoggedRefusalsPerSecond, RpcLimits.LoggedRefusalBurst, time);
        Logger = loggers.CreateLogger("DevP2P.Hosting.Admin");
        _node = new AdminNode(server, options, Logger, time);
        Methods = AdminMethodTable.Create(_node);
        Dispatcher = new RpcDispatcher(Methods, Logger);
        RemoteRates = new RemoteRates(time);
    }

    public TimeProvider Time { get; }

    public ILogger Logger { get; }

    public RpcMethodTable Methods { get; }

    public RpcDispatcher Dispatcher { get; }

    public RemoteRates RemoteRates { get; }

    public SubscriptionCount Subscriptions { get; } = new();

    /// <summary>Bytes of requests and answers in memory.</summary>
    public long BytesInFlight => _bytes.Used;

    /// <summary>Room for a request. Dispose it.</summary>
    public RpcBuffer CreateRequest() => new(RpcLimits.MaxRequestBytes, _bytes);

    /// <summary>Room for an answer. Dispose it.</summary>
    public RpcBuffer CreateResponse() => new(RpcLimits.MaxResponseBytes, _bytes);

    /// <summary>Says in the log that a request was refused; seldom enough that nobody can fill the log with it.</summary>
    public void LogRefused(string caller, string reason)
    {
        if (_refusals.TryTake())
        {
            RpcLog.Refused(Logger, caller, reason);
        }
    }

    /// <summary>Counts a connection that stays open, unless there are too many.</summary>
    public bool TryOpen(string caller)
    {
        if (Interlocked.Increment(ref _connections) > RpcLimits.MaxConnections)
        {
            Interlocked.Decrement(ref _connections);
            LogRefused(caller, "too many connections");
            return false;
        }

        RpcLog.Opened(Logger, caller);
        return true;
    }

    /// <summary>The connection has ended.</summary>
    public void Close(RpcConnection connection, string reason)
    {
        Interlocked.Decrement(ref _connections);
        RpcLog.Closed(Logger, connection.Name, connection.AbortReason ?? reason);
    }

    public void Dispose() => _node.Dispose();
}
