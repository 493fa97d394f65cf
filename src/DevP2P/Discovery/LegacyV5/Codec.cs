using System.Diagnostics.CodeAnalysis;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Rlp;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>
/// Packets of the legacy topic discovery from and to bytes. Hostile bytes never throw. All methods are safe for concurrent use.
/// </summary>
/// <remarks>
/// <para>Go: <c>discv5/udp.go</c> of version 1.8.27, the protocol's only specification.</para>
/// <para>
/// A packet is a prefix, a signature of the rest, a type and an RLP list. Other than in v4 no hash is sent; answers refer to the
/// hash of all behind the prefix. Decoding has three parts, so that each caller pays only for what it needs: <see cref="Check"/>,
/// <see cref="TryReadContent"/> and <see cref="TryRecoverSender"/>, as expensive as all the rest fifty times over.
/// </para>
/// <para>
/// What go-ethereum accepts is accepted, and what it drops is dropped: RLP is canonical; bytes behind the list are ignored; more
/// elements are ignored in the packets that v4 has, too, but not in those of topics. Whether a packet has expired is the caller's
/// to judge: it has the time.
/// </para>
/// </remarks>
internal static partial class Codec
{
    /// <summary>No packet is longer, in either direction. Longer datagrams are dropped.</summary>
    public const int MaxPacketSize = 1280;

    public const int PrefixSize = 22;

    public const int SignatureSize = Secp256k1.RecoverableSignatureSize;

    /// <summary>Prefix and signature.</summary>
    public const int HeaderSize = PrefixSize + SignatureSize;

    /// <summary>A header, a type and the empty list.</summary>
    public const int MinPacketSize = HeaderSize + 2;

    /// <summary>What every packet begins with.</summary>
    public static ReadOnlySpan<byte> Prefix => "temporary discovery v5"u8;

    /// <summary>Whether a datagram is of this protocol: the cheapest test that tells it from others on the same port.</summary>
    public static bool HasPrefix(ReadOnlySpan<byte> datagram) => datagram.StartsWith(Prefix);

    /// <summary>The cheap checks: size, prefix, type.</summary>
    public static DecodeError Check(ReadOnlySpan<byte> datagram) =>
        datagram.Length < MinPacketSize ? DecodeError.TooShort
        : datagram.Length > MaxPacketSize ? DecodeError.TooLong
        : !HasPrefix(datagram) ? DecodeError.BadPrefix
        : GetType(datagram) is < PacketType.Ping or > PacketType.TopicNodes ? DecodeError.UnknownType
        : DecodeError.None;

    /// <summary>The type of a datagram that has at least <see cref="MinPacketSize"/> bytes.</summary>
    public static PacketType GetType(ReadOnlySpan<byte> datagram) => (PacketType)datagram[HeaderSize];

    /// <summary>The hash of a datagram that has at least <see cref="MinPacketSize"/> bytes: up to ten Keccak permutations.</summary>
    public static PacketHash GetHash(ReadOnlySpan<byte> datagram)
    {
        Span<byte> hash = stackalloc byte[PacketHash.Size];
        Keccak256.Hash(datagram[PrefixSize..], hash);
        return new PacketHash(hash);
    }

    /// <summary>Reads what a packet that passed <see cref="Check"/> says. The result shares no memory with the datagram.</summary>
    public static bool TryReadContent(ReadOnlySpan<byte> datagram, [NotNullWhen(true)] out Packet? packet)
    {
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
                PacketType.FindNodeHash => ReadFindNodeHash(ref list),
                PacketType.TopicRegister => ReadTopicRegister(ref list),
                PacketType.TopicQuery => ReadTopicQuery(ref list),
                PacketType.TopicNodes => ReadTopicNodes(ref list),
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
        sender = Secp256k1.Instance.TryRecover(hash, datagram[PrefixSize..HeaderSize], key) ? PublicKey.FromValidated(key) : null;
        return sender is not null;
    }

    /// <summary>The cheap parts of decoding the pong that a <see cref="TopicRegister"/> brings back.</summary>
    public static bool TryReadPong(ReadOnlySpan<byte> datagram, [NotNullWhen(true)] out Pong? pong)
    {
        pong = Check(datagram) == DecodeError.None && GetType(datagram) == PacketType.Pong && TryReadContent(datagram, out Packet? packet)
            ? packet as Pong
            : null;
        return pong is not null;
    }

    /// <summary>Whether a registration fits into a packet with a pong of some length: others may make theirs longer than they need.</summary>
    public static bool FitsRegistration(IReadOnlyList<Topic> topics, int pongLength)
    {
        // Lists and strings have at most 3 bytes before them, and a number at most 9 bytes.
        int size = HeaderSize + 1 + 3 + 3 + 9 + 3 + pongLength;
        foreach (Topic topic in topics)
        {
            size += 3 + topic.Bytes.Length;
        }

        return size <= MaxPacketSize;
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

        hash = GetHash(datagram);
        return true;
    }

    /// <summary>Writes a packet and signs it.</summary>
    /// <param name="packet">What to say.</param>
    /// <param name="signer">Signs with the node's key.</param>
    /// <param name="destination">Has room for <see cref="MaxPacketSize"/> bytes.</param>
    /// <param name="hash">The packet's hash, which answers refer to.</param>
    /// <returns>How many bytes the packet takes.</returns>
    /// <exception cref="ArgumentException">The packet says more than fits.</exception>
    public static int Encode(Packet packet, PacketSigner signer, Span<byte> destination, out PacketHash hash)
    {
        destination = destination[..MaxPacketSize];
        Prefix.CopyTo(destination);
        destination[HeaderSize] = (byte)packet.Type;
        int length = HeaderSize + 1 + WriteContent(packet, destination[(HeaderSize + 1)..]);
        Span<byte> written = destination[..length];

        Span<byte> digest = stackalloc byte[Keccak256.DigestSize];
        Keccak256.Hash(written[HeaderSize..], digest);
        signer(digest, written[PrefixSize..HeaderSize]);
        hash = GetHash(written);
        return length;
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
}
