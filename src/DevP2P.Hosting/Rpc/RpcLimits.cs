namespace DevP2P.Hosting.Rpc;

/// <summary>What the admin API gives a caller at most (T19). All of it holds for callers that have the token, too: theirs may be the fault.</summary>
internal static class RpcLimits
{
    /// <summary>Bytes of one request, batches included; geth's number.</summary>
    public const int MaxRequestBytes = 5 * 1024 * 1024;

    /// <summary>Calls in one batch; geth's number.</summary>
    public const int MaxBatch = 1000;

    /// <summary>Bytes of one answer. A batch that would need more is answered with errors from there on.</summary>
    public const int MaxResponseBytes = 10 * 1024 * 1024;

    /// <summary>Bytes that all requests and answers together have in memory.</summary>
    public const int MaxBytesInFlight = 64 * 1024 * 1024;

    /// <summary>Objects and arrays within each other.</summary>
    public const int MaxDepth = 32;

    /// <summary>Characters of a method's name.</summary>
    public const int MaxMethodName = 128;

    /// <summary>Subscriptions of one connection.</summary>
    public const int MaxSubscriptionsPerConnection = 16;

    /// <summary>Subscriptions of all connections.</summary>
    public const int MaxSubscriptions = 256;

    /// <summary>Connections that stay open: WebSockets and those of the Unix socket.</summary>
    public const int MaxConnections = 64;

    /// <summary>Calls that one connection may have under way; the next one is read when one has ended.</summary>
    public const int MaxCallsPerConnection = 16;

    /// <summary>Calls a second of one connection, or of one remote address by POST, in the long run.</summary>
    public const int CallsPerSecond = 500;

    /// <summary>Calls at once.</summary>
    public const int CallBurst = 2000;

    /// <summary>Remote addresses whose calls are counted apart; all others share one count.</summary>
    public const int MaxRemotes = 1024;

    /// <summary>Events that wait for one subscription. Then the oldest are dropped, and the subscriber is told how many.</summary>
    public const int MaxQueuedEvents = 1024;

    /// <summary>Lookups under way at a time.</summary>
    public const int MaxLookups = 4;

    /// <summary>Calls of devp2p_connect that wait for an outcome at a time.</summary>
    public const int MaxConnects = 32;

    /// <summary>Attempts that devp2p_dialHistory shows at most.</summary>
    public const int MaxDialHistory = 1000;

    /// <summary>Characters of a value that the log shows of a call.</summary>
    public const int MaxLoggedText = 300;

    /// <summary>Refused requests a second that the log shows, in the long run.</summary>
    public const int LoggedRefusalsPerSecond = 1;

    /// <summary>Refused requests at once that the log shows.</summary>
    public const int LoggedRefusalBurst = 10;

    /// <summary>How long a message to a caller may take to be sent before the connection is given up.</summary>
    public static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How long a lookup may take.</summary>
    public static readonly TimeSpan LookupTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long devp2p_connect waits unless it is told otherwise.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long devp2p_connect may be told to wait.</summary>
    public static readonly TimeSpan MaxConnectTimeout = TimeSpan.FromSeconds(120);
}
