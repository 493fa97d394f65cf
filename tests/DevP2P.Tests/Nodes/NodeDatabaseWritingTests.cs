using System.Diagnostics;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Nodes;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace DevP2P.Tests.Nodes;

/// <summary>How the file follows: together, in time, and in spite of trouble.</summary>
public sealed class NodeDatabaseWritingTests : IDisposable
{
    /// <summary>Makes all writing of nodes fail until a value "repaired" is stored: a disk that is full for a while.</summary>
    private const string Trouble =
        "CREATE TRIGGER trouble BEFORE INSERT ON node WHEN NOT EXISTS(SELECT 1 FROM meta WHERE key = 'repaired') "
        + "BEGIN SELECT RAISE(ABORT, 'the disk is as good as full'); END";

    private readonly string _directory = Directory.CreateTempSubdirectory("devp2p-nodes-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly LogLines _log = new();

    private string FilePath => Path.Combine(_directory, "nodes.db");

    public void Dispose()
    {
        _log.Dispose();
        Directory.Delete(_directory, true);
    }

    [Fact]
    public async Task Changes_are_written_after_a_second_and_together()
    {
        await using NodeDatabase database = Open();
        NodeId id = NodeDatabaseTests.NewId();
        for (int i = 0; i < 10; i++)
        {
            database.RecordPong(id, IPAddress.Loopback);
        }

        Assert.Equal(1, database.GetStatistics().Pending);
        Assert.Equal(9, database.GetStatistics().Coalesced);
        _time.Advance(NodeDatabase.WriteDelay - TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, database.GetStatistics().Written);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await TestNet.UntilAsync(() => database.GetStatistics() is { Written: 1, Pending: 0 }, "the change is written");

        database.RecordPong(id, IPAddress.Loopback);
        _time.Advance(NodeDatabase.WriteDelay);
        await TestNet.UntilAsync(() => database.GetStatistics().Written == 2, "the next change is written");
    }

    [Fact]
    public async Task Many_changes_and_urgent_ones_do_not_wait()
    {
        await using NodeDatabase database = Open();
        NodeDatabaseFileTests.Fill(database, 255);
        Assert.Equal(255, database.GetStatistics().Pending);
        NodeDatabaseFileTests.Fill(database, 1);
        await TestNet.UntilAsync(() => database.GetStatistics().Written == 256, "256 changes are written");

        database.RecordLocalRecord(NodeDatabaseTests.Signed(PrivateKey.Generate(), "1.2.3.4", 1).Record!);
        await TestNet.UntilAsync(() => database.GetStatistics().Written == 257, "the sequence number is written");
        database.SetMeta("a", [1]);
        await TestNet.UntilAsync(() => database.GetStatistics().Written == 258, "the value is written");
    }

    [Fact]
    public async Task What_cannot_be_written_is_kept_logged_once_a_minute_and_tried_again()
    {
        await Open().DisposeAsync();
        NodeDatabaseFileTests.Sql(FilePath, Trouble);
        int nodes;
        await using (NodeDatabase database = Open())
        {
            NodeDatabaseFileTests.Fill(database, 100);
            for (int i = 1; i <= 20; i++)
            {
                Assert.False(await Flush(database));
                Assert.Equal(i, database.GetStatistics().WriteFailures);
            }

            NodeDatabaseFileTests.Fill(database, 10);
            Assert.Equal(110, database.GetStatistics().Pending);
            Assert.Contains("as good as full", Assert.Single(_log.Lines, line => line.Id == 105).Text, StringComparison.Ordinal);
            _time.Advance(NodeDatabase.FailureLogInterval);
            Assert.False(await Flush(database));
            Assert.Equal(2, _log.Lines.Count(line => line.Id == 105));

            // Without a flush it is tried again by itself, but not before its time.
            await TestNet.UntilAsync(() => database.GetStatistics().Pending == 110, "the changes are back");
            long failures = database.GetStatistics().WriteFailures;
            _time.Advance(NodeDatabase.RetryDelay - TimeSpan.FromMilliseconds(1));
            database.SetMeta("repaired", [1]);
            Assert.Equal(failures, database.GetStatistics().WriteFailures);
            Assert.Equal(110, database.GetStatistics().Pending);
            await TestNet.UntilAsync(
                () =>
                {
                    _time.Advance(TimeSpan.FromSeconds(1));
                    return database.GetStatistics().Pending == 0;
                },
                "everything is written");
            await TestNet.UntilAsync(() => _log.Lines.Count(line => line.Id == 106) == 1, "that is said once");
            nodes = database.NodeCount;
        }

        await using NodeDatabase again = Open();
        Assert.Equal(nodes, again.NodeCount);
    }

    [Fact]
    public async Task What_waits_for_a_failing_disk_is_bounded_and_nothing_is_lost()
    {
        await using (NodeDatabase first = Open())
        {
            NodeDatabaseFileTests.Fill(first, 50);
        }

        NodeDatabaseFileTests.Sql(FilePath, Trouble);
        HashSet<NodeId> remembered;
        await using (NodeDatabase database = NodeDatabase.Open(FilePath, Options() with { MaxNodes = 100 }))
        {
            for (int i = 0; i < 40; i++)
            {
                NodeDatabaseFileTests.Fill(database, 50);
                Assert.False(await Flush(database));
                Assert.InRange(database.GetStatistics().Pending, 1, 200);
            }

            database.SetMeta("repaired", [1]);
            Assert.True(await Flush(database));
            remembered = [.. database.GetNodes().Select(entry => entry.Id)];
        }

        await using NodeDatabase again = Open();
        Assert.Equal(remembered, again.GetNodes().Select(entry => entry.Id).ToHashSet());
    }

    [Fact]
    public async Task A_file_that_becomes_corrupt_is_set_aside_and_written_anew()
    {
        NodeRecord own = NodeDatabaseTests.Signed(PrivateKey.Generate(), "1.2.3.4", 77).Record!;
        await using (NodeDatabase database = Open())
        {
            // More than SQLite's page cache holds, so that the damage is seen.
            for (int i = 0; i < 6000; i++)
            {
                database.RecordPong(NodeDatabaseTests.NewId(), IPAddress.Loopback);
            }

            database.SetMeta("a", [1]);
            database.RecordLocalRecord(own);
        }

        await using (NodeDatabase database = Open())
        {
            using (FileStream file = new(FilePath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                file.SetLength(8192);
            }

            foreach (NodeDatabaseEntry entry in database.GetNodes())
            {
                database.RecordUseful(entry.Id);
            }

            await TestNet.UntilAsync(() => _log.Lines.Any(line => line.Id == 101), "the damage is seen");
            Assert.True(await Flush(database));
        }

        await using NodeDatabase again = Open();
        Assert.Equal(6000, again.NodeCount);
        Assert.All(again.GetNodes(), entry => Assert.Equal(1, entry.UsefulScore));
        Assert.Equal([1], again.GetMeta("a"));
        Assert.Equal(own, again.GetLocalRecord(own.NodeId));
        Assert.True(File.Exists(FilePath + ".corrupt-20260102T030405Z"));
    }

    [Fact]
    public async Task Recording_from_many_threads_loses_nothing()
    {
        NodeId[] ids = [.. Enumerable.Range(0, 200).Select(_ => NodeDatabaseTests.NewId())];
        await using (NodeDatabase database = NodeDatabase.Open(FilePath))
        {
            await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(
                async () =>
                {
                    for (int i = 0; i < 20; i++)
                    {
                        foreach (NodeId id in ids)
                        {
                            database.RecordPong(id, new IPAddress([10, 0, 0, (byte)thread]));
                            database.RecordUseful(id);
                        }

                        Assert.True(await database.FlushAsync());
                    }
                },
                TestContext.Current.CancellationToken)));
        }

        await using NodeDatabase again = NodeDatabase.Open(FilePath);
        Assert.Equal(200, again.NodeCount);
        Assert.All(ids, id => Assert.Equal(80, again.Find(id)!.UsefulScore));
        Assert.All(ids, id => Assert.Equal(4, again.Find(id)!.Contacts.Length));
    }

    [Fact]
    public async Task After_the_end_nothing_fails_and_nothing_is_written()
    {
        NodeDatabase database = Open();
        NodeDatabaseFileTests.Fill(database, 1);
        Task<bool> flush = Flush(database);
        await database.DisposeAsync();
        await database.DisposeAsync();
        Assert.True(await flush);

        NodeDatabaseFileTests.Fill(database, 1);
        database.SetMeta("a", [1]);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.True(await Flush(database));
        await using NodeDatabase again = Open();
        Assert.Equal(1, again.NodeCount);
    }

    [Fact]
    public async Task Ten_thousand_nodes_are_written_and_read()
    {
        IPAddress address = IPAddress.Parse("10.1.2.3");
        Stopwatch watch = Stopwatch.StartNew();
        Node[] nodes = [.. Enumerable.Range(0, 10_000).Select(_ => NodeDatabaseTests.Signed(PrivateKey.Generate(), "10.1.2.3", 1))];
        TimeSpan keys = watch.Elapsed;
        TimeSpan recorded, written, updated;
        await using (NodeDatabase database = Open())
        {
            watch.Restart();
            foreach (Node node in nodes)
            {
                database.RecordPong(node.Id, address);
                database.RecordNode(node);
            }

            recorded = watch.Elapsed;
            Assert.True(await Flush(database));
            written = watch.Elapsed;
            watch.Restart();
            foreach (Node node in nodes)
            {
                database.RecordPong(node.Id, address);
            }

            Assert.True(await Flush(database));
            updated = watch.Elapsed;
        }

        long size = new FileInfo(FilePath).Length;
        long memory = GC.GetTotalMemory(true);
        watch.Restart();
        await using NodeDatabase again = Open();
        TimeSpan opened = watch.Elapsed;
        Assert.Equal(10_000, again.NodeCount);
        memory = GC.GetTotalMemory(true) - memory;
        watch.Restart();
        Assert.Equal(30, again.GetSeeds(30, TimeSpan.FromDays(5)).Count);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"keys {keys.TotalMilliseconds:F0} ms, recorded {recorded.TotalMilliseconds:F1} ms, written {written.TotalMilliseconds:F0} ms, "
            + $"updated {updated.TotalMilliseconds:F0} ms, file {size / 1024} KiB, opened {opened.TotalMilliseconds:F0} ms, "
            + $"memory {memory / 1024} KiB, seeds {watch.Elapsed.TotalMilliseconds:F2} ms");
    }

    private static Task<bool> Flush(NodeDatabase database) => database.FlushAsync(TestContext.Current.CancellationToken).WithinDeadline();

    private NodeDatabase Open() => NodeDatabase.Open(FilePath, Options());

    private NodeDatabaseOptions Options() => new() { TimeProvider = _time, LoggerFactory = _log };
}
