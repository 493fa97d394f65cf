using System.Net;
using System.Net.Sockets;

namespace DevP2P;

/// <summary>The listener: bound at the start, and again when it dies.</summary>
public sealed partial class Server
{
    /// <summary>Connections that the system holds for us before they are accepted.</summary>
    private const int ListenBacklog = 512;

    /// <summary>After so many failures in a row the listener counts as dead, and another one takes its place.</summary>
    private const int AcceptFailuresUntilDead = 5;

    /// <summary>The wait after a failure grows to 200 ms times two to this power.</summary>
    private const int MaxAcceptDoublings = 7;

    private static readonly TimeSpan AcceptRetryDelay = TimeSpan.FromMilliseconds(200);

    private Socket? _listener;

    private void OpenListener()
    {
        if (_options.ListenAddress is not { } text || !ListenAddresses.TryParse(text, out IPEndPoint? address))
        {
            return;
        }

        if (address!.Address.Equals(IPAddress.IPv6Any) && !Socket.OSSupportsIPv6)
        {
            address = new IPEndPoint(IPAddress.Any, address.Port);
        }

        try
        {
            _listener = Listen(address);
        }
        catch (SocketException e)
        {
            throw new P2PException($"cannot listen on {text}: {e.Message}", e);
        }

        var bound = (IPEndPoint)_listener.LocalEndPoint!;
        ListenEndPoints = [bound];
        bool isAny = bound.Address.Equals(IPAddress.Any) || bound.Address.Equals(IPAddress.IPv6Any);
        if (!isAny)
        {
            _localNode.SetFallbackAddress(bound.Address);
        }

        _localNode.SetTcpPorts(bound.Port, bound.Port);
        Log.ListenerUp(_logger, bound);
    }

    private static Socket Listen(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = address.Address.Equals(IPAddress.IPv6Any);
            }

            socket.Bind(address);
            socket.Listen(ListenBacklog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Accepts as fast as connections come. What is too much is sorted out afterwards, so that the backlog never fills with silence.</summary>
    private async Task AcceptAsync()
    {
        int failures = 0;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Socket socket = await _listener!.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                failures = 0;
                Post(() => TakeInbound(socket));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                if (_stopping.IsCancellationRequested)
                {
                    return;
                }

                // Out of descriptors, or the connection was gone already: go on, a little later. Or the socket is dead.
                Log.AcceptFailed(_logger, e.Message);
                bool isDead = e is ObjectDisposedException || (failures >= AcceptFailuresUntilDead && e is SocketException { SocketErrorCode: not SocketError.TooManyOpenSockets });
                TimeSpan delay = AcceptRetryDelay * (1 << Math.Min(failures, MaxAcceptDoublings));
                failures++;
                if (isDead)
                {
                    ListenAgain();
                }

                await Task.Delay(delay, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>In the place of a listener that has died, on the same port. If it cannot be now, the next failure leads here again.</summary>
    private void ListenAgain()
    {
        _listener!.Dispose();
        try
        {
            _listener = Listen(ListenEndPoints[0]);
            Log.ListenerUp(_logger, ListenEndPoints[0]);
        }
        catch (SocketException e)
        {
            Log.AcceptFailed(_logger, e.Message);
        }

        if (_stopping.IsCancellationRequested)
        {
            // The stop may have closed the former one.
            _listener.Dispose();
        }
    }
}
