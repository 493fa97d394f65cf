using Microsoft.Extensions.Logging;

namespace DevP2P.Hosting;

/// <summary>The log messages of the hosted server; their ids start at 1000, above those of the library.</summary>
internal static partial class Log
{
    /// <summary>The category.</summary>
    public const string Category = "DevP2P.Hosting";

    [LoggerMessage(1000, LogLevel.Information, "Made a new node key file={File}")]
    public static partial void KeyCreated(ILogger logger, string file);

    [LoggerMessage(1001, LogLevel.Warning, "Other users can use the node's key: chmod 600 {File}")]
    public static partial void KeyExposed(ILogger logger, string file);

    [LoggerMessage(1002, LogLevel.Warning, "Unknown key in the configuration, it is ignored key={Key}")]
    public static partial void UnknownKey(ILogger logger, string key);

    [LoggerMessage(1003, LogLevel.Warning, "The server has not stopped in the time that the host gives, its end is not awaited peers={Peers}")]
    public static partial void StopTimedOut(ILogger logger, int peers);

    [LoggerMessage(1010, LogLevel.Warning, "{Option} has changed; that needs a restart")]
    public static partial void NeedsRestart(ILogger logger, string option);

    [LoggerMessage(1011, LogLevel.Information, "{Option} has changed added={Added} removed={Removed}")]
    public static partial void NodesChanged(ILogger logger, string option, int added, int removed);

    [LoggerMessage(1012, LogLevel.Error, "The configuration has changed and cannot be used; the node goes on with what it had: {Problem}")]
    public static partial void ChangeRefused(ILogger logger, string problem);

    [LoggerMessage(1020, LogLevel.Error, "What belongs to a peer could not be disposed peer={Id}")]
    public static partial void ScopeDisposalFailed(ILogger logger, string id, Exception exception);
}
