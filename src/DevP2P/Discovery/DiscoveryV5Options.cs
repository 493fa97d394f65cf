using System.Net;
using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DevP2P.Discovery;

/// <summary>What a <see cref="DiscoveryV5"/> is made of.</summary>
/// <remarks>Go: <c>discover.Config</c>.</remarks>
public sealed record DiscoveryV5Options
{
    /// <summary>The node's identity.</summary>
    public required PrivateKey PrivateKey { get; init; }

    /// <summary>
    /// Where to listen. Port 0 takes any free one; <c>[::]</c> listens on all addresses of both families. Without meaning when
    /// <see cref="SharedWith"/> is set. Default: 127.0.0.1, any port.
    /// </summary>
    public IPEndPoint ListenEndPoint { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>
    /// If not null, the UDP port of this discovery v4 is used, which must have been started and be stopped later. Packets of
    /// the two are told apart. Default: null, a port of its own.
    /// </summary>
    public DiscoveryV4? SharedWith { get; init; }

    /// <summary>Points of contact for the first steps, best as records. Host names are resolved at the start. Default: none.</summary>
    public IReadOnlyList<Node> BootstrapNodes { get; init; } = [];

    /// <summary>If not null, only nodes in these networks are contacted, stored and answered. Default: null.</summary>
    public NetList? NetRestrict { get; init; }

    /// <summary>
    /// The node whose record is published and kept up to date, of the same key; null for that of <see cref="SharedWith"/>, or
    /// else for one of its own. What it is given here are fallbacks: the address and the UDP port that it listens on. Default:
    /// null.
    /// </summary>
    public LocalNode? LocalNode { get; init; }

    /// <summary>What the record says of addresses and ports, whatever is found out. Default: null, nothing is fixed.</summary>
    public AdvertisedEndPoints? AdvertisedEndPoints { get; init; }

    /// <summary>The clock. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where to log to. Default: nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Takes the facts that a database keeps. Called in discovery's loop: it must be quick and must not throw.</summary>
    internal Action<Core.Output>? OnFact { get; init; }

    /// <summary>Nodes of earlier runs, best first, asked for at each refresh of the table. Called in discovery's loop.</summary>
    internal Func<IReadOnlyList<Node>>? GetSeeds { get; init; }
}
