using Microsoft.Extensions.Logging;

namespace DevP2P;

internal static partial class NodeDatabaseLog
{
    [LoggerMessage(100, LogLevel.Debug, "Node database opened path={Path} nodes={Nodes} skipped={Skipped}")]
    public static partial void DatabaseOpened(ILogger logger, string path, int nodes, int skipped);

    [LoggerMessage(101, LogLevel.Error,
        "Node database is corrupt; it was set aside and a new one is started path={Path} aside={Aside} reason={Reason}")]
    public static partial void DatabaseCorrupt(ILogger logger, string path, string aside, string reason);

    [LoggerMessage(102, LogLevel.Warning,
        "Node database is of a newer program; it was set aside and a new one is started path={Path} aside={Aside} version={Version} known={Known}")]
    public static partial void DatabaseNewer(ILogger logger, string path, string aside, long version, int known);

    [LoggerMessage(103, LogLevel.Error,
        "Node database cannot be used; nodes are kept in memory only and forgotten at the end path={Path} reason={Reason}")]
    public static partial void DatabaseUnusable(ILogger logger, string path, string reason);

    [LoggerMessage(104, LogLevel.Information, "Node database brought to version {To} path={Path} from={From}")]
    public static partial void DatabaseMigrated(ILogger logger, string path, long from, int to);

    [LoggerMessage(105, LogLevel.Error,
        "Writing to the node database failed; it will be tried again path={Path} pending={Pending} failures={Failures} reason={Reason}")]
    public static partial void DatabaseWriteFailed(ILogger logger, string path, int pending, long failures, string reason);

    [LoggerMessage(106, LogLevel.Information, "Writing to the node database works again path={Path}")]
    public static partial void DatabaseWriteRecovered(ILogger logger, string path);
}
