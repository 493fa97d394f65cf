using DevP2P.NetUtil;

namespace DevP2P.Dialing;

/// <summary>The times and bounds of the <see cref="DialScheduler"/>.</summary>
internal static class DialLimits
{
    /// <summary>
    /// No node is dialed twice within this time. It is longer than the 30 s for which others refuse a second inbound
    /// connection from one address (threat T02), so that a dial is not wasted.
    /// </summary>
    public static readonly TimeSpan RedialInterval = InboundThrottle + TimeSpan.FromSeconds(5);

    /// <summary>The wait after the first failure to reach a static node; it doubles with each further one.</summary>
    public static readonly TimeSpan InitialStaticBackOff = RedialInterval;

    /// <summary>The longest wait between two attempts to reach a static node.</summary>
    public static readonly TimeSpan MaxStaticBackOff = TimeSpan.FromMinutes(10);

    /// <summary>A connection that lasted longer than this ends a static node's back-off; a shorter one counts as a failure.</summary>
    public static readonly TimeSpan StableConnection = TimeSpan.FromMinutes(1);

    /// <summary>For how long a node that the operator removed is not dialed.</summary>
    public static readonly TimeSpan HoldDown = TimeSpan.FromSeconds(60);

    /// <summary>A source that is asked but offers nothing that may be dialed for this long no longer keeps others to their share.</summary>
    public static readonly TimeSpan QuietSourceAfter = TimeSpan.FromMinutes(5);

    /// <summary>How long a source is left alone after <see cref="MaxRejectedInARow"/> candidates that may not be dialed.</summary>
    public static readonly TimeSpan SourceRest = TimeSpan.FromSeconds(1);

    /// <summary>How long the first of two candidates waits for the second of the draw.</summary>
    public static readonly TimeSpan SecondDrawWait = TimeSpan.FromSeconds(1);

    /// <summary>See <see cref="SourceRest"/>.</summary>
    public const int MaxRejectedInARow = 32;

    /// <summary>
    /// The part of <see cref="DialSchedulerOptions.MaxDialedPeers"/>, rounded up, that one of several sources may hold in
    /// active dials and dialed peers together (threat T03).
    /// </summary>
    public const double MaxSourceShare = 0.5;

    /// <summary>
    /// How many nodes of one IPv4 /24 or IPv6 /64 outside of the LAN may be dialed, or be dialed peers, on the word of sources:
    /// as in a bucket of a table. Without it whoever has many ids in one network gets all that a lone source may hold, because
    /// his nodes always have room (threat T01). Nodes that the operator named do not count.
    /// </summary>
    public const int MaxPerNetwork = DistinctNetworks.BucketLimit;

    /// <summary>How many sources there may be.</summary>
    public const int MaxSources = 64;

    /// <summary>
    /// How many recently dialed nodes are remembered. While it is full no candidate is dialed, which also limits dynamic
    /// dials to 1,024 in 35 s however quickly they fail: nobody is to mistake a node for a scanner.
    /// </summary>
    public const int MaxRecentDials = 1024;

    /// <summary>How many removed nodes are remembered; beyond it the oldest is forgotten.</summary>
    public const int MaxHoldDowns = 1024;

    // go-ethereum's inboundThrottleTime.
    private static TimeSpan InboundThrottle => TimeSpan.FromSeconds(30);
}
