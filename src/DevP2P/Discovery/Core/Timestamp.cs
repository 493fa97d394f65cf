namespace DevP2P.Discovery.Core;

/// <summary>
/// A moment on two clocks. Timers use <see cref="Monotonic"/>, which never jumps; the expiration of packets uses
/// <see cref="Utc"/>, which other nodes share. Neither stands in for the other (threat T17).
/// </summary>
/// <param name="Monotonic">Time since an arbitrary moment, chosen by the pump.</param>
/// <param name="Utc">Wall clock time; it may jump in either direction.</param>
internal readonly record struct Timestamp(TimeSpan Monotonic, DateTimeOffset Utc) : IComparable<Timestamp>
{
    /// <summary>Orders by the monotonic clock. Equality is of both clocks.</summary>
    public int CompareTo(Timestamp other) => Monotonic.CompareTo(other.Monotonic);

    /// <summary>Moves both clocks.</summary>
    public static Timestamp operator +(Timestamp timestamp, TimeSpan delay) =>
        new(timestamp.Monotonic + delay, timestamp.Utc + delay);

    /// <summary>The time between two moments, by the monotonic clock.</summary>
    public static TimeSpan operator -(Timestamp left, Timestamp right) => left.Monotonic - right.Monotonic;

    /// <summary>Earlier, by the monotonic clock.</summary>
    public static bool operator <(Timestamp left, Timestamp right) => left.Monotonic < right.Monotonic;

    /// <summary>Earlier or at once, by the monotonic clock.</summary>
    public static bool operator <=(Timestamp left, Timestamp right) => left.Monotonic <= right.Monotonic;

    /// <summary>Later, by the monotonic clock.</summary>
    public static bool operator >(Timestamp left, Timestamp right) => left.Monotonic > right.Monotonic;

    /// <summary>Later or at once, by the monotonic clock.</summary>
    public static bool operator >=(Timestamp left, Timestamp right) => left.Monotonic >= right.Monotonic;
}
