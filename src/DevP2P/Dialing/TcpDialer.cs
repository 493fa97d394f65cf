using System.Net;
using System.Net.Sockets;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>
/// Connects over TCP, without Nagle's delay. Several end points are tried in turn, each after the one before it failed or
/// stayed silent for <see cref="AttemptDelay"/> (RFC 8305, section 5); the first that connects wins. Safe for concurrent calls.
/// </summary>
/// <remarks>Go: <c>TCPDialer</c> (1.8), <c>tcpDialer</c> (later).</remarks>
public sealed class TcpDialer : IDialer
{
    /// <summary>How long all attempts for one node may take together: 15 s, as in go-ethereum.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    /// <summary>The pause before the next end point is tried beside the one before: 250 ms (RFC 8305, section 8).</summary>
    public static readonly TimeSpan AttemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>How many end points are tried for one node; further ones are ignored.</summary>
    public const int MaxEndPoints = 8;

    private readonly Func<IPEndPoint, CancellationToken, ValueTask<DialedConnection>> _connect;
    private readonly TimeProvider _timeProvider;

    /// <summary>Makes a dialer on the system's clock.</summary>
    public TcpDialer()
        : this(ConnectSocketAsync, TimeProvider.System)
    {
    }

    internal TcpDialer(Func<IPEndPoint, CancellationToken, ValueTask<DialedConnection>> connect, TimeProvider timeProvider)
    {
        _connect = connect;
        _timeProvider = timeProvider;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException"><paramref name="endPoints"/> is empty.</exception>
    /// <exception cref="TimeoutException">No end point answered within <see cref="Timeout"/>.</exception>
    /// <exception cref="SocketException">The only end point, or the last one that was tried, could not be reached.</exception>
    public async ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(endPoints);
        if (endPoints.Count == 0)
        {
            throw new ArgumentException("a node needs at least one end point to be dialed", nameof(endPoints));
        }

        cancellationToken.ThrowIfCancellationRequested();
        using var timeout = new CancellationTokenSource(Timeout, _timeProvider);
        using CancellationTokenRegistration given = cancellationToken.UnsafeRegister(static t => ((CancellationTokenSource)t!).Cancel(), timeout);
        try
        {
            return endPoints.Count == 1
                ? await _connect(endPoints[0], timeout.Token).ConfigureAwait(false)
                : await RaceAsync([.. endPoints.Take(MaxEndPoints)], timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"no answer within {Timeout.TotalSeconds:0} s");
        }
    }

    private async Task<DialedConnection> RaceAsync(IPEndPoint[] endPoints, CancellationToken cancellationToken)
    {
        using var attempts = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new List<Task<DialedConnection>>();
        Task<DialedConnection>? winner = null;
        Task<DialedConnection>? failed = null;
        try
        {
            for (int next = 0; winner is null && (next < endPoints.Length || running.Count > 0);)
            {
                if (next < endPoints.Length)
                {
                    running.Add(_connect(endPoints[next++], attempts.Token).AsTask());
                }

                Task<DialedConnection>? ended = await WaitForOneAsync(running, isLast: next == endPoints.Length, attempts.Token).ConfigureAwait(false);
                if (ended is not null)
                {
                    running.Remove(ended);
                    (winner, failed) = ended.IsCompletedSuccessfully ? (ended, failed) : (null, ended);
                }
            }
        }
        finally
        {
            // No attempt outlives the call, and no connection that came second stays open.
            await attempts.CancelAsync().ConfigureAwait(false);
            foreach (Task<DialedConnection> loser in running)
            {
                await CloseAsync(loser).ConfigureAwait(false);
            }
        }

        return await (winner ?? failed!).ConfigureAwait(false);
    }

    /// <summary>The attempt that ended, or null if it is time to start the next one.</summary>
    private async Task<Task<DialedConnection>?> WaitForOneAsync(List<Task<DialedConnection>> running, bool isLast, CancellationToken cancellationToken)
    {
        Task<Task<DialedConnection>> anyEnded = Task.WhenAny(running);
        if (isLast)
        {
            return await anyEnded.ConfigureAwait(false);
        }

        try
        {
            return await anyEnded.WaitAsync(AttemptDelay, _timeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private static async Task CloseAsync(Task<DialedConnection> attempt)
    {
        await ((Task)attempt).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (attempt.IsCompletedSuccessfully)
        {
            DialedConnection connection = await attempt.ConfigureAwait(false);
            await connection.Stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    internal static async ValueTask<DialedConnection> ConnectSocketAsync(IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        var plain = new IPEndPoint(AddressRules.Unmap(endPoint.Address), endPoint.Port);
        var socket = new Socket(plain.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(plain, cancellationToken).ConfigureAwait(false);
            return new DialedConnection(new NetworkStream(socket, ownsSocket: true), socket.LocalEndPoint, socket.RemoteEndPoint);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
