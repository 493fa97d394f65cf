using System.Net;
using System.Net.Sockets;
using DevP2P.NetUtil;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>Sends and receives the datagrams of one socket, and owns it.</summary>
/// <remarks>Two implementations (docs/decisions/0002-udp-batches.md): <see cref="ManagedUdpPort"/> for every platform, <see cref="LinuxUdpPort"/>.</remarks>
internal abstract class UdpPort(Socket socket, ILogger logger)
{
    /// <summary>Its address family.</summary>
    public AddressFamily Family { get; } = socket.AddressFamily;

    /// <summary>Where it is bound to.</summary>
    public IPEndPoint LocalEndPoint { get; } = (IPEndPoint)socket.LocalEndPoint!;

    protected Socket Socket => socket;

    protected ILogger Logger => logger;

    protected volatile bool IsClosed;

    /// <summary>The best one for a socket.</summary>
    public static UdpPort Open(Socket socket, ILogger logger) =>
        LinuxUdpPort.IsSupported ? new LinuxUdpPort(socket, logger) : new ManagedUdpPort(socket, logger);

    /// <summary>Receives until it is closed, or its socket has died.</summary>
    /// <param name="take">Told how many datagrams have come, which <see cref="Read"/> gives until it returns.</param>
    public abstract Task ReceiveAsync(Action<UdpPort, int> take);

    /// <summary>Copies a datagram that has come.</summary>
    public abstract void Read(int index, Datagram datagram);

    /// <summary>Sends a datagram, at the latest with the next <see cref="Flush"/>. One call at a time.</summary>
    /// <returns>False if it is known already that it could not be sent.</returns>
    public abstract bool Send(in CompactEndPoint to, ReadOnlySpan<byte> datagram);

    /// <summary>Sends what waits. One call at a time, and none beside <see cref="Send"/>.</summary>
    public abstract void Flush();

    /// <summary>Closes the socket; <see cref="ReceiveAsync"/> ends then.</summary>
    public virtual void Close()
    {
        IsClosed = true;
        socket.Dispose();
    }

    /// <summary>What cannot be sent is as good as lost on the way.</summary>
    protected void LogNotSent(IPEndPoint to, string reason) => DiscoveryLog.SendFailed(logger, to, reason);

    /// <summary>Receiving has failed, unless that is because of <see cref="Close"/>.</summary>
    protected void LogFailure(Exception e)
    {
        if (!IsClosed)
        {
            DiscoveryLog.ReceiveFailed(logger, e, LocalEndPoint);
        }
    }
}

/// <summary>One datagram at a time, with the platform's asynchronous sockets.</summary>
internal sealed class ManagedUdpPort(Socket socket, ILogger logger) : UdpPort(socket, logger)
{
    private readonly CancellationTokenSource _closed = new();
    private readonly SocketAddress _from = new(socket.AddressFamily);
    private readonly SocketAddress _to = new(socket.AddressFamily);
    private readonly byte[] _buffer = new byte[Datagram.MaxSize + 1];
    private int _length;

    public override async Task ReceiveAsync(Action<UdpPort, int> take)
    {
        while (!IsClosed)
        {
            try
            {
                _from.Size = _from.Buffer.Length;
                _length = await Socket.ReceiveFromAsync(_buffer, SocketFlags.None, _from, _closed.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.MessageSize or SocketError.NetworkReset)
            {
                // Windows reports here that an earlier datagram was not delivered, or that this one was too long.
                continue;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                LogFailure(e);
                return;
            }

            take(this, 1);
        }
    }

    public override void Read(int index, Datagram datagram)
    {
        datagram.From = CompactEndPoint.From(_from);
        datagram.Length = _length;
        _buffer.AsSpan(0, _length).CopyTo(datagram.Buffer);
    }

    public override bool Send(in CompactEndPoint to, ReadOnlySpan<byte> datagram)
    {
        to.CopyTo(_to);
        try
        {
            Socket.SendTo(datagram, SocketFlags.None, _to);
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            if (Logger.IsEnabled(LogLevel.Trace))
            {
                LogNotSent(to.ToEndPoint(), e.Message);
            }

            return false;
        }
    }

    public override void Flush()
    {
    }

    public override void Close()
    {
        IsClosed = true;
        // Before the socket goes: not everywhere does closing it end what is waited for.
        _closed.Cancel();
        base.Close();
    }
}
