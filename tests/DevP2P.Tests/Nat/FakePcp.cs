using System.Buffers.Binary;
using System.Net;

namespace DevP2P.Tests.Nat;

/// <summary>The answers of a PCP server, and one that keeps mappings as it should.</summary>
internal sealed class FakePcp
{
    public static readonly IPAddress Outside = IPAddress.Parse("198.51.100.7");

    private readonly Dictionary<(byte Transport, ushort Port), byte[]> _nonces = [];

    /// <summary>The mappings that there are.</summary>
    public IReadOnlyCollection<(byte Transport, ushort Port)> Mapped => [.. _nonces.Keys];

    /// <summary>Answers as RFC 6887, section 11.3, has it: who does not know a mapping's nonce does not get at it.</summary>
    public byte[] Serve(byte[] request, IPAddress client)
    {
        (byte Transport, ushort Port) key = (request[36], BinaryPrimitives.ReadUInt16BigEndian(request.AsSpan(40)));
        byte[] nonce = request[24..36];
        if (!new IPAddress(request.AsSpan(8, 16)).Equals(client.MapToIPv6()))
        {
            return Answer(request, 12);
        }

        if (_nonces.TryGetValue(key, out byte[]? known) && !known.SequenceEqual(nonce))
        {
            return Answer(request, 2);
        }

        if (BinaryPrimitives.ReadUInt32BigEndian(request.AsSpan(4)) == 0)
        {
            _nonces.Remove(key);
        }
        else
        {
            _nonces[key] = nonce;
        }

        return Grant(request);
    }

    public static byte[] Answer(byte[] request, byte result, uint epoch = 1000)
    {
        byte[] answer = [.. request];
        answer[1] |= 128;
        answer[3] = result;
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(8), epoch);
        answer.AsSpan(12, 12).Clear();
        return answer;
    }

    /// <summary>Grants what was asked for, or what is said.</summary>
    public static byte[] Grant(byte[] request, IPAddress? address = null, ushort? port = null, uint? lifetime = null, uint epoch = 1000)
    {
        byte[] answer = Answer(request, 0, epoch);
        (address ?? Outside).MapToIPv6().TryWriteBytes(answer.AsSpan(44), out _);
        if (port is { } granted)
        {
            BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(42), granted);
        }

        if (lifetime is { } seconds)
        {
            BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(4), seconds);
        }

        return answer;
    }
}
