using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <content>Commands, lookups, liveness checks.</content>
internal sealed partial class Discv4
{
    /// <summary>How many passed checks make a node worth remembering. Go: <c>handleResponse</c> in <c>table_reval.go</c>.</summary>
    private const int ProvenChecks = 5;

    private readonly HashSet<LookupRun> _lookups = [];
    private readonly Queue<LookupRun> _queuedLookups = [];
    private readonly List<LookupRun> _lookupsWaitingForRefresh = [];
    private readonly SortedDictionary<long, Walk> _walks = [];

    /// <summary>Pings a node.</summary>
    /// <returns>The id that <see cref="PingDone"/> will have.</returns>
    /// <remarks>Go: <c>UDPv4.Ping</c>.</remarks>
    public long StartPing(Timestamp now, Node node)
    {
        long id = ++_lastId;
        if (node.UdpEndPoint is { } to)
        {
            SendPing(now, node.Id, to, attempts: 1, (t, pong) => _outputs.Enqueue(new PingDone(
                id, pong is null ? null : new PingReply(t - now, pong.To.ToUdp(), pong.RecordSequence))));
        }
        else
        {
            _outputs.Enqueue(new PingDone(id, null));
        }

        Settle(now);
        return id;
    }

    /// <summary>Asks a node for its record.</summary>
    /// <returns>The id that <see cref="RecordDone"/> will have.</returns>
    /// <remarks>Go: <c>UDPv4.RequestENR</c>.</remarks>
    public long RequestRecord(Timestamp now, Node node)
    {
        long id = ++_lastId;
        FetchRecord(now, node, (_, record) => _outputs.Enqueue(new RecordDone(id, record)));
        Settle(now);
        return id;
    }

    /// <summary>Looks for the nodes closest to a target. With an empty table, that is filled first.</summary>
    /// <param name="now">The time.</param>
    /// <param name="target">64 bytes: a public key, or anything else; what counts is their hash.</param>
    /// <returns>The id that <see cref="LookupDone"/> will have.</returns>
    /// <remarks>Go: <c>UDPv4.LookupPubkey</c>.</remarks>
    public long StartLookup(Timestamp now, ReadOnlySpan<byte> target)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(target.Length, FindNode.TargetSize);
        long id = ++_lastId;
        QueueLookup(
            target.ToArray(),
            null,
            (_, lookup) => _outputs.Enqueue(new LookupDone(id, GetResult(lookup), lookup.Queries, lookup.Hops)),
            needsTable: true);
        Settle(now);
        return id;
    }

    /// <summary>
    /// Finds a node's newest record: asks the node where it is said to be, then where the table knows it, then looks for it.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node; an address is not needed.</param>
    /// <returns>The id that <see cref="ResolveDone"/> will have.</returns>
    /// <remarks>Go: <c>UDPv4.Resolve</c>.</remarks>
    public long Resolve(Timestamp now, Node node)
    {
        long id = ++_lastId;
        FetchNode(now, node, (t, direct) =>
        {
            if (direct is not null)
            {
                _outputs.Enqueue(new ResolveDone(id, direct));
                return;
            }

            Node? known = _table.TryGet(node.Id, out TableEntry? entry) && !Equals(entry.Node.UdpEndPoint, node.UdpEndPoint) ? entry.Node : null;
            FetchNode(t, known, (t2, second) =>
            {
                if (second is not null)
                {
                    _outputs.Enqueue(new ResolveDone(id, second));
                    return;
                }

                QueueLookup(
                    node.PublicKey.Bytes.ToArray(),
                    null,
                    (t3, lookup) => FetchNode(
                        t3,
                        lookup.TryGetCandidate(node.Id, out Node? found) ? found : null,
                        (_, third) => _outputs.Enqueue(new ResolveDone(id, third))),
                    needsTable: true);
            });
        });
        Settle(now);
        return id;
    }

    /// <summary>Begins an endless supply of random nodes.</summary>
    /// <returns>Its id for <see cref="WantRandomNode"/> and <see cref="CloseWalk"/>.</returns>
    /// <remarks>Go: <c>UDPv4.RandomNodes</c>.</remarks>
    public long OpenWalk()
    {
        long id = ++_lastId;
        _walks.Add(id, new Walk(new RandomWalk(_table, _options.Random)));
        return id;
    }

    /// <summary>Wants one node more of a walk; <see cref="RandomNode"/> brings it once there is one.</summary>
    public void WantRandomNode(Timestamp now, long walkId)
    {
        if (_walks.TryGetValue(walkId, out Walk? walk))
        {
            walk.Wanted++;
            if (_table.Count == 0)
            {
                _refresh.Request(now);
            }

            Settle(now);
        }
    }

    /// <summary>Ends a walk.</summary>
    public void CloseWalk(long walkId) => _walks.Remove(walkId);

    private void ServeWalks(Timestamp now)
    {
        if (_walks.Count == 0)
        {
            return;
        }

        foreach ((long id, Walk walk) in _walks)
        {
            while (walk.Wanted > 0 && walk.Nodes.TryTake(out Node? node))
            {
                walk.Wanted--;
                _outputs.Enqueue(new RandomNode(id, node));
            }

            if (walk.Nodes.TryStartLookup(now))
            {
                QueueLookup(RandomTarget(), (_, node) => walk.Nodes.Offer(node), (_, _) => walk.Nodes.LookupEnded());
            }
        }
    }

    private void CheckLiveness(Timestamp now, LivenessCheck check)
    {
        if (check.Node.UdpEndPoint is not { } to)
        {
            Later(now, t => _table.CheckFailed(t, check));
            return;
        }

        SendPing(now, check.Node.Id, to, attempts: 1, (t, pong) =>
        {
            if (pong is null)
            {
                _table.CheckFailed(t, check);
            }
            else if (pong.RecordSequence > check.Node.Sequence)
            {
                FetchRecord(t, check.Node, (t2, record) => Pass(t2, check, record));
            }
            else
            {
                Pass(t, check, null);
            }
        });
    }

    private void Pass(Timestamp now, LivenessCheck check, NodeRecord? record)
    {
        Node? newer = record is null ? null : ToNode(record, check.Node);
        _table.CheckPassed(now, check, newer);
        if (check.Entry.IsInBucket && check.Entry.LivenessChecks > ProvenChecks)
        {
            _outputs.Enqueue(new NodeProven(check.Entry.Node));
        }
    }

    /// <summary>Asks for a node's record and makes a node of it; null if there is nobody to ask or no answer.</summary>
    private void FetchNode(Timestamp now, Node? node, Action<Timestamp, Node?> done)
    {
        if (node?.UdpEndPoint is null)
        {
            done(now, null);
            return;
        }

        FetchRecord(now, node, (t, record) => done(t, record is null ? null : ToNode(record, node)));
    }

    /// <summary>
    /// The node that a record describes. Where the record names no address that may be believed, the node is where it answered:
    /// many do not know their own address.
    /// </summary>
    private Node? ToNode(NodeRecord record, Node answeredAt)
    {
        if (record.Sequence < answeredAt.Sequence)
        {
            return answeredAt;
        }

        Node node = Node.FromRecord(record);
        IPAddress sender = answeredAt.Address!;
        bool isUsable = node.UdpEndPoint is { } udp
            && (udp.Address.Equals(sender) || AddressRules.CheckRelayAddress(sender, udp.Address) is null)
            && _options.NetRestrict?.Contains(udp.Address) != false;
        return isUsable ? node : node.Address is null && node.UdpPort == answeredAt.UdpPort ? node.WithAddress(sender) : null;
    }

    private byte[] RandomTarget()
    {
        byte[] target = new byte[FindNode.TargetSize];
        _options.Random.Fill(target);
        return target;
    }

    private static Node[] GetResult(Lookup lookup)
    {
        var nodes = new Node[Lookup.ResultSize];
        return nodes[..lookup.GetResult(nodes)];
    }

    private void QueueLookup(
        byte[] target, Action<Timestamp, Node>? answered, Action<Timestamp, Lookup> done, bool needsTable = false) =>
        _queuedLookups.Enqueue(new LookupRun(_local.Id, target, answered, done, needsTable));

    private bool TryStartQueuedLookup(Timestamp now)
    {
        if (!_refresh.IsRunning && _lookupsWaitingForRefresh.Count > 0 && (_table.Count > 0 || _refresh.NextTimeout > now.Monotonic))
        {
            _lookupsWaitingForRefresh.ForEach(_queuedLookups.Enqueue);
            _lookupsWaitingForRefresh.Clear();
        }

        if (_lookups.Count >= Discv4Limits.MaxLookups || !_queuedLookups.TryDequeue(out LookupRun? run))
        {
            return false;
        }

        if (run.NeedsTable && _table.Count == 0)
        {
            // Once. If there is nobody after that, the lookup finds nobody.
            run.NeedsTable = false;
            _refresh.Request(now);
            _lookupsWaitingForRefresh.Add(run);
            return true;
        }

        int count = _table.GetClosest(run.Lookup.Target, preferLive: false, _closest);
        run.Lookup.AddSeeds(_closest.AsSpan(0, count));
        _lookups.Add(run);
        Advance(now, run);
        return true;
    }

    private void Advance(Timestamp now, LookupRun run)
    {
        while (run.Lookup.TryGetQuery(out Node? node))
        {
            Query(now, run, node);
        }

        if (run.Lookup.IsCompleted && _lookups.Remove(run))
        {
            run.Done(now, run.Lookup);
        }
    }

    private void Query(Timestamp now, LookupRun run, Node node) => Find(now, node, run.Target, (t, nodes) =>
    {
        _table.QueryEnded(t, node.Id, nodes is { Count: > 0 });
        if (nodes is null)
        {
            run.Lookup.QueryFailed(node.Id);
        }
        else
        {
            foreach (Node found in nodes)
            {
                _table.AddFound(t, found, node.Address!);
            }

            run.Lookup.QueryAnswered(node.Id, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(nodes));
            run.Answered?.Invoke(t, Newest(node));
        }

        Advance(t, run);
    });

    /// <summary>A node as the table has it, if it does: with its record.</summary>
    private Node Newest(Node node) => _table.TryGet(node.Id, out TableEntry? entry) && Equals(entry.Node.UdpEndPoint, node.UdpEndPoint) ? entry.Node : node;

    /// <summary>A lookup and what it is for.</summary>
    private sealed class LookupRun(
        NodeId self, byte[] target, Action<Timestamp, Node>? answered, Action<Timestamp, Lookup> done, bool needsTable)
    {
        public Lookup Lookup { get; } = new(self, Hash(target));

        public byte[] Target => target;

        public Action<Timestamp, Node>? Answered => answered;

        public Action<Timestamp, Lookup> Done => done;

        /// <summary>Whether it waits until an empty table is filled.</summary>
        public bool NeedsTable { get; set; } = needsTable;

        private static NodeId Hash(byte[] target)
        {
            Span<byte> hash = stackalloc byte[NodeId.Size];
            Crypto.Keccak256.Hash(target, hash);
            return new NodeId(hash);
        }
    }

    private sealed class Walk(RandomWalk nodes)
    {
        public RandomWalk Nodes => nodes;

        public int Wanted { get; set; }
    }
}
