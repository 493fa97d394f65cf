using System.Net;
using System.Text;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <content>What we want from others.</content>
internal sealed partial class Discv5
{
    private readonly Dictionary<Nonce, Call> _callsByNonce = [];

    /// <summary>Asks a node for nodes at distances from itself.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node.</param>
    /// <param name="distances">Logarithmic distances, 0 (the node itself) to 256.</param>
    /// <returns>The id that <see cref="FindNodeDone"/> will have.</returns>
    /// <remarks>Go: <c>UDPv5.Findnode</c>.</remarks>
    public long StartFindNode(Timestamp now, Node node, int[] distances)
    {
        long id = NextId();
        FindNode(now, node, distances, (_, answer) => Put(new FindNodeDone(id, answer?.Nodes)));
        Settle(now);
        return id;
    }

    /// <summary>Says something to the application on another node.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node.</param>
    /// <param name="protocol">Which application; together with the request at most <see cref="MessageCodec.MaxTalkRequestSize"/> bytes.</param>
    /// <param name="request">What is said.</param>
    /// <returns>The id that <see cref="TalkDone"/> will have.</returns>
    /// <remarks>Go: <c>UDPv5.TalkRequest</c>.</remarks>
    public long StartTalk(Timestamp now, Node node, string protocol, ReadOnlySpan<byte> request)
    {
        long id = NextId();
        RequestId requestId = NextRequestId();
        byte[] message = _plain[..MessageCodec.WriteTalkRequest(_plain, requestId, Encoding.UTF8.GetBytes(protocol), request)];
        Start(now, node, remote => new TalkCall(node, remote, requestId, message, (_, response) => Put(new TalkDone(id, response))), () => Put(new TalkDone(id, null)));
        Settle(now);
        return id;
    }

    /// <summary>Looks for the nodes closest to a target. With an empty table, that is filled first.</summary>
    /// <returns>The id that <see cref="LookupDone"/> will have.</returns>
    /// <remarks>Go: <c>UDPv5.Lookup</c>.</remarks>
    public long StartLookup(Timestamp now, in NodeId target) => StartLookup(now, new SearchTarget(target));

    protected override SearchTarget ChooseTarget()
    {
        Span<byte> id = stackalloc byte[NodeId.Size];
        _options.Random.Fill(id);
        return new SearchTarget(new NodeId(id));
    }

    protected override SearchTarget TargetOf(Node node) => new(node.Id);

    protected override Output PingEnded(long id, PingReply? reply) => new PingDone(id, reply);

    protected override void SendPing(Timestamp now, Node node, Action<Timestamp, PingReply?> done)
    {
        RequestId id = NextRequestId();
        Start(now, node, remote => new PingCall(node, remote, id, MakePing(id), done), () => Later(now, t => done(t, null)));
    }

    protected override void FetchRecord(Timestamp now, Node node, Action<Timestamp, NodeRecord?> done) =>
        FindNode(now, node, [0], (t, answer) => done(t, answer?.Nodes is [{ Record: { } record }, ..] ? record : null));

    private void FindNode(Timestamp now, Node node, int[] distances, Action<Timestamp, FindNodeCall?> done)
    {
        RequestId id = NextRequestId();
        byte[] message = _plain[..MessageCodec.WriteFindNode(_plain, id, distances)];
        Start(now, node, remote => new FindNodeCall(node, remote, id, message, distances, done), () => Later(now, t => done(t, null)));
    }

    private byte[] MakePing(RequestId id) => _plain[..MessageCodec.WritePing(_plain, id, Local.Sequence)];

    /// <remarks>Never with a zero byte in front: @chainsafe/discv5 11 takes ids for numbers, and loses it in its answers.</remarks>
    private RequestId NextRequestId() => new(_random.NextUInt64() | 1);

    /// <summary>Starts a request, or fails it if that is not possible.</summary>
    private void Start(Timestamp now, Node node, Func<Remote, Call> make, Action fail)
    {
        IPEndPoint? to = node.Id == Local.Id ? null : GetEndPoint(node);
        if (to is null || CallCount >= Discv5Limits.MaxCalls)
        {
            fail();
            return;
        }

        Remote remote = GetRemote(new RemoteKey(node.Id, CompactEndPoint.From(to)));
        if (remote.Waiting.Count >= Discv5Limits.MaxQueuedPerNode)
        {
            fail();
            return;
        }

        CallCount++;
        Call call = make(remote);
        if (call is PingCall)
        {
            Local.AddContact(now.Monotonic, to);
        }

        remote.Waiting.Enqueue(call);
        SendWaiting(now, remote);
    }

    /// <summary>Sends what waits, as far as it may be sent now.</summary>
    private void SendWaiting(Timestamp now, Remote remote)
    {
        while (remote.Opening is null && remote.Active.Count < Discv5Limits.MaxActivePerNode && remote.Waiting.TryDequeue(out Call? call))
        {
            remote.Active.Add(call);
            call.SentAt = now.Monotonic;
            if (remote.Current is { IsUsedUp: false } session)
            {
                call.Nonce = Send(remote, session, call.Message);
            }
            else
            {
                call.Nonce = SendRandom(remote);
                remote.Opening = call;
            }

            _callsByNonce[call.Nonce] = call;
            Await(now, call);
        }
    }

    /// <summary>Step 1 of a handshake: a packet that nobody can read.</summary>
    private Nonce SendRandom(Remote remote)
    {
        Nonce nonce = remote.OpeningNonce ??= new Nonce((uint)_random.NextUInt64(), _random.NextUInt64());
        OutgoingDatagram datagram = Datagrams.Rent();
        int head = PacketCodec.WriteMessageHead(datagram.Buffer, NextMaskingIv(), nonce, Local.Id);
        _random.Fill(datagram.Buffer.AsSpan(head, PacketCodec.RandomMessageSize));
        Finish(datagram, remote.Mask, head, head + PacketCodec.RandomMessageSize, remote.Key.EndPoint);
        return nonce;
    }

    /// <summary>From now on the answer has its time.</summary>
    private void Await(Timestamp now, Call call)
    {
        call.Timer?.Cancel();
        call.Timer = Timers.Start(now.Monotonic + call.Timeout, t => TimeOut(t, call));
    }

    /// <summary>A request that was sent waits again, to be sent in another session.</summary>
    private void Requeue(Call call)
    {
        call.Timer?.Cancel();
        _callsByNonce.Remove(call.Nonce);
        call.Remote.Active.Remove(call);
        call.Remote.Waiting.Enqueue(call);
    }

    /// <summary>
    /// What was sent after a request that is challenged could not be read either, and gets no challenge of its own
    /// (discv5-theory.md, "Handshake Implementation Considerations").
    /// </summary>
    private void RequeueLater(Call challenged)
    {
        List<Call> active = challenged.Remote.Active;
        int next = active.IndexOf(challenged) + 1;
        while (next < active.Count)
        {
            if (active[next] is FindNodeCall { Received: > 0 })
            {
                next++;
                continue;
            }

            Requeue(active[next]);
        }
    }

    private void TimeOut(Timestamp now, Call call)
    {
        if (call is FindNodeCall { Jobs: > 0 } find)
        {
            // What came is being verified; no more is waited for.
            find.Total = find.Received;
            return;
        }

        if (call.Remote.Opening == call && call.Handshakes == 1 && call.Remote.Current is { IsUsedUp: false } current && current.MadeAt > call.SentAt)
        {
            // Both sides began at once, and the other one has dropped our handshake: the session that it made will do. Only once, as
            // this session is older than what is sent now.
            (call.Remote.Opening, call.Remote.Unconfirmed) = (null, null);
            Requeue(call);
            SendWaiting(now, call.Remote);
            return;
        }

        // Who does not answer a handshake seems to be gone, and nobody waits for him longer. Whoever asks again later starts anew.
        Call[] waiting = [];
        if (call.Remote.Opening == call)
        {
            waiting = [.. call.Remote.Waiting];
            call.Remote.Waiting.Clear();
        }

        EndCall(now, call, isAnswered: false);
        foreach (Call other in waiting)
        {
            Complete(now, other, isAnswered: false);
        }
    }

    /// <summary>A request that was sent has ended.</summary>
    private void EndCall(Timestamp now, Call call, bool isAnswered)
    {
        Remote remote = call.Remote;
        call.Timer?.Cancel();
        _callsByNonce.Remove(call.Nonce);
        remote.Active.Remove(call);
        if (remote.Opening == call)
        {
            (remote.Opening, remote.Unconfirmed) = (null, null);
        }

        Complete(now, call, isAnswered);
        SendWaiting(now, remote);
        ForgetIfIdle(remote);
    }

    private void Complete(Timestamp now, Call call, bool isAnswered)
    {
        CallCount--;
        call.HasEnded = true;
        call.End(now, isAnswered);
    }

    private void HandleResponse(Timestamp now, Remote remote, in WireMessage message)
    {
        Call? call = FindCall(remote, message);
        switch (call)
        {
            case PingCall ping:
                var seen = new IPEndPoint(new IPAddress(message.Address), message.Port);
                ping.Reply = new PingReply(now.Monotonic - ping.SentAt, seen, message.Sequence);
                Local.AddEndPointStatement(now.Monotonic, remote.Key.EndPoint.ToEndPoint(), seen);
                Put(new SeenByNode(remote.Address, AddressRules.Unmap(seen.Address)));
                Put(new EndpointVerified(remote.Key.Id, remote.Key.EndPoint.ToEndPoint()));
                EndCall(now, ping, isAnswered: true);
                break;
            case FindNodeCall find:
                TakeNodes(now, find, message);
                break;
            case TalkCall talk:
                talk.Response = message.Data.ToArray();
                EndCall(now, talk, isAnswered: true);
                break;
            default:
                // Late, or not asked for (T05).
                _counts.Unwanted++;
                break;
        }
    }

    private static Call? FindCall(Remote remote, in WireMessage message)
    {
        foreach (Call call in remote.Active)
        {
            if (call.Id == message.Id && call.ResponseType == message.Type)
            {
                return call;
            }
        }

        return null;
    }

    private void TakeNodes(Timestamp now, FindNodeCall call, in WireMessage message)
    {
        if (call.Total > 0 && call.Received >= call.Total)
        {
            // More than it said, while the last of it is being verified: each would cost another job (T05).
            _counts.Unwanted++;
            return;
        }

        call.Received++;
        if (call.Total == 0)
        {
            call.Total = (int)Math.Clamp(message.Total, 1, Discv5Limits.MaxPacketsReceived);
        }

        // From the first one on that must be verified, all wait for that: what an answer leads to depends on its order alone.
        List<NamedRecord>? waiting = null;
        Rlp.RlpReader records = message.Items;
        while (call.Records < Discv5Limits.MaxNodesPerAnswer && records.TryReadRaw(out ReadOnlySpan<byte> record))
        {
            call.Records++;
            Node? node = _records.Find(record);
            if (node is not null && waiting is null)
            {
                TakeNode(call, node);
            }
            else if (record.Length <= NodeRecord.MaxSize)
            {
                (waiting ??= []).Add(new NamedRecord(node, node is null ? record.ToArray() : null));
            }
        }

        if (waiting is not null)
        {
            call.Jobs++;
            Put(new JobWanted(new RecordsJob(call, waiting)));
        }

        Await(now, call);
        EndIfComplete(now, call);
    }

    private void EndRecords(Timestamp now, RecordsJob job)
    {
        FindNodeCall call = job.Call;
        call.Jobs--;
        foreach (Node node in job.Nodes)
        {
            _records.Add(node);
            TakeNode(call, node);
        }

        EndIfComplete(now, call);
    }

    private void EndIfComplete(Timestamp now, FindNodeCall call)
    {
        if (call.Received >= call.Total && call.Jobs == 0 && !call.HasEnded)
        {
            EndCall(now, call, isAnswered: true);
        }
    }

    /// <summary>Takes a node that another one names, if it may be believed (T05, T18).</summary>
    private void TakeNode(FindNodeCall call, Node node)
    {
        int distance = Distance.Log(call.Remote.Key.Id, node.Id);
        if (call.Nodes.Count < Discv5Limits.MaxNodesPerAnswer
            && call.Distances.Contains(distance)
            // Where a node itself is, is judged by whoever asked for its record.
            && (distance == 0 || IsBelievable(call, node))
            && call.Nodes.TrueForAll(n => n.Id != node.Id))
        {
            call.Nodes.Add(node);
        }
    }

    /// <remarks>Judges the endpoint that it would be asked at, which is not the record's first one where that is out of reach.</remarks>
    private bool IsBelievable(FindNodeCall call, Node node) =>
        (GetEndPoint(node) ?? node.UdpEndPoint) is { Port: > Discv5Limits.MaxPrivilegedPort } endPoint
        && AddressRules.CheckRelayAddress(call.Remote.Address, endPoint.Address) is null
        && _options.NetRestrict?.Contains(endPoint.Address) != false;
}
