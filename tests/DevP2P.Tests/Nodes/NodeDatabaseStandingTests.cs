using DevP2P.Nodes;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace DevP2P.Tests.Nodes;

/// <summary>Bans and standings in the node database.</summary>
public sealed class NodeDatabaseStandingTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("devp2p-nodes-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly LogLines _log = new();

    private string FilePath => Path.Combine(_directory, "nodes.db");

    private DateTimeOffset Now => _time.GetUtcNow();

    public void Dispose()
    {
        _log.Dispose();
        Directory.Delete(_directory, true);
    }

    [Fact]
    public async Task They_survive_a_restart()
    {
        NodeId a = NodeDatabaseTests.NewId(), b = NodeDatabaseTests.NewId(), c = NodeDatabaseTests.NewId();
        var ban = new NodeDatabaseBan(Now, Now + TimeSpan.FromHours(1), "spam", IsAutomatic: true);
        var forever = new NodeDatabaseBan(Now, null, "", IsAutomatic: false);
        var standing = new NodeDatabaseStanding(-12.25, Now, 3);
        await using (NodeDatabase database = Open())
        {
            database.SetBan(a, ban);
            database.SetBan(b, forever);
            database.SetBan(c, forever);
            database.SetStanding(a, standing);
            database.SetStanding(b, standing);
            Assert.True(await database.FlushAsync(TestContext.Current.CancellationToken));
            database.SetBan(c, null);
            database.SetStanding(b, null);
        }

        await using NodeDatabase again = Open();
        Assert.Equivalent(new Dictionary<NodeId, NodeDatabaseBan> { [a] = ban, [b] = forever }, again.GetBans().ToDictionary());
        Assert.Equal([KeyValuePair.Create(a, standing)], again.GetStandings());
        Assert.Equal(0, again.NodeCount);
        Assert.DoesNotContain(_log.Lines, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task A_file_of_the_first_version_is_brought_up_to_date()
    {
        using (var connection = new SqliteConnection($"Data Source={FilePath};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // The library's own text.
            command.CommandText = NodeDatabaseFile.Schema[0]
                + "; INSERT INTO meta VALUES('kept', x'07'); PRAGMA user_version = 1; PRAGMA application_id = 1146106448";
#pragma warning restore CA2100
            command.ExecuteNonQuery();
        }

        NodeId id = NodeDatabaseTests.NewId();
        await using (NodeDatabase database = Open())
        {
            Assert.Equal(FilePath, database.Path);
            Assert.Equal([7], database.GetMeta("kept"));
            database.SetStanding(id, new NodeDatabaseStanding(1, Now, 0));
        }

        Assert.Single(_log.Lines, line => line.Id == 104);
        await using NodeDatabase again = Open();
        Assert.Equal(id, Assert.Single(again.GetStandings()).Key);
    }

    [Fact]
    public async Task A_disk_that_fails_loses_nothing_and_what_waits_for_it_is_bounded()
    {
        await using (NodeDatabase database = NodeDatabase.OpenWith(
            FilePath,
            Options(),
            [
                .. NodeDatabaseFile.Schema,
                "CREATE TRIGGER trouble BEFORE INSERT ON standing WHEN NOT EXISTS(SELECT 1 FROM meta WHERE key = 'repaired') "
                + "BEGIN SELECT RAISE(ABORT, 'the disk is as good as full'); END",
            ]))
        {
            NodeId first = NodeDatabaseTests.NewId();
            database.SetBan(first, new NodeDatabaseBan(Now, null, "", false));
            database.SetStanding(first, new NodeDatabaseStanding(1, Now, 0));
            Assert.False(await database.FlushAsync(TestContext.Current.CancellationToken));
            for (int i = 0; i < 3 * NodeDatabase.MaxStandings; i++)
            {
                NodeId id = NodeDatabaseTests.NewId();
                database.SetStanding(id, new NodeDatabaseStanding(1, Now, 0));
                database.SetStanding(id, null);
            }

            database.SetMeta("repaired", [1]);
            Assert.True(await database.FlushAsync(TestContext.Current.CancellationToken));
            Assert.InRange(database.GetStatistics().Written, 1, (2 * NodeDatabase.MaxStandings) + 3);
        }

        await using NodeDatabase again = NodeDatabase.OpenWith(FilePath, Options(), [.. NodeDatabaseFile.Schema, ""]);
        Assert.Single(again.GetBans());
        Assert.Single(again.GetStandings());
    }

    [Fact]
    public async Task A_standing_of_the_future_counts_as_of_now()
    {
        NodeId id = NodeDatabaseTests.NewId();
        await using (NodeDatabase database = Open())
        {
            database.SetStanding(id, new NodeDatabaseStanding(-50, Now + TimeSpan.FromDays(400), 1));
        }

        await using NodeDatabase again = Open();
        Assert.Equal(Now, Assert.Single(again.GetStandings()).Value.At);
    }

    private NodeDatabaseOptions Options() => new() { TimeProvider = _time, LoggerFactory = _log };

    private NodeDatabase Open() => NodeDatabase.Open(FilePath, Options());
}
