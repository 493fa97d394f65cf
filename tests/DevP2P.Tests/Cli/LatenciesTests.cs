using CsCheck;
using DevP2P.Cli;
using Xunit;

namespace DevP2P.Tests.Cli;

public sealed class LatenciesTests
{
    [Fact]
    public void Percentiles_are_within_two_percent() => Gen.Long[0, 10_000_000_000].Array[1, 500].Sample(ticks =>
    {
        var latencies = new Latencies();
        Array.ForEach(ticks, t => latencies.Record(new TimeSpan(t)));
        Array.Sort(ticks);
        foreach (double fraction in (ReadOnlySpan<double>)[0, 0.5, 0.9, 0.99, 1])
        {
            long exact = ticks[Math.Max(0, (int)Math.Ceiling(fraction * ticks.Length) - 1)];
            Assert.InRange(latencies.Percentile(fraction).Ticks, exact * 0.98, (exact * 1.02) + 1);
        }

        Assert.Equal(ticks[^1], latencies.Max.Ticks);
        Assert.Equal(ticks.Length, latencies.Count);
    });

    [Fact]
    public void Sums_have_the_samples_of_both()
    {
        var first = new Latencies();
        first.Record(TimeSpan.FromMilliseconds(1));
        var second = new Latencies();
        second.Record(TimeSpan.FromMilliseconds(100));
        second.Add(first);
        Assert.Equal(2, second.Count);
        Assert.Equal(100, second.Max.TotalMilliseconds);
        Assert.InRange(second.Percentile(0).TotalMilliseconds, 0.98, 1.02);
    }

    [Fact]
    public void Extremes_are_counted()
    {
        var latencies = new Latencies();
        latencies.Record(TimeSpan.MaxValue);
        latencies.Record(TimeSpan.FromTicks(-5));
        Assert.Equal(2, latencies.Count);
        Assert.Equal(TimeSpan.MaxValue, latencies.Max);
        Assert.Equal(TimeSpan.Zero, latencies.Percentile(0));
        Assert.Equal(TimeSpan.Zero, new Latencies().Percentile(0.5));
    }
}
