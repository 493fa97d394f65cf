using System.Buffers.Binary;
using System.Net;

namespace DevP2P.Tests.Nat;

/// <summary>The answers of a STUN server.</summary>
internal static class FakeStun
{
    private const ushort XorMapped = 0x20;
    private const ushort OtherAddress = 0x802C;

    public static byte[] Answer(byte[] request, IPEndPoint mapped, IPEndPoint? other = null, byte[]? more = null)
    {
        byte[] body = [.. Attribute(XorMapped, mapped, request[4..20]), .. other is null ? [] : Attribute(OtherAddress, other, new byte[16]), .. more ?? []];
        return [1, 1, (byte)(body.Length >> 8), (byte)body.Length, .. request[4..20], .. body];
    }

    /// <summary>Without any mapped address.</summary>
    public static byte[] Empty(byte[] request) => [1, 1, 0, 0, .. request[4..20]];

    public static byte[] Error(byte[] request, byte hundreds, byte rest) => [1, 0x11, 0, 8, .. request[4..20], 0, 9, 0, 4, 0, 0, hundreds, rest];

    private static byte[] Attribute(ushort type, IPEndPoint endPoint, byte[] mask)
    {
        byte[] address = endPoint.Address.GetAddressBytes();
        byte[] value = [0, (byte)(address.Length == 4 ? 1 : 2), 0, 0, .. address];
        BinaryPrimitives.WriteUInt16BigEndian(value.AsSpan(2), (ushort)endPoint.Port);
        for (int i = 0; i < 2; i++)
        {
            value[2 + i] ^= mask[i];
        }

        for (int i = 0; i < address.Length; i++)
        {
            value[4 + i] ^= mask[i];
        }

        return [(byte)(type >> 8), (byte)type, 0, (byte)value.Length, .. value];
    }
}
