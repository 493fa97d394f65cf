namespace DevP2P.Reputation;

/// <summary>The weights, times and bounds of reputation (docs/decisions/0004-reputation.md).</summary>
internal static class ReputationLimits
{
    /// <summary>A score is half as far from 0 after this time.</summary>
    public static readonly TimeSpan HalfLife = TimeSpan.FromHours(12);

    /// <summary>How many nodes with a good score are remembered, and how many with a bad one: neither kind pushes out the other.</summary>
    public const int MaxNodesPerSide = 4096;

    /// <summary>How many facts of a node are kept to be shown.</summary>
    public const int MaxFacts = 8;

    /// <summary>No score is greater, however long a node is of use.</summary>
    public const double MaxScore = 100;

    /// <summary>What is forgotten at a start: less than this, either way.</summary>
    public const double LeastScore = 0.1;

    /// <summary>Below it, a node is not dialed on the word of sources.</summary>
    public const double ShunBelow = -15;

    /// <summary>A breach of protocol that brings a node to this score or below it has it banned.</summary>
    public const double BanAt = -100;

    /// <summary>What may be the network's fault, or somebody else's, or ours, brings no score below this: short of any consequence but a worse place in the draw.</summary>
    public const double UnprovenFloor = -9;

    /// <summary>Being of no use brings no score below this: it is no offence, and a node may change.</summary>
    public const double UselessFloor = -30;

    /// <summary>Breaches of protocol bring no score below this, so that a node can recover.</summary>
    public const double ViolationFloor = -200;

    /// <summary>The points for a node that was not reached where it is said to be.</summary>
    public const double Unreached = -1;

    /// <summary>The points for a node that fell silent, and for one that a protocol handler failed with.</summary>
    public const double Silent = -3;

    /// <summary>The points for a node that shares nothing with us.</summary>
    public const double Useless = -20;

    /// <summary>The points for a breach of protocol.</summary>
    public const double Violation = -40;

    /// <summary>The points for having sent messages of a protocol in the last <see cref="UsefulInterval"/>.</summary>
    public const double Useful = 1;

    /// <summary>How often peers can gain points: so a good standing takes hours, however many messages are sent.</summary>
    public static readonly TimeSpan UsefulInterval = TimeSpan.FromMinutes(15);

    /// <summary>Nobody is blamed, breaches of protocol excepted, unless some other peer has been connected for this long: else it may be us.</summary>
    public static readonly TimeSpan WellAfter = TimeSpan.FromMinutes(1);

    /// <summary>How long the first ban of a node lasts that the server makes; each further one twice as long.</summary>
    public static readonly TimeSpan FirstBan = TimeSpan.FromHours(1);

    /// <summary>How long such a ban lasts at most.</summary>
    public static readonly TimeSpan MaxBan = TimeSpan.FromDays(7);

    /// <summary>A node with this score may take the place of an inbound peer when all are taken: some three hours of use.</summary>
    public const double GoodStanding = 10;

    /// <summary>An inbound peer with this score or a lower one may lose its place: only proven faults bring it there.</summary>
    public const double PoorStanding = -10;

    /// <summary>A peer that has been connected for less than this does not lose its place.</summary>
    public static readonly TimeSpan MinReplacedAge = TimeSpan.FromMinutes(10);

    /// <summary>No more than one peer loses its place within this time.</summary>
    public static readonly TimeSpan ReplacementInterval = TimeSpan.FromMinutes(10);
}
