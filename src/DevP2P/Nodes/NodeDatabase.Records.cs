using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;

namespace DevP2P.Nodes;

/// <content>What is recorded, and what is dropped for it.</content>
internal sealed partial class NodeDatabase
{
    private enum ContactChange
    {
        PingSent,
        PingReceived,
        Pong,
        FindFailures,
    }

    /// <summary>
    /// Stores a node's endpoint and record; call it only for nodes that answered. Ignored if the stored record has a higher
    /// sequence number (a node without a record counts as 0), if the node has no address, or if it is new in its network and that
    /// has its share. A host name is not stored.
    /// </summary>
    /// <remarks>Go: <c>DB.UpdateNode</c>.</remarks>
    public void RecordNode(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.Address is null)
        {
            return;
        }

        IPAddress address = NodeDatabaseEntry.Normalize(node.Address);
        Node bare = node.HostName is null && node.Record is null && ReferenceEquals(address, node.Address)
            ? node
            : Node.Create(node.PublicKey, address, node.TcpPort, node.UdpPort);
        ReadOnlyMemory<byte> record = node.Record?.Encoded ?? default;
        ulong network = NodeDatabaseEntry.NetworkOf(address);
        lock (_gate)
        {
            if (FindOrCreate(node.Id, network) is { } entry && node.Sequence >= entry.Sequence
                && !(bare.Equals(entry.Node) && record.Span.SequenceEqual(entry.Record.Span)))
            {
                // Otherwise nodes that are known by one network could gather in another one (T03).
                if (network != entry.Network && IsFull(network))
                {
                    _refused++;
                    return;
                }

                Replace(entry with { Node = bare, Network = network, Record = record, Sequence = node.Sequence });
            }
        }
    }

    /// <summary>Notes that a ping was sent now to a known node; ignored for others.</summary>
    public void RecordPingSent(NodeId id, IPAddress address) => RecordContact(id, address, ContactChange.PingSent);

    /// <summary>
    /// Notes that a known node sent a ping now; ignored for others, for anybody can send a ping.
    /// </summary>
    /// <remarks>Go: <c>DB.UpdateLastPingReceived</c>.</remarks>
    public void RecordPingReceived(NodeId id, IPAddress address) => RecordContact(id, address, ContactChange.PingReceived);

    /// <summary>Notes that a node answered our ping now from an address. This also drops what expired, once in a while.</summary>
    /// <remarks>Go: <c>DB.UpdateLastPongReceived</c>.</remarks>
    public void RecordPong(NodeId id, IPAddress address) => RecordContact(id, address, ContactChange.Pong);

    /// <summary>Stores how many queries in a row a known node left without a useful answer; ignored for others.</summary>
    /// <remarks>Go: <c>DB.UpdateFindFails</c>.</remarks>
    public void RecordFindFailures(NodeId id, IPAddress address, int failures)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(failures);
        RecordContact(id, address, ContactChange.FindFailures, failures);
    }

    /// <summary>
    /// Notes that a known node proved useful as a peer now; ignored for others: call <see cref="RecordNode"/> before it for a
    /// node that was dialed. Such nodes outlive silence and are the last to make room (threat T03).
    /// </summary>
    /// <param name="id">The node.</param>
    /// <param name="points">What to add to its score; at least 1.</param>
    public void RecordUseful(NodeId id, int points = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 1);
        lock (_gate)
        {
            if (_nodes.TryGetValue(id, out NodeDatabaseEntry? entry))
            {
                long score = entry.UsefulScore > long.MaxValue - points ? long.MaxValue : entry.UsefulScore + points;
                Replace(entry with { UsefulAt = Now(), UsefulScore = score });
            }
        }
    }

    /// <summary>Forgets a node.</summary>
    /// <returns>Whether it was known.</returns>
    /// <remarks>Go: <c>DB.DeleteNode</c>.</remarks>
    public bool Remove(NodeId id)
    {
        lock (_gate)
        {
            return Drop(id);
        }
    }

    /// <summary>
    /// Stores an own node's new record, at once: what <see cref="LocalNode"/> wants for saving. One with a lower sequence
    /// number than the stored one is ignored.
    /// </summary>
    /// <remarks>Go: <c>DB.storeLocalSeq</c>.</remarks>
    public void RecordLocalRecord(NodeRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        lock (_gate)
        {
            if (_local.GetValueOrDefault(record.NodeId).Sequence < record.Sequence)
            {
                _local[record.NodeId] = new NodeDatabaseLocal(record.Sequence, record.Encoded);
                MarkDirty(record.NodeId, _dirtyLocal, urgent: true);
            }
        }
    }

    /// <summary>Stores a value of the program's own under a name, at once.</summary>
    /// <param name="key">The name.</param>
    /// <param name="value">At most <see cref="MaxMetaSize"/> bytes; null removes it.</param>
    /// <exception cref="ArgumentException">The value is too long.</exception>
    /// <exception cref="InvalidOperationException">There are <see cref="MaxMetaEntries"/> values already.</exception>
    public void SetMeta(string key, byte[]? value)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (value?.Length > MaxMetaSize)
        {
            throw new ArgumentException($"a value has at most {MaxMetaSize} bytes, not {value.Length}", nameof(value));
        }

        lock (_gate)
        {
            if (value is null)
            {
                if (!_meta.Remove(key))
                {
                    return;
                }
            }
            else
            {
                if (_meta.Count >= MaxMetaEntries && !_meta.ContainsKey(key))
                {
                    throw new InvalidOperationException($"the node database keeps at most {MaxMetaEntries} values");
                }

                _meta[key] = [.. value];
            }

            MarkDirty(key, _dirtyMeta, urgent: true);
        }
    }

    private void RecordContact(NodeId id, IPAddress address, ContactChange change, int failures = 0)
    {
        ArgumentNullException.ThrowIfNull(address);
        address = NodeDatabaseEntry.Normalize(address);
        lock (_gate)
        {
            DateTimeOffset now = Now();
            NodeDatabaseEntry? entry = change == ContactChange.Pong
                ? FindOrCreate(id, NodeDatabaseEntry.NetworkOf(address))
                : _nodes.GetValueOrDefault(id);
            int index = entry?.IndexOf(address) ?? -1;
            // A ping makes no address known either: only an answer does.
            if (entry is null || (index < 0 && change is ContactChange.PingReceived))
            {
                return;
            }

            NodeDatabaseContact contact = index < 0 ? new NodeDatabaseContact(address, null, null, null, 0) : entry.Contacts[index];
            contact = change switch
            {
                ContactChange.PingSent => contact with { LastPingSent = now },
                ContactChange.PingReceived => contact with { LastPingReceived = now },
                ContactChange.Pong => contact with { LastPong = now },
                _ => contact with { FindFailures = failures },
            };
            Replace(entry with { Contacts = index < 0 ? AddContact(entry, contact) : entry.Contacts.SetItem(index, contact) });
            if (change == ContactChange.Pong)
            {
                ExpireIfDue(now);
            }
        }
    }

    private static ImmutableArray<NodeDatabaseContact> AddContact(NodeDatabaseEntry entry, NodeDatabaseContact contact)
    {
        if (entry.Contacts.Length < MaxAddressesPerNode)
        {
            return entry.Contacts.Add(contact);
        }

        int oldest = 0;
        for (int i = 1; i < entry.Contacts.Length; i++)
        {
            if ((entry.Contacts[i].LastPong ?? default) < (entry.Contacts[oldest].LastPong ?? default))
            {
                oldest = i;
            }
        }

        return entry.Contacts.SetItem(oldest, contact);
    }

    /// <summary>The entry of a node; a new one, not yet stored, if it is unknown and there is room for its network.</summary>
    private NodeDatabaseEntry? FindOrCreate(NodeId id, ulong network)
    {
        if (_nodes.TryGetValue(id, out NodeDatabaseEntry? entry))
        {
            return entry;
        }

        if (IsFull(network))
        {
            _refused++;
            return null;
        }

        MakeRoom(_options.MaxNodes - 1);
        return new NodeDatabaseEntry(id, Now()) { Network = network };
    }

    private bool IsFull(ulong network) => network != 0 && _networks.GetValueOrDefault(network) >= _options.MaxNodesPerNetwork;

    private void Replace(NodeDatabaseEntry entry)
    {
        if (_nodes.TryGetValue(entry.Id, out NodeDatabaseEntry? previous))
        {
            Count(previous.Network, -1);
        }

        Count(entry.Network, 1);
        _nodes[entry.Id] = entry;
        MarkDirty(entry.Id, _dirtyNodes, urgent: false);
    }

    private bool Drop(NodeId id)
    {
        if (!_nodes.Remove(id, out NodeDatabaseEntry? entry))
        {
            return false;
        }

        Count(entry.Network, -1);
        MarkDirty(id, _dirtyNodes, urgent: false);
        return true;
    }

    private void Count(ulong network, int change)
    {
        if (network != 0 && (CollectionsMarshal.GetValueRefOrAddDefault(_networks, network, out _) += change) == 0)
        {
            _networks.Remove(network);
        }
    }

    /// <summary>
    /// Drops nodes if there are more than <paramref name="limit"/>: the useful last, the longest silent first. A few more than
    /// needed, so that the sorting is not repeated for each new node.
    /// </summary>
    private void MakeRoom(int limit)
    {
        if (_nodes.Count <= limit)
        {
            return;
        }

        DateTimeOffset useful = Now() - UsefulExpiration;
        int excess = Math.Min(_nodes.Count, _nodes.Count - limit + (_options.MaxNodes / 64));
        foreach (NodeDatabaseEntry entry in _nodes.Values
            .OrderBy(entry => entry.IsUsefulSince(useful))
            .ThenBy(static entry => entry.LastAlive)
            .Take(excess)
            .ToArray())
        {
            _evicted++;
            Drop(entry.Id);
        }
    }

    private void ExpireIfDue(DateTimeOffset now)
    {
        long timestamp = _options.TimeProvider.GetTimestamp();
        _expirationTimer ??= timestamp;
        if (_options.TimeProvider.GetElapsedTime(_expirationTimer.Value, timestamp) < ExpirationCycle)
        {
            return;
        }

        _expirationTimer = timestamp;
        DateTimeOffset oldest = now - NodeExpiration;
        foreach (NodeDatabaseEntry entry in _nodes.Values.ToArray())
        {
            if (entry.LastAlive < oldest && !entry.IsUsefulSince(now - UsefulExpiration))
            {
                _expired++;
                Drop(entry.Id);
            }
            else if (entry.Contacts.Any(contact => IsStale(contact, oldest)))
            {
                Replace(entry with { Contacts = entry.Contacts.RemoveAll(contact => IsStale(contact, oldest)) });
            }
        }
    }

    private static bool IsStale(NodeDatabaseContact contact, DateTimeOffset oldest) =>
        !(contact.LastPong >= oldest || contact.LastPingSent >= oldest);
}
