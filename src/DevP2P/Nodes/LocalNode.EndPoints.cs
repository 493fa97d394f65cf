using System.Net;
using DevP2P.NetUtil;

namespace DevP2P.Nodes;

/// <content>Addresses and ports, whoever says them.</content>
public sealed partial class LocalNode
{
    /// <summary>Sets the address of one family for certain; what other nodes say about it does not count any more.</summary>
    /// <remarks>Go: <c>LocalNode.SetStaticIP</c>.</remarks>
    public void SetStaticAddress(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        address = AddressRules.Unmap(address);
        lock (_lock)
        {
            EndPointFor(address).StaticAddress = address;
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>Sets what the operator has fixed, for certain.</summary>
    internal void SetFixed(AdvertisedEndPoints endPoints)
    {
        lock (_lock)
        {
            _fixed = endPoints;
            (_endPoint4.StaticAddress, _endPoint6.StaticAddress) = (endPoints.IPv4Address ?? _endPoint4.StaticAddress, endPoints.IPv6Address ?? _endPoint6.StaticAddress);
            (_endPoint4.StaticUdpPort, _endPoint6.StaticUdpPort) = (endPoints.UdpPort ?? _endPoint4.StaticUdpPort, endPoints.Udp6Port ?? _endPoint6.StaticUdpPort);
            UpdateEndPoints(TimeSpan.MinValue);
        }

        SetTcpPorts(0, 0);
    }

    /// <summary>As <see cref="SetFallbackAddress(IPAddress)"/>, of one family; null for none.</summary>
    internal void SetFallbackAddress(bool isIPv6, IPAddress? address)
    {
        lock (_lock)
        {
            EndPointFor(isIPv6).FallbackAddress = address;
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>Sets the address of one family that is not to be told, unless it is certain; null for none.</summary>
    internal void SetWithdrawnAddress(bool isIPv6, IPAddress? address)
    {
        lock (_lock)
        {
            EndPointFor(isIPv6).WithdrawnAddress = address;
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>This host is in another network: what other nodes have said of one address family before means nothing any more.</summary>
    internal void ForgetStatements(bool isIPv6)
    {
        lock (_lock)
        {
            EndPointFor(isIPv6).ForgetStatements();
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>The address of one family that others may doubt. Null if it is certain, or there is none.</summary>
    /// <param name="isIPv6">The address family.</param>
    /// <param name="external">What a device says, which comes before what other nodes say.</param>
    internal IPAddress? GetDoubtfulAddress(bool isIPv6, IPAddress? external)
    {
        lock (_lock)
        {
            return EndPointFor(isIPv6).GetDoubtfulAddress(external);
        }
    }

    /// <summary>Sets the address of one family that counts as long as there is no better one.</summary>
    /// <remarks>Go: <c>LocalNode.SetFallbackIP</c>.</remarks>
    public void SetFallbackAddress(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        address = AddressRules.Unmap(address);
        lock (_lock)
        {
            EndPointFor(address).FallbackAddress = address;
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>Sets the UDP port that counts as long as other nodes do not see another one.</summary>
    /// <param name="port">The port, or 0 for none.</param>
    /// <exception cref="ArgumentOutOfRangeException">The port is not in 0 to 65535.</exception>
    /// <remarks>Go: <c>LocalNode.SetFallbackUDP</c>.</remarks>
    public void SetFallbackUdpPort(int port)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(port, IPEndPoint.MinPort);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        lock (_lock)
        {
            _endPoint4.FallbackUdpPort = _endPoint6.FallbackUdpPort = port;
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>Sets the UDP ports that count whatever other nodes see.</summary>
    /// <param name="port">The port for IPv4, or 0 for none.</param>
    /// <param name="port6">The port for IPv6, or 0 for none.</param>
    internal void SetStaticUdpPorts(int port, int port6)
    {
        lock (_lock)
        {
            (_endPoint4.StaticUdpPort, _endPoint6.StaticUdpPort) = (port, port6);
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>
    /// Sets what a device between this host and the internet says of one address family: it wins over what other nodes say, not over
    /// what is set for certain.
    /// </summary>
    /// <param name="isIPv6">The address family.</param>
    /// <param name="address">The address outside, or null if that is not known.</param>
    /// <param name="udpPort">The external port that leads to our UDP port, or 0 if none is known.</param>
    internal void SetExternalEndPoint(bool isIPv6, IPAddress? address, int udpPort)
    {
        lock (_lock)
        {
            LocalEndPoint local = EndPointFor(isIPv6);
            (local.ExternalAddress, local.ExternalUdpPort) = (address, udpPort);
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>Sets the TCP ports: that for IPv6 is in the record while it is another one, and there is an IPv6 address.</summary>
    /// <param name="port">The port for IPv4, or 0 for none.</param>
    /// <param name="port6">The port for IPv6, or 0 for none.</param>
    internal void SetTcpPorts(int port, int port6)
    {
        (port, port6) = (_fixed.TcpPort ?? port, _fixed.Tcp6Port ?? port6);
        if (port != 0 || port6 != 0)
        {
            Set(NodeRecordKey.Tcp, port != 0 ? port : port6);
        }

        lock (_lock)
        {
            _tcpPort6 = port6 != port && port != 0 ? port6 : 0;
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>The address of one family that enough other nodes agree upon, or null.</summary>
    /// <param name="isIPv6">The address family.</param>
    internal IPAddress? GetVotedAddress(bool isIPv6)
    {
        lock (_lock)
        {
            return EndPointFor(isIPv6).Predict(TimeSpan.MinValue)?.Address;
        }
    }

    /// <summary>
    /// Another node has said where it sees us. Ignored when it names an address that no node may claim to its sort of sender (T18):
    /// loopback or LAN from outside, reserved ranges. Has no effect on an address that is set for certain.
    /// </summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="from">The node that says it.</param>
    /// <param name="endPoint">Where it sees us.</param>
    /// <remarks>Go: <c>LocalNode.UDPEndpointStatement</c>.</remarks>
    internal void AddEndPointStatement(TimeSpan now, IPEndPoint from, IPEndPoint endPoint)
    {
        IPAddress address = AddressRules.Unmap(endPoint.Address);
        LocalEndPoint local = EndPointFor(address);
        if (local.StaticAddress is not null
            || endPoint.Port == 0
            || AddressRules.CheckRelayAddress(from.Address, address) is not null)
        {
            return;
        }

        lock (_lock)
        {
            local.Tracker.AddStatement(now, from.Address, ReferenceEquals(address, endPoint.Address) ? endPoint : new IPEndPoint(address, endPoint.Port));
            UpdateEndPoints(now);
        }
    }

    /// <summary>We have announced ourselves to another node.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="to">The node.</param>
    /// <remarks>Go: <c>LocalNode.UDPContact</c>.</remarks>
    internal void AddContact(TimeSpan now, IPEndPoint to)
    {
        LocalEndPoint local = EndPointFor(AddressRules.Unmap(to.Address));
        lock (_lock)
        {
            local.Tracker.AddContact(now, to.Address);
            UpdateEndPoints(now);
        }
    }

    /// <summary>Whether we have announced ourselves to a host lately.</summary>
    internal bool HasContact(TimeSpan now, IPAddress host)
    {
        LocalEndPoint local = EndPointFor(AddressRules.Unmap(host));
        lock (_lock)
        {
            return local.Tracker.HasContact(now, host);
        }
    }

    /// <summary>
    /// Whether packets from nodes that we never contacted reach us, over either address family. Says nothing as long as no
    /// such node has made a statement, and about addresses that are set for certain.
    /// </summary>
    /// <param name="now">Monotonic time.</param>
    internal bool PredictFullConeNat(TimeSpan now)
    {
        lock (_lock)
        {
            return _endPoint4.PredictFullConeNat(now) || _endPoint6.PredictFullConeNat(now);
        }
    }

    private LocalEndPoint EndPointFor(IPAddress address) => EndPointFor(!LocalEndPoint.IsIPv4(address));

    private LocalEndPoint EndPointFor(bool isIPv6) => isIPv6 ? _endPoint6 : _endPoint4;

    /// <summary>Sets the entries that follow from addresses and ports.</summary>
    /// <param name="now">Monotonic time, or <see cref="TimeSpan.MinValue"/> when it is not known: then no statement expires.</param>
    private void UpdateEndPoints(TimeSpan now)
    {
        (IPAddress? address4, int udp4) = _endPoint4.Get(now);
        (IPAddress? address6, int udp6) = _endPoint6.Get(now);
        int tcp6 = address6 is not null ? _tcpPort6 : 0;
        if (_endPoints is { } last && Equals(last.Address4, address4) && last.Udp4 == udp4 && Equals(last.Address6, address6) && last.Udp6 == udp6
            && last.Tcp6 == tcp6)
        {
            return;
        }

        if (tcp6 != (_endPoints?.Tcp6 ?? 0) && (tcp6 == 0 || HasRoomForTcp6()))
        {
            SetOrRemove(NodeRecordKey.Tcp6, tcp6 != 0 ? tcp6 : null);
        }

        _endPoints = (address4, udp4, address6, udp6, tcp6);
        SetOrRemove(NodeRecordKey.IPv4, address4?.GetAddressBytes());
        SetOrRemove(NodeRecordKey.IPv6, address6?.GetAddressBytes());
        SetOrRemove(NodeRecordKey.Udp, udp4 != 0 ? udp4 : null);
        SetOrRemove(NodeRecordKey.Udp6, udp6 != 0 && udp6 != udp4 && address6 is not null ? udp6 : null);
    }

    private bool HasRoomForTcp6() =>
        _entries.GetMaxLength(s_predictedSize + NodeRecordBuilder.EntryLength(NodeRecordKey.Tcp6, 3), [.. s_predictedKeys, NodeRecordKey.Tcp6]) <= NodeRecord.MaxSize;
}
