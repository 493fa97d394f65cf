using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>
/// The topic discovery of go-ethereum 1.8 as a state machine without I/O: it takes the time, packets and commands, and hands out
/// datagrams, results and facts. Not safe for concurrent calls.
/// </summary>
/// <remarks>
/// <para>Go: <c>discv5.Network</c> of version 1.8.27.</para>
/// <para>
/// Endpoint proof (T04): nobody is answered with more than a pong who has not, within <see cref="LegacyLimits.ProofLifetime"/>, sent
/// from the same endpoint, with the same key, a pong with the hash of our latest ping. In go-ethereum who has once proved one
/// endpoint is answered at any.
/// </para>
/// <para>
/// Table, refresh, lookups and liveness checks are those of v4 and v5.1 (<see cref="DiscoveryMachine"/>): none of it shows on the
/// wire but in when which node is asked.
/// </para>
/// <para>Everything is bounded by <see cref="LegacyLimits"/>, except what the operator's own commands ask for.</para>
/// </remarks>
internal sealed partial class LegacyDiscovery : DiscoveryMachine
{
    private readonly LegacyOptions _options;
    private readonly Remotes _remotes = new();

    public LegacyDiscovery(LegacyOptions options, Timestamp now)
        : base(now, options.Local, options.Random, options.BootstrapNodes, options.NetRestrict, options.Outputs)
    {
        _options = options;
        _registrar = new TopicTable(now, options.Random);
        _advertiser = new TicketStore(options.Random);
        _searcher = new TopicSearcher(options.Random);
    }

    /// <summary>How many nodes have proved their endpoint, and are remembered.</summary>
    public int ProvenCount => _remotes.ProvenCount;

    /// <summary>How many nodes there is something to say of.</summary>
    public int RemoteCount => _remotes.Count;

    /// <summary>How many pings and queries for nodes wait for an answer.</summary>
    public int RequestCount { get; private set; }

    /// <summary>How far we are with a node at an endpoint.</summary>
    public NodeState GetState(NodeId id, IPEndPoint at) => _remotes.Find(new RemoteKey(id, CompactEndPoint.From(at)))?.State ?? NodeState.Unknown;

    /// <summary>
    /// The cheap question before the expensive one who has signed: whether a packet from there could matter at all. Answers
    /// that nobody waits for, and queries from where nobody has proved an endpoint, cannot.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="from">Where the packet came from.</param>
    /// <param name="packet">What it says, if its signature is good.</param>
    public bool IsWorthRecovering(Timestamp now, IPEndPoint from, Packet packet)
    {
        if (_options.NetRestrict?.Contains(AddressRules.Unmap(from.Address)) == false || packet.IsExpired(now.Utc))
        {
            return false;
        }

        CompactEndPoint endPoint = CompactEndPoint.From(from);
        return packet switch
        {
            Ping => true,
            Pong pong => pong.PingHash is { } hash && _pings.TryGetValue(hash, out Remote? remote) && remote.Key.EndPoint == endPoint,
            Neighbors => _findsAt.ContainsKey(endPoint),
            TopicNodes nodes => _topicQueries.TryGetValue(nodes.QueryHash, out CompactEndPoint asked) && asked == endPoint,
            TopicRegister register => _remotes.HasProven(endPoint) && IsWellFormed(register),
            _ => _remotes.HasProven(endPoint),
        };
    }

    /// <summary>A packet has come whose signature is good.</summary>
    /// <param name="now">The time.</param>
    /// <param name="from">Where it came from.</param>
    /// <param name="sender">Who has signed it.</param>
    /// <param name="packet">What it says.</param>
    /// <param name="datagram">Its bytes.</param>
    public void HandlePacket(Timestamp now, IPEndPoint from, PublicKey sender, Packet packet, ReadOnlySpan<byte> datagram)
    {
        if (from.Address.IsIPv4MappedToIPv6)
        {
            from = new IPEndPoint(from.Address.MapToIPv4(), from.Port);
        }

        var key = new RemoteKey(sender.NodeId, CompactEndPoint.From(from));
        if (key.Id == Local.Id || from.Port == 0 || packet.IsExpired(now.Utc) || _options.NetRestrict?.Contains(from.Address) == false)
        {
            return;
        }

        Remote? remote = _remotes.Find(key);
        bool isProven = remote?.IsProven(now.Monotonic) == true;
        switch (packet)
        {
            case Ping ping:
                HandlePing(now, from, sender, Codec.GetHash(datagram), ping, remote);
                break;
            case Pong pong when remote is not null:
                HandlePong(now, remote, pong, datagram);
                break;
            case FindNode find when isProven:
                AnswerFind(now, from, find.TargetId);
                break;
            case FindNodeHash find when isProven:
                AnswerFind(now, from, find.Target);
                break;
            case Neighbors neighbors when remote is not null:
                HandleNeighbors(now, remote, neighbors);
                break;
            case TopicRegister register when isProven:
                HandleTopicRegister(now, remote!, register);
                break;
            case TopicQuery query when isProven:
                AnswerTopicQuery(now, remote!, Codec.GetHash(datagram), query);
                break;
            case TopicNodes nodes when remote is not null:
                HandleTopicNodes(now, remote, nodes);
                break;
        }

        Settle(now);
    }

    private static ulong Expiration(Timestamp now) => (ulong)(now.Utc + LegacyLimits.PacketLifetime).ToUnixTimeSeconds();

    private PacketHash Send(IPEndPoint to, Packet packet)
    {
        PacketHash hash = _options.Encode(packet, out ReadOnlyMemory<byte> datagram);
        Put(new Transmit(to, packet, hash, datagram));
        return hash;
    }

    /// <summary>Our own endpoint as packets say it. Who has no TCP port says its UDP port, as go-ethereum does: it drops nodes without one.</summary>
    private Endpoint GetOwnEndpoint()
    {
        Node self = Local.Node;
        return new Endpoint(
            self.UdpPort != 0 ? self.Address : null, (ushort)self.UdpPort, (ushort)(self.TcpPort != 0 ? self.TcpPort : self.UdpPort));
    }
}
