using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <content>Questions for nodes, and their answers.</content>
internal sealed partial class Discv4
{
    // The question that is under way; others for the same node wait behind it.
    private readonly Dictionary<ContactKey, FindRequest> _finds = [];

    /// <summary>
    /// Asks a node for the nodes closest to a target. One question after the other: an answer does not say which of two it
    /// belongs to.
    /// </summary>
    private void Find(Timestamp now, Node node, SearchTarget target, Action<Timestamp, List<Node>?> done)
    {
        if (node.SharedUdpEndPoint is not { } to)
        {
            Later(now, t => done(t, null));
            return;
        }

        var request = new FindRequest(this, new ContactKey(node.Id, to.Address), to, target, done);
        if (HasProof(now, request.Key))
        {
            EnqueueFind(now, request);
        }
        else
        {
            FindWithProof(now, request);
        }
    }

    private void FindWithProof(Timestamp now, FindRequest request) => RenewProof(now, request.Key, request.To, (t, isReady) =>
    {
        if (isReady)
        {
            EnqueueFind(t, request);
        }
        else
        {
            request.Done(t, null);
        }
    });

    private void EnqueueFind(Timestamp now, FindRequest request)
    {
        if (_finds.TryAdd(request.Key, request))
        {
            StartFind(now, request);
            return;
        }

        FindRequest last = _finds[request.Key];
        while (last.Next is { } next)
        {
            last = next;
        }

        last.Next = request;
    }

    private void StartFind(Timestamp now, FindRequest request)
    {
        Await(request.Key.Address, PacketType.Neighbors, 1);
        SendFind(now, request);
    }

    private void SendFind(Timestamp now, FindRequest request)
    {
        request.Sent++;
        SendRequest(now, request.To, new FindNode(request.Target.Key, Expiration(now), request.Target.Id));
        Timers.Start(now.Monotonic + Discv4Limits.ResponseTimeout, request);
    }

    /// <summary>
    /// Asks once more. Question or answer may have got lost, but also our half of the endpoint proof, without which no question
    /// is answered; so that is renewed first. A node that is gone shows it now, and is not asked again.
    /// </summary>
    private void FindTimedOut(Timestamp now, FindRequest request)
    {
        if (request.IsAnswered || request.Sent >= Discv4Limits.Attempts)
        {
            EndFind(now, request);
            return;
        }

        RenewProof(now, request.Key, request.To, (t, isReady) =>
        {
            // The answer may have come late, and counts.
            if (request.IsEnded)
            {
                return;
            }

            if (isReady && !request.IsAnswered)
            {
                SendFind(t, request);
            }
            else
            {
                EndFind(t, request);
            }
        });
    }

    private void HandleNeighbors(Timestamp now, ContactKey key, Neighbors packet)
    {
        if (!_finds.TryGetValue(key, out FindRequest? request))
        {
            return;
        }

        request.IsAnswered = true;
        for (int i = 0; i < packet.Nodes.Count && request.Received < Neighbors.MaxPerAnswer; i++)
        {
            request.Received++;
            if (Check(packet.Nodes[i], key.Address) is { } node)
            {
                request.Nodes.Add(node);
            }
        }

        if (request.Received == Neighbors.MaxPerAnswer)
        {
            EndFind(now, request);
        }
        else if (packet.Nodes.Count < Neighbors.MaxPerPacket && request.Due > now.Monotonic + Discv4Limits.LastNeighborsGrace)
        {
            // A packet that is not full is the last one, which may have overtaken the one before it.
            Timers.Start(now.Monotonic + Discv4Limits.LastNeighborsGrace, request);
        }
    }

    private void EndFind(Timestamp now, FindRequest request)
    {
        ContactKey key = request.Key;
        request.IsEnded = true;
        request.Cancel();
        Await(key.Address, PacketType.Neighbors, -1);
        CountAnswer(request.IsAnswered);
        if (_contacts.Find(key) is { } contact && (contact.FindFailures > 0 || !request.IsAnswered))
        {
            contact.FindFailures = request.IsAnswered ? 0 : contact.FindFailures + 1;
            Put(new FindFailures(key.Id, key.Address, contact.FindFailures));
        }

        if (request.Next is { } next)
        {
            _finds[key] = next;
            StartFind(now, next);
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
            ? _options.KnownNodes?.Invoke(neighbor.Endpoint, neighbor.Key) ?? MakeNode(neighbor)
            : null;

    private static Node? MakeNode(Neighbor neighbor) =>
        PublicKey.TryParse(neighbor.Key.Span, out PublicKey? publicKey)
            ? Node.Create(publicKey, neighbor.Endpoint.Address, neighbor.Endpoint.TcpPort, neighbor.Endpoint.UdpPort)
            : null;

    private sealed class FindRequest(Discv4 machine, ContactKey key, IPEndPoint to, SearchTarget target, Action<Timestamp, List<Node>?> done) : Timers.Timer
    {
        private List<Node>? _nodes;

        public ContactKey Key => key;

        public IPEndPoint To => to;

        public SearchTarget Target => target;

        public Action<Timestamp, List<Node>?> Done => done;

        public List<Node> Nodes => _nodes ??= new List<Node>(Neighbors.MaxPerAnswer);

        /// <summary>How many nodes were named, believed or not.</summary>
        public int Received { get; set; }

        public bool IsAnswered { get; set; }

        public bool IsEnded { get; set; }

        /// <summary>How many times the question was sent.</summary>
        public int Sent { get; set; }

        /// <summary>The next question for the same node, which waits for this one's end.</summary>
        public FindRequest? Next { get; set; }

        internal override void Fire(Timestamp now) => machine.FindTimedOut(now, this);
    }
}
