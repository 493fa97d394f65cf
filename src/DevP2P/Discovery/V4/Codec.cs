using System.Diagnostics.CodeAnalysis;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Rlp;

namespace DevP2P.Discovery.V4;

/// <summary>
/// Discovery v4 packets from and to bytes (discv4.md, "Wire Protocol"). Hostile bytes never throw. All methods are safe for
/// concurrent use.
/// </summary>
/// <remarks>
/// <para>Go: package <c>v4wire</c>.</para>
/// <para>
/// Decoding has three parts, so that each caller pays only for what it needs: <see cref="Check"/> (size, type, hash: up to
/// ten Keccak permutations), <see cref="TryReadContent"/> (RLP) and <see cref="TryRecoverSender"/> (the signature: as
/// expensive as all the rest fifty times over, and therefore a job for another core).
/// </para>
/// <para>
/// Strict: sizes, canonical RLP, and the types of all elements that the specification names. Lenient, as EIP-8 demands:
/// more elements in a list and bytes behind it are ignored. Lenient beyond that, as it is safe, because nothing that was
/// decoded is ever encoded again: ports with leading zeros (@ethereumjs/devp2p sends them for ports below 256; go-ethereum
/// drops such packets), addresses of odd lengths in pings and pongs (unknown then, as in go-ethereum), and a record
/// sequence number that is no number (EIP-8's own vectors have a list there; go-ethereum drops them since EIP-868).
/// Whether a packet has expired is the caller's to judge: it has the time.
/// </para>
/// </remarks>
internal static class Codec
{
    /// <summary>No packet is longer, in either direction (discv4.md). Longer datagrams are dropped.</summary>
    public const int MaxPacketSize = 1280;

    public const int SignatureSize = Secp256k1.RecoverableSignatureSize;

    /// <summary>Hash and signature.</summary>
    public const int HeaderSize = PacketHash.Size + SignatureSize;

    /// <summary>What a node in <see cref="Neighbors"/> takes at least: key, address and ports, if these have no bytes.</summary>
    private const int MinNeighborSize = 70;

    /// <summary>A header, a type and the empty list.</summary>
    public const int MinPacketSize = HeaderSize + 2;

    /// <summary>The cheap checks: size, type, hash.</summary>
    public static DecodeError Check(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < MinPacketSize)
        {
            return DecodeError.TooShort;
        }

        if (datagram.Length > MaxPacketSize)
        {
            return DecodeError.TooLong;
        }

        if (GetType(datagram) is < PacketType.Ping or > PacketType.RecordResponse)
        {
            return DecodeError.UnknownType;
        }

        Span<byte> hash = stackalloc byte[PacketHash.Size];
        Keccak256.Hash(datagram[PacketHash.Size..], hash);
        return hash.SequenceEqual(datagram[..PacketHash.Size]) ? DecodeError.None : DecodeError.BadHash;
    }

    /// <summary>The type of a datagram that has at least <see cref="MinPacketSize"/> bytes.</summary>
    public static PacketType GetType(ReadOnlySpan<byte> datagram) => (PacketType)datagram[HeaderSize];

    /// <summary>The hash of a datagram that has at least <see cref="MinPacketSize"/> bytes.</summary>
    public static PacketHash GetHash(ReadOnlySpan<byte> datagram) => new(datagram[..PacketHash.Size]);

    /// <summary>Reads what a packet that passed <see cref="Check"/> says. The result shares no memory with the datagram.</summary>
    public static bool TryReadContent(ReadOnlySpan<byte> datagram, [NotNullWhen(true)] out Packet? packet)
    {
        // Bytes behind the list are ignored (EIP-8).
        var reader = new RlpReader(datagram[(HeaderSize + 1)..]);
        packet = null;
        if (reader.TryReadList(out RlpReader list))
        {
            packet = GetType(datagram) switch
            {
                PacketType.Ping => ReadPing(ref list),
                PacketType.Pong => ReadPong(ref list),
                PacketType.FindNode => ReadFindNode(ref list),
                PacketType.Neighbors => ReadNeighbors(ref list),
                PacketType.RecordRequest => ReadRecordRequest(ref list),
                PacketType.RecordResponse => ReadRecordResponse(ref list),
                _ => null,
            };
        }

        return packet is not null;
    }

    /// <summary>The expensive part: whose signature it is, of a packet that passed <see cref="Check"/>.</summary>
    /// <remarks>T08: the key is on the curve, because recovery computed it.</remarks>
    public static bool TryRecoverSender(ReadOnlySpan<byte> datagram, [NotNullWhen(true)] out PublicKey? sender)
    {
        Span<byte> hash = stackalloc byte[Keccak256.DigestSize];
        Span<byte> key = stackalloc byte[Secp256k1.PublicKeySize];
        Keccak256.Hash(datagram[HeaderSize..], hash);
        sender = Secp256k1.Instance.TryRecover(hash, datagram[PacketHash.Size..HeaderSize], key) ? PublicKey.FromValidated(key) : null;
        return sender is not null;
    }

    /// <summary>All parts of decoding at once. Never throws.</summary>
    /// <param name="datagram">What came in.</param>
    /// <param name="packet">What it says, or null.</param>
    /// <param name="sender">Who signed it, or null.</param>
    /// <param name="hash">Its hash; meaningless unless the result is true.</param>
    /// <param name="error">What is wrong with it.</param>
    public static bool TryDecode(
        ReadOnlySpan<byte> datagram,
        [NotNullWhen(true)] out Packet? packet,
        [NotNullWhen(true)] out PublicKey? sender,
        out PacketHash hash,
        out DecodeError error)
    {
        (packet, sender, hash) = (null, null, default);
        error = Check(datagram);
        if (error != DecodeError.None)
        {
            return false;
        }

        hash = GetHash(datagram);
        if (!TryReadContent(datagram, out packet))
        {
            error = DecodeError.BadContent;
            return false;
        }

        if (!TryRecoverSender(datagram, out sender))
        {
            packet = null;
            error = DecodeError.BadSignature;
            return false;
        }

        return true;
    }

    /// <summary>Writes a packet and signs it. Allocates nothing.</summary>
    /// <param name="packet">What to say.</param>
    /// <param name="signer">Signs with the node's key.</param>
    /// <param name="destination">Has room for <see cref="MaxPacketSize"/> bytes.</param>
    /// <param name="hash">The packet's hash, which answers refer to.</param>
    /// <returns>How many bytes the packet takes.</returns>
    /// <exception cref="ArgumentException">The packet says more than fits.</exception>
    public static int Encode(Packet packet, PacketSigner signer, Span<byte> destination, out PacketHash hash)
    {
        destination = destination[..MaxPacketSize];
        destination[HeaderSize] = (byte)packet.Type;
        int length = HeaderSize + 1 + WriteContent(packet, destination[(HeaderSize + 1)..]);
        Span<byte> written = destination[..length];

        Span<byte> digest = stackalloc byte[Keccak256.DigestSize];
        Keccak256.Hash(written[HeaderSize..], digest);
        signer(digest, written[PacketHash.Size..HeaderSize]);
        Keccak256.Hash(written[PacketHash.Size..], written[..PacketHash.Size]);
        hash = GetHash(written);
        return length;
    }

    internal static void WriteEndpoint(ref RlpWriter writer, Endpoint endpoint)
    {
        RlpListToken list = writer.StartList();
        WriteEndpointFields(ref writer, endpoint);
        writer.EndList(list);
    }

    internal static void WriteEndpointFields(ref RlpWriter writer, Endpoint endpoint)
    {
        Span<byte> bytes = stackalloc byte[16];
        int length = 0;
        _ = endpoint.Address?.TryWriteBytes(bytes, out length);
        writer.Write(bytes[..length]);
        writer.Write((ulong)endpoint.UdpPort);
        writer.Write((ulong)endpoint.TcpPort);
    }

    internal static void WriteHash(ref RlpWriter writer, PacketHash hash)
    {
        Span<byte> bytes = stackalloc byte[PacketHash.Size];
        hash.CopyTo(bytes);
        writer.Write(bytes);
    }

    internal static void WriteOptional(ref RlpWriter writer, ulong? value)
    {
        if (value is { } number)
        {
            writer.Write(number);
        }
    }

    private static int WriteContent(Packet packet, Span<byte> destination)
    {
        var writer = new RlpWriter(destination);
        try
        {
            packet.WriteTo(ref writer);
            ReadOnlySpan<byte> written = writer.Written;
            if (written.Length > destination.Length)
            {
                throw new ArgumentException($"a {packet.Type} packet of {HeaderSize + 1 + written.Length} bytes; the limit is {MaxPacketSize}");
            }

            // The writer wants room to spare, and may have moved to memory of its own shortly before the end.
            if (!written.Overlaps(destination))
            {
                written.CopyTo(destination);
            }

            return written.Length;
        }
        finally
        {
            writer.Dispose();
        }
    }

    private static Ping? ReadPing(ref RlpReader list) =>
        list.TryReadUInt64(out ulong version)
        && TryReadEndpoint(ref list, out Endpoint from)
        && TryReadEndpoint(ref list, out Endpoint to)
        && list.TryReadUInt64(out ulong expiration)
            ? new Ping(version, from, to, expiration, ReadOptional(list))
            : null;

    private static Pong? ReadPong(ref RlpReader list)
    {
        Span<byte> hash = stackalloc byte[PacketHash.Size];
        return TryReadEndpoint(ref list, out Endpoint to) && list.TryReadBytes(hash) && list.TryReadUInt64(out ulong expiration)
            ? new Pong(to, new PacketHash(hash), expiration, ReadOptional(list))
            : null;
    }

    private static FindNode? ReadFindNode(ref RlpReader list)
    {
        Span<byte> target = stackalloc byte[FindNode.TargetSize];
        return list.TryReadBytes(target) && list.TryReadUInt64(out ulong expiration)
            ? new FindNode(target.ToArray(), expiration)
            : null;
    }

    private static Neighbors? ReadNeighbors(ref RlpReader list)
    {
        if (!list.TryReadList(out RlpReader items))
        {
            return null;
        }

        // A datagram cannot hold more than 17 (each takes at least 70 bytes), so the list needs no other limit (T13). The keys
        // share one array.
        int most = items.Remaining.Length / MinNeighborSize;
        var nodes = new List<Neighbor>(most);
        byte[] keys = new byte[most * Secp256k1.PublicKeySize];
        while (!items.IsAtEnd)
        {
            if (nodes.Count == most)
            {
                return null;
            }

            Memory<byte> key = keys.AsMemory(nodes.Count * Secp256k1.PublicKeySize, Secp256k1.PublicKeySize);
            if (!items.TryReadList(out RlpReader item) || !TryReadEndpointFields(ref item, out Endpoint endpoint) || !item.TryReadBytes(key.Span))
            {
                return null;
            }

            nodes.Add(new Neighbor(endpoint, key));
        }

        return !items.HasError && list.TryReadUInt64(out ulong expiration) ? new Neighbors(nodes, expiration) : null;
    }

    private static RecordRequest? ReadRecordRequest(ref RlpReader list) =>
        list.TryReadUInt64(out ulong expiration) ? new RecordRequest(expiration) : null;

    private static RecordResponse? ReadRecordResponse(ref RlpReader list)
    {
        Span<byte> hash = stackalloc byte[PacketHash.Size];
        return list.TryReadBytes(hash) && list.TryPeekKind(out RlpKind kind) && kind == RlpKind.List && list.TryReadRaw(out ReadOnlySpan<byte> record)
            ? new RecordResponse(new PacketHash(hash), record.ToArray())
            : null;
    }

    private static bool TryReadEndpoint(ref RlpReader reader, out Endpoint endpoint)
    {
        endpoint = default;
        return reader.TryReadList(out RlpReader list) && TryReadEndpointFields(ref list, out endpoint);
    }

    private static bool TryReadEndpointFields(ref RlpReader reader, out Endpoint endpoint)
    {
        endpoint = default;
        if (!reader.TryReadBytes(out ReadOnlySpan<byte> address) || !TryReadPort(ref reader, out ushort udp) || !TryReadPort(ref reader, out ushort tcp))
        {
            return false;
        }

        endpoint = new Endpoint(address.Length is 4 or 16 ? AddressRules.Unmap(new IPAddress(address)) : null, udp, tcp);
        return true;
    }

    /// <summary>A number of at most two bytes, leading zeros allowed (see the remarks of this class).</summary>
    private static bool TryReadPort(ref RlpReader reader, out ushort port)
    {
        port = 0;
        if (!reader.TryReadBytes(out ReadOnlySpan<byte> bytes) || bytes.Length > sizeof(ushort))
        {
            return false;
        }

        foreach (byte b in bytes)
        {
            port = (ushort)((port << 8) | b);
        }

        return true;
    }

    /// <summary>The record sequence number behind the elements of old (EIP-868). On a copy: no failure counts.</summary>
    private static ulong? ReadOptional(RlpReader list) => list.TryReadUInt64(out ulong value) ? value : null;
}
