using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;

namespace DevP2P.Discovery;

/// <summary>
/// Drops what costs more than it is worth before anybody looks at its signature: more packets of one address than an honest
/// node sends, and requests that came too often already. Of fixed size; allocates nothing. Not safe for concurrent calls.
/// </summary>
internal sealed class SourceLimiter(RandomSource random)
{
    /// <summary>How many packets an address may send at once.</summary>
    public const int Burst = 128;

    /// <summary>How many packets a second an address may send in the long run.</summary>
    public const int Rate = 64;

    /// <summary>
    /// How many equal requests of one endpoint are let through. Honest nodes send some: expirations are whole seconds and
    /// go-ethereum's signatures follow from the content, so that who asks twice within a second sends the same bytes twice,
    /// and waits for two answers. A power of two.
    /// </summary>
    public const int MaxEqualRequests = 8;

    private const int Places = 8192;

    private readonly AddressLimiter _addresses = new(Burst, Rate, Places, random);
    private readonly ulong[] _requests = new ulong[Places];
    private readonly ulong _secret = AddressLimiter.MakeSecret(random);

    /// <summary>Takes one packet of an address's allowance.</summary>
    /// <returns>False if there is none left.</returns>
    public bool TryTake(TimeSpan now, in CompactEndPoint from) => _addresses.TryTake(now, from);

    /// <summary>
    /// Takes a request, unless the same one was taken <see cref="MaxEqualRequests"/> times already. Answers are not to be asked
    /// about: two equal ones may answer two questions.
    /// </summary>
    public bool TryTakeRequest(in CompactEndPoint from, PacketHash hash)
    {
        // A place holds the packet in its upper bits, and in the lower ones how often it came again.
        const ulong CountMask = MaxEqualRequests - 1;
        ulong packet = AddressLimiter.Mix((ulong)(uint)hash.GetHashCode() ^ HashEndPoint(from)) & ~CountMask;
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
    public ulong HashEndPoint(in CompactEndPoint from) =>
        AddressLimiter.Mix(AddressLimiter.Mix(AddressLimiter.Mix(_secret ^ (ulong)(from.Address >> 64)) ^ (ulong)from.Address) ^ from.Port);
}
