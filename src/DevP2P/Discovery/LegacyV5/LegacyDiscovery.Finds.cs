using System.Net;
using System.Runtime.InteropServices;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <content>Questions for nodes: ours and others'.</content>
internal sealed partial class LegacyDiscovery
{
    private readonly Node[] _closest = new Node[Neighbors.MaxPerAnswer];
    private readonly List<Neighbor> _named = new(Neighbors.MaxPerAnswer);

    // How many questions wait for an answer from each endpoint.
    private readonly Dictionary<CompactEndPoint, int> _findsAt = [];

    protected override void Ask(Timestamp now, Search search, Node node) => Verify(now, node, (t, remote) =>
    {
        if (remote is null)
        {
            AskEnded(t, search, node, null);
            return;
        }

        // One question after the other: an answer does not say which of two it belongs to.
        var find = new PendingFind(search.Target.Id, (t2, nodes) => AskEnded(t2, search, node, nodes));
        remote.Finds.Enqueue(find);
        if (remote.Finds.Count == 1)
        {
            StartFind(t, remote, find);
        }
    });

    private void StartFind(Timestamp now, Remote remote, PendingFind find)
    {
        RequestCount++;
        CollectionsMarshal.GetValueRefOrAddDefault(_findsAt, remote.Key.EndPoint, out _)++;
        SendFind(now, remote, find);
    }

    private void SendFind(Timestamp now, Remote remote, PendingFind find)
    {
        find.Sent++;
        Send(remote.EndPoint, new FindNodeHash(find.Target, Expiration(now)));
        find.Timeout = Timers.Start(now.Monotonic + LegacyLimits.ResponseTimeout, t => FindTimedOut(t, remote, find));
    }

    /// <summary>
    /// Asks once more. Question or answer may have got lost, but the node may also have forgotten us, and then answers nothing; so
    /// it is verified anew first. A node that is gone shows it now, and is not asked again.
    /// </summary>
    private void FindTimedOut(Timestamp now, Remote remote, PendingFind find)
    {
        if (find.IsAnswered || find.Sent >= LegacyLimits.Attempts)
        {
            EndFind(now, remote, find);
            return;
        }

        VerifyAnew(now, remote, (t, isReady) =>
        {
            // The answer may have come late, and counts.
            if (find.IsEnded)
            {
                return;
            }

            if (isReady && !find.IsAnswered)
            {
                SendFind(t, remote, find);
            }
            else
            {
                EndFind(t, remote, find);
            }
        });
    }

    private void HandleNeighbors(Timestamp now, Remote remote, Neighbors packet)
    {
        if (!remote.Finds.TryPeek(out PendingFind? find))
        {
            return;
        }

        find.IsAnswered = true;
        foreach (Neighbor neighbor in packet.Nodes)
        {
            if (find.Received == Neighbors.MaxPerAnswer)
            {
                break;
            }

            find.Received++;
            if (Check(neighbor, remote.EndPoint.Address) is { } node)
            {
                find.Nodes.Add(node);
            }
        }

        if (find.Received == Neighbors.MaxPerAnswer)
        {
            EndFind(now, remote, find);
        }
        else if (packet.Nodes.Count < Neighbors.MaxPerPacket && find.Timeout!.Due > now.Monotonic + LegacyLimits.LastNeighborsGrace)
        {
            // A packet that is not full is the last one, which may have overtaken the one before it.
            find.Timeout.Cancel();
            find.Timeout = Timers.Start(now.Monotonic + LegacyLimits.LastNeighborsGrace, t => EndFind(t, remote, find));
        }
    }

    private void EndFind(Timestamp now, Remote remote, PendingFind find)
    {
        find.IsEnded = true;
        find.Timeout!.Cancel();
        RequestCount--;
        ref int finds = ref CollectionsMarshal.GetValueRefOrAddDefault(_findsAt, remote.Key.EndPoint, out _);
        if (--finds == 0)
        {
            _findsAt.Remove(remote.Key.EndPoint);
        }

        remote.Finds.Dequeue();
        if (remote.Finds.TryPeek(out PendingFind? next))
        {
            StartFind(now, remote, next);
        }

        find.Done(now, find.IsAnswered ? find.Nodes : null);
        _remotes.Release(remote);
    }

    /// <summary>Checks a node that another one names; null if it is not to be believed (T08, T18).</summary>
    private Node? Check(Neighbor neighbor, IPAddress sender) =>
        neighbor.Endpoint.Address is { } address
        && neighbor.Endpoint.UdpPort > LegacyLimits.MaxPrivilegedPort
        && AddressRules.CheckRelayAddress(sender, address) is null
        && _options.NetRestrict?.Contains(address) != false
            ? _options.KnownNodes?.Invoke(neighbor.Endpoint, neighbor.Key) ?? MakeNode(neighbor, address)
            : null;

    private static Node? MakeNode(Neighbor neighbor, IPAddress address) =>
        PublicKey.TryParse(neighbor.Key.Span, out PublicKey? publicKey)
            ? Node.Create(publicKey, address, neighbor.Endpoint.TcpPort, neighbor.Endpoint.UdpPort)
            : null;

    private void AnswerFind(Timestamp now, IPEndPoint from, NodeId target)
    {
        int count = Table.GetClosest(target, preferLive: true, _closest);
        _named.Clear();
        for (int i = 0; i < count; i++)
        {
            if (ToNeighbor(_closest[i], from.Address) is { } named)
            {
                _named.Add(named);
            }
        }

        int sent = 0;
        do
        {
            int size = Math.Min(Neighbors.MaxPerPacket, _named.Count - sent);
            Send(from, new Neighbors(_named.GetRange(sent, size), Expiration(now)));
            sent += size;
        }
        while (sent < _named.Count);
    }

    /// <summary>A node as we name it to another one; null if that must not be told of it (T18).</summary>
    private static Neighbor? ToNeighbor(Node node, IPAddress to) =>
        node.Address is { } address && node.UdpPort != 0 && AddressRules.CheckRelayAddress(to, address) is null
            ? new Neighbor(new Endpoint(address, (ushort)node.UdpPort, (ushort)node.TcpPort), node.PublicKey.Memory)
            : null;
}
