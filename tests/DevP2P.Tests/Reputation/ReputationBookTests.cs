using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Reputation;
using DevP2P.Tests.Crypto;
using Xunit;
using static DevP2P.Tests.Dialing.DialDriver;

namespace DevP2P.Tests.Reputation;

public sealed class ReputationBookTests
{
    private static readonly DateTimeOffset Utc = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Start = TimeSpan.FromDays(3);

    [Fact]
    public void A_stranger_has_nothing()
    {
        NodeReputation stranger = new ReputationBook().Get(Start, Id(1));
        Assert.Equal((Id(1), 0.0, 0), (stranger.Id, stranger.Score, stranger.Bans));
        Assert.Empty(stranger.Facts);
    }

    [Fact]
    public void A_score_halves_with_every_half_life_however_often_it_is_read()
    {
        var book = new ReputationBook();
        Add(book, Start, 1, -40);
        Add(book, Start, 2, 8);
        for (int i = 0; i <= 40; i++)
        {
            TimeSpan now = Start + (ReputationLimits.HalfLife * i / 10);
            Assert.Equal(-40 * Math.Pow(2, -i / 10.0), book.GetScore(now, Id(1)), 1e-9);
            Assert.Equal(8 * Math.Pow(2, -i / 10.0), book.Get(now, Id(2)).Score, 1e-9);
        }

        // What is added later is added to what is left.
        Add(book, Start + ReputationLimits.HalfLife, 1, -40);
        Assert.Equal(-60, book.GetScore(Start + ReputationLimits.HalfLife, Id(1)), 1e-9);
        Assert.Equal(-30, book.GetScore(Start + (2 * ReputationLimits.HalfLife), Id(1)), 1e-9);

        // Time that seems to go back changes nothing.
        Assert.Equal(-60, book.GetScore(default, Id(1)), 1e-9);
    }

    [Fact]
    public void Floors_and_the_ceiling_hold_and_a_floor_raises_nobody()
    {
        var book = new ReputationBook();
        for (int i = 0; i < 500; i++)
        {
            Add(book, Start, 1, ReputationLimits.Unreached, ReputationLimits.UnprovenFloor);
            Add(book, Start, 2, 1);
            Add(book, Start, 3, ReputationLimits.Violation, ReputationLimits.ViolationFloor);
        }

        Assert.Equal(ReputationLimits.UnprovenFloor, book.GetScore(Start, Id(1)));
        Assert.Equal(ReputationLimits.MaxScore, book.GetScore(Start, Id(2)));
        Assert.Equal(ReputationLimits.ViolationFloor, book.GetScore(Start, Id(3)));
        Add(book, Start, 3, ReputationLimits.Unreached, ReputationLimits.UnprovenFloor);
        Assert.Equal(ReputationLimits.ViolationFloor, book.GetScore(Start, Id(3)));
        Assert.Equal(0, book.Get(Start, Id(3)).Facts[0].Points);
    }

    [Fact]
    public void The_latest_facts_are_kept_newest_first()
    {
        var book = new ReputationBook();
        for (int i = 0; i < 20; i++)
        {
            book.Add(Start, Utc + TimeSpan.FromMinutes(i), Id(1), new Conduct(-1, -1000, $"fact {i}"));
        }

        IReadOnlyList<ReputationFact> facts = book.Get(Start, Id(1)).Facts;
        Assert.Equal(Enumerable.Range(12, ReputationLimits.MaxFacts).Reverse().Select(i => new ReputationFact(Utc + TimeSpan.FromMinutes(i), -1, $"fact {i}")), facts);
    }

    [Fact]
    [Trait("Threat", "T03")]
    public void A_flood_of_bad_nodes_pushes_out_no_good_one_and_the_weakest_goes_first()
    {
        var book = new ReputationBook(100);
        for (int i = 1; i <= 100; i++)
        {
            Add(book, Start, i, i);
        }

        for (int i = 1000; i < 3000; i++)
        {
            Add(book, Start, i, -40);
        }

        Assert.Equal(200, book.Count);
        Assert.All(Enumerable.Range(1, 100), i => Assert.Equal(i, book.GetScore(Start, Id(i))));

        // Of the good ones the least gives way, which may be the newest.
        Assert.Equal(Id(1), Add(book, Start, 101, 50));
        Assert.Equal(Id(102), Add(book, Start, 102, 1.5));

        // A day later 50 is less than 20 is.
        Assert.Null(Add(book, Start + TimeSpan.FromDays(1), 100, 0));
        for (int i = 0; i < 99; i++)
        {
            Assert.NotEqual(Id(100), Add(book, Start + TimeSpan.FromDays(1), 200 + i, 24));
        }

        Assert.Equal(25, book.GetScore(Start + TimeSpan.FromDays(1), Id(100)));
        Assert.Equal(200, book.Count);
    }

    /// <summary>Whatever happens: bounds hold, the scores are those of a plain model, and who was forgotten was among the weakest of its side.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_history_breaks_a_bound(int seed)
    {
        const int Bound = 20;
        RandomSource random = new SeededRandomSource(seed);
        var book = new ReputationBook(Bound);
        Dictionary<NodeId, (double Score, TimeSpan At)> model = [];
        TimeSpan now = Start;
        for (int step = 0; step < 5000; step++)
        {
            now += TimeSpan.FromMinutes(random.Next(60));
            NodeId id = Id(random.Next(100));
            (double points, double floor) = random.Next(4) switch
            {
                0 => (ReputationLimits.Useful, 0.0),
                1 => (ReputationLimits.Unreached, ReputationLimits.UnprovenFloor),
                2 => (ReputationLimits.Useless, ReputationLimits.UselessFloor),
                _ => (ReputationLimits.Violation, ReputationLimits.ViolationFloor),
            };
            double before = model.TryGetValue(id, out var known) ? ScoreOf(known, now) : 0;
            double after = points > 0 ? Math.Min(100, before + points) : Math.Min(before, Math.Max(before + points, floor));
            model[id] = (after, now);
            NodeId? forgotten = book.Add(now, Utc, id, new Conduct(points, floor, "step"));
            if (forgotten is { } gone)
            {
                double least = Math.Abs(ScoreOf(model[gone], now));
                bool isGood = model[gone].Score >= 0;
                Assert.All(
                    model.Where(m => m.Value.Score >= 0 == isGood), m => Assert.True(Math.Abs(ScoreOf(m.Value, now)) >= least - 1e-9));
                model.Remove(gone);
            }

            Assert.InRange(book.Count, 0, 2 * Bound);
            Assert.Equal(model.Count, book.Count);
            Assert.Equal(model.TryGetValue(id, out known) ? ScoreOf(known, now) : 0, book.GetScore(now, id), 1e-9);
        }
    }

    [Fact]
    public void Bans_last_twice_as_long_each_time_up_to_a_week()
    {
        var book = new ReputationBook();
        Add(book, Start, 1, -100);
        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 168, 168], Enumerable.Range(0, 10).Select(_ => (int)book.AddBan(Id(1)).TotalHours));
        Assert.Equal(10, book.Get(Start, Id(1)).Bans);
        for (int i = 0; i < 100; i++)
        {
            Assert.InRange(book.AddBan(Id(1)), ReputationLimits.FirstBan, ReputationLimits.MaxBan);
        }

        Assert.Equal(ReputationLimits.FirstBan, book.AddBan(Id(2)));
    }

    [Fact]
    public void What_was_known_is_restored_as_of_then()
    {
        var book = new ReputationBook();
        Assert.Null(book.Restore(TimeSpan.Zero - ReputationLimits.HalfLife, Id(1), -40, 2));
        Assert.Equal(-20, book.GetScore(TimeSpan.Zero, Id(1)), 1e-9);
        Assert.Equal(2, book.Get(TimeSpan.Zero, Id(1)).Bans);
        book.Restore(TimeSpan.Zero, Id(2), 1e9, 0);
        Assert.Equal(ReputationLimits.MaxScore, book.GetScore(TimeSpan.Zero, Id(2)));
        book.Forget(Id(1));
        book.Forget(Id(1));
        Assert.Equal(1, book.Count);
    }

    private static double ScoreOf((double Score, TimeSpan At) known, TimeSpan now) =>
        known.Score * Math.Pow(2, -((now - known.At) / ReputationLimits.HalfLife));

    private static NodeId? Add(ReputationBook book, TimeSpan now, int number, double points, double floor = -1000) =>
        book.Add(now, Utc, Id(number), new Conduct(points, floor, "test"));
}
