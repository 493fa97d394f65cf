namespace DevP2P;

/// <summary>Why a connection ends, as it stands on the wire (rlpx.md, "Disconnect (0x01)").</summary>
/// <remarks>Go: <c>p2p.DiscReason</c>. Values that are not listed here occur in the wild and are kept as they are.</remarks>
public enum DisconnectReason : byte
{
    /// <summary>The other side asked for it, or the operator did. Go: <c>DiscRequested</c>.</summary>
    Requested = 0x00,

    /// <summary>The connection broke. Never sent: there is nothing to send it on. Go: <c>DiscNetworkError</c>.</summary>
    NetworkError = 0x01,

    /// <summary>A malformed message, bad RLP, an unknown message code. Go: <c>DiscProtocolError</c>.</summary>
    ProtocolError = 0x02,

    /// <summary>No shared capability. Go: <c>DiscUselessPeer</c>.</summary>
    UselessPeer = 0x03,

    /// <summary>All slots are taken. Go: <c>DiscTooManyPeers</c>.</summary>
    TooManyPeers = 0x04,

    /// <summary>There is a connection to this node already. Go: <c>DiscAlreadyConnected</c>.</summary>
    AlreadyConnected = 0x05,

    /// <summary>The base protocol's version does not fit. Go: <c>DiscIncompatibleVersion</c>.</summary>
    IncompatibleVersion = 0x06,

    /// <summary>The Hello carried no valid node key. Go: <c>DiscInvalidIdentity</c>.</summary>
    InvalidIdentity = 0x07,

    /// <summary>The program ends, or a protocol handler returned. Go: <c>DiscQuitting</c>.</summary>
    Quitting = 0x08,

    /// <summary>The node key of the Hello is not the one of the handshake. Go: <c>DiscUnexpectedIdentity</c>.</summary>
    UnexpectedIdentity = 0x09,

    /// <summary>The node reached itself. Go: <c>DiscSelf</c>.</summary>
    Self = 0x0a,

    /// <summary>Nothing was heard for too long ("ping timeout"). Go: <c>DiscReadTimeout</c>.</summary>
    ReadTimeout = 0x0b,

    /// <summary>A sub-protocol failed for a reason of its own. Go: <c>DiscSubprotocolError</c>.</summary>
    SubprotocolError = 0x10,

    /// <summary>A reason that could not be decoded. Go: <c>DiscInvalid</c>.</summary>
    Invalid = 0xff,
}

/// <summary>Texts for <see cref="DisconnectReason"/>.</summary>
public static class DisconnectReasonExtensions
{
    /// <summary>The text that go-ethereum uses for the reason, for instance "too many peers".</summary>
    /// <remarks>Go: <c>DiscReason.String</c>.</remarks>
    public static string ToText(this DisconnectReason reason) => reason switch
    {
        DisconnectReason.Requested => "disconnect requested",
        DisconnectReason.NetworkError => "network error",
        DisconnectReason.ProtocolError => "breach of protocol",
        DisconnectReason.UselessPeer => "useless peer",
        DisconnectReason.TooManyPeers => "too many peers",
        DisconnectReason.AlreadyConnected => "already connected",
        DisconnectReason.IncompatibleVersion => "incompatible p2p protocol version",
        DisconnectReason.InvalidIdentity => "invalid node identity",
        DisconnectReason.Quitting => "client quitting",
        DisconnectReason.UnexpectedIdentity => "unexpected identity",
        DisconnectReason.Self => "connected to self",
        DisconnectReason.ReadTimeout => "read timeout",
        DisconnectReason.SubprotocolError => "subprotocol error",
        DisconnectReason.Invalid => "invalid disconnect reason",
        _ => $"unknown disconnect reason {(byte)reason}",
    };
}
