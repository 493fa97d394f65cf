using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery.V4;

namespace DevP2P.Discovery;

/// <summary>
/// Drops what costs more than it is worth before anybody looks at its signature: more packets of one address than an honest
/// node sends, and requests that came too often already. Of fixed size; allocates nothing. Not safe for concurrent calls.
/// </summary>
/// <remarks>
/// Addresses (of IPv6 the /64) and packets share the places of two tables at random, by a secret. Two busy addresses in one
/// place share one allowance: rare, and nobody can bring it about on purpose.
/// </remarks>
internal sealed class SourceLimiter
{
    /// <summary>How many packets an address may send at once.</summary>
    public const int Burst = 128;

    /// <summary>How many packets a second an address may send in the long run.</summary>
    public const int Rate = 64;

    /// <summary>How much more loopback may do: there, many nodes share one address.</summary>
    public const int LoopbackFactor = 256;

    /// <summary>
    /// How many equal requests of one endpoint are let through. Honest nodes send some: expirations are whole seconds and
    /// go-ethereum's signatures follow from the content, so that who asks twice within a second sends the same bytes twice,
    /// and waits for two answers. A power of two.
    /// </summary>
    public const int MaxEqualRequests = 8;

    private const int Places = 8192;

    private readonly Allowance[] _allowances = new Allowance[Places];
    private readonly ulong[] _requests = new ulong[Places];
    private readonly ulong _secret;

    public SourceLimiter(RandomSource random)
    {
        Span<byte> secret = stackalloc byte[sizeof(ulong)];
        random.Fill(secret);
        _secret = BinaryPrimitives.ReadUInt64LittleEndian(secret);
    }

    /// <summary>Takes one packet of an address's allowance.</summary>
    /// <returns>False if there is none left.</returns>
    public bool TryTake(TimeSpan now, SocketAddress from)
    {
        (ulong hash, bool isLoopback) = HashAddress(from);
        int factor = isLoopback ? LoopbackFactor : 1;
        ref Allowance allowance = ref _allowances[hash % Places];
        // What has been used, in packets, and has not yet been forgotten.
        double used = Math.Max(0, allowance.Used - ((now - allowance.At).TotalSeconds * Rate * factor));
        bool isAllowed = used + 1 <= Burst * factor;
        allowance = new Allowance(now, isAllowed ? used + 1 : used);
        return isAllowed;
    }

    /// <summary>
    /// Takes a request, unless the same one was taken <see cref="MaxEqualRequests"/> times already. Answers are not to be asked
    /// about: two equal ones may answer two questions.
    /// </summary>
    public bool TryTakeRequest(SocketAddress from, PacketHash hash)
    {
        // A place holds the packet in its upper bits, and in the lower ones how often it came again.
        const ulong CountMask = MaxEqualRequests - 1;
        ulong packet = Mix((ulong)(uint)hash.GetHashCode() ^ HashEndPoint(from)) & ~CountMask;
        ref ulong place = ref _requests[packet / MaxEqualRequests % Places];
        if ((place & ~CountMask) != packet)
        {
            place = packet;
            return true;
        }

        if ((place & CountMask) == CountMask)
        {
            return false;
        }

        place++;
        return true;
    }

    /// <summary>A number that is the same for all packets of one endpoint.</summary>
    public ulong HashEndPoint(SocketAddress from)
    {
        ReadOnlySpan<byte> bytes = from.Buffer.Span[..from.Size];
        ulong hash = _secret;
        while (bytes.Length >= sizeof(ulong))
        {
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        return bytes.IsEmpty ? hash : Mix(hash ^ BinaryPrimitives.ReadUInt32LittleEndian(bytes));
    }

    private (ulong Hash, bool IsLoopback) HashAddress(SocketAddress from)
    {
        // sockaddr_in: family, port, 4 bytes of address; sockaddr_in6: family, port, flow, 16 bytes of address.
        ReadOnlySpan<byte> bytes = from.Buffer.Span;
        if (from.Family == AddressFamily.InterNetwork)
        {
            return (Mix(_secret ^ BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..])), bytes[4] == 127);
        }

        ReadOnlySpan<byte> address = bytes.Slice(8, 16);
        ReadOnlySpan<byte> mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];
        if (address[..12].SequenceEqual(mappedPrefix))
        {
            return (Mix(_secret ^ BinaryPrimitives.ReadUInt32LittleEndian(address[12..])), address[12] == 127);
        }

        bool isLoopback = address[15] == 1 && address[..15].IndexOfAnyExcept((byte)0) < 0;
        return (Mix(_secret ^ BinaryPrimitives.ReadUInt64LittleEndian(address)), isLoopback);
    }

    /// <summary>The finalizer of SplitMix64: each bit of the result depends on each of the input.</summary>
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }

    private readonly record struct Allowance(TimeSpan At, double Used);
}
