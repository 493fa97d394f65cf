using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace DevP2P.Nat;

/// <summary>When a request is sent again. The wait doubles with each.</summary>
/// <param name="First">How long to wait for an answer to the first.</param>
/// <param name="Attempts">How often it is sent in all.</param>
/// <param name="Jitter">Each wait is longer or shorter by up to this part, at random.</param>
internal readonly record struct Retransmission(TimeSpan First, int Attempts, double Jitter = 0)
{
    /// <summary>How long it takes at most.</summary>
    public TimeSpan Total => First * ((1 << Attempts) - 1) * (1 + Jitter);

    /// <summary>The wait after an attempt, from 0.</summary>
    public TimeSpan WaitAfter(int attempt) =>
        First * (1 << attempt) * (1 + (Jitter * (RandomNumberGenerator.GetInt32(-1000, 1001) / 1000.0)));
}

/// <summary>One request over UDP and its answer, with retransmission.</summary>
internal static class UdpExchange
{
    /// <summary>Takes an answer from a datagram.</summary>
    /// <returns>False if it is none to our request: the wait goes on, so that forged packets cannot end it.</returns>
    public delegate bool TryRead<T>(ReadOnlySpan<byte> packet, IPEndPoint from, out T answer);

    /// <summary>Sends a request until it is answered, or often enough.</summary>
    /// <param name="socket">Connected, unless <paramref name="to"/> is given.</param>
    /// <param name="to">Whom to send it to, and null over a connected socket.</param>
    /// <param name="request">The request.</param>
    /// <param name="retransmission">How often.</param>
    /// <param name="maxSize">Longer datagrams are ignored.</param>
    /// <param name="tryRead">Knows the answer.</param>
    /// <param name="time">For the waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The answer; null if there is none.</returns>
    /// <exception cref="SocketException">The system could not send, or was told that nobody listens.</exception>
    /// <exception cref="OperationCanceledException">By <paramref name="cancellationToken"/>.</exception>
    public static async Task<T?> AskAsync<T>(
        Socket socket, IPEndPoint? to, ReadOnlyMemory<byte> request, Retransmission retransmission, int maxSize,
        TryRead<T> tryRead, TimeProvider time, CancellationToken cancellationToken)
        where T : struct
    {
        byte[] buffer = new byte[maxSize + 1];
        for (int attempt = 0; attempt < retransmission.Attempts; attempt++)
        {
            using var limit = new CancellationTokenSource(retransmission.WaitAfter(attempt), time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
            try
            {
                await SendAsync(socket, to, request, either.Token).ConfigureAwait(false);
                while (true)
                {
                    (int length, IPEndPoint from) = await ReceiveAsync(socket, buffer, either.Token).ConfigureAwait(false);
                    if (length <= maxSize && tryRead(buffer.AsSpan(0, length), from, out T answer))
                    {
                        return answer;
                    }
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Once more.
            }
        }

        return null;
    }

    private static ValueTask<int> SendAsync(Socket socket, IPEndPoint? to, ReadOnlyMemory<byte> request, CancellationToken cancellationToken) =>
        to is null ? socket.SendAsync(request, cancellationToken) : socket.SendToAsync(request, to, cancellationToken);

    private static async ValueTask<(int Length, IPEndPoint From)> ReceiveAsync(Socket socket, byte[] buffer, CancellationToken cancellationToken)
    {
        var any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        try
        {
            SocketReceiveFromResult received = await socket.ReceiveFromAsync(buffer, any, cancellationToken).ConfigureAwait(false);
            return (received.ReceivedBytes, (IPEndPoint)received.RemoteEndPoint);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.MessageSize)
        {
            // Windows; elsewhere a longer datagram is cut off in silence. It fills the buffer, and so is too long either way.
            return (buffer.Length, any);
        }
    }
}
