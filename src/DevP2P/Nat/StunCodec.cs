using System.Buffers.Binary;
using System.Net;

namespace DevP2P.Nat;

/// <summary>Binding messages of STUN (RFC 8489), with what is needed to find out how a NAT behaves (RFC 5780).</summary>
internal static class StunCodec
{
    /// <summary>Where servers listen.</summary>
    public const int DefaultPort = 3478;

    /// <summary>What is longer is no answer: a server has to stay below the path's limit, which nobody can count on being more.</summary>
    public const int MaxMessageSize = 1500;

    private const uint Cookie = 0x2112A442;
    private const uint FingerprintMask = 0x5354554E;
    private const int HeaderSize = 20;
    private const int AttributeHeaderSize = 4;
    private const int FingerprintSize = 4;

    /// <summary>Attributes below it must be understood (section 5 of RFC 8489).</summary>
    private const ushort FirstOptional = 0x8000;

    private const byte IPv4 = 1;
    private const byte IPv6 = 2;

    private enum Attribute : ushort
    {
        MappedAddress = 0x0001,
        ChangeRequest = 0x0003,
        SourceAddress = 0x0004,
        ChangedAddress = 0x0005,
        Username = 0x0006,
        MessageIntegrity = 0x0008,
        ErrorCode = 0x0009,
        UnknownAttributes = 0x000A,
        Realm = 0x0014,
        Nonce = 0x0015,
        MessageIntegritySha256 = 0x001C,
        PasswordAlgorithm = 0x001D,
        UserHash = 0x001E,
        XorMappedAddress = 0x0020,
        Padding = 0x0026,
        ResponsePort = 0x0027,
        Fingerprint = 0x8028,
        ResponseOrigin = 0x802B,
        OtherAddress = 0x802C,
    }

    /// <summary>A request.</summary>
    /// <param name="transactionId">96 random bits: who has not seen the request cannot answer it.</param>
    /// <param name="change">From where the server shall answer.</param>
    public static byte[] BindingRequest(UInt128 transactionId, StunChange change = StunChange.None)
    {
        byte[] packet = new byte[change == StunChange.None ? HeaderSize : HeaderSize + AttributeHeaderSize + sizeof(uint)];
        BinaryPrimitives.WriteUInt16BigEndian(packet, (ushort)StunType.Request);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)(packet.Length - HeaderSize));
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(4), Cookie);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(8), (uint)(transactionId >> 64));
        BinaryPrimitives.WriteUInt64BigEndian(packet.AsSpan(12), (ulong)transactionId);
        if (change != StunChange.None)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), (ushort)Attribute.ChangeRequest);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), sizeof(uint));
            BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(24), (uint)change);
        }

        return packet;
    }

    /// <summary>Reads a binding message of any kind. False for all else, and for whatever contradicts itself.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> packet, out StunMessage message)
    {
        message = default;
        if (packet.Length is < HeaderSize or > MaxMessageSize)
        {
            return false;
        }

        var type = (StunType)BinaryPrimitives.ReadUInt16BigEndian(packet);
        int length = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (!Enum.IsDefined(type) || length % 4 != 0 || length != packet.Length - HeaderSize
            || BinaryPrimitives.ReadUInt32BigEndian(packet[4..]) != Cookie)
        {
            return false;
        }

        message = new StunMessage(type, new UInt128(BinaryPrimitives.ReadUInt32BigEndian(packet[8..]), BinaryPrimitives.ReadUInt64BigEndian(packet[12..])));
        return TryReadAttributes(packet, ref message);
    }

    private static bool TryReadAttributes(ReadOnlySpan<byte> packet, ref StunMessage message)
    {
        bool isSealed = false;
        int position = HeaderSize;
        while (position < packet.Length)
        {
            // The message's length is a multiple of four: so is what remains, and a header fits.
            var type = (Attribute)BinaryPrimitives.ReadUInt16BigEndian(packet[position..]);
            int length = BinaryPrimitives.ReadUInt16BigEndian(packet[(position + 2)..]);
            int start = position + AttributeHeaderSize;
            if (length > packet.Length - start)
            {
                return false;
            }

            ReadOnlySpan<byte> value = packet.Slice(start, length);
            int next = start + ((length + 3) & ~3);
            if (type == Attribute.Fingerprint)
            {
                if (length != FingerprintSize || next != packet.Length || !IsFingerprintRight(packet[..position], value))
                {
                    return false;
                }
            }
            else if (!isSealed && !TryReadAttribute(type, value, packet, ref message))
            {
                return false;
            }

            // What follows it was added by somebody else (section 14.5).
            isSealed |= type is Attribute.MessageIntegrity or Attribute.MessageIntegritySha256;
            position = next;
        }

        return true;
    }

    /// <summary>Of an attribute that is there twice the first counts (section 14).</summary>
    private static bool TryReadAttribute(Attribute type, ReadOnlySpan<byte> value, ReadOnlySpan<byte> packet, ref StunMessage message)
    {
        IPEndPoint? endPoint;
        switch (type)
        {
            case Attribute.XorMappedAddress:
                if (!TryReadEndPoint(value, packet[4..HeaderSize], out endPoint))
                {
                    return false;
                }

                message = message with { XorMappedEndPoint = message.XorMappedEndPoint ?? endPoint };
                return true;
            case Attribute.MappedAddress or Attribute.ResponseOrigin or Attribute.OtherAddress:
                if (!TryReadEndPoint(value, default, out endPoint))
                {
                    return false;
                }

                message = type switch
                {
                    Attribute.MappedAddress => message with { PlainMappedEndPoint = message.PlainMappedEndPoint ?? endPoint },
                    Attribute.ResponseOrigin => message with { ResponseOrigin = message.ResponseOrigin ?? endPoint },
                    _ => message with { OtherEndPoint = message.OtherEndPoint ?? endPoint },
                };
                return true;
            case Attribute.ErrorCode:
                // Section 14.8: hundreds in three bits, then 0 to 99, then a text.
                if (value.Length < 4 || (value[2] & 7) is < 3 or > 6 || value[3] > 99)
                {
                    return false;
                }

                message = message with { ErrorCode = message.ErrorCode ?? (((value[2] & 7) * 100) + value[3]) };
                return true;
            case Attribute.ChangeRequest:
                if (value.Length != sizeof(uint))
                {
                    return false;
                }

                message = message with { Change = (StunChange)BinaryPrimitives.ReadUInt32BigEndian(value) & StunChange.Both };
                return true;
            default:
                bool isUnknown = (ushort)type < FirstOptional && !Enum.IsDefined(type);
                message = message with { HasUnknownRequired = message.HasUnknownRequired || isUnknown };
                return true;
        }
    }

    /// <summary>Family, port and address; all but the family may be masked (section 14.2).</summary>
    private static bool TryReadEndPoint(ReadOnlySpan<byte> value, ReadOnlySpan<byte> mask, out IPEndPoint? endPoint)
    {
        endPoint = null;
        if (value.Length < 4 || value.Length != (value[1] switch { IPv4 => 8, IPv6 => 20, _ => 0 }))
        {
            return false;
        }

        Span<byte> port = stackalloc byte[2];
        Span<byte> address = stackalloc byte[value.Length - 4];
        value[2..4].CopyTo(port);
        value[4..].CopyTo(address);
        for (int i = 0; i < mask.Length && i < address.Length; i++)
        {
            address[i] ^= mask[i];
        }

        for (int i = 0; i < mask.Length && i < port.Length; i++)
        {
            port[i] ^= mask[i];
        }

        endPoint = new IPEndPoint(new IPAddress(address), BinaryPrimitives.ReadUInt16BigEndian(port));
        return true;
    }

    /// <summary>Section 14.7: the CRC-32 of all that precedes it, masked.</summary>
    private static bool IsFingerprintRight(ReadOnlySpan<byte> before, ReadOnlySpan<byte> value) =>
        (Crc32(before) ^ FingerprintMask) == BinaryPrimitives.ReadUInt32BigEndian(value);

    /// <summary>The CRC-32 of ITU V.42, bit by bit: at most a packet's length.</summary>
    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        return ~crc;
    }
}

/// <summary>The kind of a message, of the method "binding".</summary>
internal enum StunType : ushort
{
    Request = 0x0001,
    Indication = 0x0011,
    Success = 0x0101,
    Error = 0x0111,
}

/// <summary>From where a server shall answer (RFC 5780, section 7.2).</summary>
[Flags]
internal enum StunChange : uint
{
    None = 0,
    Port = 2,
    Address = 4,
    Both = Port | Address,
}

/// <summary>A message.</summary>
/// <param name="Type">Its kind.</param>
/// <param name="TransactionId">96 bits that an answer repeats.</param>
internal readonly record struct StunMessage(StunType Type, UInt128 TransactionId)
{
    /// <summary>From where the server saw the request come.</summary>
    public IPEndPoint? MappedEndPoint => XorMappedEndPoint ?? PlainMappedEndPoint;

    /// <summary>The same, masked, as some NATs change addresses that they find in packets.</summary>
    public IPEndPoint? XorMappedEndPoint { get; init; }

    /// <summary>The same, as servers of RFC 3489 had it.</summary>
    public IPEndPoint? PlainMappedEndPoint { get; init; }

    /// <summary>From where the server says that it answers.</summary>
    public IPEndPoint? ResponseOrigin { get; init; }

    /// <summary>The server's other address and other port, if it has them.</summary>
    public IPEndPoint? OtherEndPoint { get; init; }

    /// <summary>Of a request: from where to answer.</summary>
    public StunChange Change { get; init; }

    /// <summary>Of a failure: why, 300 to 699.</summary>
    public int? ErrorCode { get; init; }

    /// <summary>Whether there is an attribute that must be understood and is not: the transaction has failed then (RFC 8489, section 6.3.3).</summary>
    public bool HasUnknownRequired { get; init; }
}
