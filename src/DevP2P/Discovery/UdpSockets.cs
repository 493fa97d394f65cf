using System.Net;
using System.Net.Sockets;

namespace DevP2P.Discovery;

/// <summary>Binds the sockets of discovery: one for each address family.</summary>
internal static class UdpSockets
{
    /// <summary>A socket's buffer: some thousand small packets, a burst while the process is busy elsewhere.</summary>
    private const int ReceiveBufferSize = 1 << 21;

    /// <summary>How often a port is looked for that is free for both families.</summary>
    private const int PortAttempts = 16;

    /// <summary>Binds to an endpoint; <c>[::]</c> stands for all addresses of both families, as far as the system has them.</summary>
    /// <param name="endPoint">Where to; port 0 takes any port that is free.</param>
    /// <returns>One or two sockets, on one port.</returns>
    /// <exception cref="SocketException">The endpoint cannot be listened on.</exception>
    public static Socket[] Bind(IPEndPoint endPoint)
    {
        if (!endPoint.Address.Equals(IPAddress.IPv6Any) || !Socket.OSSupportsIPv4)
        {
            return [BindOne(endPoint)];
        }

        if (!Socket.OSSupportsIPv6)
        {
            return [BindOne(new IPEndPoint(IPAddress.Any, endPoint.Port))];
        }

        for (int attempt = 1; ; attempt++)
        {
            Socket six = BindOne(endPoint);
            try
            {
                return [six, BindOne(new IPEndPoint(IPAddress.Any, ((IPEndPoint)six.LocalEndPoint!).Port))];
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && endPoint.Port == 0 && attempt < PortAttempts)
            {
                six.Dispose();
            }
            catch
            {
                six.Dispose();
                throw;
            }
        }
    }

    /// <summary>Binds one socket, of IPv6 alone if it is of IPv6.</summary>
    /// <exception cref="SocketException">The endpoint cannot be listened on.</exception>
    public static Socket BindOne(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false;
            }

            socket.ReceiveBufferSize = ReceiveBufferSize;
            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
