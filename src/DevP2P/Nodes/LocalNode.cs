using System.Net;
using DevP2P.Crypto;
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
public sealed partial class LocalNode
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

    private AdvertisedEndPoints _fixed = new();

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
