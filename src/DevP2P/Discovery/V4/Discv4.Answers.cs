using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <content>What others want from us.</content>
internal sealed partial class Discv4
{
    private void HandlePing(Timestamp now, IPEndPoint from, PublicKey sender, PacketHash hash, Ping ping)
    {
        NodeId id = sender.NodeId;
        var key = new ContactKey(id, from.Address);
        Send(from, new Pong(new Endpoint(from, ping.From.TcpPort), hash, Expiration(now), Local.Sequence));

        // Only the TCP port is the sender's word; where it is, we see ourselves (discv4.md, "Ping Packet").
        Node node = _options.KnownNodes?.Invoke(new Endpoint(from, ping.From.TcpPort), sender.Memory)
            ?? Node.Create(sender, from.Address, ping.From.TcpPort, from.Port);
        Contact? contact = _contacts.Find(key);
        bool isProven = Contacts.IsProven(now.Monotonic, contact);
        if (contact is not null)
        {
            contact.LastPing = now.Monotonic;
        }

        if (isProven)
        {
            Put(new PingReceived(id, from.Address));
            // Without proof the address may be forged, and the vote with it.
            CountVote(now, from, ping.To);
            Table.AddInbound(now, node);
        }

        if (!isProven || now.Monotonic - contact!.LastPong > Discv4Limits.ProofRenewal)
        {
            PingBack(now, from, key, node);
        }

        if (_pings.Count > 0 && _pings.TryGetValue(key, out PingRequest? pending))
        {
            pending.PingedAt = now.Monotonic;
        }

        EndProofWaits(now, key);
    }

    /// <summary>Asks whoever pinged us without an endpoint proof for one.</summary>
    private void PingBack(Timestamp now, IPEndPoint to, ContactKey key, Node node)
    {
        bool isRunning = _pings.ContainsKey(key);
        int sameAddress = _awaited.GetValueOrDefault(to.Address).Pongs;
        bool isAllowed = _pingBacks < Discv4Limits.MaxPingBacks
            && RequestCount < Discv4Limits.MaxRequests
            && (sameAddress < Discv4Limits.MaxPingBacksPerAddress || AddressRules.IsLan(to.Address));
        if (!isRunning && !isAllowed)
        {
            return;
        }

        _pingBacks++;
        bool isVisit = !isRunning && !Local.HasContact(now.Monotonic, to.Address);
        SendPing(now, key.Id, to, attempts: 1, (t, pong) =>
        {
            _pingBacks--;
            if (pong is not null)
            {
                if (isVisit)
                {
                    Put(new VisitedByNode(to.Address));
                }

                Table.AddInbound(t, node);
            }
        });
    }

    private void HandleFindNode(Timestamp now, IPEndPoint from, FindNode query)
    {
        int count = Table.GetClosest(query.TargetId, preferLive: true, _closest);
        int named = 0;
        bool isAnswered = false;
        for (int i = 0; i < count; i++)
        {
            Node node = _closest[i];
            if (node.Address is { } address && node.UdpPort != 0 && AddressRules.CheckRelayAddress(from.Address, address) is null)
            {
                _named[named++] = new Neighbor(new Endpoint(address, (ushort)node.UdpPort, (ushort)node.TcpPort), node.PublicKey.Memory);
            }

            if (named == Neighbors.MaxPerPacket)
            {
                Send(from, new Neighbors(_named.ToArray(), Expiration(now)));
                (named, isAnswered) = (0, true);
            }
        }

        if (named > 0 || !isAnswered)
        {
            Send(from, new Neighbors(_named.AsSpan(0, named).ToArray(), Expiration(now)));
        }
    }

    private void HandleRecordRequest(Timestamp now, IPEndPoint from, PacketHash hash)
    {
        _ = now;
        if (Local.Node.Record is { } record)
        {
            Send(from, new RecordResponse(hash, record.Encoded));
        }
    }

    private void CountVote(Timestamp now, IPEndPoint from, Endpoint seen)
    {
        if (seen.ToUdp() is { } endPoint)
        {
            Local.AddEndPointStatement(now.Monotonic, from, endPoint);
            Put(new SeenByNode(from.Address, endPoint.Address));
        }
    }

    private void Send(IPEndPoint to, Packet packet)
    {
        PacketHash hash = _options.Encode(packet, out ReadOnlyMemory<byte> datagram);
        Put(new Transmit(to, packet, hash, datagram));
    }

    private static ulong Expiration(Timestamp now) => (ulong)(now.Utc + Discv4Limits.PacketLifetime).ToUnixTimeSeconds();
}
