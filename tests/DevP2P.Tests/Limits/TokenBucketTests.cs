using CsCheck;
using DevP2P.Limits;
using Xunit;

namespace DevP2P.Tests.Limits;

/// <summary><see cref="TokenBucket"/>: what it promises over any span of time, whatever is asked for and when.</summary>
public sealed class TokenBucketTests
{
    private static readonly Gen<long> s_rate = Gen.OneOf(Gen.Long[1, 100], Gen.Long[1024, 1 << 20], Gen.Long[1L << 20, 1L << 40], Gen.Const(long.MaxValue));

    private static readonly Gen<(long Ticks, long Bytes)[]> s_steps =
        Gen.Select(Gen.OneOf(Gen.Long[0, 3], Gen.Long[0, 20_000_000], Gen.Long[0, TimeSpan.TicksPerDay]), Gen.OneOf(Gen.Long[1, 200], Gen.Long[1, 1 << 17], Gen.Long[1, 1 << 25])).Array[1, 60];

    [Fact]
    public void Never_more_passes_than_the_rate_and_a_burst_and_the_excess_of_the_last()
    {
        Gen.Select(s_rate, s_steps).Sample((rate, steps) =>
        {
            var bucket = new TokenBucket(TimeSpan.Zero, rate);
            List<(TimeSpan At, long Bytes)> passed = [];
            TimeSpan now = TimeSpan.Zero;
            foreach ((long ticks, long bytes) in steps)
            {
                now += new TimeSpan(ticks);
                if (bucket.TryTake(now, bytes))
                {
                    passed.Add((now, bytes));
                }
            }

            for (int first = 0; first < passed.Count; first++)
            {
                Int128 sum = 0;
                for (int last = first; last < passed.Count; last++)
                {
                    sum += passed[last].Bytes;
                    Int128 came = (Int128)rate * (passed[last].At - passed[first].At).Ticks / TimeSpan.TicksPerSecond;
                    long excess = Math.Max(0, passed[last].Bytes - bucket.Burst);
                    Assert.True(sum <= came + bucket.Burst + excess + 1, $"{sum} bytes in {passed[last].At - passed[first].At}");
                }
            }
        });
    }

    [Fact]
    public void Who_waits_for_the_delay_passes_and_not_a_tick_earlier()
    {
        Gen.Select(s_rate, s_steps).Sample((rate, steps) =>
        {
            var bucket = new TokenBucket(TimeSpan.Zero, rate);
            TimeSpan now = TimeSpan.Zero;
            foreach ((_, long bytes) in steps)
            {
                TimeSpan delay = bucket.GetDelay(now, bytes);
                if (delay > TimeSpan.Zero)
                {
                    Assert.False(bucket.TryTake(now + delay - new TimeSpan(1), bytes));
                }

                now += delay;
                Assert.True(bucket.TryTake(now, bytes));
            }
        });
    }

    [Fact]
    public void What_is_borrowed_is_paid_back_before_anything_passes()
    {
        var bucket = new TokenBucket(TimeSpan.Zero, 1000);
        bucket.Charge(TimeSpan.Zero, 3500);

        Assert.Equal(TimeSpan.FromMilliseconds(2501), bucket.GetDelay(TimeSpan.Zero, 1));
        Assert.False(bucket.TryTake(TimeSpan.FromMilliseconds(2500), 1));
        Assert.True(bucket.TryTake(TimeSpan.FromMilliseconds(2501), 1));
    }

    [Fact]
    public void What_is_larger_than_the_burst_passes_when_the_bucket_is_full_and_leaves_a_debt()
    {
        var bucket = new TokenBucket(TimeSpan.Zero, 1000);
        Assert.True(bucket.TryTake(TimeSpan.Zero, 1));

        Assert.False(bucket.TryTake(TimeSpan.Zero, 10_000));
        Assert.Equal(TimeSpan.FromMilliseconds(1), bucket.GetDelay(TimeSpan.Zero, 10_000));
        Assert.True(bucket.TryTake(TimeSpan.FromMilliseconds(1), 10_000));
        Assert.Equal(TimeSpan.FromMilliseconds(9100), bucket.GetDelay(TimeSpan.FromMilliseconds(1), 100));
    }

    [Fact]
    public void A_burst_is_kept_and_no_more_also_of_what_is_given_back()
    {
        var bucket = new TokenBucket(TimeSpan.Zero, 1000);
        bucket.Charge(TimeSpan.Zero, -5000);
        TimeSpan later = TimeSpan.FromDays(1);

        Assert.True(bucket.TryTake(later, 1000));
        Assert.False(bucket.TryTake(later, 1));
        Assert.Equal(TokenBucket.MaxBurst, new TokenBucket(TimeSpan.Zero, long.MaxValue).Burst);
    }

    [Fact]
    public void Another_rate_counts_from_then_on_and_a_debt_stays()
    {
        var bucket = new TokenBucket(TimeSpan.Zero, 1000);
        bucket.Charge(TimeSpan.Zero, 3000);
        bucket.SetRate(TimeSpan.FromSeconds(1), 100);

        Assert.Equal(TimeSpan.FromSeconds(11), bucket.GetDelay(TimeSpan.FromSeconds(1), 100));
        bucket.SetRate(TimeSpan.FromSeconds(1), 100_000);
        Assert.Equal(TimeSpan.FromMilliseconds(11), bucket.GetDelay(TimeSpan.FromSeconds(1), 100));
    }

    [Fact]
    public void A_clock_that_stands_still_or_goes_back_brings_nothing()
    {
        var bucket = new TokenBucket(TimeSpan.FromSeconds(10), 1000);
        Assert.True(bucket.TryTake(TimeSpan.FromSeconds(10), 1000));

        Assert.False(bucket.TryTake(TimeSpan.FromSeconds(5), 1));
        Assert.False(bucket.TryTake(TimeSpan.FromSeconds(10), 1));
    }
}
