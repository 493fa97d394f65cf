using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace DevP2P.NetUtil;

/// <summary>Asks a time server.</summary>
internal static class SntpClient
{
    /// <summary>One request and its answer. What does not answer it is ignored, so that forged packets cannot end the wait.</summary>
    /// <param name="server">Where the server is.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="time">Our clock: what it says is compared with the server's, what has elapsed is taken from its timestamps.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">By <paramref name="cancellationToken"/>.</exception>
    public static async Task<SntpAnswer> QueryAsync(IPEndPoint server, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        byte[] packet = new byte[Sntp.PacketSize];
        try
        {
            // Connected: from elsewhere nothing comes through.
            await socket.ConnectAsync(server, either.Token).ConfigureAwait(false);
            ulong cookie = BinaryPrimitives.ReadUInt64BigEndian(RandomNumberGenerator.GetBytes(sizeof(ulong)));
            Sntp.WriteRequest(packet, cookie);
            DateTimeOffset sent = time.GetUtcNow();
            long start = time.GetTimestamp();
            await socket.SendAsync(packet, either.Token).ConfigureAwait(false);
            while (true)
            {
                int length = await ReceiveAsync(socket, packet, either.Token).ConfigureAwait(false);
                SntpAnswer answer = Sntp.ReadAnswer(packet.AsSpan(0, length), cookie, sent, time.GetElapsedTime(start));
                if (answer.Error is not (SntpError.TooShort or SntpError.NotAnAnswer or SntpError.NotToUs))
                {
                    return answer;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new SntpAnswer(SntpError.NoAnswer);
        }
        catch (SocketException)
        {
            return new SntpAnswer(SntpError.Unreachable);
        }
    }

    private static async Task<int> ReceiveAsync(Socket socket, byte[] packet, CancellationToken cancellationToken)
    {
        try
        {
            return await socket.ReceiveAsync(packet, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.MessageSize)
        {
            // Windows; elsewhere a longer datagram is cut off in silence. What follows are extensions that we need not read.
            return packet.Length;
        }
    }
}
