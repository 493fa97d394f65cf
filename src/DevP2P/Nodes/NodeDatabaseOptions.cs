using DevP2P.Crypto;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DevP2P.Nodes;

/// <summary>How a <see cref="NodeDatabase"/> is to be kept.</summary>
internal sealed record NodeDatabaseOptions
{
    /// <summary>
    /// The most nodes that are remembered; at least 1. One takes about 0.9 kB of memory and 0.5 kB of disk. When a new one comes
    /// in, those that were silent longest go, those that proved useful last of all.
    /// </summary>
    public int MaxNodes { get; init; } = 10_000;

    /// <summary>
    /// The most nodes of one IPv4 /24 or IPv6 /48 (outside the local network); at least 1. Further ones are not stored, so
    /// that the owner of a small network cannot fill the database (threat T03).
    /// </summary>
    public int MaxNodesPerNetwork { get; init; } = 64;

    /// <summary>The clock: times are its UTC, and it tells when to write.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where the log goes.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Which seeds are drawn.</summary>
    public RandomSource Random { get; init; } = RandomSource.System;
}
