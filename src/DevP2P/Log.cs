using System.Net;
using Microsoft.Extensions.Logging;

namespace DevP2P;

/// <summary>All log messages of the library. Text from other nodes goes through <see cref="Sanitize"/> first (T07).</summary>
internal static partial class Log
{
    /// <summary>The most of a remote string that a log shows.</summary>
    private const int MaxRemoteText = 80;

    [LoggerMessage(1, LogLevel.Information, "Started P2P networking self={Self} crypto={Crypto}")]
    public static partial void Started(ILogger logger, string self, string crypto);

    [LoggerMessage(2, LogLevel.Warning, "P2P server will be useless, neither dialing nor listening")]
    public static partial void Useless(ILogger logger);

    [LoggerMessage(4, LogLevel.Information, "P2P networking stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(5, LogLevel.Error, "The server's loop caught a defect; it goes on")]
    public static partial void LoopDefect(ILogger logger, Exception exception);

    [LoggerMessage(6, LogLevel.Error, "Static node cannot be dialed node={Node} reason={Reason}")]
    public static partial void StaticNodeRefused(ILogger logger, string node, string reason);

    [LoggerMessage(7, LogLevel.Information, "Looking for nodes again peers={Peers} known={Known}")]
    public static partial void Starving(ILogger logger, int peers, int known);

    [LoggerMessage(8, LogLevel.Warning, "The system clock is {Size}: other nodes will ignore our packets. Set it right and enable network "
        + "time synchronization server={Server}")]
    public static partial void ClockIsWrong(ILogger logger, string size, string server);

    [LoggerMessage(9, LogLevel.Debug, "The system clock is right offset={Size} server={Server}")]
    public static partial void ClockIsRight(ILogger logger, string size, string server);

    [LoggerMessage(16, LogLevel.Warning, "The system clock could not be checked server={Server} reason={Reason}")]
    public static partial void ClockNotChecked(ILogger logger, string server, string reason);

    [LoggerMessage(10, LogLevel.Debug, "Adding p2p peer peercount={Count} id={Id} conn={Conn} addr={Address} name={Name}")]
    public static partial void PeerAdded(ILogger logger, int count, string id, string conn, EndPoint? address, string name);

    [LoggerMessage(11, LogLevel.Debug, "Removing p2p peer peercount={Count} id={Id} duration={Duration} req={Remote} reason={Reason} err={Error}")]
    public static partial void PeerRemoved(ILogger logger, int count, string id, TimeSpan duration, bool remote, string reason, string error);

    [LoggerMessage(12, LogLevel.Error, "Protocol {Protocol} failed peer={Id}")]
    public static partial void HandlerFailed(ILogger logger, Capability protocol, string id, Exception exception);

    [LoggerMessage(13, LogLevel.Error, "A protocol handler goes on after its peer was dropped; it is given up on peer={Id}")]
    public static partial void HandlerStuck(ILogger logger, string id);

    [LoggerMessage(14, LogLevel.Error, "Reading failed unexpectedly peer={Id}")]
    public static partial void ReadLoopFailed(ILogger logger, string id, Exception exception);

    [LoggerMessage(15, LogLevel.Error, "A protocol's callback on its cancellation token failed peer={Id}")]
    public static partial void CancellationFailed(ILogger logger, string id, Exception exception);

    [LoggerMessage(17, LogLevel.Information, "Banned id={Id} until={Until} reason={Reason} automatic={Automatic}")]
    public static partial void Banned(ILogger logger, string id, DateTimeOffset? until, string reason, bool automatic);

    [LoggerMessage(18, LogLevel.Information, "No longer banned id={Id}")]
    public static partial void Unbanned(ILogger logger, string id);

    [LoggerMessage(19, LogLevel.Debug, "Reputation id={Id} reason={Reason} score={Score:0.0}")]
    public static partial void Conduct(ILogger logger, string id, string reason, double score);

    [LoggerMessage(26, LogLevel.Debug, "A peer of poor standing makes room for a node of good standing id={Id} newcomer={Newcomer}")]
    public static partial void Replaced(ILogger logger, string id, string newcomer);

    [LoggerMessage(20, LogLevel.Debug, "Listener up addr={Address}")]
    public static partial void ListenerUp(ILogger logger, EndPoint? address);

    [LoggerMessage(21, LogLevel.Debug, "Rejected inbound connection addr={Address} reason={Reason}")]
    public static partial void InboundRejected(ILogger logger, EndPoint? address, string reason);

    [LoggerMessage(22, LogLevel.Warning, "Accepting failed for now error={Error}")]
    public static partial void AcceptFailed(ILogger logger, string error);

    [LoggerMessage(23, LogLevel.Debug, "Setting up connection failed conn={Conn} id={Id} addr={Address} stage={Stage} reason={Reason}")]
    public static partial void SetupFailed(ILogger logger, string conn, string id, EndPoint? address, Dialing.DialStage stage, string reason);

    [LoggerMessage(24, LogLevel.Error, "Setting up a connection failed unexpectedly addr={Address}")]
    public static partial void SetupDefect(ILogger logger, EndPoint? address, Exception exception);

    [LoggerMessage(30, LogLevel.Debug, "Dial failed id={Id} addr={Address} stage={Stage} reason={Reason} static={Static}")]
    public static partial void DialFailed(ILogger logger, string id, EndPoint? address, Dialing.DialStage stage, string reason, bool @static);

    [LoggerMessage(31, LogLevel.Trace, "Discarding dial candidate id={Id} reason={Reason}")]
    public static partial void CandidateDiscarded(ILogger logger, string id, string reason);

    [LoggerMessage(32, LogLevel.Warning, "A source of dial candidates failed; it is not asked any more")]
    public static partial void SourceFailed(ILogger logger, Exception exception);

    [LoggerMessage(40, LogLevel.Debug, "Nothing to map: no port is listened on beyond this host method={Method}")]
    public static partial void NothingToMap(ILogger logger, string method);

    [LoggerMessage(41, LogLevel.Information, "Mapped network port method={Method} family={Family} proto={Protocol} intport={Internal} extport={External}")]
    public static partial void PortMapped(ILogger logger, string method, string family, string protocol, int @internal, int external);

    [LoggerMessage(42, LogLevel.Warning, "Network port is not mapped any more method={Method} family={Family} proto={Protocol} intport={Internal} extport={External} reason={Reason}")]
    public static partial void PortLost(ILogger logger, string method, string family, string protocol, int @internal, int external, string reason);

    [LoggerMessage(43, LogLevel.Information, "External port is taken, trying another family={Family} proto={Protocol} intport={Internal} extport={External} next={Next} reason={Reason}")]
    public static partial void PortTaken(ILogger logger, string family, string protocol, int @internal, int external, int next, string reason);

    [LoggerMessage(44, LogLevel.Debug, "Couldn't map network port method={Method} family={Family} proto={Protocol} intport={Internal} extport={External} error={Error} reason={Reason} retryIn={Retry}")]
    public static partial void MapFailed(ILogger logger, string method, string family, string protocol, int @internal, int external, string error, string reason, TimeSpan retry);

    [LoggerMessage(45, LogLevel.Debug, "Couldn't get external address method={Method} family={Family} error={Error} reason={Reason} retryIn={Retry}")]
    public static partial void StatusFailed(ILogger logger, string method, string family, string error, string reason, TimeSpan retry);

    [LoggerMessage(46, LogLevel.Information, "External address changed method={Method} family={Family} addr={Address}")]
    public static partial void ExternalAddressChanged(ILogger logger, string method, string family, IPAddress? address);

    [LoggerMessage(47, LogLevel.Warning, "External address is not advertised addr={Address} reason={Reason}")]
    public static partial void AddressNotAdvertised(ILogger logger, IPAddress address, string reason);

    [LoggerMessage(48, LogLevel.Information, "The router was restarted: all ports are mapped again method={Method} family={Family}")]
    public static partial void GatewayRestarted(ILogger logger, string method, string family);

    [LoggerMessage(49, LogLevel.Debug, "Couldn't remove port mapping method={Method} family={Family} proto={Protocol} extport={External} reason={Reason}")]
    public static partial void UnmapFailed(ILogger logger, string method, string family, string protocol, int external, string reason);

    [LoggerMessage(50, LogLevel.Warning, "Other nodes do not find this one at the address that the record names; it is withdrawn for now family={Family} addr={Address} retryIn={Retry}")]
    public static partial void AddressWithdrawn(ILogger logger, string family, IPAddress address, TimeSpan retry);

    [LoggerMessage(51, LogLevel.Information, "The address may be in the record again family={Family} addr={Address}")]
    public static partial void AddressBack(ILogger logger, string family, IPAddress address);

    [LoggerMessage(52, LogLevel.Information, "This host is in another network now family={Family} addr={Address} gateway={Gateway}")]
    public static partial void NetworkChanged(ILogger logger, string family, IPAddress? address, IPAddress? gateway);

    [LoggerMessage(53, LogLevel.Information, "Limits set peers={Peers} up={Up} down={Down} peerup={PeerUp} peerdown={PeerDown}")]
    public static partial void LimitsSet(ILogger logger, int peers, long? up, long? down, long? peerUp, long? peerDown);

    /// <summary>An exception's message; of an exception that cannot even say that, its type (T14).</summary>
    public static string Describe(Exception exception)
    {
        try
        {
            return exception.Message;
        }
        catch (Exception)
        {
            return exception.GetType().Name;
        }
    }

    /// <summary>Caps the length and replaces whatever could disturb a terminal or fake a log line.</summary>
    public static string Sanitize(string remote)
    {
        ReadOnlySpan<char> shown = remote.AsSpan(0, Math.Min(remote.Length, MaxRemoteText));
        return string.Create(shown.Length, remote, static (text, source) =>
        {
            for (int i = 0; i < text.Length; i++)
            {
                char c = source[i];
                text[i] = char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) is
                    System.Globalization.UnicodeCategory.Format or System.Globalization.UnicodeCategory.LineSeparator or
                    System.Globalization.UnicodeCategory.ParagraphSeparator ? '?' : c;
            }
        });
    }
}

/// <summary>The application's logger, which may throw: a full disk must not take a connection or the server's loop down (T14).</summary>
internal sealed class SafeLogger(ILogger inner) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            inner.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // There is nowhere to say it.
        }
    }
}

/// <summary>Adds the peer to each line. A category per peer would grow without end: factories never forget one.</summary>
internal sealed class PeerLogger(ILogger inner, Nodes.NodeId id) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        inner.Log(logLevel, eventId, state, exception, (s, e) => $"{formatter(s, e)} peer={id.ToShortString()}");
}
