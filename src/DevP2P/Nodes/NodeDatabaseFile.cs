using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace DevP2P.Nodes;

/// <summary>
/// The SQLite file behind a <see cref="NodeDatabase"/>: opened by one process alone (an exclusive lock, which also makes do
/// without shared memory), in WAL mode, checked, and of the current schema. Not safe for concurrent use.
/// </summary>
internal sealed class NodeDatabaseFile : IDisposable
{
    /// <summary>"DP2P" in the file's header (PRAGMA application_id), so that no other program's database is taken for ours.</summary>
    private const int ApplicationId = 0x44503250;

    /// <summary>Seconds to wait for the lock: a predecessor may just be closing.</summary>
    private const int LockTimeout = 1;

    // https://sqlite.org/rescode.html
    private const int SqliteError = 1;
    private const int SqliteCorrupt = 11;
    private const int SqliteMismatch = 20;
    private const int SqliteNotADatabase = 26;
    private const int SqliteShortRead = 522;

    /// <summary>
    /// Step i brings a file of version i (PRAGMA user_version) to i + 1; a new file takes them all. Never change a step that
    /// was released: add one.
    /// </summary>
    internal static readonly IReadOnlyList<string> Schema =
    [
        """
        CREATE TABLE node(
            id BLOB NOT NULL PRIMARY KEY CHECK(length(id) = 32),
            public_key BLOB CHECK(length(public_key) = 64),
            address BLOB CHECK(length(address) IN (4, 16)),
            tcp_port INTEGER NOT NULL,
            udp_port INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            record BLOB,
            first_seen INTEGER NOT NULL,
            useful_at INTEGER,
            useful_score INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE contact(
            node_id BLOB NOT NULL,
            address BLOB NOT NULL CHECK(length(address) IN (4, 16)),
            ping_sent INTEGER,
            ping_received INTEGER,
            pong INTEGER,
            find_failures INTEGER NOT NULL,
            PRIMARY KEY(node_id, address)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE local(
            id BLOB NOT NULL PRIMARY KEY CHECK(length(id) = 32),
            sequence INTEGER NOT NULL,
            record BLOB NOT NULL
        ) STRICT;
        CREATE TABLE meta(
            key TEXT NOT NULL PRIMARY KEY,
            value BLOB NOT NULL
        ) STRICT;
        """,
        """
        CREATE TABLE ban(
            id BLOB NOT NULL PRIMARY KEY CHECK(length(id) = 32),
            since INTEGER NOT NULL,
            until INTEGER,
            reason TEXT NOT NULL,
            automatic INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE standing(
            id BLOB NOT NULL PRIMARY KEY CHECK(length(id) = 32),
            score REAL NOT NULL,
            at INTEGER NOT NULL,
            bans INTEGER NOT NULL
        ) STRICT;
        """,
    ];

    private readonly SqliteConnection _connection;
    private NodeDatabaseTables? _tables;

    private NodeDatabaseFile(string path) => _connection = new SqliteConnection(new SqliteConnectionStringBuilder
    {
        DataSource = path,
        Mode = SqliteOpenMode.ReadWriteCreate,
        Pooling = false,
        DefaultTimeout = LockTimeout,
    }.ToString());

    /// <summary>
    /// Opens or creates a file. One that is corrupt, or of a newer version, is renamed and a new one is created, and the log
    /// says so; one that cannot be used at all (no permission, in use, another program's) is left alone.
    /// </summary>
    /// <param name="path">The full path.</param>
    /// <param name="schema">The schema's steps; <see cref="Schema"/> but for tests.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    /// <param name="contents">What the file holds.</param>
    /// <exception cref="Exception">There is no usable file: one of <see cref="IsFileProblem"/>.</exception>
    public static NodeDatabaseFile Open(
        string path, IReadOnlyList<string> schema, TimeProvider time, ILogger logger, out NodeDatabaseContents contents)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        NodeDatabaseFile file = TryOpen(path, schema, time, logger, out contents)
            ?? TryOpen(path, schema, time, logger, out contents)
            ?? throw new IOException("the new file is corrupt, too");
        NodeDatabaseLog.DatabaseOpened(logger, path, contents.Nodes.Count, contents.Skipped);
        return file;
    }

    /// <summary>Whether an exception says that the file's content is damaged, as opposed to the disk or its permissions.</summary>
    public static bool IsCorruption(Exception e) => e is SqliteException sqlite
        && (sqlite.SqliteErrorCode is SqliteCorrupt or SqliteNotADatabase || sqlite.SqliteExtendedErrorCode == SqliteShortRead);

    /// <summary>Whether an exception is one that files and SQLite raise, a missing native library included.</summary>
    public static bool IsFileProblem(Exception e) => e is SqliteException or IOException or UnauthorizedAccessException
        or NotSupportedException or DllNotFoundException or TypeInitializationException;

    /// <summary>An exception in one line.</summary>
    public static string Explain(Exception e) => e switch
    {
        SqliteException { SqliteErrorCode: 5 or 6 } => "it is in use by another process",
        TypeInitializationException { InnerException: { } inner } => inner.Message,
        _ => e.Message,
    };

    /// <summary>Renames a database and what belongs to it. SQLite finds the parts again under the new name.</summary>
    public static string SetAside(string path, string kind, TimeProvider time)
    {
        string stem = string.Create(CultureInfo.InvariantCulture, $"{path}.{kind}-{time.GetUtcNow().UtcDateTime:yyyyMMdd'T'HHmmss'Z'}");
        string aside = stem;
        for (int i = 2; Path.Exists(aside); i++)
        {
            aside = string.Create(CultureInfo.InvariantCulture, $"{stem}-{i}");
        }

        // The database last: SQLite deletes the log of a database that is not there.
        foreach (string part in (ReadOnlySpan<string>)["-wal", "-shm", "-journal", ""])
        {
            if (File.Exists(path + part))
            {
                File.Move(path + part, aside + part);
            }
        }

        return aside;
    }

    /// <summary>Writes a batch: all of it or nothing.</summary>
    /// <exception cref="SqliteException">Nothing was written.</exception>
    public void Write(in NodeDatabaseBatch batch)
    {
        Execute("BEGIN IMMEDIATE");
        try
        {
            _tables!.Write(batch);
            Execute("COMMIT");
        }
        catch
        {
            Rollback();
            throw;
        }
    }

    public void Dispose()
    {
        _tables?.Dispose();
        _connection.Dispose();
    }

    /// <summary>Opens a file, or sets aside what is there and returns null.</summary>
    private static NodeDatabaseFile? TryOpen(
        string path, IReadOnlyList<string> schema, TimeProvider time, ILogger logger, out NodeDatabaseContents contents)
    {
        contents = new NodeDatabaseContents();
        NodeDatabaseFile file = new(path);
        try
        {
            file._connection.Open();
            file.Execute("PRAGMA locking_mode = EXCLUSIVE");
            long version = file.ReadVersion();
            if (version <= schema.Count)
            {
                file.Prepare(version, schema, path, logger);
                file._tables!.Load(contents, time.GetUtcNow());
                return file;
            }

            file.Dispose();
            NodeDatabaseLog.DatabaseNewer(logger, path, SetAside(path, "newer", time), version, schema.Count);
        }
        catch (Exception e) when (IsCorruption(e) || e is InvalidDataException
            or SqliteException { SqliteErrorCode: SqliteError or SqliteMismatch })
        {
            // The last two codes: a table or column that should be there is missing or is another.
            file.Dispose();
            NodeDatabaseLog.DatabaseCorrupt(logger, path, SetAside(path, "corrupt", time), e.Message);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        return null;
    }

    /// <summary>The schema's version, 0 for a new file.</summary>
    /// <exception cref="NotSupportedException">It is a database of another program.</exception>
    private long ReadVersion()
    {
        long application = ReadInteger("PRAGMA application_id");
        long version = ReadInteger("PRAGMA user_version");
        bool isNew = application == 0 && version == 0 && ReadInteger("SELECT count(*) FROM sqlite_schema") == 0;
        return application == ApplicationId || isNew
            ? version
            : throw new NotSupportedException("it is the database of another program, which is left alone");
    }

    private void Prepare(long version, IReadOnlyList<string> schema, string path, ILogger logger)
    {
        // NORMAL in WAL mode: a killed process loses nothing that was committed, a power cut the last seconds at most, and
        // neither corrupts. https://sqlite.org/pragma.html#pragma_synchronous
        Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
        if (version > 0 && ReadText("PRAGMA quick_check(1)") is not "ok" and var problem)
        {
            throw new InvalidDataException(problem);
        }

        for (int step = (int)version; step < schema.Count; step++)
        {
            string sql = string.Create(
                CultureInfo.InvariantCulture,
                $"BEGIN IMMEDIATE; {schema[step]}; PRAGMA user_version = {step + 1}; PRAGMA application_id = {ApplicationId}; COMMIT");
            try
            {
                Execute(sql);
            }
            catch
            {
                Rollback();
                throw;
            }
        }

        if (version > 0 && version < schema.Count)
        {
            NodeDatabaseLog.DatabaseMigrated(logger, path, version, schema.Count);
        }

        _tables = new NodeDatabaseTables(_connection);
    }

    private void Rollback()
    {
        try
        {
            Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // Some errors have rolled it back already.
        }
    }

    private long ReadInteger(string sql)
    {
        using SqliteCommand command = new(sql, _connection);
        return (long)command.ExecuteScalar()!;
    }

    private string? ReadText(string sql)
    {
        using SqliteCommand command = new(sql, _connection);
        return command.ExecuteScalar() as string;
    }

    private void Execute(string sql)
    {
        using SqliteCommand command = new(sql, _connection);
        command.ExecuteNonQuery();
    }
}
