using System.Net;
using DevP2P.Rlp;

namespace DevP2P.Discovery.V5;

/// <summary>
/// The messages inside the packets from and to bytes (discv5-wire.md, "Protocol Messages"). Hostile bytes never throw; nothing is
/// allocated.
/// </summary>
/// <remarks>
/// Strict: canonical RLP, all elements that the specification names and no others, nothing behind the list; as go-ethereum does.
/// </remarks>
internal static class MessageCodec
{
    /// <summary>The most records that one NODES message can have: none takes fewer bytes than this allows.</summary>
    public const int MaxRecordsPerMessage = 16;

    /// <summary>The protocol name and the data of a talk request may have so many bytes together, however they share them.</summary>
    public const int MaxTalkRequestSize = PacketCodec.MaxMessageSize - 1 - 3 - (1 + RequestId.MaxSize) - 3 - 3;

    /// <summary>A talk response may have so many bytes.</summary>
    public const int MaxTalkResponseSize = PacketCodec.MaxMessageSize - 1 - 3 - (1 + RequestId.MaxSize) - 3;

    /// <summary>How many bytes of records a NODES message has room for.</summary>
    public const int MaxRecordBytes = PacketCodec.MaxMessageSize - 1 - 3 - (1 + RequestId.MaxSize) - 1 - 3;

    /// <summary>Reads a decrypted message. What <paramref name="message"/> refers to is valid as long as <paramref name="plaintext"/> is.</summary>
    /// <returns>False if it is of an unknown type or malformed.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> plaintext, out WireMessage message)
    {
        message = Decode(plaintext, out bool isGood);
        return isGood;
    }

    public static int WritePing(Span<byte> destination, RequestId id, ulong sequence)
    {
        RlpWriter writer = Start(destination, MessageType.Ping, id, out RlpListToken list);
        writer.Write(sequence);
        return End(ref writer, list);
    }

    public static int WritePong(Span<byte> destination, RequestId id, ulong sequence, IPEndPoint seen) =>
        WritePong(destination, id, sequence, NetUtil.CompactEndPoint.From(seen));

    public static int WritePong(Span<byte> destination, RequestId id, ulong sequence, NetUtil.CompactEndPoint seen)
    {
        RlpWriter writer = Start(destination, MessageType.Pong, id, out RlpListToken list);
        writer.Write(sequence);
        Span<byte> address = stackalloc byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(address, seen.Address);
        writer.Write(seen.IsIPv4 ? address[12..] : address);
        writer.Write((ulong)seen.Port);
        return End(ref writer, list);
    }

    public static int WriteFindNode(Span<byte> destination, RequestId id, ReadOnlySpan<int> distances)
    {
        RlpWriter writer = Start(destination, MessageType.FindNode, id, out RlpListToken list);
        RlpListToken items = writer.StartList();
        foreach (int distance in distances)
        {
            writer.Write((ulong)(uint)distance);
        }

        writer.EndList(items);
        return End(ref writer, list);
    }

    /// <summary>Writes a part of an answer to FINDNODE.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="id">The request's id.</param>
    /// <param name="total">How many parts the answer has.</param>
    /// <param name="records">Encoded records, one behind the other: at most <see cref="MaxRecordBytes"/>.</param>
    public static int WriteNodes(Span<byte> destination, RequestId id, int total, ReadOnlySpan<byte> records)
    {
        RlpWriter writer = Start(destination, MessageType.Nodes, id, out RlpListToken list);
        writer.Write((ulong)(uint)total);
        RlpListToken items = writer.StartList();
        writer.WriteRaw(records);
        writer.EndList(items);
        return End(ref writer, list);
    }

    /// <summary>Writes a talk request of at most <see cref="MaxTalkRequestSize"/> bytes.</summary>
    public static int WriteTalkRequest(Span<byte> destination, RequestId id, ReadOnlySpan<byte> protocol, ReadOnlySpan<byte> data)
    {
        RlpWriter writer = Start(destination, MessageType.TalkRequest, id, out RlpListToken list);
        writer.Write(protocol);
        writer.Write(data);
        return End(ref writer, list);
    }

    /// <summary>Writes a talk response of at most <see cref="MaxTalkResponseSize"/> bytes.</summary>
    public static int WriteTalkResponse(Span<byte> destination, RequestId id, ReadOnlySpan<byte> data)
    {
        RlpWriter writer = Start(destination, MessageType.TalkResponse, id, out RlpListToken list);
        writer.Write(data);
        return End(ref writer, list);
    }

    private static WireMessage Decode(ReadOnlySpan<byte> plaintext, out bool isGood)
    {
        WireMessage message = default;
        isGood = false;
        if (plaintext.IsEmpty)
        {
            return message;
        }

        message.Type = (MessageType)plaintext[0];
        var reader = new RlpReader(plaintext[1..]);
        if (!reader.TryReadList(out RlpReader list)
            || !reader.TryReadEnd()
            || !list.TryReadBytes(out ReadOnlySpan<byte> id)
            || id.Length > RequestId.MaxSize)
        {
            return message;
        }

        message.Id = new RequestId(id);
        isGood = message.Type switch
        {
            MessageType.Ping => list.TryReadUInt64(out message.Sequence),
            MessageType.Pong => TryReadPong(ref list, ref message),
            MessageType.FindNode => TryReadDistances(ref list, ref message),
            MessageType.Nodes => TryReadNodes(ref list, ref message),
            MessageType.TalkRequest => list.TryReadBytes(out message.Protocol) && list.TryReadBytes(out message.Data),
            MessageType.TalkResponse => list.TryReadBytes(out message.Data),
            _ => false,
        } && list.TryReadEnd();
        return message;
    }

    private static bool TryReadPong(ref RlpReader list, ref WireMessage message) =>
        list.TryReadUInt64(out message.Sequence)
        && list.TryReadBytes(out message.Address)
        && message.Address.Length is 4 or 16
        && list.TryReadUInt16(out message.Port);

    private static bool TryReadDistances(ref RlpReader list, ref WireMessage message)
    {
        if (!list.TryReadList(out message.Items))
        {
            return false;
        }

        RlpReader distances = message.Items;
        while (!distances.IsAtEnd)
        {
            distances.TryReadUInt64(out _);
        }

        return !distances.HasError;
    }

    private static bool TryReadNodes(ref RlpReader list, ref WireMessage message)
    {
        if (!list.TryReadUInt64(out message.Total) || !list.TryReadList(out message.Items))
        {
            return false;
        }

        // What is in a record is checked with its signature; here only that there are lists.
        RlpReader records = message.Items;
        while (!records.IsAtEnd)
        {
            records.TryReadList(out _);
        }

        return !records.HasError;
    }

    private static RlpWriter Start(Span<byte> destination, MessageType type, RequestId id, out RlpListToken list)
    {
        destination[0] = (byte)type;
        var writer = new RlpWriter(destination[1..]);
        list = writer.StartList();
        writer.Write(id.Write(stackalloc byte[RequestId.MaxSize]));
        return writer;
    }

    private static int End(ref RlpWriter writer, RlpListToken list)
    {
        writer.EndList(list);
        return 1 + writer.Length;
    }
}
