using System.Net;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>The log messages of discovery.</summary>
internal static partial class DiscoveryLog
{
    /// <param name="logger">The log.</param>
    /// <param name="ahead">By how many seconds our clock is ahead; negative if it is behind.</param>
    public static void ClockDrifted(ILogger logger, double ahead) =>
        ClockDrifted(logger, Math.Abs(ahead), ahead < 0 ? "behind" : "ahead of");

    [LoggerMessage(200, LogLevel.Information, "Discovery v4 started addr={Address} id={Id}")]
    public static partial void Started(ILogger logger, EndPoint? address, string id);

    [LoggerMessage(201, LogLevel.Information, "Discovery v4 stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(202, LogLevel.Warning, "The system clock seems to be {Seconds:F0} s {Direction} other nodes' clocks. "
        + "Discovery fails with a wrong clock; enable network time synchronization")]
    public static partial void ClockDrifted(ILogger logger, double seconds, string direction);

    [LoggerMessage(203, LogLevel.Warning, "Bootstrap node cannot be used node={Node} reason={Reason}")]
    public static partial void BadBootstrapNode(ILogger logger, string node, string reason);

    [LoggerMessage(204, LogLevel.Error, "Discovery caught a defect; it goes on")]
    public static partial void Defect(ILogger logger, Exception exception);

    [LoggerMessage(205, LogLevel.Warning, "Receiving failed; another socket will take the place of this one addr={Address}")]
    public static partial void ReceiveFailed(ILogger logger, Exception exception, EndPoint address);

    [LoggerMessage(216, LogLevel.Debug, "The socket could not be bound again addr={Address} reason={Reason} retryIn={Retry}")]
    public static partial void BindFailed(ILogger logger, EndPoint address, string reason, TimeSpan retry);

    [LoggerMessage(217, LogLevel.Information, "The socket is bound again addr={Address}")]
    public static partial void BoundAgain(ILogger logger, EndPoint address);

    [LoggerMessage(206, LogLevel.Trace, "Sending failed addr={Address} reason={Reason}")]
    public static partial void SendFailed(ILogger logger, EndPoint address, string reason);

    [LoggerMessage(207, LogLevel.Debug, "Table filled nodes={Count}")]
    public static partial void Initialized(ILogger logger, int count);

    [LoggerMessage(208, LogLevel.Information, "Discovery v5 started addr={Address} id={Id}")]
    public static partial void StartedV5(ILogger logger, EndPoint? address, string id);

    [LoggerMessage(209, LogLevel.Information, "Discovery v5 stopped")]
    public static partial void StoppedV5(ILogger logger);

    [LoggerMessage(210, LogLevel.Debug, "Table of v5 filled nodes={Count}")]
    public static partial void InitializedV5(ILogger logger, int count);

    [LoggerMessage(211, LogLevel.Warning, "Talk handler failed; the answer is empty protocol={Protocol} id={Id}")]
    public static partial void TalkHandlerFailed(ILogger logger, Exception exception, string protocol, string id);

    [LoggerMessage(212, LogLevel.Warning, "Talk handler's answer is too long; an empty one is sent protocol={Protocol} size={Size} limit={Limit}")]
    public static partial void TalkAnswerTooLong(ILogger logger, string protocol, int size, int limit);

    [LoggerMessage(213, LogLevel.Information, "Legacy topic discovery started addr={Address} id={Id}")]
    public static partial void StartedLegacy(ILogger logger, EndPoint? address, string id);

    [LoggerMessage(214, LogLevel.Information, "Legacy topic discovery stopped")]
    public static partial void StoppedLegacy(ILogger logger);

    [LoggerMessage(215, LogLevel.Debug, "Table of legacy topic discovery filled nodes={Count}")]
    public static partial void InitializedLegacy(ILogger logger, int count);
}
