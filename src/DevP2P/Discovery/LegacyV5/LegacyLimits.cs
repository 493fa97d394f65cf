namespace DevP2P.Discovery.LegacyV5;

/// <summary>The times and bounds of <see cref="LegacyDiscovery"/>; where nothing else is said, go-ethereum 1.8.27's.</summary>
internal static class LegacyLimits
{
    /// <summary>How long an answer may take. Go: <c>respTimeout</c>.</summary>
    public static readonly TimeSpan ResponseTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How many times a node is asked, and before that pinged, until it counts as failed: datagrams get lost. go-ethereum asks once.
    /// </summary>
    public const int Attempts = 2;

    /// <summary>How long the packets that we send are valid. Go: <c>expiration</c>.</summary>
    public static readonly TimeSpan PacketLifetime = TimeSpan.FromSeconds(20);

    /// <summary>How long an endpoint proof is accepted. In go-ethereum for ever.</summary>
    public static readonly TimeSpan ProofLifetime = TimeSpan.FromHours(24);

    /// <summary>
    /// How long we wait between the pong that completes the other side's proof and our query, in case the network swaps the two.
    /// go-ethereum waits for <see cref="ResponseTimeout"/> in any case.
    /// </summary>
    public static readonly TimeSpan ProofGrace = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// How long we wait for the rest of an answer after a packet that looks like its last. go-ethereum takes the first packet
    /// only, and the second one for the answer to its next question.
    /// </summary>
    public static readonly TimeSpan LastNeighborsGrace = TimeSpan.FromMilliseconds(100);

    /// <summary>Ports up to this one are not believed of nodes that others name. Go: <c>lowPort</c>.</summary>
    public const int MaxPrivilegedPort = 1024;

    /// <summary>Pings and queries for nodes that wait for an answer.</summary>
    public const int MaxRequests = 1024;

    /// <summary>Of those, pings that answer inbound contacts: a flood of these must not stop our own requests.</summary>
    public const int MaxPingBacks = MaxRequests / 2;

    /// <summary>Of those, to one address outside the LAN: an address without proof may be a victim's (T04).</summary>
    public const int MaxPingBacksPerAddress = 8;

    /// <summary>How many nodes are remembered that have proved their endpoint. In go-ethereum there is no bound, nor is a proof needed.</summary>
    public const int MaxRemotes = 4096;

    /// <summary>Of those, of one IPv4 /24 or IPv6 /64 outside the LAN (T01).</summary>
    public const int MaxRemotesPerNetwork = 64;
}
