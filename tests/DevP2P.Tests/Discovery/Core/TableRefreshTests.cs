using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using Xunit;
using static DevP2P.Tests.Discovery.Core.TableNodes;

namespace DevP2P.Tests.Discovery.Core;

public sealed class TableRefreshTests
{
    [Fact]
    [Trait("Threat", "T03")]
    public void The_first_refresh_is_due_at_once_and_initializes_the_table()
    {
        NodeTable table = CreateTable(isInitialized: false);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        Assert.Equal(Start.Monotonic, refresh.NextTimeout);
        var steps = new List<RefreshStep>();
        while (refresh.TryGetStep(Start, out RefreshStep step))
        {
            Assert.False(table.IsInitialized);
            Assert.True(refresh.IsRunning);
            Assert.Null(refresh.NextTimeout);
            Assert.False(refresh.TryGetStep(Start, out _), "a step is handed out once");
            steps.Add(step);
            End(refresh, step, Start, [NodeOf(1)], []);
        }

        Assert.Equal([RefreshStep.LoadSeeds, RefreshStep.LookUpSelf, RefreshStep.LookUpRandom, RefreshStep.LookUpRandom, RefreshStep.LookUpRandom], steps);
        Assert.True(table.IsInitialized);
        Assert.False(refresh.IsRunning);
        Assert.Equal(1, table.Count);
    }

    // Whoever starts together with all others finds nobody at first.
    [Fact]
    public void The_first_ones_follow_each_other_ever_more_slowly()
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        AssertSchedule(refresh, [(20, 3), (80, 1), (320, 1), (1280, 1), (1800, 3), (1800, 3)]);
    }

    // A node that joins a network which has been there for long knows it after its first lookups.
    [Fact]
    public void Those_that_bring_little_are_short_and_the_next_one_comes_late()
    {
        NodeTable table = CreateTable();
        int next = Fill(table, TableRefresh.LittleDivisor);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        Timestamp now = AssertSchedule(refresh, [(20, 1), (1800, 0), (1800, 1), (1800, 1)]);

        // It has forgotten nothing of this when the network changes.
        Assert.Equal(3, RunAll(refresh, now, () => Add(table, ref next, count: 2)));
        Assert.InRange(refresh.NextTimeout!.Value - now.Monotonic, TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(30));
    }

    [Fact]
    public void Those_that_bring_much_go_on_and_are_followed_soon()
    {
        NodeTable table = CreateTable();
        int next = Fill(table, TableRefresh.LittleDivisor);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        // Up to 100 entries: one in sixteen all the time.
        AssertSchedule(refresh, [(20, 3), (80, 1), (320, 1), (1280, 1), (1800, 3)], () => Add(table, ref next, count: 6));
    }

    [Fact]
    public void Replacements_that_move_up_are_not_what_a_lookup_brings()
    {
        NodeTable table = CreateTable();
        Fill(table, 4 * TableRefresh.LittleDivisor);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        int moved = 0;
        int lookups = RunAll(refresh, Start, () =>
        {
            for (int i = 0; i < 8; i++)
            {
                (int count, long added) = (table.Count, table.Added);
                table.Remove(Start, table.GetNodes(withReplacements: false)[^1].Id);
                moved += table.Count == count ? 1 : 0;
                Assert.Equal(added, table.Added);
            }
        });
        Assert.True(moved > 0, "a replacement took a place");
        Assert.Equal(1, lookups);
    }

    [Fact]
    public void Later_ones_come_after_15_to_30_minutes_at_random()
    {
        var delays = new HashSet<TimeSpan>();
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        Timestamp now = Start;
        for (int i = 0; i < 7; i++)
        {
            RunAll(refresh, now);
            now += refresh.NextTimeout!.Value - now.Monotonic;
        }

        for (int i = 0; i < 100; i++)
        {
            RunAll(refresh, now);
            TimeSpan due = refresh.NextTimeout!.Value;
            Assert.InRange(due - now.Monotonic, TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(30));
            delays.Add(due - now.Monotonic);
            Assert.False(refresh.TryGetStep(now + (due - now.Monotonic - TimeSpan.FromTicks(1)), out _));
            now += due - now.Monotonic;
        }

        Assert.InRange(delays.Count, 90, 100);
        Assert.InRange(delays.Average(d => d.TotalMinutes), 20, 25);
    }

    [Fact]
    public void An_empty_table_is_seeded_again_at_once_but_not_in_a_hot_loop()
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        RunAll(refresh, Start);
        Timestamp now = Start + TableRefresh.MinInterval;
        Assert.False(refresh.TryGetStep(now, out _));
        table.Remove(now, IdOf(1));
        Assert.True(refresh.NextTimeout <= now.Monotonic);
        RunAll(refresh, now);
        Assert.Equal(now.Monotonic + TableRefresh.MinInterval, refresh.NextTimeout);
        Assert.False(refresh.TryGetStep(now + TimeSpan.FromSeconds(9), out _));
        Assert.True(refresh.TryGetStep(now + TimeSpan.FromSeconds(10), out RefreshStep step));
        Assert.Equal(RefreshStep.LoadSeeds, step);
    }

    [Fact]
    public void A_refresh_can_be_asked_for_but_not_more_often_than_every_ten_seconds()
    {
        NodeTable table = CreateTable();
        table.AddFound(Start, NodeOf(1), Sender);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        RunAll(refresh, Start);
        refresh.Request(Start + TimeSpan.FromSeconds(3));
        Assert.Equal(Start.Monotonic + TableRefresh.MinInterval, refresh.NextTimeout);
        Timestamp now = Start + TimeSpan.FromMinutes(3);
        RunAll(refresh, now);
        now += TableRefresh.MinInterval;
        refresh.Request(now);
        Assert.Equal(now.Monotonic, refresh.NextTimeout);
        refresh.Request(now + TimeSpan.FromMinutes(1));
        Assert.Equal(now.Monotonic, refresh.NextTimeout);
    }

    [Fact]
    public void Thirty_proven_seeds_and_all_named_ones_enter_by_the_rules()
    {
        NodeTable table = CreateTable(isInitialized: false);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        Assert.True(refresh.TryGetStep(Start, out _));
        refresh.SeedsLoaded(
            Start,
            [NodeOf(0, "192.0.2.1"), .. Enumerable.Range(1, 50).Select(NodeOf)],
            [NodeOf(100, "100.64.0.1"), Node.Parse($"enode://{PrivateKeyOf(101).PublicKey}@bootnode.example:30303")]);
        HashSet<NodeId> stored = [.. table.GetNodes(withReplacements: true).Select(n => n.Id)];
        Assert.Equal(Enumerable.Range(1, 29).Append(100).Select(IdOf).ToHashSet(), stored);
    }

    [Fact]
    public void Calls_that_nobody_waits_for_change_nothing()
    {
        NodeTable table = CreateTable(isInitialized: false);
        var refresh = new TableRefresh(Start, table, new SeededRandomSource(0));
        refresh.LookupEnded(Start);
        refresh.SeedsLoaded(Start, [NodeOf(1)], []);
        Assert.Equal(0, table.Count);
        Assert.True(refresh.TryGetStep(Start, out _));
        refresh.LookupEnded(Start);
        Assert.False(refresh.TryGetStep(Start, out _));
        refresh.SeedsLoaded(Start, [], []);
        refresh.SeedsLoaded(Start, [NodeOf(1)], []);
        Assert.Equal(0, table.Count);
        Assert.True(refresh.TryGetStep(Start, out RefreshStep step));
        Assert.Equal(RefreshStep.LookUpSelf, step);
    }

    /// <summary>Runs one refresh after the other, each when it is due.</summary>
    /// <param name="refresh">The machine.</param>
    /// <param name="expected">Of each, the longest time in seconds until the next one, half of which is the shortest, and how many random ids it looks up.</param>
    /// <param name="lookUp">What happens in each lookup; nothing if it is null.</param>
    /// <returns>When the next one is due.</returns>
    private static Timestamp AssertSchedule(TableRefresh refresh, (int Longest, int Lookups)[] expected, Action? lookUp = null)
    {
        Timestamp now = Start;
        foreach ((int longest, int lookups) in expected)
        {
            Assert.Equal(lookups, RunAll(refresh, now, lookUp));
            TimeSpan delay = refresh.NextTimeout!.Value - now.Monotonic;
            Assert.InRange(delay, TimeSpan.FromSeconds(longest / 2), TimeSpan.FromSeconds(longest));
            now += delay;
        }

        return now;
    }

    /// <summary>Runs a refresh.</summary>
    /// <param name="refresh">The machine.</param>
    /// <param name="now">The time.</param>
    /// <param name="lookUp">What happens in each of its lookups; nothing if it is null.</param>
    /// <returns>How many random ids it looked up.</returns>
    private static int RunAll(TableRefresh refresh, Timestamp now, Action? lookUp = null)
    {
        int lookups = 0;
        while (refresh.TryGetStep(now, out RefreshStep step))
        {
            lookups += step == RefreshStep.LookUpRandom ? 1 : 0;
            if (step != RefreshStep.LoadSeeds)
            {
                lookUp?.Invoke();
            }

            End(refresh, step, now, [], []);
        }

        return lookups;
    }

    private static int Fill(NodeTable table, int count)
    {
        int next = 1;
        Add(table, ref next, count);
        Assert.Equal(count, table.Count);
        return next;
    }

    /// <summary>Adds nodes until so many have become entries; others are replacements.</summary>
    private static void Add(NodeTable table, ref int next, int count)
    {
        for (long end = table.Added + count; table.Added < end; next++)
        {
            table.AddFound(Start, NodeOf(next), Sender);
        }
    }

    private static void End(TableRefresh refresh, RefreshStep step, Timestamp now, Node[] proven, Node[] named)
    {
        if (step == RefreshStep.LoadSeeds)
        {
            refresh.SeedsLoaded(now, proven, named);
        }
        else
        {
            refresh.LookupEnded(now);
        }
    }
}
