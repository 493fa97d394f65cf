namespace DevP2P.Nat;

/// <summary>The numbers of <see cref="PortMapper"/>.</summary>
internal static class PortMapperLimits
{
    /// <summary>How many calls are under way at a time for one address family: routers are small computers.</summary>
    public const int MaxCallsPerFamily = 1;

    /// <summary>How many external ports are tried, one after the other, before it waits.</summary>
    public const int MaxPortsPerRound = 8;

    /// <summary>So many of them are the next ones after the port wanted; the others are drawn at random.</summary>
    public const int PortSteps = 3;

    /// <summary>The ports that are drawn from: the dynamic ones of RFC 6335, up to 65535.</summary>
    public const int MinRandomPort = 49152;

    /// <summary>After so many failures in a row the address that was known is not believed any more.</summary>
    public const int FailuresUntilLost = 3;

    /// <summary>Of one mapping's ports that may be mapped or not so many are remembered; the oldest make room.</summary>
    public const int MaxDoubtfulPorts = 8;

    /// <summary>How often the removal of a mapping is tried.</summary>
    public const int UnmapAttempts = 2;

    /// <summary>The lifetime that is asked for, as in go-ethereum: what a crash leaves behind is soon gone.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    /// <summary>A mapping is renewed after half of its lifetime, but not more often than this.</summary>
    public static readonly TimeSpan MinRenewal = TimeSpan.FromSeconds(2);

    /// <summary>Nor less often: a router that was restarted may not tell.</summary>
    public static readonly TimeSpan MaxRenewal = TimeSpan.FromMinutes(15);

    /// <summary>How often the external address is asked for, as in go-ethereum.</summary>
    public static readonly TimeSpan StatusInterval = TimeSpan.FromMinutes(2);

    /// <summary>The wait after the first failure. It doubles with each more, and of it half to all is waited.</summary>
    public static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(15);

    /// <summary>The longest wait after failures. It never gives up.</summary>
    public static readonly TimeSpan MaxRetry = TimeSpan.FromMinutes(15);

    /// <summary>A device whose word changes with each answer makes everything be mapped again only so often.</summary>
    public static readonly TimeSpan MinRemapInterval = TimeSpan.FromMinutes(1);

    /// <summary>A call that has no answer after this long has failed.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(60);

    /// <summary>At the stop, the same for each call.</summary>
    public static readonly TimeSpan StopCallTimeout = TimeSpan.FromSeconds(2);

    /// <summary>RFC 6887, section 8.5: clocks of devices count whole seconds, and by a sixteenth too fast or slow.</summary>
    public static readonly TimeSpan UptimeTolerance = TimeSpan.FromSeconds(2);

    /// <summary>The same section: by so much a clock may have gone back.</summary>
    public static readonly TimeSpan UptimeStepBack = TimeSpan.FromSeconds(1);

    /// <summary>An uptime beyond this is taken for this: arithmetic must not overflow on a device's word.</summary>
    public static readonly TimeSpan MaxUptime = TimeSpan.FromDays(36_500);
}
