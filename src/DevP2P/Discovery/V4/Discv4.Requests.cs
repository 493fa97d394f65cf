using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <content>What we want from others. What comes of it is told to a continuation, exactly once, null standing for no answer.</content>
internal sealed partial class Discv4
{
    private readonly Dictionary<ContactKey, PingRequest> _pings = [];
    private readonly Dictionary<ContactKey, Queue<FindRequest>> _finds = [];
    private readonly Dictionary<PacketHash, PendingRecord> _records = [];
    private readonly Dictionary<ContactKey, List<ProofWait>> _proofWaits = [];

    // How many requests wait for which answer from where: all that is known before a signature is recovered.
    private readonly Dictionary<(IPAddress Address, PacketType Type), int> _awaited = [];

    // Requests that were sent in the current second. Equal ones would be the same packet, and look like a replay.
    private readonly HashSet<PacketHash> _sentThisSecond = [];
    private ulong _sentSecond;
    private int _pingBacks;
    private int _unanswered;

    /// <summary>
    /// Pings a node. If a ping to the same endpoint is under way already, its answer serves both; a ping to another endpoint of
    /// the same address takes the place of the former, whose answer then does not count any more (T04: the latest ping).
    /// </summary>
    private void SendPing(Timestamp now, NodeId id, IPEndPoint to, Action<Timestamp, Pong?> done)
    {
        var key = new ContactKey(id, to.Address);
        if (_pings.TryGetValue(key, out PingRequest? pending) && pending.To.Port == to.Port)
        {
            pending.Done.Add(done);
            return;
        }

        if (RequestCount >= Discv4Limits.MaxRequests)
        {
            Later(now, t => done(t, null));
            return;
        }

        Node self = _local.Node;
        var from = new Endpoint(self.UdpEndPoint?.Address, (ushort)self.UdpPort, (ushort)self.TcpPort);
        PacketHash hash = SendRequest(
            now, to, expiration => new Ping(Ping.CurrentVersion, from, new Endpoint(to, 0), expiration, self.Sequence));
        _local.AddContact(now.Monotonic, to);
        var request = new PingRequest(to, hash, now.Monotonic);
        request.Done.Add(done);
        request.Timeout = _timers.Start(now.Monotonic + Discv4Limits.ResponseTimeout, t => EndPing(t, key, request, null));
        _pings[key] = request;
        Await(key.Address, PacketType.Pong, 1);
    }

    private void HandlePong(Timestamp now, IPEndPoint from, ContactKey key, Pong pong)
    {
        if (!_pings.TryGetValue(key, out PingRequest? request) || request.Hash != pong.PingHash)
        {
            return;
        }

        Contact contact = _contacts.AddProof(now.Monotonic, key);
        contact.LastPing = request.PingedAt ?? contact.LastPing;
        _outputs.Enqueue(new EndpointVerified(key.Id, request.To));
        CountVote(now, from, pong.To);
        EndPing(now, key, request, pong);
    }

    private void EndPing(Timestamp now, ContactKey key, PingRequest request, Pong? pong)
    {
        request.Timeout!.Cancel();
        Await(key.Address, PacketType.Pong, -1);
        CountAnswer(pong is not null);
        if (_pings.GetValueOrDefault(key) == request)
        {
            _pings.Remove(key);
        }

        foreach (Action<Timestamp, Pong?> done in request.Done)
        {
            done(now, pong);
        }
    }

    /// <summary>
    /// Makes sure that a node has an endpoint proof of ours, as far as we can know: it answers no queries otherwise.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node.</param>
    /// <param name="then">Goes on with true if the node may be asked, with false if it seems to be dead.</param>
    private void EnsureProof(Timestamp now, Node node, Action<Timestamp, bool> then)
    {
        if (node.UdpEndPoint is not { } to)
        {
            Later(now, t => then(t, false));
            return;
        }

        var key = new ContactKey(node.Id, to.Address);
        Contact? contact = _contacts.Find(key);
        if (contact is not null
            && now.Monotonic - contact.LastPing < Discv4Limits.ProofRenewal
            && contact.FindFailures <= Discv4Limits.MaxFindFailures)
        {
            then(now, true);
            return;
        }

        SendPing(now, node.Id, to, (t, pong) =>
        {
            bool hasPinged = _contacts.Find(key) is { } known && known.LastPing >= now.Monotonic;
            if (pong is null && !hasPinged)
            {
                then(t, false);
                return;
            }

            // If it needs a proof, it pings us now. Otherwise it has one already, and we wait for nothing.
            var wait = new ProofWait(then);
            wait.Timer = hasPinged
                ? _timers.Start(t.Monotonic + Discv4Limits.ProofGrace, t2 => then(t2, true))
                : _timers.Start(t.Monotonic + Discv4Limits.ResponseTimeout, t2 => EndProofWait(t2, key, wait));
            if (!hasPinged)
            {
                if (!_proofWaits.TryGetValue(key, out List<ProofWait>? waits))
                {
                    _proofWaits.Add(key, waits = []);
                }

                waits.Add(wait);
            }
        });
    }

    /// <summary>A node has pinged us and was answered: whoever waited for this can go on.</summary>
    private void EndProofWaits(Timestamp now, ContactKey key)
    {
        if (_proofWaits.Remove(key, out List<ProofWait>? waits))
        {
            foreach (ProofWait wait in waits)
            {
                wait.Timer!.Cancel();
                _timers.Start(now.Monotonic + Discv4Limits.ProofGrace, t => wait.Then(t, true));
            }
        }
    }

    private void EndProofWait(Timestamp now, ContactKey key, ProofWait wait)
    {
        if (_proofWaits.TryGetValue(key, out List<ProofWait>? waits) && waits.Remove(wait) && waits.Count == 0)
        {
            _proofWaits.Remove(key);
        }

        wait.Then(now, true);
    }

    /// <summary>
    /// Asks a node for the nodes closest to a target. One question after the other: an answer does not say which of two it
    /// belongs to.
    /// </summary>
    private void Find(Timestamp now, Node node, byte[] target, Action<Timestamp, List<Node>?> done) =>
        EnsureProof(now, node, (t, isReady) =>
        {
            if (!isReady || node.UdpEndPoint is not { } to)
            {
                done(t, null);
                return;
            }

            var key = new ContactKey(node.Id, to.Address);
            var request = new FindRequest(to, target, done);
            if (_finds.TryGetValue(key, out Queue<FindRequest>? queue))
            {
                queue.Enqueue(request);
                return;
            }

            _finds.Add(key, queue = new Queue<FindRequest>(1));
            queue.Enqueue(request);
            SendFind(t, key, request);
        });

    private void SendFind(Timestamp now, ContactKey key, FindRequest request)
    {
        SendRequest(now, request.To, expiration => new FindNode(request.Target, expiration));
        Await(key.Address, PacketType.Neighbors, 1);
        request.Timeout = _timers.Start(now.Monotonic + Discv4Limits.ResponseTimeout, t => EndFind(t, key, request));
    }

    private void HandleNeighbors(Timestamp now, ContactKey key, Neighbors packet)
    {
        if (!_finds.TryGetValue(key, out Queue<FindRequest>? queue))
        {
            return;
        }

        FindRequest request = queue.Peek();
        request.IsAnswered = true;
        foreach (Neighbor neighbor in packet.Nodes)
        {
            if (request.Received == Neighbors.MaxPerAnswer)
            {
                break;
            }

            request.Received++;
            if (Check(neighbor, key.Address) is { } node)
            {
                request.Nodes.Add(node);
            }
        }

        if (request.Received == Neighbors.MaxPerAnswer)
        {
            EndFind(now, key, request);
        }
        else if (packet.Nodes.Count < Neighbors.MaxPerPacket && request.Timeout!.Due > now.Monotonic + Discv4Limits.LastNeighborsGrace)
        {
            // A packet that is not full is the last one, which may have overtaken the one before it.
            request.Timeout.Cancel();
            request.Timeout = _timers.Start(now.Monotonic + Discv4Limits.LastNeighborsGrace, t => EndFind(t, key, request));
        }
    }

    private void EndFind(Timestamp now, ContactKey key, FindRequest request)
    {
        request.Timeout!.Cancel();
        Await(key.Address, PacketType.Neighbors, -1);
        CountAnswer(request.IsAnswered);
        if (_contacts.Find(key) is { } contact && (contact.FindFailures > 0 || !request.IsAnswered))
        {
            contact.FindFailures = request.IsAnswered ? 0 : contact.FindFailures + 1;
            _outputs.Enqueue(new FindFailures(key.Id, key.Address, contact.FindFailures));
        }

        Queue<FindRequest> queue = _finds[key];
        queue.Dequeue();
        if (queue.TryPeek(out FindRequest? next))
        {
            SendFind(now, key, next);
        }
        else
        {
            _finds.Remove(key);
        }

        request.Done(now, request.IsAnswered ? request.Nodes : null);
    }

    /// <summary>Checks a node that another one names; null if it is not to be believed (T08, T18).</summary>
    private Node? Check(Neighbor neighbor, IPAddress sender) =>
        neighbor.Endpoint.Address is { } address
        && neighbor.Endpoint.UdpPort > Discv4Limits.MaxPrivilegedPort
        && AddressRules.CheckRelayAddress(sender, address) is null
        && _options.NetRestrict?.Contains(address) != false
        && PublicKey.TryParse(neighbor.Key.Span, out PublicKey? publicKey)
            ? Node.Create(publicKey, address, neighbor.Endpoint.TcpPort, neighbor.Endpoint.UdpPort)
            : null;

    /// <summary>Asks a node for its record.</summary>
    private void FetchRecord(Timestamp now, Node node, Action<Timestamp, NodeRecord?> done) =>
        EnsureProof(now, node, (t, isReady) =>
        {
            if (!isReady || node.UdpEndPoint is not { } to || RequestCount >= Discv4Limits.MaxRequests)
            {
                done(t, null);
                return;
            }

            PacketHash hash = SendRequest(t, to, expiration => new RecordRequest(expiration));
            var request = new PendingRecord(new ContactKey(node.Id, to.Address), done);
            request.Timeout = _timers.Start(t.Monotonic + Discv4Limits.ResponseTimeout, t2 => EndRecord(t2, hash, null));
            _records.Add(hash, request);
            Await(to.Address, PacketType.RecordResponse, 1);
        });

    private void HandleRecordResponse(Timestamp now, ContactKey key, RecordResponse response)
    {
        if (_records.TryGetValue(response.RequestHash, out PendingRecord? request)
            && request.Key == key
            && NodeRecord.TryDecode(response.Record.Span, out NodeRecord? record, out _)
            && record.NodeId == key.Id)
        {
            EndRecord(now, response.RequestHash, record);
        }
    }

    private void EndRecord(Timestamp now, PacketHash hash, NodeRecord? record)
    {
        if (_records.Remove(hash, out PendingRecord? request))
        {
            request.Timeout!.Cancel();
            Await(request.Key.Address, PacketType.RecordResponse, -1);
            CountAnswer(record is not null);
            request.Done(now, record);
        }
    }

    /// <summary>Sends a packet that differs from all that were sent in this second.</summary>
    private PacketHash SendRequest(Timestamp now, IPEndPoint to, Func<ulong, Packet> make)
    {
        ulong expiration = Expiration(now);
        if (expiration != _sentSecond)
        {
            _sentSecond = expiration;
            _sentThisSecond.Clear();
        }

        Packet packet = make(expiration);
        int length = Codec.Encode(packet, _options.Sign, _buffer, out PacketHash hash);
        while (_records.ContainsKey(hash) || !_sentThisSecond.Add(hash))
        {
            // A second more of life makes it another packet.
            packet = make(++expiration);
            length = Codec.Encode(packet, _options.Sign, _buffer, out hash);
        }

        _outputs.Enqueue(new Transmit(to, packet.Type, _buffer.AsSpan(0, length).ToArray()));
        return hash;
    }

    /// <summary>Not within the call that asks: a continuation may ask again.</summary>
    private void Later(Timestamp now, Action<Timestamp> action) => _timers.Start(now.Monotonic, action);

    /// <summary>A request has ended: were there answers lately?</summary>
    private void CountAnswer(bool isAnswered)
    {
        _unanswered = isAnswered ? 0 : _unanswered + 1;
        if (_unanswered == Discv4Limits.MaxUnanswered)
        {
            _unanswered = 0;
            _outputs.Enqueue(new NobodyAnswers());
        }
    }

    private void Await(IPAddress address, PacketType type, int change)
    {
        RequestCount += change;
        int count = _awaited.GetValueOrDefault((address, type)) + change;
        if (count == 0)
        {
            _awaited.Remove((address, type));
        }
        else
        {
            _awaited[(address, type)] = count;
        }
    }

    private sealed class PingRequest(IPEndPoint to, PacketHash hash, TimeSpan sentAt)
    {
        public IPEndPoint To => to;

        public PacketHash Hash => hash;

        public TimeSpan SentAt => sentAt;

        /// <summary>When the node pinged us meanwhile; null if it did not.</summary>
        public TimeSpan? PingedAt { get; set; }

        public List<Action<Timestamp, Pong?>> Done { get; } = new(1);

        public Timers.Timer? Timeout { get; set; }
    }

    private sealed class ProofWait(Action<Timestamp, bool> then)
    {
        public Action<Timestamp, bool> Then => then;

        public Timers.Timer? Timer { get; set; }
    }

    private sealed class FindRequest(IPEndPoint to, byte[] target, Action<Timestamp, List<Node>?> done)
    {
        public IPEndPoint To => to;

        public byte[] Target => target;

        public Action<Timestamp, List<Node>?> Done => done;

        public List<Node> Nodes { get; } = [];

        /// <summary>How many nodes were named, believed or not.</summary>
        public int Received { get; set; }

        public bool IsAnswered { get; set; }

        public Timers.Timer? Timeout { get; set; }
    }

    private sealed class PendingRecord(ContactKey key, Action<Timestamp, NodeRecord?> done)
    {
        public ContactKey Key => key;

        public Action<Timestamp, NodeRecord?> Done => done;

        public Timers.Timer? Timeout { get; set; }
    }
}
