using DevP2P.Dialing;

namespace DevP2P.Reputation;

/// <summary>What a fact says of a node. Pure rules; the default value is that it says nothing.</summary>
/// <remarks>
/// Until a node has passed the encryption handshake nothing is proven: whoever spreads a wrong address for it makes dials to it fail.
/// Such facts only ever lower a node's place in the draw (<see cref="ReputationLimits.UnprovenFloor"/>).
/// </remarks>
/// <param name="Points">What is added to the score.</param>
/// <param name="Floor">The score is not brought below this.</param>
/// <param name="Reason">Why, for people.</param>
internal readonly record struct Conduct(double Points, double Floor, string Reason)
{
    /// <summary>It sent messages of a protocol, for a while.</summary>
    public static Conduct Useful => new(ReputationLimits.Useful, 0, "sent messages for a quarter of an hour");

    /// <summary>Whether there is anything to note.</summary>
    public bool IsNote => Points != 0;

    /// <summary>Whether it is a breach of protocol: the node's own doing whatever is wrong with us.</summary>
    public bool IsViolation => Points <= ReputationLimits.Violation;

    /// <summary>A dial that ended before the node had proved that it is there.</summary>
    public static Conduct OfUnreached(DialStage stage) => new(
        ReputationLimits.Unreached,
        ReputationLimits.UnprovenFloor,
        stage switch
        {
            DialStage.Resolve => "no address was found",
            DialStage.Connect => "could not be connected to",
            _ => "another node, or none, was where it is said to be",
        });

    /// <summary>The protocol handshake with a node that has proved who it is has failed.</summary>
    /// <param name="reason">The reason that one side gave, or null.</param>
    /// <param name="isRemote">Whether it was the other side.</param>
    /// <param name="isTimeout">Whether the node stayed silent.</param>
    /// <param name="detail">What happened, for people.</param>
    public static Conduct OfHandshake(DisconnectReason? reason, bool isRemote, bool isTimeout, string detail) => reason switch
    {
        null when isTimeout => Silence("did not answer in the protocol handshake"),
        null => new Conduct(ReputationLimits.Unreached, ReputationLimits.UnprovenFloor, "hung up in the protocol handshake"),
        DisconnectReason.UselessPeer or DisconnectReason.IncompatibleVersion => Uselessness(isRemote),
        DisconnectReason.ProtocolError or DisconnectReason.InvalidIdentity or DisconnectReason.UnexpectedIdentity when !isRemote => Breach(detail),
        // "Too many peers" and the like are no fault. What else the other side says of us proves nothing of it.
        _ => default,
    };

    /// <summary>A peer is gone.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="isRemote">Whether the other side said so.</param>
    /// <param name="detail">What happened, for people.</param>
    public static Conduct OfDrop(DisconnectReason reason, bool isRemote, string detail) => reason switch
    {
        DisconnectReason.UselessPeer => Uselessness(isRemote),
        _ when isRemote => default,
        DisconnectReason.ProtocolError => Breach(detail),
        DisconnectReason.ReadTimeout => Silence("fell silent"),
        // It may be a defect of the handler's, which would hit all peers.
        DisconnectReason.SubprotocolError => Silence("a protocol handler failed"),
        _ => default,
    };

    private static Conduct Silence(string reason) => new(ReputationLimits.Silent, ReputationLimits.UnprovenFloor, reason);

    private static Conduct Uselessness(bool isRemote) => new(
        ReputationLimits.Useless, ReputationLimits.UselessFloor, isRemote ? "finds us useless" : "is useless to us");

    private static Conduct Breach(string detail) => new(
        ReputationLimits.Violation, ReputationLimits.ViolationFloor, "breach of protocol: " + detail);
}
