using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Tests.Crypto;
using DevP2P.Tests.Discovery.Core;
using Xunit;

namespace DevP2P.Tests.Discovery.LegacyV5;

public sealed class TopicRadiusTests
{
    private static readonly Topic Topic = Topic.FromText("qwerty");
    private static readonly TimeSpan Start = TimeSpan.FromHours(1);

    [Theory]
    [InlineData(1000, 10, 1)]
    [InlineData(1000, 10, 2)]
    [InlineData(3000, 30, 3)]
    [InlineData(3000, 8, 4)]
    public void It_is_found_where_the_waiting_time_says(int nodes, int fraction, int seed)
    {
        // Who is closer than a tenth (and so on) of all is busier the closer; the rim is where the wait is the target.
        ulong rim = ulong.MaxValue / (ulong)fraction;
        var model = new NetworkModel(nodes, seed, Topic);
        var radius = new TopicRadius(Topic, new SeededRandomSource(seed));
        TimeSpan now = Start;
        int lookups = 0;
        for (; lookups < 300 && !radius.IsConverged; lookups++, now += TimeSpan.FromSeconds(2))
        {
            model.DoLookup(radius, now, distance => Math.Clamp(1.5 - ((double)distance / rim), 0, 1));
        }

        Assert.True(radius.IsConverged, "it has not converged");
        Assert.InRange(lookups, 10, 200);
        Assert.InRange(radius.Radius / (double)rim, 0.4, 2);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(60)]
    [InlineData(1000)]
    [InlineData(5000)]
    public void Of_a_topic_that_nobody_else_advertises_it_has_some_twenty_nodes_or_all(int nodes)
    {
        var model = new NetworkModel(nodes, 5, Topic);
        var radius = new TopicRadius(Topic, new SeededRandomSource(5));
        TimeSpan now = Start;
        int lookups = 0;
        for (; lookups < 400 && !radius.IsConverged; lookups++, now += TimeSpan.FromSeconds(2))
        {
            model.DoLookup(radius, now, _ => 0);
        }

        Assert.True(radius.IsConverged, "it has not converged");
        Assert.InRange(model.CountCloser(radius.Radius), Math.Min(nodes, 15), 60);
    }

    [Fact]
    public void Where_all_are_busy_all_are_inside()
    {
        var model = new NetworkModel(1000, 6, Topic);
        var radius = new TopicRadius(Topic, new SeededRandomSource(6));
        TimeSpan now = Start;
        for (int i = 0; i < 200; i++, now += TimeSpan.FromSeconds(2))
        {
            model.DoLookup(radius, now, _ => 1);
        }

        Assert.Equal(TopicRadius.Max, radius.Radius);
    }

    [Fact]
    public void Targets_for_what_is_inside_are_inside_or_near()
    {
        var model = new NetworkModel(1000, 7, Topic);
        var radius = new TopicRadius(Topic, new SeededRandomSource(7));
        TimeSpan now = Start;
        for (int i = 0; i < 100; i++, now += TimeSpan.FromSeconds(2))
        {
            model.DoLookup(radius, now, distance => distance < ulong.MaxValue / 10 ? 1 : 0);
        }

        ulong[] distances = [.. Enumerable.Range(0, 1000)
            .Select(_ => Distance.Leading(radius.NextLookup(now, isForRadius: false).Target, Topic.ComputeHash()))];
        Assert.All(distances, distance => Assert.InRange(distance, 0UL, radius.Radius + (radius.Radius / 2)));
        Assert.InRange(distances.Count(distance => distance < radius.Radius / 2), 350, 650);
        Assert.InRange(distances.Count(distance => distance > radius.Radius), 50, 300);
    }

    [Fact]
    public void It_follows_a_topic_that_becomes_popular()
    {
        var model = new NetworkModel(1000, 8, Topic);
        var radius = new TopicRadius(Topic, new SeededRandomSource(8));
        TimeSpan now = Start;
        for (int i = 0; i < 100; i++, now += TimeSpan.FromSeconds(10))
        {
            model.DoLookup(radius, now, _ => 0);
        }

        int before = model.CountCloser(radius.Radius);
        for (int i = 0; i < 400; i++, now += TimeSpan.FromSeconds(10))
        {
            model.DoLookup(radius, now, distance => distance < ulong.MaxValue / 5 ? 1 : 0);
        }

        Assert.InRange(before, 15, 60);
        Assert.InRange(model.CountCloser(radius.Radius), 120, 400);
    }

    [Fact]
    public void A_node_counts_once_with_its_latest_answer()
    {
        var radius = new TopicRadius(Topic, new SeededRandomSource(9));
        for (int i = 0; i < 100; i++)
        {
            radius.AddSample(Start, TableNodes.NodeOf(1), i % 2);
        }

        Assert.Equal(1, radius.SampleCount);
        Assert.True(radius.HasSample(Start, TableNodes.IdOf(1)));
        Assert.False(radius.HasSample(Start + TopicLimits.RadiusTimeConstant, TableNodes.IdOf(1)));
    }

    [Fact]
    [Trait("Threat", "T20")]
    public void T20_one_network_has_two_votes_and_all_together_no_more_than_fit()
    {
        var radius = new TopicRadius(Topic, new SeededRandomSource(10));
        for (int i = 0; i < 256; i++)
        {
            radius.AddSample(Start, TableNodes.NodeOf(i, $"99.1.2.{i}"), 0);
        }

        Assert.Equal(2, radius.SampleCount);
        for (int i = 1000; i < 3000; i++)
        {
            radius.AddSample(Start, TableNodes.NodeOf(i), 0);
        }

        Assert.Equal(512, radius.SampleCount);
    }

    [Fact]
    public void Lookups_without_end_or_answers_change_nothing_and_leave_nothing()
    {
        // As many lookups as one likes, of which none is said to have ended: it still has somewhere to look.
        var radius = new TopicRadius(Topic, new SeededRandomSource(11));
        for (int i = 0; i < 10_000; i++)
        {
            _ = radius.NextLookup(Start + TimeSpan.FromSeconds(i), isForRadius: true);
        }

        Assert.Equal(TopicRadius.Max, radius.Radius);
    }
}
