using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace DevP2P.NetUtil;

/// <summary>
/// An IP address and a port as one value, which is compared, hashed and sent to without allocating anything. An IPv4 address is in
/// its IPv6 form (<c>::ffff:a.b.c.d</c>), so that one host is the same over either kind of socket.
/// </summary>
/// <remarks>Scope ids are left out: link-local addresses are never dialed (T18).</remarks>
/// <param name="Address">The 16 bytes of the address as a number.</param>
/// <param name="Port">The port.</param>
internal readonly record struct CompactEndPoint(UInt128 Address, ushort Port)
{
    private const int PortOffset = 2;
    private const int IPv4Offset = 4;
    private const int IPv6Offset = 8;
    private const ulong MappedPrefix = 0xFFFF_0000_0000;

    /// <summary>The size of a <see cref="SocketAddress"/> of IPv4 and of IPv6.</summary>
    private const int IPv4Size = 16;
    private const int IPv6Size = 28;

    /// <summary>Whether the address is an IPv4 address.</summary>
    public bool IsIPv4 => Address >> 32 == MappedPrefix >> 32;

    /// <summary>Whether the address is of this host only.</summary>
    public bool IsLoopback => IsIPv4 ? (byte)(Address >> 24) == 127 : Address == UInt128.One;

    /// <summary>Makes one from an endpoint.</summary>
    public static CompactEndPoint From(IPEndPoint endPoint) => From(endPoint.Address, endPoint.Port);

    /// <summary>Makes one from an address and a port.</summary>
    public static CompactEndPoint From(IPAddress address, int port)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            address.TryWriteBytes(bytes, out _);
            return new CompactEndPoint(MappedPrefix | BinaryPrimitives.ReadUInt32BigEndian(bytes), (ushort)port);
        }

        address.TryWriteBytes(bytes, out _);
        return new CompactEndPoint(BinaryPrimitives.ReadUInt128BigEndian(bytes), (ushort)port);
    }

    /// <summary>Makes one from what a socket says of a datagram's sender (<c>sockaddr_in</c>, <c>sockaddr_in6</c>).</summary>
    public static CompactEndPoint From(SocketAddress from) => From(from.Buffer.Span, from.Family);

    /// <inheritdoc cref="From(SocketAddress)"/>
    public static CompactEndPoint From(ReadOnlySpan<byte> from, AddressFamily family)
    {
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(from[PortOffset..]);
        return family == AddressFamily.InterNetwork
            ? new CompactEndPoint(MappedPrefix | BinaryPrimitives.ReadUInt32BigEndian(from[IPv4Offset..]), port)
            : new CompactEndPoint(BinaryPrimitives.ReadUInt128BigEndian(from[IPv6Offset..]), port);
    }

    /// <summary>Writes it for a socket to send to.</summary>
    /// <param name="to">Of IPv6 (the form that every IPv4 address has, too), or of IPv4 if <see cref="IsIPv4"/>.</param>
    public void CopyTo(SocketAddress to) => to.Size = CopyTo(to.Buffer.Span, to.Family);

    /// <summary>The same for an address whose family is in its place already.</summary>
    /// <returns>The address's size.</returns>
    public int CopyTo(Span<byte> to, AddressFamily family)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to[PortOffset..], Port);
        if (family == AddressFamily.InterNetwork)
        {
            BinaryPrimitives.WriteUInt32BigEndian(to[IPv4Offset..], (uint)Address);
            return IPv4Size;
        }

        to[IPv4Offset..IPv6Size].Clear();
        BinaryPrimitives.WriteUInt128BigEndian(to[IPv6Offset..], Address);
        return IPv6Size;
    }

    /// <summary>The address, of IPv4 if it can be.</summary>
    public IPAddress ToAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Address);
        return new IPAddress(IsIPv4 ? bytes[12..] : bytes);
    }

    /// <summary>The endpoint, of IPv4 if it can be.</summary>
    public IPEndPoint ToEndPoint() => new(ToAddress(), Port);

    /// <summary>The network that counts as one host where hosts are limited: an IPv4 address, or an IPv6 /64.</summary>
    public ulong Network => IsIPv4 ? (ulong)Address : (ulong)(Address >> 64);

    /// <inheritdoc/>
    public override string ToString() => ToEndPoint().ToString();
}
