using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>What a <see cref="Discv5"/> is made of.</summary>
internal sealed record Discv5Options
{
    /// <summary>Our own node. The machine takes its record from it and tells it what others see.</summary>
    public required LocalNode Local { get; init; }

    /// <summary>Acts with the key of <see cref="Local"/>.</summary>
    public required SessionCrypto Crypto { get; init; }

    /// <summary>Chooses nodes, targets, nonces and keys.</summary>
    public required RandomSource Random { get; init; }

    /// <summary>The operator's points of contact, host names resolved.</summary>
    public IReadOnlyList<Node> BootstrapNodes { get; init; } = [];

    /// <summary>If not null, nobody outside these networks is stored or heard.</summary>
    public NetList? NetRestrict { get; init; }

    /// <summary>Whether packets can be sent to IPv4 addresses.</summary>
    public bool HasIPv4 { get; init; } = true;

    /// <summary>Whether packets can be sent to IPv6 addresses.</summary>
    public bool HasIPv6 { get; init; } = true;

    /// <summary>Where outputs wait. Machines of one thread that are drained after each call may share it; null for one of its own.</summary>
    public Queue<Core.Output>? Outputs { get; init; }

    /// <summary>Records that were verified. Machines of a simulation share one.</summary>
    public RecordCache Records { get; init; } = new();
}
