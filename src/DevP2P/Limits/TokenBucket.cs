namespace DevP2P.Limits;

/// <summary>
/// Bytes that may pass: they come in at a steady rate, and are kept up to a burst. What is larger than the burst passes when the bucket is
/// full, and small things may borrow: then the bucket is in debt, and nothing else passes until that is paid back. Sans-IO.
/// </summary>
/// <remarks>Over any time t what was taken is at most rate * t + burst, plus what was in excess of the burst or borrowed at its end.</remarks>
internal sealed class TokenBucket
{
    /// <summary>The burst is what comes in within this time.</summary>
    public static readonly TimeSpan BurstTime = TimeSpan.FromSeconds(1);

    /// <summary>But it is not greater than this.</summary>
    public const long MaxBurst = 16 * 1024 * 1024;

    /// <summary>A byte is so many units: the rate in bytes per second is the rate in units per tick, without rounding.</summary>
    private const long UnitsPerByte = TimeSpan.TicksPerSecond;

    private long _units;
    private TimeSpan _at;

    /// <summary>Makes a full bucket.</summary>
    public TokenBucket(TimeSpan now, long bytesPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytesPerSecond);
        (_at, Rate) = (now, bytesPerSecond);
        _units = Burst * UnitsPerByte;
    }

    /// <summary>Bytes per second.</summary>
    public long Rate { get; private set; }

    /// <summary>The most that is kept.</summary>
    public long Burst => Math.Min((long)(Rate * BurstTime.TotalSeconds), MaxBurst);

    /// <summary>From now on another rate. A debt stays.</summary>
    public void SetRate(TimeSpan now, long bytesPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytesPerSecond);
        Refill(now);
        Rate = bytesPerSecond;
        _units = Math.Min(_units, Burst * UnitsPerByte);
    }

    /// <summary>Takes so many bytes if they may pass now.</summary>
    public bool TryTake(TimeSpan now, long bytes)
    {
        Refill(now);
        if (_units < Needed(bytes))
        {
            return false;
        }

        _units -= bytes * UnitsPerByte;
        return true;
    }

    /// <summary>Takes so many bytes in any case; negative gives back.</summary>
    public void Charge(TimeSpan now, long bytes)
    {
        Refill(now);
        _units = Math.Min(_units - (bytes * UnitsPerByte), Burst * UnitsPerByte);
    }

    /// <summary>How long until so many bytes may pass, if nobody takes any meanwhile.</summary>
    public TimeSpan GetDelay(TimeSpan now, long bytes)
    {
        Refill(now);
        return TicksUntil(Needed(bytes));
    }

    private long Needed(long bytes) => Math.Min(bytes, Burst) * UnitsPerByte;

    private TimeSpan TicksUntil(long units)
    {
        (long ticks, long rest) = Math.DivRem(Math.Max(0, units - _units), Rate);
        return new TimeSpan(ticks + (rest > 0 ? 1 : 0));
    }

    private void Refill(TimeSpan now)
    {
        if (now <= _at)
        {
            return;
        }

        long full = Burst * UnitsPerByte;
        _units = now - _at >= TicksUntil(full) ? full : _units + (Rate * (now - _at).Ticks);
        _at = now;
    }
}
