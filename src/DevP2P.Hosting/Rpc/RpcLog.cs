using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting.Rpc;

/// <summary>What the admin API logs. Texts of callers are in values, which a logger escapes.</summary>
internal static partial class RpcLog
{
    [LoggerMessage(4001, LogLevel.Information, "Admin call method={Method} caller={Caller} params={Parameters}")]
    public static partial void Changes(ILogger logger, string method, string caller, string parameters);

    [LoggerMessage(4002, LogLevel.Error, "An admin method has a defect method={Method}")]
    public static partial void MethodDefect(ILogger logger, string method, Exception exception);

    [LoggerMessage(4003, LogLevel.Warning, "Admin request refused caller={Caller} reason={Reason}")]
    public static partial void Refused(ILogger logger, string caller, string reason);

    [LoggerMessage(4004, LogLevel.Debug, "Admin connection opened caller={Caller}")]
    public static partial void Opened(ILogger logger, string caller);

    [LoggerMessage(4005, LogLevel.Debug, "Admin connection closed caller={Caller} reason={Reason}")]
    public static partial void Closed(ILogger logger, string caller, string reason);

    [LoggerMessage(4006, LogLevel.Error, "The admin socket could not accept a connection")]
    public static partial void AcceptFailed(ILogger logger, Exception exception);

    [LoggerMessage(4007, LogLevel.Error, "The stream of events for subscribers has ended")]
    public static partial void EventsFailed(ILogger logger, Exception exception);
}
