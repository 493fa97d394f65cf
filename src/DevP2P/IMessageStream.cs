namespace DevP2P;

/// <summary>Reads messages. Safe for concurrent calls, but see <see cref="ReadAsync"/> on how long a payload lives.</summary>
/// <remarks>Go: <c>p2p.MsgReader</c>.</remarks>
public interface IMessageReader
{
    /// <summary>Waits for the next message.</summary>
    /// <param name="cancellationToken">Ends the wait; no message is lost.</param>
    /// <returns>
    /// The message. Its payload is valid until the next call of this method on this stream, unless
    /// <see cref="Message.TakeOwnership"/> was called.
    /// </returns>
    /// <exception cref="PeerDisconnectedException">The peer is gone; all messages that came before have been read.</exception>
    /// <exception cref="MessagePipeClosedException">The pipe is closed.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    ValueTask<Message> ReadAsync(CancellationToken cancellationToken = default);
}

/// <summary>Writes messages. Safe for concurrent calls.</summary>
/// <remarks>Go: <c>p2p.MsgWriter</c>.</remarks>
public interface IMessageWriter
{
    /// <summary>
    /// Writes a message. When the task completes, the payload has been copied or encoded and may be changed; on a network
    /// connection that means that it stands in a bounded send queue, not that the other side has it.
    /// </summary>
    /// <param name="code">The message's code, counted from 0 within the protocol.</param>
    /// <param name="payload">The payload, at most 16,777,215 bytes before and, with the code, after compression.</param>
    /// <param name="cancellationToken">Ends the wait for room in the send queue; the message is then not sent.</param>
    /// <exception cref="ArgumentException">The payload is too large.</exception>
    /// <exception cref="ProtocolViolationException">The code is not below the protocol's length.</exception>
    /// <exception cref="PeerDisconnectedException">The peer is gone.</exception>
    /// <exception cref="MessagePipeClosedException">The pipe is closed.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    ValueTask WriteAsync(ulong code, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default);
}

/// <summary>Both directions of a message stream: what a protocol handler talks to its peer through.</summary>
/// <remarks>Go: <c>p2p.MsgReadWriter</c>.</remarks>
public interface IMessageStream : IMessageReader, IMessageWriter
{
}
