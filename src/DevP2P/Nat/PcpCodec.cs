using System.Buffers.Binary;
using System.Net;

namespace DevP2P.Nat;

/// <summary>The packets of PCP version 2, client side: MAP and ANNOUNCE (RFC 6887, sections 7, 11 and 14).</summary>
internal static class PcpCodec
{
    /// <summary>Where gateways listen: NAT-PMP's port.</summary>
    public const int DefaultPort = NatPmpCodec.DefaultPort;

    /// <summary>The longest packet (section 7). What is longer is none.</summary>
    public const int MaxPacketSize = 1100;

    /// <summary>The version spoken here.</summary>
    public const byte Version = 2;

    private const byte AnswerBit = 0x80;
    private const int HeaderSize = 24;
    private const int MapSize = HeaderSize + 36;
    private const int NonceSize = 12;

    // IANA's numbers of protocols.
    private const byte Tcp = 6;
    private const byte Udp = 17;

    /// <summary>Asks whether there is a PCP server, and for its epoch (section 14.1).</summary>
    /// <param name="client">The address that the packet is sent from.</param>
    public static byte[] AnnounceRequest(IPAddress client)
    {
        byte[] packet = new byte[HeaderSize];
        WriteHeader(packet, PcpOperation.Announce, 0, client);
        return packet;
    }

    /// <summary>Asks for a mapping, or for its end (section 15), for which lifetime and suggested port are zero.</summary>
    /// <param name="client">The address that the packet is sent from, and that is mapped to.</param>
    /// <param name="map">What to map.</param>
    /// <param name="suggestedPort">The port wanted outside.</param>
    /// <param name="lifetimeSeconds">How long.</param>
    public static byte[] MapRequest(IPAddress client, PcpMap map, ushort suggestedPort, uint lifetimeSeconds)
    {
        byte[] packet = new byte[MapSize];
        WriteHeader(packet, PcpOperation.Map, lifetimeSeconds, client);
        Span<byte> body = packet.AsSpan(HeaderSize);
        WriteNonce(body, map.Nonce);
        body[12] = map.Transport == NatProtocol.Tcp ? Tcp : Udp;
        BinaryPrimitives.WriteUInt16BigEndian(body[16..], map.InternalPort);
        BinaryPrimitives.WriteUInt16BigEndian(body[18..], suggestedPort);
        // No address is suggested. Which family is wanted is said all the same (section 11.1).
        WriteAddress(body[20..], IsIPv4(client) ? IPAddress.Any : IPAddress.IPv6Any);
        return packet;
    }

    /// <summary>Reads an answer. Options are skipped: none was asked for (section 7.3).</summary>
    public static bool TryDecode(ReadOnlySpan<byte> packet, out PcpAnswer answer)
    {
        answer = default;
        if (packet.Length is < 4 or > MaxPacketSize)
        {
            return false;
        }

        if (packet[0] != Version)
        {
            // Another version is understood as far as to say so. NAT-PMP's answer has its result, of two bytes, in the same place;
            // RFC 6886 leaves the answer's bit out in section 3.5 (erratum 3618), and so do some gateways.
            answer = new PcpAnswer(packet[0], (PcpOperation)(packet[1] & ~AnswerBit), PcpResult.UnsupportedVersion);
            return packet[3] == (byte)PcpResult.UnsupportedVersion
                && (packet[0] == 0 ? packet[2] == 0 : (packet[1] & AnswerBit) != 0);
        }

        var operation = (PcpOperation)(packet[1] & ~AnswerBit);
        var result = (PcpResult)packet[3];
        if (packet.Length < HeaderSize || packet.Length % 4 != 0 || (packet[1] & AnswerBit) == 0 || !Enum.IsDefined(operation))
        {
            return false;
        }

        answer = new PcpAnswer(Version, operation, result)
        {
            Lifetime = TimeSpan.FromSeconds(BinaryPrimitives.ReadUInt32BigEndian(packet[4..])),
            Epoch = TimeSpan.FromSeconds(BinaryPrimitives.ReadUInt32BigEndian(packet[8..])),
        };
        if (operation == PcpOperation.Announce)
        {
            return true;
        }

        // A failure should repeat the request's body, too, but what matters is that it failed.
        return packet.Length < MapSize ? result != PcpResult.Success : TryReadMap(packet[HeaderSize..MapSize], ref answer);
    }

    private static bool TryReadMap(ReadOnlySpan<byte> body, ref PcpAnswer answer)
    {
        byte transport = body[12];
        if (transport is not (Tcp or Udp))
        {
            return false;
        }

        answer = answer with
        {
            Map = new PcpMap(
                ReadNonce(body), transport == Tcp ? NatProtocol.Tcp : NatProtocol.Udp, BinaryPrimitives.ReadUInt16BigEndian(body[16..])),
            ExternalPort = BinaryPrimitives.ReadUInt16BigEndian(body[18..]),
            ExternalAddress = ReadAddress(body[20..36]),
        };
        return true;
    }

    private static void WriteHeader(Span<byte> packet, PcpOperation operation, uint lifetimeSeconds, IPAddress client)
    {
        packet[0] = Version;
        packet[1] = (byte)operation;
        BinaryPrimitives.WriteUInt32BigEndian(packet[4..], lifetimeSeconds);
        WriteAddress(packet[8..], client);
    }

    private static void WriteNonce(Span<byte> to, UInt128 nonce)
    {
        BinaryPrimitives.WriteUInt32BigEndian(to, (uint)(nonce >> 64));
        BinaryPrimitives.WriteUInt64BigEndian(to[4..], (ulong)nonce);
    }

    private static UInt128 ReadNonce(ReadOnlySpan<byte> from) =>
        new(BinaryPrimitives.ReadUInt32BigEndian(from), BinaryPrimitives.ReadUInt64BigEndian(from[4..NonceSize]));

    /// <summary>16 bytes; an IPv4 address in its IPv6 form (section 5).</summary>
    private static void WriteAddress(Span<byte> to, IPAddress address) => address.MapToIPv6().TryWriteBytes(to, out _);

    private static IPAddress ReadAddress(ReadOnlySpan<byte> from)
    {
        var address = new IPAddress(from);
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    private static bool IsIPv4(IPAddress address) => address.Equals(address.MapToIPv4());
}

/// <summary>What is asked for.</summary>
internal enum PcpOperation : byte
{
    Announce = 0,
    Map = 1,
}

/// <summary>What became of it (section 7.4).</summary>
internal enum PcpResult : byte
{
    Success = 0,
    UnsupportedVersion = 1,
    NotAuthorized = 2,
    MalformedRequest = 3,
    UnsupportedOperation = 4,
    UnsupportedOption = 5,
    MalformedOption = 6,
    NetworkFailure = 7,
    NoResources = 8,
    UnsupportedProtocol = 9,
    UserExceededQuota = 10,
    CannotProvideExternal = 11,
    AddressMismatch = 12,
    ExcessiveRemotePeers = 13,
}

/// <summary>What is mapped. An answer belongs to a request if all of it is the same (section 11.4).</summary>
/// <param name="Nonce">96 bits that only the mapping's owner knows: who does not cannot change it.</param>
/// <param name="Transport">UDP or TCP.</param>
/// <param name="InternalPort">The port of the client.</param>
internal readonly record struct PcpMap(UInt128 Nonce, NatProtocol Transport, ushort InternalPort);

/// <summary>An answer of a gateway.</summary>
/// <param name="Version">The version it is of: another one than ours only with <see cref="PcpResult.UnsupportedVersion"/>; 0 is NAT-PMP.</param>
/// <param name="Operation">What was asked for.</param>
/// <param name="Result">What became of it.</param>
internal readonly record struct PcpAnswer(byte Version, PcpOperation Operation, PcpResult Result)
{
    /// <summary>How long the mapping lives; of a failure, how long it is likely to last.</summary>
    public TimeSpan Lifetime { get; init; }

    /// <summary>For how long the gateway has kept its mappings (section 8.5).</summary>
    public TimeSpan Epoch { get; init; }

    /// <summary>What was mapped. Null if the answer does not say.</summary>
    public PcpMap? Map { get; init; }

    /// <summary>The port outside.</summary>
    public ushort ExternalPort { get; init; }

    /// <summary>The address outside.</summary>
    public IPAddress? ExternalAddress { get; init; }
}
