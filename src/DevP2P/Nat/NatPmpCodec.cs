using System.Buffers.Binary;
using System.Net;

namespace DevP2P.Nat;

/// <summary>The packets of NAT-PMP, client side (RFC 6886, section 3).</summary>
internal static class NatPmpCodec
{
    /// <summary>Where gateways listen (section 3.1).</summary>
    public const int DefaultPort = 5351;

    /// <summary>The longest answer. What is longer is none.</summary>
    public const int MaxAnswerSize = 16;

    private const byte Version = 0;
    private const byte AnswerBit = 0x80;
    private const int HeaderSize = 8;
    private const int AddressAnswerSize = 12;
    private const int MappingRequestSize = 12;

    /// <summary>The request of the address outside (section 3.2).</summary>
    public static byte[] AddressRequest() => [Version, (byte)NatPmpOperation.Address];

    /// <summary>The request of a mapping (section 3.3), or of its end (section 3.4), for which external port and lifetime are zero.</summary>
    public static byte[] MappingRequest(NatPmpOperation operation, ushort internalPort, ushort externalPort, uint lifetimeSeconds)
    {
        byte[] packet = new byte[MappingRequestSize];
        packet[0] = Version;
        packet[1] = (byte)operation;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), internalPort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), externalPort);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(8), lifetimeSeconds);
        return packet;
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="packet">The datagram.</param>
    /// <param name="answer">What it says. Of a failure nothing but operation, result and epoch counts, and the internal port if it is there.</param>
    public static bool TryDecode(ReadOnlySpan<byte> packet, out NatPmpAnswer answer)
    {
        answer = default;
        if (packet.Length is < HeaderSize or > MaxAnswerSize || (packet[1] & AnswerBit) == 0)
        {
            // A PCP server (RFC 6887, section 9) answers in its own form, 24 bytes, that it does not speak this version.
            return TryDecodePcpRefusal(packet, out answer);
        }

        var operation = (NatPmpOperation)(packet[1] & ~AnswerBit);
        var result = (NatPmpResult)BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (packet[0] != Version || !Enum.IsDefined(operation))
        {
            return false;
        }

        answer = new NatPmpAnswer(operation, result) { Epoch = TimeSpan.FromSeconds(BinaryPrimitives.ReadUInt32BigEndian(packet[4..])) };
        bool isMapping = operation != NatPmpOperation.Address;
        if (packet.Length < (isMapping ? MaxAnswerSize : AddressAnswerSize))
        {
            return result != NatPmpResult.Success;
        }

        answer = isMapping
            ? answer with
            {
                InternalPort = BinaryPrimitives.ReadUInt16BigEndian(packet[8..]),
                ExternalPort = BinaryPrimitives.ReadUInt16BigEndian(packet[10..]),
                Lifetime = TimeSpan.FromSeconds(BinaryPrimitives.ReadUInt32BigEndian(packet[12..])),
            }
            : answer with { ExternalAddress = result == NatPmpResult.Success ? new IPAddress(packet[8..12]) : null };
        return true;
    }

    private static bool TryDecodePcpRefusal(ReadOnlySpan<byte> packet, out NatPmpAnswer answer)
    {
        if (PcpCodec.TryDecode(packet, out PcpAnswer pcp) && pcp is { Version: not Version, Result: PcpResult.UnsupportedVersion })
        {
            answer = new NatPmpAnswer((NatPmpOperation)pcp.Operation, NatPmpResult.UnsupportedVersion) { Epoch = pcp.Epoch };
            return true;
        }

        answer = default;
        return false;
    }
}

/// <summary>What is asked for.</summary>
internal enum NatPmpOperation : byte
{
    Address = 0,
    MapUdp = 1,
    MapTcp = 2,
}

/// <summary>What became of it (section 3.5).</summary>
internal enum NatPmpResult : ushort
{
    Success = 0,
    UnsupportedVersion = 1,
    NotAuthorized = 2,
    NetworkFailure = 3,
    OutOfResources = 4,
    UnsupportedOperation = 5,
}

/// <summary>An answer of a gateway.</summary>
/// <param name="Operation">What was asked for.</param>
/// <param name="Result">What became of it.</param>
internal readonly record struct NatPmpAnswer(NatPmpOperation Operation, NatPmpResult Result)
{
    /// <summary>For how long the gateway has kept its mappings (section 3.6).</summary>
    public TimeSpan Epoch { get; init; }

    /// <summary>The address outside, if it was asked for.</summary>
    public IPAddress? ExternalAddress { get; init; }

    /// <summary>The port that was to be mapped. Zero if the answer does not name it.</summary>
    public ushort InternalPort { get; init; }

    /// <summary>The port outside.</summary>
    public ushort ExternalPort { get; init; }

    /// <summary>How long the mapping lives.</summary>
    public TimeSpan Lifetime { get; init; }
}
