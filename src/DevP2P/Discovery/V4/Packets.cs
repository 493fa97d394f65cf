using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;
using DevP2P.Rlp;

namespace DevP2P.Discovery.V4;

/// <summary>What a packet says, without header and signature (discv4.md, "Wire Protocol"). Immutable.</summary>
/// <remarks>Go: <c>v4wire.Packet</c>.</remarks>
internal abstract class Packet
{
    public abstract PacketType Type { get; }

    /// <summary>
    /// When the packet ceases to be valid, in seconds of Unix time; null where the type carries none
    /// (<see cref="RecordResponse"/>, which proves its freshness by the hash of the request).
    /// </summary>
    public virtual ulong? Expiration => null;

    /// <summary>
    /// Whether the packet's time is over at <paramref name="utc"/>. Numbers beyond the signed range count as past, as they do
    /// in go-ethereum.
    /// </summary>
    public bool IsExpired(DateTimeOffset utc)
    {
        const long MaxSeconds = long.MaxValue / 1000;
        return Expiration is { } expiration
            && (expiration > long.MaxValue || (expiration <= MaxSeconds && (long)expiration * 1000 < utc.ToUnixTimeMilliseconds()));
    }

    /// <summary>The same with another expiration; itself if it is not a request.</summary>
    public virtual Packet ExpiringAt(ulong later) => this;

    /// <summary>Writes the packet's RLP list.</summary>
    public abstract void WriteTo(ref RlpWriter writer);
}

/// <summary>A question whether somebody is there, and half of the endpoint proof.</summary>
/// <param name="version">Always 4; what others send is ignored (EIP-8).</param>
/// <param name="from">The sender's own view of its endpoint. Only its TCP port is believed.</param>
/// <param name="to">The sender's view of ours: a vote on our external endpoint.</param>
/// <param name="expiration">See <see cref="Packet.Expiration"/>.</param>
/// <param name="recordSequence">The sender's record's sequence number (EIP-868); null if it sent none.</param>
internal sealed class Ping(ulong version, Endpoint from, Endpoint to, ulong expiration, ulong? recordSequence) : Packet
{
    public const ulong CurrentVersion = 4;

    public override PacketType Type => PacketType.Ping;

    public override ulong? Expiration => expiration;

    public ulong Version => version;

    public Endpoint From => from;

    public Endpoint To => to;

    public ulong? RecordSequence => recordSequence;

    public override Packet ExpiringAt(ulong later) => new Ping(version, from, to, later, recordSequence);

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        writer.Write(version);
        Codec.WriteEndpoint(ref writer, from);
        Codec.WriteEndpoint(ref writer, to);
        writer.Write(expiration);
        Codec.WriteOptional(ref writer, recordSequence);
        writer.EndList(list);
    }
}

/// <summary>The answer to a <see cref="Ping"/>; with the right hash it proves that its sender receives at its address.</summary>
/// <param name="to">The sender's view of our endpoint: a vote on our external endpoint.</param>
/// <param name="pingHash">The hash of the ping.</param>
/// <param name="expiration">See <see cref="Packet.Expiration"/>.</param>
/// <param name="recordSequence">The sender's record's sequence number (EIP-868); null if it sent none.</param>
internal sealed class Pong(Endpoint to, PacketHash pingHash, ulong expiration, ulong? recordSequence) : Packet
{
    public override PacketType Type => PacketType.Pong;

    public override ulong? Expiration => expiration;

    public Endpoint To => to;

    public PacketHash PingHash => pingHash;

    public ulong? RecordSequence => recordSequence;

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        Codec.WriteEndpoint(ref writer, to);
        Codec.WriteHash(ref writer, pingHash);
        writer.Write(expiration);
        Codec.WriteOptional(ref writer, recordSequence);
        writer.EndList(list);
    }
}

/// <summary>A question for the nodes closest to a target.</summary>
/// <param name="target">64 bytes. Their hash is what distances are measured to; they need not be a public key.</param>
/// <param name="expiration">See <see cref="Packet.Expiration"/>.</param>
/// <param name="targetId">The hash of <paramref name="target"/>, for who knows it already.</param>
internal sealed class FindNode(ReadOnlyMemory<byte> target, ulong expiration, NodeId? targetId = null) : Packet
{
    public const int TargetSize = 64;

    public override PacketType Type => PacketType.FindNode;

    public override ulong? Expiration => expiration;

    public ReadOnlyMemory<byte> Target => target;

    /// <summary>The hash of <see cref="Target"/>: what distances are measured to.</summary>
    public NodeId TargetId
    {
        get
        {
            if (targetId is { } known)
            {
                return known;
            }

            Span<byte> hash = stackalloc byte[NodeId.Size];
            Keccak256.Hash(target.Span, hash);
            return new NodeId(hash);
        }
    }

    public override Packet ExpiringAt(ulong later) => new FindNode(target, later, targetId);

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        writer.Write(target.Span);
        writer.Write(expiration);
        writer.EndList(list);
    }
}

/// <summary>The answer to <see cref="FindNode"/>, or a part of it.</summary>
internal sealed class Neighbors(IReadOnlyList<Neighbor> nodes, ulong expiration) : Packet
{
    /// <summary>
    /// How many nodes go into one packet. Twelve with IPv6 addresses and the largest ports make 1,205 bytes, thirteen would
    /// make 1,296. Go: <c>v4wire.MaxNeighbors</c>.
    /// </summary>
    public const int MaxPerPacket = 12;

    /// <summary>How many nodes one answer has in all its packets: a bucket's worth (discv4.md, "FindNode Packet").</summary>
    public const int MaxPerAnswer = 16;

    public override PacketType Type => PacketType.Neighbors;

    public override ulong? Expiration => expiration;

    public IReadOnlyList<Neighbor> Nodes => nodes;

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        RlpListToken items = writer.StartList();
        for (int i = 0; i < nodes.Count; i++)
        {
            Neighbor node = nodes[i];
            RlpListToken item = writer.StartList();
            Codec.WriteEndpointFields(ref writer, node.Endpoint);
            writer.Write(node.Key.Span);
            writer.EndList(item);
        }

        writer.EndList(items);
        writer.Write(expiration);
        writer.EndList(list);
    }
}

/// <summary>A question for the receiver's node record (EIP-868).</summary>
internal sealed class RecordRequest(ulong expiration) : Packet
{
    public override PacketType Type => PacketType.RecordRequest;

    public override ulong? Expiration => expiration;

    public override Packet ExpiringAt(ulong later) => new RecordRequest(later);

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        writer.Write(expiration);
        writer.EndList(list);
    }
}

/// <summary>The answer to <see cref="RecordRequest"/>.</summary>
/// <param name="requestHash">The hash of the request.</param>
/// <param name="record">The record's RLP. Not checked: neither its form nor its signature, nor whose it is.</param>
internal sealed class RecordResponse(PacketHash requestHash, ReadOnlyMemory<byte> record) : Packet
{
    public override PacketType Type => PacketType.RecordResponse;

    public PacketHash RequestHash => requestHash;

    public ReadOnlyMemory<byte> Record => record;

    public override void WriteTo(ref RlpWriter writer)
    {
        RlpListToken list = writer.StartList();
        Codec.WriteHash(ref writer, requestHash);
        writer.WriteRaw(record.Span);
        writer.EndList(list);
    }
}
