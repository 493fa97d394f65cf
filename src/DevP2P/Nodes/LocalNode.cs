using System.Net;
using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Rlp;

namespace DevP2P.Nodes;

/// <summary>
/// This program's own node: keeps the entries of its record and signs a new version when they have changed and somebody asks
/// for it. Safe for concurrent use; the nodes and records that it hands out never change.
/// </summary>
/// <remarks>
/// <para>
/// The sequence number rises only when the record differs from the last one that was signed, also from the one of the last
/// run. It never falls: a new version has a number above all stored ones, and one of at least the time of the start in
/// milliseconds, so that a node whose database is lost does not fall behind what the network has seen of it.
/// </para>
/// <para>
/// Addresses and UDP ports are not set as entries: they follow, for each address family, from the static address, what other
/// nodes say they see, and the fallbacks, in this order; what a device between this host and the internet says comes after the
/// static address. No clock is read: who reports statements says when. Go:
/// <c>enode.LocalNode</c>.
/// </para>
/// </remarks>
public sealed class LocalNode
{
    // Entries that follow from addresses and ports, and the room that they need when all are there.
    private static readonly string[] s_predictedKeys = [NodeRecordKey.IPv4, NodeRecordKey.IPv6, NodeRecordKey.Udp, NodeRecordKey.Udp6];
    private static readonly int s_predictedSize =
        NodeRecordBuilder.EntryLength(NodeRecordKey.IPv4, 5) + NodeRecordBuilder.EntryLength(NodeRecordKey.IPv6, 17)
        + NodeRecordBuilder.EntryLength(NodeRecordKey.Udp, 3) + NodeRecordBuilder.EntryLength(NodeRecordKey.Udp6, 3);

    private readonly PrivateKey _key;
    private readonly Action<NodeRecord>? _save;
    private readonly ulong _firstSequence;

    private readonly Lock _lock = new();
    private readonly NodeRecordBuilder _entries = new();
    private readonly LocalEndPoint _endPoint4 = new();
    private readonly LocalEndPoint _endPoint6 = new();
    private NodeRecord? _record;
    private ulong _sequence;

    /// <summary>Of which the entries were set last: most calls change nothing.</summary>
    private (IPAddress? Address4, int Udp4, IPAddress? Address6, int Udp6, int Tcp6)? _endPoints;

    /// <summary>The TCP port for IPv6, if it was set here. 0 for none.</summary>
    private int _tcpPort6;

    /// <summary>The node of <see cref="_record"/>, or null after a change.</summary>
    private volatile Node? _node;

    /// <summary>Makes the local node.</summary>
    /// <param name="key">Its identity.</param>
    /// <param name="now">The time of the start (UTC).</param>
    /// <param name="storedSequence">The sequence number that was stored for this key, or 0.</param>
    /// <param name="storedRecord">
    /// The last record that was stored, or null. It is signed anew only when the entries differ; one of another key is ignored.
    /// </param>
    /// <param name="save">
    /// Stores a new record with its sequence number before anybody sees it. Called under a lock: it should be quick, and
    /// calls for one node never overlap. What it throws comes out of <see cref="Node"/>, and the sequence number stays.
    /// </param>
    /// <remarks>Go: <c>enode.NewLocalNode</c>.</remarks>
    public LocalNode(PrivateKey key, DateTimeOffset now, ulong storedSequence = 0, NodeRecord? storedRecord = null, Action<NodeRecord>? save = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        _key = key;
        _save = save;
        _record = storedRecord is not null && storedRecord.PublicKey.Equals(key.PublicKey) ? storedRecord : null;
        _sequence = Math.Max(storedSequence, _record?.Sequence ?? 0);
        _firstSequence = (ulong)Math.Max(0, now.ToUnixTimeMilliseconds());
    }

    /// <summary>The node's public key.</summary>
    public PublicKey PublicKey => _key.PublicKey;

    /// <summary>The node's id.</summary>
    public NodeId Id => _key.PublicKey.NodeId;

    /// <summary>The node as it is now, with its record; signed now if something has changed since the last time.</summary>
    /// <remarks>Go: <c>LocalNode.Node</c>.</remarks>
    public Node Node
    {
        get
        {
            if (_node is { } current)
            {
                return current;
            }

            lock (_lock)
            {
                return _node ??= Node.FromRecord(GetRecord());
            }
        }
    }

    /// <summary>The sequence number of the record as it is now.</summary>
    /// <remarks>Go: <c>LocalNode.Seq</c>.</remarks>
    public ulong Sequence => Node.Sequence;

    /// <summary>Sets an entry of the record, such as "tcp" or "eth".</summary>
    /// <param name="key">The key, as in <see cref="NodeRecordBuilder.Set"/>.</param>
    /// <param name="value">The value, as in <see cref="NodeRecordBuilder.Set"/>.</param>
    /// <exception cref="ArgumentException">
    /// As in <see cref="NodeRecordBuilder.Set"/>; or the entry is one that follows from addresses and UDP ports; or the record
    /// would have no room for these any more. The record is unchanged then.
    /// </exception>
    /// <remarks>Go: <c>LocalNode.Set</c>.</remarks>
    public void Set(string key, object? value) => SetRaw(key, RlpEncoding.Encode(value));

    /// <summary>Sets an entry of the record to a value that is encoded already.</summary>
    /// <param name="key">The key, as in <see cref="NodeRecordBuilder.SetRaw"/>.</param>
    /// <param name="rlp">Exactly one RLP item.</param>
    /// <exception cref="ArgumentException">As in <see cref="Set"/>.</exception>
    public void SetRaw(string key, ReadOnlySpan<byte> rlp)
    {
        CheckKey(key);
        lock (_lock)
        {
            if (_entries.TryGetRaw(key, out byte[]? old) && old.AsSpan().SequenceEqual(rlp))
            {
                return;
            }

            _entries.SetRaw(key, rlp);
            int length = _entries.GetMaxLength(s_predictedSize, s_predictedKeys);
            if (length > NodeRecord.MaxSize)
            {
                _ = old is null ? _entries.Remove(key) : _entries.SetRaw(key, old);
                throw new ArgumentException(
                    $"with the entry {EnodeUrl.Quote(key)} and the addresses the record may take {length} bytes; the limit is {NodeRecord.MaxSize}", nameof(rlp));
            }

            _node = null;
        }
    }

    /// <summary>Sets the entry "eth".</summary>
    public void SetForkId(ForkId forkId) => Set(NodeRecordKey.Eth, new object[] { forkId });

    /// <summary>Removes an entry; that it is not there is no error.</summary>
    /// <exception cref="ArgumentException">The entry follows from addresses and UDP ports, or signing sets it.</exception>
    /// <remarks>Go: <c>LocalNode.Delete</c>.</remarks>
    public void Remove(string key)
    {
        CheckKey(key);
        lock (_lock)
        {
            RemoveEntry(key);
        }
    }

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
            LocalEndPoint local = isIPv6 ? _endPoint6 : _endPoint4;
            (local.ExternalAddress, local.ExternalUdpPort) = (address, udpPort);
            UpdateEndPoints(TimeSpan.MinValue);
        }
    }

    /// <summary>Sets the TCP ports: that for IPv6 is in the record while it is another one, and there is an IPv6 address.</summary>
    /// <param name="port">The port for IPv4, or 0 for none.</param>
    /// <param name="port6">The port for IPv6, or 0 for none.</param>
    internal void SetTcpPorts(int port, int port6)
    {
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
            return (isIPv6 ? _endPoint6 : _endPoint4).Predict(TimeSpan.MinValue)?.Address;
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
        if (local.StaticAddress is not null)
        {
            return;
        }

        lock (_lock)
        {
            local.Tracker.AddContact(now, to.Address);
            UpdateEndPoints(now);
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

    private static void CheckKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (s_predictedKeys.Contains(key))
        {
            throw new ArgumentException(
                $"the entry \"{key}\" follows from {nameof(SetStaticAddress)}, {nameof(SetFallbackAddress)}, {nameof(SetFallbackUdpPort)} and what other nodes see",
                nameof(key));
        }
    }

    private NodeRecord GetRecord()
    {
        if (_record is { } record && record.Sequence == _sequence && _entries.HasEntriesOf(record))
        {
            return record;
        }

        _entries.Sequence = Math.Max(checked(_sequence + 1), _firstSequence);
        record = _entries.Sign(_key);
        _save?.Invoke(record);
        _sequence = record.Sequence;
        return _record = record;
    }

    private LocalEndPoint EndPointFor(IPAddress address) => LocalEndPoint.IsIPv4(address) ? _endPoint4 : _endPoint6;

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

    private void SetOrRemove(string key, object? value)
    {
        if (value is null)
        {
            RemoveEntry(key);
            return;
        }

        byte[] rlp = RlpEncoding.Encode(value);
        if (!_entries.TryGetRaw(key, out byte[]? old) || !old.AsSpan().SequenceEqual(rlp))
        {
            _entries.SetRaw(key, rlp);
            _node = null;
        }
    }

    private void RemoveEntry(string key)
    {
        bool existed = _entries.TryGetRaw(key, out _);
        _entries.Remove(key);
        _node = existed ? null : _node;
    }
}
