using System.Net.Sockets;

namespace DevP2P.NetUtil;

/// <summary>Tells errors of sockets after which they can be used as before.</summary>
public static class SocketErrors
{
    /// <summary>
    /// Whether the same call may succeed later, on the same socket: it was interrupted, it took too long, the process or the system is
    /// short of something, or the error is one datagram's or one connection's alone. Windows reports on the next receive that a datagram
    /// of ours was not delivered, or that one was too long.
    /// </summary>
    /// <remarks>Go: <c>netutil.IsTemporaryError</c>, with <c>isPacketTooBig</c>.</remarks>
    public static bool IsTemporary(Exception error) => IsTimeout(error) || (error is SocketException
    {
        SocketErrorCode: SocketError.Interrupted or SocketError.WouldBlock or SocketError.TryAgain or SocketError.TooManyOpenSockets
            or SocketError.NoBufferSpaceAvailable or SocketError.ConnectionReset or SocketError.ConnectionAborted
            or SocketError.NetworkReset or SocketError.MessageSize,
    });

    /// <summary>Whether something took longer than it was given.</summary>
    /// <remarks>Go: <c>netutil.IsTimeout</c>.</remarks>
    public static bool IsTimeout(Exception error) => error is TimeoutException or SocketException { SocketErrorCode: SocketError.TimedOut };
}
