using System.Net;
using System.Runtime.InteropServices;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <content>Who is there: pings, pongs, and the states that they lead to.</content>
internal sealed partial class LegacyDiscovery
{
    // The latest ping to each node: a pong counts only with its hash (T04).
    private readonly Dictionary<PacketHash, Remote> _pings = [];

    // How many pings wait for a pong from each address.
    private readonly Dictionary<IPAddress, int> _pingsTo = [];
    private int _pingBacks;

    /// <summary>
    /// Makes sure that a node may be asked: that we have its endpoint proof and it has, as far as we can know, ours; it answers no
    /// queries otherwise.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node.</param>
    /// <param name="then">Goes on with the node if it may be asked, with null if it seems to be dead.</param>
    private void Verify(Timestamp now, Node node, Action<Timestamp, Remote?> then)
    {
        if (node.UdpEndPoint is not { } to || node.Id == Local.Id)
        {
            Later(now, t => then(t, null));
            return;
        }

        Remote remote = GetOrAdd(node, to);
        if (remote.State is NodeState.Known or NodeState.Contested && remote.IsProven(now.Monotonic))
        {
            then(now, remote);
            return;
        }

        VerifyAnew(now, remote, (t, isReady) => then(t, isReady ? remote : null));
    }

    /// <summary>The same, whatever we know of the node.</summary>
    private void VerifyAnew(Timestamp now, Remote remote, Action<Timestamp, bool> then)
    {
        remote.Waiters.Add(then);
        if (remote.State is not (NodeState.VerifyInit or NodeState.VerifyWait or NodeState.RemoteVerifyWait))
        {
            Become(now, remote, NodeState.VerifyInit);
        }
    }

    protected override void SendPing(Timestamp now, Node node, Action<Timestamp, PingReply?> done)
    {
        if (node.UdpEndPoint is not { } to || node.Id == Local.Id)
        {
            Later(now, t => done(t, null));
            return;
        }

        Remote remote = GetOrAdd(node, to);
        SendPing(now, remote, attempts: 1, (t, pong) => done(t, pong is null ? null : new PingReply(t - now, pong.To.ToUdp(), null)));
        if (remote.State == NodeState.Known)
        {
            Become(now, remote, NodeState.Contested);
        }
        else if (remote.State is NodeState.Unknown or NodeState.Unresponsive)
        {
            Become(now, remote, NodeState.VerifyInit);
        }
    }

    private Remote GetOrAdd(Node node, IPEndPoint to)
    {
        var key = new RemoteKey(node.Id, CompactEndPoint.From(to));
        if (_remotes.Find(key) is not { } remote)
        {
            _remotes.Add(remote = new Remote(node, to));
        }

        return remote;
    }

    /// <summary>Goes from one state to another. Entering some of them begins something.</summary>
    private void Become(Timestamp now, Remote remote, NodeState state)
    {
        if (remote.State == state)
        {
            return;
        }

        remote.State = state;
        remote.VerifyTimer?.Cancel();
        remote.VerifyTimer = null;
        switch (state)
        {
            case NodeState.VerifyInit:
                SendPing(now, remote, LegacyLimits.Attempts, null);
                break;
            case NodeState.Contested:
                SendPing(now, remote, attempts: 1, null);
                break;
            case NodeState.RemoteVerifyWait:
                WaitUntilKnown(now, remote, LegacyLimits.ResponseTimeout);
                break;
            case NodeState.Known:
                EndWaits(now, remote, true);
                break;
            case NodeState.Unknown or NodeState.Unresponsive:
                EndWaits(now, remote, false);
                break;
        }

        _remotes.Release(remote);
    }

    private void WaitUntilKnown(Timestamp now, Remote remote, TimeSpan delay)
    {
        remote.VerifyTimer?.Cancel();
        remote.VerifyTimer = Timers.Start(now.Monotonic + delay, t => Become(t, remote, NodeState.Known));
    }

    private static void EndWaits(Timestamp now, Remote remote, bool isReady)
    {
        Action<Timestamp, bool>[] waiters = [.. remote.Waiters];
        remote.Waiters.Clear();
        foreach (Action<Timestamp, bool> then in waiters)
        {
            then(now, isReady);
        }
    }

    /// <summary>Pings a node. If a ping to it is under way already, its answer serves both.</summary>
    private void SendPing(Timestamp now, Remote remote, int attempts, Action<Timestamp, Pong?>? done)
    {
        if (remote.Ping is { } pending)
        {
            pending.Attempts = Math.Max(pending.Attempts, attempts);
            Add(pending.Done, done);
            return;
        }

        var ping = new PendingPing(_advertiser.Topics) { Attempts = attempts };
        Add(ping.Done, done);
        remote.Ping = ping;
        if (RequestCount >= LegacyLimits.MaxRequests)
        {
            Later(now, t => EndPing(t, remote, ping, null));
            return;
        }

        RequestCount++;
        CollectionsMarshal.GetValueRefOrAddDefault(_pingsTo, remote.EndPoint.Address, out _)++;
        SendPing(now, remote, ping);

        static void Add(List<Action<Timestamp, Pong?>> list, Action<Timestamp, Pong?>? action)
        {
            if (action is not null)
            {
                list.Add(action);
            }
        }
    }

    private void SendPing(Timestamp now, Remote remote, PendingPing ping)
    {
        _pings.Remove(ping.Hash);
        ping.Sent++;
        var to = new Endpoint(remote.EndPoint, remote.EndPoint.Port);
        ulong expiration = Expiration(now);
        PacketHash hash;
        ReadOnlyMemory<byte> datagram;
        Packet packet;
        do
        {
            // Two nodes at one endpoint would be sent the same ping within a second. A second more of life makes it another.
            packet = new Ping(Ping.CurrentVersion, GetOwnEndpoint(), to, expiration++, ping.Topics);
            hash = _options.Encode(packet, out datagram);
        }
        while (!_pings.TryAdd(hash, remote));

        ping.Hash = hash;
        ping.Timeout = Timers.Start(now.Monotonic + LegacyLimits.ResponseTimeout, t => PingTimedOut(t, remote, ping));
        Put(new Transmit(remote.EndPoint, packet, hash, datagram));
        Local.AddContact(now.Monotonic, remote.EndPoint);
    }

    private void PingTimedOut(Timestamp now, Remote remote, PendingPing ping)
    {
        if (ping.Sent < ping.Attempts)
        {
            SendPing(now, remote, ping);
        }
        else
        {
            EndPing(now, remote, ping, null);
        }
    }

    private void EndPing(Timestamp now, Remote remote, PendingPing ping, Pong? pong)
    {
        remote.Ping = null;
        if (ping.Timeout is { } timeout)
        {
            timeout.Cancel();
            _pings.Remove(ping.Hash);
            RequestCount--;
            ref int pings = ref CollectionsMarshal.GetValueRefOrAddDefault(_pingsTo, remote.EndPoint.Address, out _);
            if (--pings == 0)
            {
                _pingsTo.Remove(remote.EndPoint.Address);
            }
        }

        NodeState next = (pong is not null, remote.State) switch
        {
            (true, NodeState.VerifyInit) => NodeState.RemoteVerifyWait,
            (true, NodeState.RemoteVerifyWait) => NodeState.RemoteVerifyWait,
            (true, _) => NodeState.Known,

            // A pong that got lost does not make a node unknown that may be asked. (In go-ethereum, it is never pinged again.)
            (false, NodeState.Known or NodeState.RemoteVerifyWait) => remote.State,
            (false, _) => remote.LastPong is null ? NodeState.Unknown : NodeState.Unresponsive,
        };
        Become(now, remote, next);
        foreach (Action<Timestamp, Pong?> done in ping.Done)
        {
            done(now, pong);
        }

        _remotes.Release(remote);
    }

    private void HandlePong(Timestamp now, Remote remote, Pong pong, ReadOnlySpan<byte> datagram)
    {
        if (remote.Ping is not { Timeout: not null } ping || pong.PingHash != ping.Hash)
        {
            return;
        }

        _remotes.AddProof(now.Monotonic, remote);
        Put(new EndpointVerified(remote.Key.Id, remote.EndPoint));
        CountVote(now, remote.EndPoint, pong.To);
        TakeTicket(now, remote, ping.Topics, pong.Ticket, datagram);
        EndPing(now, remote, ping, pong);
    }

    /// <summary>Pings a node for a ticket; the pong says what comes of it, whoever asked first.</summary>
    private void RequestTicket(Timestamp now, Node node)
    {
        if (node.UdpEndPoint is { } to)
        {
            Remote remote = GetOrAdd(node, to);
            SendPing(now, remote, LegacyLimits.Attempts, null);
            if (remote.State is NodeState.Unknown or NodeState.Unresponsive)
            {
                Become(now, remote, NodeState.VerifyInit);
            }
        }
    }

    private void HandlePing(Timestamp now, IPEndPoint from, PublicKey sender, PacketHash hash, Ping ping, Remote? remote)
    {
        // Only the TCP port is the sender's word; where it is, we see ourselves.
        Node node = Node.Create(sender, from.Address, ping.From.TcpPort, from.Port);
        Send(from, new Pong(new Endpoint(from, ping.From.TcpPort), hash, _registrar.GetTicket(now.Monotonic, node, ping.Topics)));
        bool isProven = remote?.IsProven(now.Monotonic) == true;
        if (remote is not null)
        {
            remote.Node = node;
        }

        if (isProven)
        {
            // Without proof the address may be forged, and the vote with it.
            CountVote(now, from, ping.To);
            Table.AddInbound(now, node);
        }

        switch (remote?.State ?? NodeState.Unknown)
        {
            case NodeState.Unknown or NodeState.Known or NodeState.Unresponsive when !isProven:
                PingBack(now, from, remote, node);
                break;
            case NodeState.VerifyInit:
                Become(now, remote!, NodeState.VerifyWait);
                break;
            case NodeState.RemoteVerifyWait:
                // It did not know us. Now it does.
                WaitUntilKnown(now, remote!, LegacyLimits.ProofGrace);
                break;
            case NodeState.Unresponsive:
                Become(now, remote!, NodeState.Known);
                break;
        }
    }

    /// <summary>Asks whoever pinged us without an endpoint proof for one.</summary>
    private void PingBack(Timestamp now, IPEndPoint to, Remote? remote, Node node)
    {
        bool isAllowed = _pingBacks < LegacyLimits.MaxPingBacks
            && RequestCount < LegacyLimits.MaxRequests
            && (_pingsTo.GetValueOrDefault(to.Address) < LegacyLimits.MaxPingBacksPerAddress || AddressRules.IsLan(to.Address));
        if (!isAllowed)
        {
            return;
        }

        _pingBacks++;
        remote ??= GetOrAdd(node, to);
        SendPing(now, remote, attempts: 1, (t, pong) =>
        {
            _pingBacks--;
            if (pong is not null)
            {
                Table.AddInbound(t, node);
            }
        });
        Become(now, remote, NodeState.VerifyWait);
    }

    private void CountVote(Timestamp now, IPEndPoint from, Endpoint seen)
    {
        if (seen.ToUdp() is { } endPoint)
        {
            Local.AddEndPointStatement(now.Monotonic, from, endPoint);
        }
    }
}
