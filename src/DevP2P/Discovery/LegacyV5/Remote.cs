using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>
/// A node at an endpoint. States and proofs are of this pair: a node that moves is verified anew, and what only claims to come from
/// it does not disturb the node at its old place (T04). In go-ethereum each packet moves the node.
/// </summary>
internal readonly record struct RemoteKey(NodeId Id, CompactEndPoint EndPoint)
{
    public override int GetHashCode() => Id.GetHashCode() ^ EndPoint.GetHashCode();
}

/// <summary>What is known of a node at an endpoint, and what is under way with it. Times are monotonic.</summary>
/// <remarks>Go: <c>discv5.nodeNetGuts</c>.</remarks>
internal sealed class Remote(Node node, IPEndPoint endPoint)
{
    public RemoteKey Key { get; } = new(node.Id, CompactEndPoint.From(endPoint));

    public IPEndPoint EndPoint => endPoint;

    /// <summary>The node, at this endpoint, with its TCP port as it was last said.</summary>
    public Node Node { get; set; } = node;

    /// <summary>The network that it counts for; null for the LAN.</summary>
    public ulong? Network { get; } = DistinctNetworks.GetNetwork(endPoint.Address, ipv6PrefixLength: 64);

    public NodeState State { get; set; }

    /// <summary>When it last answered a ping: the age of its endpoint proof; null if it never did.</summary>
    public TimeSpan? LastPong { get; set; }

    /// <summary>Our latest ping, while it waits for its pong.</summary>
    public PendingPing? Ping { get; set; }

    /// <summary>Ends <see cref="NodeState.RemoteVerifyWait"/>.</summary>
    public Timers.Timer? VerifyTimer { get; set; }

    /// <summary>Who waits until it may be asked: told true then, false if it seems to be dead.</summary>
    public List<Action<Timestamp, bool>> Waiters { get; } = [];

    /// <summary>Questions for nodes: the first one is under way, the others wait for it.</summary>
    public Queue<PendingFind> Finds { get; } = [];

    /// <summary>Whether something is under way, so that it must not be forgotten.</summary>
    public bool IsBusy => Ping is not null || Waiters.Count > 0 || Finds.Count > 0;

    /// <summary>Whether it may be answered with more than a pong (T04).</summary>
    public bool IsProven(TimeSpan now) => LastPong is { } at && now - at < LegacyLimits.ProofLifetime;
}

/// <summary>A ping that waits for its pong.</summary>
internal sealed class PendingPing(IReadOnlyList<Topic> topics)
{
    /// <summary>How many pings are sent at most.</summary>
    public int Attempts { get; set; } = 1;

    public int Sent { get; set; }

    /// <summary>The latest one's.</summary>
    public PacketHash Hash { get; set; }

    /// <summary>What it asks a ticket for.</summary>
    public IReadOnlyList<Topic> Topics => topics;

    /// <summary>Told the pong, or null, once.</summary>
    public List<Action<Timestamp, Pong?>> Done { get; } = new(1);

    public Timers.Timer? Timeout { get; set; }
}

/// <summary>A question for nodes that waits for its answer.</summary>
internal sealed class PendingFind(NodeId target, Action<Timestamp, List<Node>?> done)
{
    public NodeId Target => target;

    /// <summary>Told the nodes, or null, once.</summary>
    public Action<Timestamp, List<Node>?> Done => done;

    public List<Node> Nodes { get; } = [];

    /// <summary>How many nodes were named, believed or not.</summary>
    public int Received { get; set; }

    public bool IsAnswered { get; set; }

    public bool IsEnded { get; set; }

    /// <summary>How many times the question was sent.</summary>
    public int Sent { get; set; }

    public Timers.Timer? Timeout { get; set; }
}
