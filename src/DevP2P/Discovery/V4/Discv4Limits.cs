namespace DevP2P.Discovery.V4;

/// <summary>The times and bounds of <see cref="Discv4"/>; where nothing else is said, go-ethereum's.</summary>
internal static class Discv4Limits
{
    /// <summary>How long an answer may take. Go: <c>respTimeout</c>.</summary>
    public static readonly TimeSpan ResponseTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How many times a node is asked, and before that pinged, until it counts as failed: datagrams get lost. A node that is
    /// gone costs one ping more. go-ethereum asks once.
    /// </summary>
    public const int Attempts = 2;

    /// <summary>How long the packets that we send are valid. Go: <c>expiration</c>.</summary>
    public static readonly TimeSpan PacketLifetime = TimeSpan.FromSeconds(20);

    /// <summary>How long an endpoint proof is accepted. Go: <c>bondExpiration</c>; discv4.md recommends at least 12 hours.</summary>
    public static readonly TimeSpan ProofLifetime = TimeSpan.FromHours(24);

    /// <summary>
    /// From this age on a proof is renewed. Other implementations accept proofs for 12 hours only (discv4.md, "Endpoint
    /// Proof"), and nobody can see how the other side judges.
    /// </summary>
    public static readonly TimeSpan ProofRenewal = TimeSpan.FromHours(12);

    /// <summary>
    /// How long we wait between the pong that completes the other side's proof and our query, in case the network swaps the
    /// two. go-ethereum waits for <see cref="ResponseTimeout"/> in any case.
    /// </summary>
    public static readonly TimeSpan ProofGrace = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// How long we wait for the rest of an answer after a packet that looks like its last. An answer does not say how many
    /// packets it has.
    /// </summary>
    public static readonly TimeSpan LastNeighborsGrace = TimeSpan.FromMilliseconds(100);

    /// <summary>After so many queries without answer in a row, the endpoint proof is renewed. Go: <c>maxFindnodeFailures</c>.</summary>
    public const int MaxFindFailures = 5;

    /// <summary>After so many requests without answer in a row, whoever they went to, something is wrong here. Go: <c>ntpFailureThreshold</c>.</summary>
    public const int MaxUnanswered = 32;

    /// <summary>Ports up to this one are not believed of nodes that others name. Go: <c>errLowPort</c>.</summary>
    public const int MaxPrivilegedPort = 1024;

    /// <summary>Requests that wait for an answer. All but inbound contacts are bounded by what the operator asks for.</summary>
    public const int MaxRequests = 1024;

    /// <summary>Of those, pings that answer inbound contacts: a flood of these must not stop our own requests.</summary>
    public const int MaxPingBacks = MaxRequests / 2;

    /// <summary>Of those, to one address outside the LAN: an address without proof may be a victim's (T04).</summary>
    public const int MaxPingBacksPerAddress = 8;

    /// <summary>How many endpoint proofs are remembered.</summary>
    public const int MaxContacts = 16384;

    /// <summary>
    /// Of those, of one IPv4 /24 or IPv6 /64 outside the LAN: otherwise whoever has many keys in one network could push out all
    /// others (T01).
    /// </summary>
    public const int MaxContactsPerNetwork = 256;
}
