using System.Diagnostics;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Nodes;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace DevP2P.Tests.Nodes;

/// <summary>The node database's file: what survives, and what becomes of files that are not as they should be.</summary>
public sealed class NodeDatabaseFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("devp2p-nodes-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly LogLines _log = new();

    private string FilePath => Path.Combine(_directory, "sub", "nodes.db");

    public void Dispose()
    {
        _log.Dispose();
        Directory.Delete(_directory, true);
    }

    [Fact]
    [Trait("Threat", "T03")]
    public async Task Everything_survives_a_restart()
    {
        PrivateKey key = PrivateKey.Generate(), own = PrivateKey.Generate();
        Node node = Node.Create(key.PublicKey, IPAddress.Parse("1.2.3.4"), 1, 1), gone = NodeDatabaseTests.NewNode("2600::1");
        Node signed = NodeDatabaseTests.Signed(key, "1.2.3.4", ulong.MaxValue - 1);
        NodeId contactOnly = NodeDatabaseTests.NewId();
        NodeDatabaseEntry before, contactBefore;
        await using (NodeDatabase database = Open())
        {
            Assert.Equal(FilePath, database.Path);
            database.RecordPong(node.Id, node.Address!);
            database.RecordNode(gone);
            await database.FlushAsync(TestContext.Current.CancellationToken);
            _time.Advance(TimeSpan.FromSeconds(1.5));
            database.RecordNode(signed);
            database.RecordPingSent(node.Id, node.Address!);
            database.RecordPingReceived(node.Id, node.Address!);
            database.RecordPong(node.Id, IPAddress.Parse("2600::2"));
            database.RecordFindFailures(node.Id, node.Address!, 4);
            database.RecordUseful(node.Id, 7);
            database.RecordPong(contactOnly, IPAddress.Loopback);
            database.RecordLocalRecord(NodeDatabaseTests.Signed(own, "1.2.3.9", ulong.MaxValue).Record!);
            database.SetMeta("a", [1]);
            database.SetMeta("b", [2]);
            database.SetMeta("a", null);
            database.Remove(gone.Id);
            (before, contactBefore) = (database.Find(node.Id)!, database.Find(contactOnly)!);
        }

        _time.Advance(TimeSpan.FromDays(1));
        await using NodeDatabase again = Open();
        Assert.Equal(2, again.NodeCount);
        AssertSame(before, again.Find(node.Id));
        AssertSame(contactBefore, again.Find(contactOnly));
        Assert.Equal(signed, again.Find(node.Id)!.ToNode());
        Assert.Equal(ulong.MaxValue, again.GetLocalSequence(own.PublicKey.NodeId));
        Assert.Equal("1.2.3.9", again.GetLocalRecord(own.PublicKey.NodeId)!.IPv4Address!.ToString());
        Assert.Null(again.GetMeta("a"));
        Assert.Equal([2], again.GetMeta("b"));
        Assert.Equal(node.Id, Assert.Single(again.GetSeeds(30, TimeSpan.FromDays(5))).Id);
        Assert.Equal(node.Id, Assert.Single(again.GetUsefulNodes(30)).Id);
        Assert.DoesNotContain(_log.Lines, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task A_state_copied_without_a_close_is_whole()
    {
        await using NodeDatabase database = Open();
        Fill(database, 300);
        Assert.True(await database.FlushAsync(TestContext.Current.CancellationToken));
        database.RecordPong(NodeDatabaseTests.NewId(), IPAddress.Loopback);
        string copy = Path.Combine(_directory, "copy.db");
        File.Copy(FilePath, copy);
        File.Copy(FilePath + "-wal", copy + "-wal");

        await using NodeDatabase crashed = Open(copy);
        Assert.Equal(300, crashed.NodeCount);
        Assert.Single(_log.Lines, line => line.Id == 100 && line.Text.Contains("nodes=300", StringComparison.Ordinal));
        Assert.DoesNotContain(_log.Lines, line => line.Level >= LogLevel.Warning);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("text")]
    [InlineData("cut")]
    [InlineData("page")]
    [InlineData("table")]
    [InlineData("check")]
    public async Task A_corrupt_file_is_set_aside_and_a_new_one_is_started(string damage)
    {
        await using (NodeDatabase database = Open())
        {
            Fill(database, 200);
        }

        Damage(damage);
        byte[] damaged = await File.ReadAllBytesAsync(FilePath, TestContext.Current.CancellationToken);
        await using (NodeDatabase database = Open())
        {
            Assert.Equal(FilePath, database.Path);
            Assert.Equal(0, database.NodeCount);
            Fill(database, 3);
            Assert.True(await database.FlushAsync(TestContext.Current.CancellationToken));
        }

        string aside = FilePath + ".corrupt-20260102T030405Z";
        Assert.Equal(damaged, await File.ReadAllBytesAsync(aside, TestContext.Current.CancellationToken));
        LogLine line = Assert.Single(_log.Lines, line => line.Level >= LogLevel.Warning);
        Assert.Equal(101, line.Id);
        Assert.Contains(aside, line.Text, StringComparison.Ordinal);

        await using NodeDatabase again = Open();
        Assert.Equal(3, again.NodeCount);
    }

    [Fact]
    public async Task A_log_heals_the_damage_that_it_covers()
    {
        string copy = Path.Combine(_directory, "copy.db");
        await using (NodeDatabase database = Open())
        {
            Fill(database, 100);
            Assert.True(await database.FlushAsync(TestContext.Current.CancellationToken));
            File.Copy(FilePath + "-wal", copy + "-wal");
        }

        await File.WriteAllBytesAsync(copy, [.. Enumerable.Repeat((byte)'x', 4096)], TestContext.Current.CancellationToken);
        await using NodeDatabase healed = Open(copy);
        Assert.Equal(100, healed.NodeCount);
    }

    /// <summary>SQLite cleans up behind itself when it can; when it cannot, its log must not meet the new file.</summary>
    [Fact]
    public async Task What_belongs_to_a_file_goes_with_it()
    {
        string path = Path.Combine(_directory, "nodes.db");
        string[] parts = ["", "-wal", "-shm", "-journal"];
        foreach (string part in parts)
        {
            await File.WriteAllTextAsync(path + part, part, TestContext.Current.CancellationToken);
        }

        string aside = NodeDatabaseFile.SetAside(path, "corrupt", _time);
        Assert.Equal(path + ".corrupt-20260102T030405Z", aside);
        foreach (string part in parts)
        {
            Assert.False(File.Exists(path + part));
            Assert.Equal(part, await File.ReadAllTextAsync(aside + part, TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Files_set_aside_in_the_same_second_do_not_replace_one_another()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        foreach (string content in (string[])["first", "second", "third"])
        {
            await File.WriteAllTextAsync(FilePath, string.Join(' ', Enumerable.Repeat(content, 200)), TestContext.Current.CancellationToken);
            await Open().DisposeAsync();
        }

        string aside = FilePath + ".corrupt-20260102T030405Z";
        Assert.StartsWith("first", await File.ReadAllTextAsync(aside, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.StartsWith("second", await File.ReadAllTextAsync(aside + "-2", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.StartsWith("third", await File.ReadAllTextAsync(aside + "-3", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Older_files_are_brought_up_to_date_and_newer_ones_set_aside()
    {
        IReadOnlyList<string> next = [.. NodeDatabaseFile.Schema, "ALTER TABLE node ADD COLUMN colour TEXT; INSERT INTO meta VALUES('migrated', x'01')"];
        await using (NodeDatabase database = Open())
        {
            Fill(database, 5);
        }

        await using (NodeDatabase migrated = NodeDatabase.OpenWith(FilePath, Options(), next))
        {
            Assert.Equal(5, migrated.NodeCount);
            Assert.Equal([1], migrated.GetMeta("migrated"));
            Fill(migrated, 1);
        }

        Assert.Single(_log.Lines, line => line.Id == 104);
        await using (NodeDatabase older = Open())
        {
            Assert.Equal(0, older.NodeCount);
            Assert.Equal(FilePath, older.Path);
        }

        Assert.Contains($"version={next.Count} known={next.Count - 1}", Assert.Single(_log.Lines, line => line.Id == 102).Text, StringComparison.Ordinal);
        await using NodeDatabase aside = NodeDatabase.OpenWith(FilePath + ".newer-20260102T030405Z", Options(), next);
        Assert.Equal(6, aside.NodeCount);
    }

    [Fact]
    public async Task A_migration_that_fails_leaves_the_file_as_it_was()
    {
        await using (NodeDatabase database = Open())
        {
            Fill(database, 5);
        }

        await using (NodeDatabase fresh = NodeDatabase.OpenWith(
            FilePath, Options(), [.. NodeDatabaseFile.Schema, "DELETE FROM node; INSERT INTO nowhere VALUES(1)"]))
        {
            Assert.Equal(0, fresh.NodeCount);
            Assert.Null(fresh.Path);
        }

        // Neither could a new file be made with such a step; the old one is under another name, whole.
        await using NodeDatabase aside = Open(FilePath + ".corrupt-20260102T030405Z");
        Assert.Equal(5, aside.NodeCount);
    }

    [Fact]
    public async Task What_is_not_ours_is_left_alone_and_memory_serves()
    {
        Directory.CreateDirectory(FilePath);
        AssertMemoryOnly(FilePath, "unable to open");

        string foreign = Path.Combine(_directory, "foreign.db");
        Sql(foreign, "CREATE TABLE bookmarks(url TEXT)");
        byte[] content = await File.ReadAllBytesAsync(foreign, TestContext.Current.CancellationToken);
        AssertMemoryOnly(foreign, "another program");
        Assert.Equal(content, await File.ReadAllBytesAsync(foreign, TestContext.Current.CancellationToken));

        string blocked = Path.Combine(foreign, "nodes.db");
        AssertMemoryOnly(blocked, "foreign.db");

        string used = Path.Combine(_directory, "used.db");
        await using NodeDatabase user = Open(used);
        Fill(user, 2);
        AssertMemoryOnly(used, "in use by another process");
        Assert.True(await user.FlushAsync(TestContext.Current.CancellationToken));

        void AssertMemoryOnly(string path, string reason)
        {
            _log.Lines.Clear();
            NodeDatabase database = Open(path);
            Assert.Null(database.Path);
            Fill(database, 3);
            Assert.Equal(3, database.NodeCount);
            Assert.Contains(reason, Assert.Single(_log.Lines, line => line.Id == 103).Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Times_of_the_future_prove_nothing()
    {
        DateTimeOffset now = _time.GetUtcNow();
        Node node;
        await using (NodeDatabase database = Open())
        {
            _time.Advance(TimeSpan.FromDays(400));
            node = NodeDatabaseTests.AddAnswering(database, IPAddress.Parse("1.2.3.4"));
            database.RecordUseful(node.Id);
        }

        await using NodeDatabase again = NodeDatabase.Open(FilePath, Options() with { TimeProvider = new FakeTimeProvider(now) });
        NodeDatabaseEntry entry = again.Find(node.Id)!;
        Assert.Equal(now - NodeDatabase.NodeExpiration, entry.LastPong);
        Assert.Equal(now, entry.UsefulAt);
        Assert.Equal(now, entry.FirstSeen);
        Assert.Single(again.GetSeeds(1, TimeSpan.FromDays(5)));
    }

    [Fact]
    [Trait("Threat", "T08")]
    public async Task Rows_that_make_no_sense_are_passed_over()
    {
        Node node = NodeDatabaseTests.NewNode("1.2.3.4"), other = NodeDatabaseTests.NewNode("1.2.3.5"), good = NodeDatabaseTests.NewNode("1.2.3.6");
        await using (NodeDatabase database = Open())
        {
            database.RecordNode(node);
            database.RecordNode(other);
            database.RecordNode(good);
        }

        // A point off the curve, under the id that it would have.
        NodeId offCurve = PublicKey.FromValidated(new byte[64]).NodeId;
        Sql(FilePath,
            $"UPDATE node SET id = x'{offCurve}', public_key = zeroblob(64) WHERE id = x'{node.Id}'; UPDATE node SET udp_port = 65536 WHERE id = x'{other.Id}';"
            + "INSERT INTO contact VALUES(zeroblob(3), zeroblob(4), 1, 1, 1, 1); UPDATE node SET useful_at = -1, useful_score = -1, first_seen = -1");
        await using NodeDatabase again = Open();
        Assert.Equal(good.Id, Assert.Single(again.GetNodes()).Id);
        Assert.Contains("skipped=3", _log.Lines.Last(line => line.Id == 100).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_record_leaves_the_endpoint()
    {
        PrivateKey own = PrivateKey.Generate();
        Node node = NodeDatabaseTests.Signed(PrivateKey.Generate(), "1.2.3.4", 3);
        await using (NodeDatabase database = Open())
        {
            database.RecordNode(node);
            database.RecordLocalRecord(NodeDatabaseTests.Signed(own, "1.2.3.5", 9).Record!);
        }

        byte[] record = node.Record!.Encoded.ToArray();
        record[^1] ^= 1;
        Sql(FilePath, $"UPDATE node SET record = x'{Convert.ToHexString(record)}'; UPDATE local SET record = x'00'");
        await using NodeDatabase again = Open();
        Assert.Null(again.Find(node.Id)!.ToNode()!.Record);
        Assert.Equal(node.UdpEndPoint, again.Find(node.Id)!.ToNode()!.UdpEndPoint);
        Assert.Null(again.GetLocalRecord(own.PublicKey.NodeId));
        Assert.Equal(9ul, again.GetLocalSequence(own.PublicKey.NodeId));
    }

    /// <summary>The use that the database is made for: the own record survives a restart unsigned anew, and its number rises after.</summary>
    [Fact]
    public async Task A_local_node_goes_on_where_it_was()
    {
        PrivateKey own = PrivateKey.Generate();
        NodeRecord before;
        await using (NodeDatabase database = Open())
        {
            before = NewLocalNode(database).Node.Record!;
        }

        _time.Advance(TimeSpan.FromDays(1));
        await using NodeDatabase again = Open();
        LocalNode local = NewLocalNode(again);
        Assert.Equal(before, local.Node.Record);
        local.Set("tcp", 2);
        Assert.True(local.Sequence > before.Sequence);
        Assert.Equal(local.Sequence, again.GetLocalSequence(local.Id));

        LocalNode NewLocalNode(NodeDatabase database)
        {
            NodeId id = own.PublicKey.NodeId;
            LocalNode node = new(own, _time.GetUtcNow(), database.GetLocalSequence(id), database.GetLocalRecord(id), database.RecordLocalRecord);
            node.Set("tcp", 1);
            return node;
        }
    }

    [Fact]
    public async Task A_smaller_limit_holds_for_an_old_file()
    {
        await using (NodeDatabase database = Open())
        {
            Fill(database, 300);
        }

        await using (NodeDatabase smaller = NodeDatabase.Open(FilePath, Options() with { MaxNodes = 10 }))
        {
            Assert.Equal(10, smaller.NodeCount);
        }

        await using NodeDatabase again = Open();
        Assert.Equal(10, again.NodeCount);
    }

    /// <summary>Kills a process while it writes, several times: what it had been told is on disk is there, and nothing is corrupt.</summary>
    [Fact]
    public async Task Kill_9_loses_nothing_that_was_flushed()
    {
        int confirmed = 0;
        for (int round = 0; round < 3; round++)
        {
            using Process child = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "DevP2P.Tests"))
            {
                Environment = { [NodeDatabaseWriterProcess.Variable] = FilePath },
                RedirectStandardOutput = true,
            })!;
            int until = confirmed + 3 + round;
            while (confirmed < until)
            {
                string? line = await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WithinDeadline();
                confirmed = int.Parse(line!, System.Globalization.CultureInfo.InvariantCulture);
            }

            child.Kill();
            await child.WaitForExitAsync(TestContext.Current.CancellationToken).WithinDeadline();
            while (await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WithinDeadline() is { } rest)
            {
                confirmed = int.Parse(rest, System.Globalization.CultureInfo.InvariantCulture);
            }

            Assert.NotEqual(0, child.ExitCode);
            await using (NodeDatabase database = NodeDatabase.Open(FilePath, new NodeDatabaseOptions { LoggerFactory = _log }))
            {
                int stored = database.GetMeta("rounds") is { } bytes ? BitConverter.ToInt32(bytes) : 0;
                Assert.InRange(stored, confirmed, int.MaxValue);
                Assert.InRange(database.NodeCount, confirmed * NodeDatabaseWriterProcess.NodesPerRound, int.MaxValue);
                confirmed = stored;
            }

            Assert.Equal("ok", Sql(FilePath, "PRAGMA integrity_check"));
        }

        Assert.DoesNotContain(_log.Lines, line => line.Level >= LogLevel.Warning);
        Assert.Equal(["nodes.db"], Directory.GetFiles(Path.GetDirectoryName(FilePath)!).Select(Path.GetFileName));
    }

    internal static string? Sql(string path, string sql)
    {
        using SqliteConnection connection = new(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        using SqliteCommand command = new(sql, connection);
        return command.ExecuteScalar() as string;
    }

    internal static void Fill(NodeDatabase database, int count)
    {
        for (int i = 0; i < count; i++)
        {
            database.RecordPong(NodeDatabaseTests.NewId(), new IPAddress([10, 0, (byte)(i >> 8), (byte)i]));
        }
    }

    private static void AssertSame(NodeDatabaseEntry expected, NodeDatabaseEntry? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected.Contacts.OrderBy(c => c.Address.ToString()), actual.Contacts.OrderBy(c => c.Address.ToString()));
        Assert.Equal(expected.Record.ToArray(), actual.Record.ToArray());
        Assert.Equal(expected with { Contacts = [], Record = default }, actual with { Contacts = [], Record = default });
    }

    private void Damage(string damage)
    {
        using FileStream file = File.Open(FilePath, FileMode.Open);
        switch (damage)
        {
            case "garbage":
                file.Write(Enumerable.Range(0, 20000).Select(i => (byte)(i * 7919)).ToArray());
                break;
            case "text":
                file.SetLength(0);
                file.Write("This is a shopping list, and long enough to have the size of a header: "u8);
                file.Write(new byte[100]);
                break;
            case "cut":
                file.SetLength(file.Length / 2);
                break;
            case "page":
                file.Seek(-4096, SeekOrigin.End);
                file.Write(Enumerable.Repeat((byte)0xEE, 4096).ToArray());
                break;
            case "table":
                file.Dispose();
                Sql(FilePath, "DROP TABLE contact");
                break;
            case "check":
                file.Dispose();
                Sql(FilePath, "PRAGMA ignore_check_constraints = ON; INSERT INTO local VALUES(x'01', 1, x'')");
                break;
        }
    }

    private NodeDatabase Open(string? path = null) => NodeDatabase.Open(path ?? FilePath, Options());

    private NodeDatabaseOptions Options() => new() { TimeProvider = _time, LoggerFactory = _log };
}
