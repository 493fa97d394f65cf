using System.Buffers.Binary;

namespace DevP2P.Tests.Nat;

/// <summary>The answers of a NAT-PMP gateway.</summary>
internal static class FakeNatPmp
{
    /// <summary>198.51.100.7.</summary>
    public static readonly byte[] Address = [198, 51, 100, 7];

    public static byte[] AddressIs(byte[] address, uint epoch = 1000) => [0, 128, 0, 0, .. BigEndian(epoch), .. address];

    /// <summary>Grants what was asked for, or what is said.</summary>
    public static byte[] Grant(byte[] request, uint epoch = 1000, ushort? port = null, uint? lifetime = null)
    {
        byte[] answer = [0, (byte)(request[1] | 128), 0, 0, .. BigEndian(epoch), .. request.AsSpan(4)];
        if (port is { } granted)
        {
            BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(10), granted);
        }

        if (lifetime is { } seconds)
        {
            BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(12), seconds);
        }

        return answer;
    }

    /// <summary>Refuses, in full length or only with a header.</summary>
    public static byte[] Refuse(byte[] request, byte result, bool isShort = false) =>
        [0, (byte)(request[1] | 128), 0, result, .. BigEndian(1000), .. isShort || request.Length < 12 ? [] : request[4..]];

    public static byte[] BigEndian(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
