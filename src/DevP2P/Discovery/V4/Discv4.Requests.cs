using System.Net;
using System.Runtime.InteropServices;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <content>What we want from others. What comes of it is told to a continuation, exactly once, null standing for no answer.</content>
internal sealed partial class Discv4
{
    private readonly Dictionary<ContactKey, PingRequest> _pings = [];
    private readonly Dictionary<PacketHash, PendingRecord> _records = [];
    private readonly Dictionary<ContactKey, List<ProofWait>> _proofWaits = [];

    // How many requests wait for which answer from where: all that is known before a signature is recovered.
    private readonly Dictionary<IPAddress, AwaitedCounts> _awaited = [];

    // Requests that were sent in the current second. Equal ones would be the same packet, and look like a replay.
    // A scan over their first words beats hashing, and they take little memory.
    private readonly List<ulong> _sentThisSecond = [];
    private ulong _sentSecond;
    private int _pingBacks;
    private int _unanswered;

    /// <summary>
    /// Pings a node. If a ping to the same endpoint is under way already, its answer serves both; a ping to another endpoint of
    /// the same address takes the place of the former, whose answer then does not count any more (T04: the latest ping).
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="id">The node.</param>
    /// <param name="to">Where it is.</param>
    /// <param name="attempts">How many pings are sent at most, one after the other.</param>
    /// <param name="done">Told the answer.</param>
    private void SendPing(Timestamp now, NodeId id, IPEndPoint to, int attempts, Action<Timestamp, Pong?> done)
    {
        var key = new ContactKey(id, to.Address);
        if (_pings.TryGetValue(key, out PingRequest? pending) && pending.To.Port == to.Port)
        {
            pending.Attempts = Math.Max(pending.Attempts, attempts);
            pending.Done += done;
            return;
        }

        if (RequestCount >= Discv4Limits.MaxRequests)
        {
            LaterNoAnswer(now, done);
            return;
        }

        var request = new PingRequest(this, key, to, done) { Attempts = attempts };
        _pings[key] = request;
        Await(key.Address, PacketType.Pong, 1);
        SendPing(now, request);
    }

    private void SendPing(Timestamp now, PingRequest request)
    {
        Node self = Local.Node;
        var from = new Endpoint(self.UdpPort != 0 ? self.Address : null, (ushort)self.UdpPort, (ushort)self.TcpPort);
        var to = new Endpoint(request.To, 0);
        request.Sent++;
        request.Hash = SendRequest(now, request.To, new Ping(Ping.CurrentVersion, from, to, Expiration(now), self.Sequence));
        Timers.Start(now.Monotonic + Discv4Limits.ResponseTimeout, request);
        Local.AddContact(now.Monotonic, request.To);
    }

    private void PingTimedOut(Timestamp now, PingRequest request)
    {
        // One that another endpoint's took the place of is not the latest any more.
        if (request.Sent < request.Attempts && _pings.GetValueOrDefault(request.Key) == request)
        {
            SendPing(now, request);
        }
        else
        {
            EndPing(now, request, null);
        }
    }

    private void HandlePong(Timestamp now, IPEndPoint from, ContactKey key, Pong pong)
    {
        if (!_pings.TryGetValue(key, out PingRequest? request) || request.Hash != pong.PingHash)
        {
            return;
        }

        Contact contact = _contacts.AddProof(now.Monotonic, key);
        contact.LastPing = request.PingedAt ?? contact.LastPing;
        Put(new EndpointVerified(key.Id, request.To));
        CountVote(now, from, pong.To);
        EndPing(now, request, pong);
    }

    private void EndPing(Timestamp now, PingRequest request, Pong? pong)
    {
        request.Cancel();
        Await(request.Key.Address, PacketType.Pong, -1);
        CountAnswer(pong is not null);
        if (_pings.GetValueOrDefault(request.Key) == request)
        {
            _pings.Remove(request.Key);
        }

        request.Done(now, pong);
    }

    /// <summary>
    /// Makes sure that a node has an endpoint proof of ours, as far as we can know: it answers no queries otherwise.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node.</param>
    /// <param name="then">Goes on with true if the node may be asked, with false if it seems to be dead.</param>
    private void EnsureProof(Timestamp now, Node node, Action<Timestamp, bool> then)
    {
        if (node.SharedUdpEndPoint is not { } to)
        {
            Later(now, t => then(t, false));
            return;
        }

        var key = new ContactKey(node.Id, to.Address);
        if (HasProof(now, key))
        {
            then(now, true);
            return;
        }

        RenewProof(now, key, to, then);
    }

    /// <summary>Whether a node has an endpoint proof of ours, as far as we can know, and lately has answered queries.</summary>
    private bool HasProof(Timestamp now, in ContactKey key) =>
        _contacts.Find(key) is { } contact
        && now.Monotonic - contact.LastPing < Discv4Limits.ProofRenewal
        && contact.FindFailures <= Discv4Limits.MaxFindFailures;

    /// <summary>The same, whatever we know of the proof.</summary>
    private void RenewProof(Timestamp now, ContactKey key, IPEndPoint to, Action<Timestamp, bool> then) =>
        SendPing(now, key.Id, to, Discv4Limits.Attempts, (t, pong) =>
        {
            bool hasPinged = _contacts.Find(key) is { } known && known.LastPing >= now.Monotonic;
            if (pong is null && !hasPinged)
            {
                then(t, false);
                return;
            }

            // If it needs a proof, it pings us now. Otherwise it has one already, and we wait for nothing.
            var wait = new ProofWait(this, key, then);
            Timers.Start(t.Monotonic + (hasPinged ? Discv4Limits.ProofGrace : Discv4Limits.ResponseTimeout), wait);
            if (!hasPinged)
            {
                if (!_proofWaits.TryGetValue(key, out List<ProofWait>? waits))
                {
                    _proofWaits.Add(key, waits = []);
                }

                waits.Add(wait);
            }
        });

    /// <summary>A node has pinged us and was answered: whoever waited for this can go on.</summary>
    private void EndProofWaits(Timestamp now, ContactKey key)
    {
        if (_proofWaits.Count > 0 && _proofWaits.Remove(key, out List<ProofWait>? waits))
        {
            foreach (ProofWait wait in waits)
            {
                Timers.Start(now.Monotonic + Discv4Limits.ProofGrace, wait);
            }
        }
    }

    private void EndProofWait(Timestamp now, ProofWait wait)
    {
        if (_proofWaits.Count > 0 && _proofWaits.TryGetValue(wait.Key, out List<ProofWait>? waits) && waits.Remove(wait) && waits.Count == 0)
        {
            _proofWaits.Remove(wait.Key);
        }

        wait.Then(now, true);
    }

    /// <summary>Asks a node for its record.</summary>
    protected override void FetchRecord(Timestamp now, Node node, Action<Timestamp, NodeRecord?> done) =>
        EnsureProof(now, node, (t, isReady) =>
        {
            if (!isReady || node.SharedUdpEndPoint is not { } to || RequestCount >= Discv4Limits.MaxRequests)
            {
                done(t, null);
                return;
            }

            PacketHash hash = SendRequest(t, to, new RecordRequest(Expiration(t)));
            var request = new PendingRecord(new ContactKey(node.Id, to.Address), done);
            request.Timeout = Timers.Start(t.Monotonic + Discv4Limits.ResponseTimeout, t2 => EndRecord(t2, hash, null));
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
    private PacketHash SendRequest(Timestamp now, IPEndPoint to, Packet packet)
    {
        ulong expiration = Expiration(now);
        if (expiration != _sentSecond)
        {
            _sentSecond = expiration;
            _sentThisSecond.Clear();
        }

        PacketHash hash = _options.Encode(packet, out ReadOnlyMemory<byte> datagram);
        while ((_records.Count > 0 && _records.ContainsKey(hash)) || CollectionsMarshal.AsSpan(_sentThisSecond).Contains(hash.Leading))
        {
            // A second more of life makes it another packet.
            packet = packet.ExpiringAt(++expiration);
            hash = _options.Encode(packet, out datagram);
        }

        _sentThisSecond.Add(hash.Leading);
        Put(new Transmit(to, packet, hash, datagram));
        return hash;
    }

    private void LaterNoAnswer(Timestamp now, Action<Timestamp, Pong?> done) => Later(now, t => done(t, null));

    /// <summary>A request has ended: were there answers lately?</summary>
    private void CountAnswer(bool isAnswered)
    {
        _unanswered = isAnswered ? 0 : _unanswered + 1;
        if (_unanswered == Discv4Limits.MaxUnanswered)
        {
            _unanswered = 0;
            Put(new NobodyAnswers());
        }
    }

    private void Await(IPAddress address, PacketType type, int change)
    {
        RequestCount += change;
        ref AwaitedCounts counts = ref CollectionsMarshal.GetValueRefOrAddDefault(_awaited, address, out _);
        counts.Add(type, change);
        if (counts.AreZero)
        {
            _awaited.Remove(address);
        }
    }

    private bool IsAwaited(IPAddress address, PacketType type) => _awaited.TryGetValue(address, out AwaitedCounts counts) && counts.Get(type) > 0;

    /// <summary>How many answers of each type are awaited from an address.</summary>
    private record struct AwaitedCounts
    {
        public int Pongs;
        public int Neighbors;
        public int Records;

        public readonly bool AreZero => (Pongs | Neighbors | Records) == 0;

        public readonly int Get(PacketType type) => type switch
        {
            PacketType.Pong => Pongs,
            PacketType.Neighbors => Neighbors,
            PacketType.RecordResponse => Records,
            _ => 0,
        };

        public void Add(PacketType type, int change)
        {
            Pongs += type == PacketType.Pong ? change : 0;
            Neighbors += type == PacketType.Neighbors ? change : 0;
            Records += type == PacketType.RecordResponse ? change : 0;
        }
    }

    private sealed class PingRequest(Discv4 machine, ContactKey key, IPEndPoint to, Action<Timestamp, Pong?> done) : Timers.Timer
    {
        public ContactKey Key => key;

        public IPEndPoint To => to;

        /// <summary>How many pings are sent at most.</summary>
        public int Attempts { get; set; }

        public int Sent { get; set; }

        /// <summary>The latest ping's.</summary>
        public PacketHash Hash { get; set; }

        /// <summary>When the node pinged us meanwhile; null if it did not.</summary>
        public TimeSpan? PingedAt { get; set; }

        /// <summary>Whoever waits for the answer.</summary>
        public Action<Timestamp, Pong?> Done { get; set; } = done;

        internal override void Fire(Timestamp now) => machine.PingTimedOut(now, this);
    }

    private sealed class ProofWait(Discv4 machine, ContactKey key, Action<Timestamp, bool> then) : Timers.Timer
    {
        public ContactKey Key => key;

        public Action<Timestamp, bool> Then => then;

        internal override void Fire(Timestamp now) => machine.EndProofWait(now, this);
    }

    private sealed class PendingRecord(ContactKey key, Action<Timestamp, NodeRecord?> done)
    {
        public ContactKey Key => key;

        public Action<Timestamp, NodeRecord?> Done => done;

        public Timers.Timer? Timeout { get; set; }
    }
}
