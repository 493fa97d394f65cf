using System.Net;

namespace DevP2P.Dialing;

/// <summary>A connection that a dialer opened. Whoever received it disposes its <see cref="Stream"/>.</summary>
public sealed class DialedConnection
{
    /// <summary>Describes a connection.</summary>
    /// <param name="stream">The bytes, both ways.</param>
    /// <param name="localEndPoint">Our end, or null if there is no such thing.</param>
    /// <param name="remoteEndPoint">The node's end, or null if it is not known.</param>
    /// <exception cref="ArgumentNullException"><paramref name="stream"/> is null.</exception>
    public DialedConnection(Stream stream, EndPoint? localEndPoint = null, EndPoint? remoteEndPoint = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Stream = stream;
        LocalEndPoint = localEndPoint;
        RemoteEndPoint = remoteEndPoint;
    }

    /// <summary>The bytes, both ways. Disposing it closes the connection.</summary>
    public Stream Stream { get; }

    /// <summary>Our end of the connection, or null.</summary>
    public EndPoint? LocalEndPoint { get; }

    /// <summary>The node's end of the connection, or null.</summary>
    public EndPoint? RemoteEndPoint { get; }
}
