using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

internal sealed partial class TopicRadius
{
    /// <summary>Go: <c>radiusBucketsPerBit</c>.</summary>
    private const int BucketsPerBit = 8;

    private const int MaxBuckets = 64 * BucketsPerBit;

    /// <summary>From bucket to bucket, towards the topic, there should be one node more outside than inside. Go: <c>minSlope</c>.</summary>
    private const int MinSlope = 1;

    /// <summary>So many nodes make a peak certain, on either side. Go: <c>minPeakSize</c>.</summary>
    private const int MinPeakSize = 40;

    /// <summary>On either side of the peak, so many buckets are looked into. Go: <c>lookupWidth</c>.</summary>
    private const int LookupWidth = 8;

    /// <summary>A radius has at least so many nodes. Go: <c>minRightSum</c>.</summary>
    private const int MinNodes = 20;

    /// <summary>
    /// After a lookup in vain a bucket has no more nodes for a while. go-ethereum wants 20 of them (<c>maxNoAdjust</c>), but counts
    /// lookups that have not ended yet.
    /// </summary>
    private static readonly TimeSpan VainTime = TimeSpan.FromMinutes(15);

    private static int GetBucket(ulong distance) =>
        distance == 0 ? MaxBuckets - 1 : Math.Clamp((int)((64 - Math.Log2(distance)) * BucketsPerBit), 0, MaxBuckets - 1);

    /// <summary>The greatest distance in a bucket.</summary>
    private static ulong DistanceAt(int bucket) => bucket == 0 ? Max : (ulong)Math.Pow(2, 64 - ((double)bucket / BucketsPerBit));

    /// <summary>
    /// Finds the radius: where the nodes outside, counted from the farthest on and less those inside, are most. What fades is not
    /// where it is, but how certain: with Go's fading counts, it jumps outwards whenever the far nodes have not been asked for a while.
    /// </summary>
    /// <returns>A bucket to look into, or null if the radius is certain.</returns>
    private int? Estimate(TimeSpan now)
    {
        EndAttempts(now);
        (int[] nodes, double[] values, double[] faded) = Sum(now);
        int peak = 0;
        double peakValue = 0;
        int slopeEnd = -1;
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] < i * MinSlope)
            {
                slopeEnd = i;
                break;
            }

            if (values[i] > peakValue)
            {
                (peakValue, peak) = (values[i], i + 1);
            }
        }

        int rim = nodes.Length;
        for (int sum = 0; rim > 0 && sum < MinNodes;)
        {
            sum += nodes[--rim];
        }

        MinRadius = DistanceAt(rim);
        // Also while it is not certain: the best guess is better than none.
        Radius = DistanceAt(Math.Min(rim, peak));

        double certainty = peak == 0 ? 0 : faded[peak - 1];
        int? left = IsLower(faded, 0, peak - LookupWidth - 1, certainty) ? null : ChooseBucket(now, peak - LookupWidth, peak - 1);
        bool isRightCertain = slopeEnd == peak || (rim > peak && IsLower(faded, peak + LookupWidth, faded.Length - 1, certainty));
        int? right = isRightCertain ? null : ChooseBucket(now, peak, peak + LookupWidth - 1);
        IsConverged = left is null && right is null;
        return left is null ? right : right is null ? left : _random.Next(2) == 0 ? left : right;
    }

    /// <summary>
    /// For each bucket the nodes in it that have answered lately; and those outside less those inside in it and in all that are
    /// farther, as they were and faded.
    /// </summary>
    private (int[] Nodes, double[] Values, double[] Faded) Sum(TimeSpan now)
    {
        int count = _samples.Count == 0 ? 0 : _samples.Values.Max(sample => sample.Bucket) + 1;
        int[] nodes = new int[count];
        double[] values = new double[count];
        double[] faded = new double[count];
        foreach (Sample sample in _samples.Values)
        {
            double value = 1 - (2 * sample.Inside);
            nodes[sample.Bucket] += now - sample.At < 2 * TopicLimits.RadiusTimeConstant ? 1 : 0;
            values[sample.Bucket] += value;
            faded[sample.Bucket] += value * Math.Exp(-((now - sample.At) / TopicLimits.RadiusTimeConstant));
        }

        for (int i = 1; i < count; i++)
        {
            values[i] += values[i - 1];
            faded[i] += faded[i - 1];
        }

        return (nodes, values, faded);
    }

    /// <summary>Whether the values of some buckets are well below the peak; those beyond the last have its value.</summary>
    private static bool IsLower(double[] values, int from, int to, double peak)
    {
        double max = 0;
        for (int i = Math.Max(Math.Min(from, values.Length - 1), 0); i <= to && i < values.Length; i++)
        {
            max = Math.Max(max, values[i]);
        }

        return peak - max >= MinPeakSize;
    }

    /// <summary>A bucket that may have nodes that are not known.</summary>
    private int? ChooseBucket(TimeSpan now, int from, int to)
    {
        Span<int> candidates = stackalloc int[LookupWidth];
        int count = 0;
        for (int i = Math.Max(from, 0); i <= to && i < MaxBuckets; i++)
        {
            if (!_vain.TryGetValue(i, out TimeSpan until) || until <= now)
            {
                candidates[count++] = i;
            }
        }

        return count == 0 ? null : candidates[_random.Next(count)];
    }

    private void EndAttempts(TimeSpan now)
    {
        foreach ((NodeId target, Attempt attempt) in _attempts)
        {
            if (attempt.VainAt <= now)
            {
                _attempts.Remove(target);
                _vain[attempt.Bucket] = attempt.VainAt + VainTime;
            }
        }
    }
}
