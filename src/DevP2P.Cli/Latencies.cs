using System.Numerics;

namespace DevP2P.Cli;

/// <summary>
/// Durations in buckets that are never wider than 1.6% of their value: millions of samples in 15 KB. Recording is safe
/// from several threads; reading while others record gives a picture that is a few samples off.
/// </summary>
internal sealed class Latencies
{
    /// <summary>Bits of each sample that are kept below its leading one.</summary>
    private const int Precision = 5;
    private const int SubBuckets = 1 << Precision;

    private readonly long[] _counts = new long[(64 - Precision) * SubBuckets];
    private long _count;
    private long _maxTicks;

    /// <summary>How many were recorded.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>The longest, exactly.</summary>
    public TimeSpan Max => new(Volatile.Read(ref _maxTicks));

    /// <summary>Records one duration; a negative one counts as none.</summary>
    public void Record(TimeSpan duration)
    {
        long ticks = Math.Max(duration.Ticks, 0);
        Interlocked.Increment(ref _counts[IndexOf((ulong)ticks)]);
        Interlocked.Increment(ref _count);
        RaiseMax(ticks);
    }

    /// <summary>Adds all samples of another one.</summary>
    public void Add(Latencies other)
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            long count = Volatile.Read(ref other._counts[i]);
            if (count != 0)
            {
                Interlocked.Add(ref _counts[i], count);
                Interlocked.Add(ref _count, count);
            }
        }

        RaiseMax(other.Max.Ticks);
    }

    /// <summary>The duration that <paramref name="fraction"/> of the samples do not exceed; zero without samples.</summary>
    /// <param name="fraction">0.5 for the median, 0.99 for the 99th percentile, 0 for the shortest.</param>
    public TimeSpan Percentile(double fraction)
    {
        long rank = Math.Max(1, (long)Math.Ceiling(fraction * Count));
        long seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += Volatile.Read(ref _counts[i]);
            if (seen >= rank)
            {
                // A bucket's middle may lie above the longest sample.
                return new TimeSpan(Math.Min((long)MiddleOf(i), Max.Ticks));
            }
        }

        return Max;
    }

    private void RaiseMax(long ticks)
    {
        long max = Volatile.Read(ref _maxTicks);
        while (ticks > max)
        {
            long seen = Interlocked.CompareExchange(ref _maxTicks, ticks, max);
            if (seen == max)
            {
                break;
            }

            max = seen;
        }
    }

    /// <summary>Values below 2^Precision have a bucket each; above, each power of two is cut into 2^Precision parts.</summary>
    private static int IndexOf(ulong value)
    {
        int shift = Math.Max(0, BitOperations.Log2(value | 1) - Precision);
        return (shift * SubBuckets) + (int)(value >> shift);
    }

    private static ulong MiddleOf(int index)
    {
        int shift = Math.Max(0, (index / SubBuckets) - 1);
        ulong low = (ulong)(index - (shift * SubBuckets)) << shift;
        return low + ((1UL << shift) >> 1);
    }
}
