namespace DevP2P;

/// <summary>The base of all errors that this library reports about connections and remote nodes.</summary>
public class P2PException : Exception
{
    /// <summary>Makes the exception.</summary>
    public P2PException()
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public P2PException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with a message and its cause.</summary>
    public P2PException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>The encryption or protocol handshake failed: the connection never became a peer.</summary>
public sealed class HandshakeException : P2PException
{
    /// <summary>Makes the exception.</summary>
    public HandshakeException()
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public HandshakeException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with a message and its cause.</summary>
    public HandshakeException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>
/// The connection to a peer has ended, or must end: reads and writes throw it once the peer is gone, and a protocol handler
/// that throws it ends the peer with <see cref="Reason"/>.
/// </summary>
/// <remarks>Go: a <c>DiscReason</c> returned as an error; <c>ErrShuttingDown</c> and <c>io.EOF</c> of a closed peer.</remarks>
public sealed class PeerDisconnectedException : P2PException
{
    /// <summary>Makes the exception for <see cref="DisconnectReason.Requested"/>.</summary>
    public PeerDisconnectedException()
        : this(DisconnectReason.Requested)
    {
    }

    /// <summary>Makes the exception with a message of its own and <see cref="DisconnectReason.SubprotocolError"/>.</summary>
    public PeerDisconnectedException(string message)
        : base(message) => Reason = DisconnectReason.SubprotocolError;

    /// <summary>Makes the exception with a message and its cause, and <see cref="DisconnectReason.NetworkError"/>.</summary>
    public PeerDisconnectedException(string message, Exception? innerException)
        : base(message, innerException) => Reason = DisconnectReason.NetworkError;

    /// <summary>Makes the exception for a reason of our own.</summary>
    public PeerDisconnectedException(DisconnectReason reason)
        : this(reason, isRemote: false)
    {
    }

    /// <summary>Makes the exception for a reason.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="isRemote">True if the remote node gave it.</param>
    public PeerDisconnectedException(DisconnectReason reason, bool isRemote)
        : base(reason.ToText())
    {
        Reason = reason;
        IsRemote = isRemote;
    }

    /// <summary>The reason.</summary>
    public DisconnectReason Reason { get; }

    /// <summary>True if the remote node ended the connection with this reason.</summary>
    public bool IsRemote { get; }
}

/// <summary>
/// The other side broke a protocol's rules: an invalid message code, RLP, size or compression. Thrown by a protocol handler, it
/// ends the peer with <see cref="DisconnectReason.ProtocolError"/>.
/// </summary>
/// <remarks>Go: <c>peerError</c> with <c>errInvalidMsgCode</c> or <c>errInvalidMsg</c>.</remarks>
public sealed class ProtocolViolationException : P2PException
{
    /// <summary>Makes the exception.</summary>
    public ProtocolViolationException()
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public ProtocolViolationException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with a message and its cause.</summary>
    public ProtocolViolationException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>A read or write on a closed <see cref="MessagePipe"/>.</summary>
/// <remarks>Go: <c>p2p.ErrPipeClosed</c>.</remarks>
public sealed class MessagePipeClosedException : P2PException
{
    /// <summary>Makes the exception.</summary>
    public MessagePipeClosedException()
        : base("read or write on closed message pipe")
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public MessagePipeClosedException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with a message and its cause.</summary>
    public MessagePipeClosedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
