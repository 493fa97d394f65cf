namespace DevP2P.Discovery.V5;

/// <summary>The times and bounds of <see cref="Discv5"/>.</summary>
internal static class Discv5Limits
{
    /// <summary>How long an answer, or the next packet of one, may take. Go: <c>respTimeoutV5</c>.</summary>
    public static readonly TimeSpan ResponseTimeout = TimeSpan.FromMilliseconds(700);

    /// <summary>How long the answer to a talk request may take: the application over there has to think.</summary>
    public static readonly TimeSpan TalkTimeout = TimeSpan.FromSeconds(2);

    /// <summary>How long a challenge of ours can be answered. Go: <c>handshakeTimeout</c>; discv5-wire.md, "UDP Communication".</summary>
    public static readonly TimeSpan ChallengeLifetime = TimeSpan.FromSeconds(1);

    /// <summary>How many requests of ours wait for an answer or to be sent.</summary>
    public const int MaxCalls = 4096;

    /// <summary>Of those, to one node, under way.</summary>
    public const int MaxActivePerNode = 16;

    /// <summary>Of those, to one node, waiting for the others or for a handshake.</summary>
    public const int MaxQueuedPerNode = 1024;

    /// <summary>How many sessions are kept; the one that was used least recently makes room.</summary>
    public const int MaxSessions = 4096;

    /// <summary>
    /// Of those, with one IPv4 address or IPv6 /64 outside the LAN, so that one host with many keys cannot push out all others
    /// (T05): its own oldest one makes room then.
    /// </summary>
    public const int MaxSessionsPerNetwork = 64;

    /// <summary>How many challenges can be answered; the oldest makes room. Apart from the sessions, so that no flood costs one of these (T05).</summary>
    public const int MaxChallenges = 4096;

    /// <summary>Of those, of nodes that we know: of these the oldest makes room for another one of them only, never for a stranger's (T05).</summary>
    public const int MaxKnownChallenges = MaxChallenges / 4;

    /// <summary>How many answers to one challenge are looked at: verifying one is expensive.</summary>
    public const int MaxAnswersPerChallenge = 2;

    /// <summary>
    /// How many WHOAREYOU packets an IPv4 address or IPv6 /64 gets at once, and a second (T05); nodes there that we know, and all
    /// others.
    /// </summary>
    public const int ChallengeBurst = 32;

    /// <inheritdoc cref="ChallengeBurst"/>
    public const int ChallengeRate = 8;

    /// <summary>How many handshakes of nodes that we know, and of strangers, are computed at a time; more are dropped, as if they had been lost.</summary>
    public const int MaxAcceptJobs = 128;

    /// <summary>How many nodes an answer to FINDNODE has. Go: <c>findnodeResultLimit</c>.</summary>
    public const int MaxNodesPerAnswer = 16;

    /// <summary>How many packets our answer has at most: go-ethereum takes no more. Go: <c>totalNodesResponseLimit</c>.</summary>
    public const int MaxPacketsSent = 5;

    /// <summary>How many packets of an answer are taken: one for each node.</summary>
    public const int MaxPacketsReceived = MaxNodesPerAnswer;

    /// <summary>How many distances a lookup asks a node for. Go: <c>lookupRequestLimit</c>.</summary>
    public const int LookupDistances = 3;

    /// <summary>
    /// How often a lookup asks one node at most: again when no answer came, and for what a full answer had no place for. A full
    /// bucket fills an answer, so that this many show all distances.
    /// </summary>
    public const int MaxLookupQuestions = LookupDistances;

    /// <summary>How many talk requests of others wait for our handlers; more are answered empty.</summary>
    public const int MaxTalks = 1024;

    /// <summary>Of those, of one node.</summary>
    public const int MaxTalksPerNode = 64;

    /// <summary>Ports up to this one are not believed of nodes that others name. Go: <c>errLowPort</c>.</summary>
    public const int MaxPrivilegedPort = 1024;
}
