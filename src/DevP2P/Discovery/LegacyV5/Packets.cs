using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using DevP2P.Rlp;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>What a packet says, without header and signature. Immutable, but for <see cref="TopicRegister.PongSigner"/>.</summary>
/// <remarks>Go: the structs in <c>discv5/udp.go</c>.</remarks>
internal abstract class Packet
{
    public abstract PacketType Type { get; }

    /// <summary>
    /// When the packet ceases to be valid, in seconds of Unix time; null where it says nothing of the kind. A <see cref="Pong"/>
    /// never does: there go-ethereum has put another number in its place.
    /// </summary>
    public virtual ulong? Expiration => null;

    /// <summary>Whether the packet's time is over at <paramref name="utc"/>.</summary>
    /// <remarks>go-ethereum 1.8.27 does not look. Ours do, so that what was recorded once is not answered for ever.</remarks>
    public bool IsExpired(DateTimeOffset utc)
    {
        const long MaxSeconds = long.MaxValue / 1000;
        return Expiration is { } expiration
            && (expiration > long.MaxValue || (expiration <= MaxSeconds && (long)expiration * 1000 < utc.ToUnixTimeMilliseconds()));
    }

    /// <summary>Writes the packet's RLP list.</summary>
    public abstract void WriteTo(ref RlpWriter writer);
}

/// <summary>A question whether somebody is there, half of the endpoint proof, and a request for a ticket.</summary>
/// <param name="version">Always 4; what others send is ignored.</param>
/// <param name="from">The sender's own view of its endpoint. Only its TCP port is believed.</param>
/// <param name="to">The sender's view of ours.</param>
/// <param name="expiration">See <see cref="Packet.Expiration"/>.</param>
/// <param name="topics">
/// What the sender wants to register. Empty, too, where it named more than <see cref="TopicLimits.MaxTopicsPerPing"/>, or one that
/// is too long: such a ping is answered without a ticket.
/// </param>
internal sealed class Ping(ulong version, Endpoint from, Endpoint to, ulong expiration, IReadOnlyList<Topic> topics) : Packet
{
    public const ulong CurrentVersion = 4;

    public override PacketType Type => PacketType.Ping;

    public override ulong? Expiration => expiration;

    public ulong Version => version;

    public Endpoint From => from;

    public Endpoint To => to;

    public IReadOnlyList<Topic> Topics => topics;

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        writer.Write(version);
        Codec.WriteEndpoint(ref writer, from);
        Codec.WriteEndpoint(ref writer, to);
        writer.Write(expiration);
        Codec.WriteTopics(ref writer, topics);
        writer.EndList(list);
    }
}

/// <summary>The answer to a <see cref="Ping"/>, and a ticket for its topics: signed by who will be asked to take it back.</summary>
/// <param name="to">The sender's view of our endpoint.</param>
/// <param name="pingHash">The hash of the ping; null where the sender put something into its place that is none.</param>
/// <param name="ticket">The ticket. Its expiration is no expiration of this packet: go-ethereum has put another number in its place.</param>
internal sealed class Pong(Endpoint to, PacketHash? pingHash, Ticket ticket) : Packet
{
    public override PacketType Type => PacketType.Pong;

    public Endpoint To => to;

    public PacketHash? PingHash => pingHash;

    public Ticket Ticket => ticket;

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        Codec.WriteEndpoint(ref writer, to);
        Codec.WriteHash(ref writer, pingHash ?? default);
        writer.Write(ticket.Expiration);
        Codec.WriteId(ref writer, ticket.TopicHash);
        writer.Write((ulong)ticket.Serial);
        RlpListToken periods = writer.StartList();
        foreach (uint period in ticket.WaitPeriods)
        {
            writer.Write((ulong)period);
        }

        writer.EndList(periods);
        writer.EndList(list);
    }
}

/// <summary>A question for the nodes closest to a key.</summary>
/// <param name="target">64 bytes. Their hash is what distances are measured to; they need not be a public key.</param>
/// <param name="expiration">See <see cref="Packet.Expiration"/>.</param>
internal sealed class FindNode(ReadOnlyMemory<byte> target, ulong expiration) : Packet
{
    public const int TargetSize = Secp256k1.PublicKeySize;

    public override PacketType Type => PacketType.FindNode;

    public override ulong? Expiration => expiration;

    public ReadOnlyMemory<byte> Target => target;

    /// <summary>The hash of <see cref="Target"/>: what distances are measured to.</summary>
    public NodeId TargetId
    {
        get
        {
            Span<byte> hash = stackalloc byte[NodeId.Size];
            Keccak256.Hash(target.Span, hash);
            return new NodeId(hash);
        }
    }

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        writer.Write(target.Span);
        writer.Write(expiration);
        writer.EndList(list);
    }
}

/// <summary>The answer to <see cref="FindNode"/> and <see cref="FindNodeHash"/>, or a part of it. It does not say to which.</summary>
internal sealed class Neighbors(IReadOnlyList<Neighbor> nodes, ulong expiration) : Packet
{
    /// <summary>
    /// How many nodes go into one packet. Twelve with IPv6 addresses and the largest ports make 1,195 bytes, thirteen would
    /// make 1,286. Go: <c>maxNeighbors</c>.
    /// </summary>
    public const int MaxPerPacket = 12;

    /// <summary>How many nodes one answer has in all its packets: a bucket's worth.</summary>
    public const int MaxPerAnswer = 16;

    public override PacketType Type => PacketType.Neighbors;

    public override ulong? Expiration => expiration;

    public IReadOnlyList<Neighbor> Nodes => nodes;

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        Codec.WriteNodes(ref writer, nodes);
        writer.Write(expiration);
        writer.EndList(list);
    }
}

/// <summary>A question for the nodes closest to an id.</summary>
internal sealed class FindNodeHash(NodeId target, ulong expiration) : Packet
{
    public override PacketType Type => PacketType.FindNodeHash;

    public override ulong? Expiration => expiration;

    public NodeId Target => target;

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        Codec.WriteId(ref writer, target);
        writer.Write(expiration);
        writer.EndList(list);
    }
}

/// <summary>Gives a ticket back, to register one of its topics. There is no answer.</summary>
/// <param name="topics">All topics of the ticket.</param>
/// <param name="index">Which of them is registered.</param>
/// <param name="pong">The pong that is the ticket, as it came: prefix, signature, type and data.</param>
internal sealed class TopicRegister(IReadOnlyList<Topic> topics, ulong index, ReadOnlyMemory<byte> pong) : Packet
{
    public override PacketType Type => PacketType.TopicRegister;

    public IReadOnlyList<Topic> Topics => topics;

    public ulong Index => index;

    public ReadOnlyMemory<byte> Pong => pong;

    /// <summary>Who has signed the pong; null until it has been recovered (<see cref="Codec.TryRecoverSender"/>), or if nobody can have.</summary>
    public PublicKey? PongSigner { get; set; }

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        Codec.WriteTopics(ref writer, topics);
        writer.Write(index);
        writer.Write(pong.Span);
        writer.EndList(list);
    }
}

/// <summary>A question for nodes that have registered a topic.</summary>
/// <param name="topic">The topic.</param>
/// <param name="expiration">See <see cref="Packet.Expiration"/>; go-ethereum always sends 0, which means none.</param>
internal sealed class TopicQuery(Topic topic, ulong expiration) : Packet
{
    public override PacketType Type => PacketType.TopicQuery;

    public override ulong? Expiration => expiration == 0 ? null : expiration;

    public Topic Topic => topic;

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        writer.Write(topic.Bytes);
        writer.Write(expiration);
        writer.EndList(list);
    }
}

/// <summary>The answer to <see cref="TopicQuery"/>, or a part of it.</summary>
/// <param name="queryHash">The hash of the query.</param>
/// <param name="nodes">The nodes.</param>
internal sealed class TopicNodes(PacketHash queryHash, IReadOnlyList<Neighbor> nodes) : Packet
{
    /// <summary>How many nodes go into one packet: they make 1,219 bytes, one more would make 1,310. Go: <c>maxTopicNodes</c>.</summary>
    public const int MaxPerPacket = 12;

    /// <summary>How many nodes one answer has. Go: <c>handleQueryEvent</c>.</summary>
    public const int MaxPerAnswer = 10;

    public override PacketType Type => PacketType.TopicNodes;

    public PacketHash QueryHash => queryHash;

    public IReadOnlyList<Neighbor> Nodes => nodes;

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        Codec.WriteHash(ref writer, queryHash);
        Codec.WriteNodes(ref writer, nodes);
        writer.EndList(list);
    }
}
