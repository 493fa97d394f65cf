using System.Diagnostics.CodeAnalysis;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Rlp;

namespace DevP2P.Discovery.LegacyV5;

/// <content>The RLP lists of each type.</content>
internal static partial class Codec
{
    /// <summary>What a node takes at least: key, address and ports, if these have no bytes.</summary>
    private const int MinNodeSize = 70;

    internal static void WriteEndpoint(ref RlpWriter writer, Endpoint endpoint)
    {
        RlpListToken list = writer.StartList();
        WriteEndpointFields(ref writer, endpoint);
        writer.EndList(list);
    }

    internal static void WriteHash(ref RlpWriter writer, PacketHash hash)
    {
        Span<byte> bytes = stackalloc byte[PacketHash.Size];
        hash.CopyTo(bytes);
        writer.Write(bytes);
    }

    internal static void WriteId(ref RlpWriter writer, in NodeId id)
    {
        Span<byte> bytes = stackalloc byte[NodeId.Size];
        id.CopyTo(bytes);
        writer.Write(bytes);
    }

    internal static void WriteTopics(ref RlpWriter writer, IReadOnlyList<Topic> topics)
    {
        RlpListToken list = writer.StartList();
        for (int i = 0; i < topics.Count; i++)
        {
            writer.Write(topics[i].Bytes);
        }

        writer.EndList(list);
    }

    internal static void WriteNodes(ref RlpWriter writer, IReadOnlyList<Neighbor> nodes)
    {
        RlpListToken list = writer.StartList();
        foreach (Neighbor node in nodes)
        {
            RlpListToken item = writer.StartList();
            WriteEndpointFields(ref writer, node.Endpoint);
            writer.Write(node.Key.Span);
            writer.EndList(item);
        }

        writer.EndList(list);
    }

    private static void WriteEndpointFields(ref RlpWriter writer, Endpoint endpoint)
    {
        Span<byte> bytes = stackalloc byte[16];
        int length = 0;
        _ = endpoint.Address?.TryWriteBytes(bytes, out length);
        writer.Write(bytes[..length]);
        writer.Write((ulong)endpoint.UdpPort);
        writer.Write((ulong)endpoint.TcpPort);
    }

    private static Ping? ReadPing(ref RlpReader list) =>
        list.TryReadUInt64(out ulong version)
        && TryReadEndpoint(ref list, out Endpoint from)
        && TryReadEndpoint(ref list, out Endpoint to)
        && list.TryReadUInt64(out ulong expiration)
        && TryReadTopics(ref list, out Topic[]? topics)
        && list.TrySkipRest()
            ? new Ping(version, from, to, expiration, topics)
            : null;

    private static Pong? ReadPong(ref RlpReader list)
    {
        Span<byte> topicHash = stackalloc byte[NodeId.Size];
        return TryReadEndpoint(ref list, out Endpoint to)
            && list.TryReadBytes(out ReadOnlySpan<byte> pingHash)
            && list.TryReadUInt64(out ulong expiration)
            && list.TryReadBytes(topicHash)
            && list.TryReadUInt32(out uint serial)
            && TryReadWaitPeriods(ref list, out uint[]? waitPeriods)
            && list.TrySkipRest()
                ? new Pong(
                    to,
                    pingHash.Length == PacketHash.Size ? new PacketHash(pingHash) : null,
                    new Ticket(expiration, new NodeId(topicHash), serial, waitPeriods))
                : null;
    }

    private static FindNode? ReadFindNode(ref RlpReader list)
    {
        Span<byte> target = stackalloc byte[FindNode.TargetSize];
        return list.TryReadBytes(target) && list.TryReadUInt64(out ulong expiration) && list.TrySkipRest()
            ? new FindNode(target.ToArray(), expiration)
            : null;
    }

    private static FindNodeHash? ReadFindNodeHash(ref RlpReader list)
    {
        Span<byte> target = stackalloc byte[NodeId.Size];
        return list.TryReadBytes(target) && list.TryReadUInt64(out ulong expiration) && list.TrySkipRest()
            ? new FindNodeHash(new NodeId(target), expiration)
            : null;
    }

    private static Neighbors? ReadNeighbors(ref RlpReader list) =>
        TryReadNodes(ref list, out List<Neighbor>? nodes) && list.TryReadUInt64(out ulong expiration) && list.TrySkipRest()
            ? new Neighbors(nodes, expiration)
            : null;

    private static TopicRegister? ReadTopicRegister(ref RlpReader list) =>
        TryReadTopics(ref list, out Topic[]? topics)
        && list.TryReadUInt64(out ulong index)
        && list.TryReadBytes(out ReadOnlySpan<byte> pong)
        && list.TryReadEnd()
            ? new TopicRegister(topics, index, pong.ToArray())
            : null;

    private static TopicQuery? ReadTopicQuery(ref RlpReader list) =>
        list.TryReadBytes(out ReadOnlySpan<byte> bytes)
        && list.TryReadUInt64(out ulong expiration)
        && list.TryReadEnd()
        && Topic.TryCreate(bytes, out Topic? topic)
            ? new TopicQuery(topic, expiration)
            : null;

    private static TopicNodes? ReadTopicNodes(ref RlpReader list)
    {
        Span<byte> hash = stackalloc byte[PacketHash.Size];
        return list.TryReadBytes(hash) && TryReadNodes(ref list, out List<Neighbor>? nodes) && list.TryReadEnd()
            ? new TopicNodes(new PacketHash(hash), nodes)
            : null;
    }

    /// <summary>Reads the topics of a ping or a registration; none if no ticket is given for them.</summary>
    private static bool TryReadTopics(ref RlpReader reader, [NotNullWhen(true)] out Topic[]? topics)
    {
        topics = null;
        if (!reader.TryReadList(out RlpReader items))
        {
            return false;
        }

        var read = new List<Topic>();
        bool isAllowed = true;
        while (!items.IsAtEnd && items.TryReadBytes(out ReadOnlySpan<byte> bytes))
        {
            isAllowed &= read.Count < TopicLimits.MaxTopicsPerPing && Topic.TryCreate(bytes, out Topic? topic) && Add(read, topic);
        }

        topics = items.HasError ? null : isAllowed ? [.. read] : [];
        return topics is not null;

        static bool Add(List<Topic> topics, Topic topic)
        {
            topics.Add(topic);
            return true;
        }
    }

    private static bool TryReadWaitPeriods(ref RlpReader reader, [NotNullWhen(true)] out uint[]? waitPeriods)
    {
        waitPeriods = null;
        if (!reader.TryReadList(out RlpReader items))
        {
            return false;
        }

        // A datagram bounds them: each takes at least a byte (T13).
        var read = new List<uint>();
        while (!items.IsAtEnd && items.TryReadUInt32(out uint period))
        {
            read.Add(period);
        }

        waitPeriods = items.HasError ? null : [.. read];
        return waitPeriods is not null;
    }

    private static bool TryReadNodes(ref RlpReader reader, [NotNullWhen(true)] out List<Neighbor>? nodes)
    {
        nodes = null;
        if (!reader.TryReadList(out RlpReader items))
        {
            return false;
        }

        // A datagram cannot hold more than 17 (each takes at least 70 bytes), so the list needs no other limit (T13). The keys
        // share one array.
        int most = items.Remaining.Length / MinNodeSize;
        var read = new List<Neighbor>(most);
        byte[] keys = new byte[most * Secp256k1.PublicKeySize];
        while (!items.IsAtEnd)
        {
            if (read.Count == most)
            {
                return false;
            }

            Memory<byte> key = keys.AsMemory(read.Count * Secp256k1.PublicKeySize, Secp256k1.PublicKeySize);
            if (!items.TryReadList(out RlpReader item)
                || !TryReadEndpointFields(ref item, out Endpoint endpoint)
                || !item.TryReadBytes(key.Span)
                || !item.TryReadEnd())
            {
                return false;
            }

            read.Add(new Neighbor(endpoint, key));
        }

        nodes = items.HasError ? null : read;
        return nodes is not null;
    }

    private static bool TryReadEndpoint(ref RlpReader reader, out Endpoint endpoint)
    {
        endpoint = default;
        return reader.TryReadList(out RlpReader list) && TryReadEndpointFields(ref list, out endpoint) && list.TryReadEnd();
    }

    private static bool TryReadEndpointFields(ref RlpReader reader, out Endpoint endpoint)
    {
        endpoint = default;
        if (!reader.TryReadBytes(out ReadOnlySpan<byte> address) || !reader.TryReadUInt16(out ushort udp) || !reader.TryReadUInt16(out ushort tcp))
        {
            return false;
        }

        endpoint = new Endpoint(address.Length is 4 or 16 ? AddressRules.Unmap(new IPAddress(address)) : null, udp, tcp);
        return true;
    }
}
