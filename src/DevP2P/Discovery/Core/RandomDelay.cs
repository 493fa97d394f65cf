using DevP2P.Crypto;

namespace DevP2P.Discovery.Core;

/// <summary>Random waiting times, so that nodes which started together do not act together.</summary>
internal static class RandomDelay
{
    /// <summary>A uniform time in [0, <paramref name="bound"/>), in whole microseconds.</summary>
    /// <param name="random">The source.</param>
    /// <param name="bound">At least a microsecond, at most 35 minutes.</param>
    public static TimeSpan Below(RandomSource random, TimeSpan bound) =>
        TimeSpan.FromMicroseconds(random.Next(checked((int)(bound.Ticks / TimeSpan.TicksPerMicrosecond))));
}
