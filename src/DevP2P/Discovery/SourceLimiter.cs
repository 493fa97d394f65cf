using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.NetUtil;

namespace DevP2P.Discovery;

/// <summary>
/// Drops what costs more than it is worth before anybody looks at its signature: more packets of one address than an honest
/// node sends, and requests that were seen already. Of fixed size; allocates nothing. Not safe for concurrent calls.
/// </summary>
internal sealed class SourceLimiter(RandomSource random)
{
    /// <summary>How many packets an address may send at once.</summary>
    public const int Burst = 128;

    /// <summary>How many packets a second an address may send in the long run.</summary>
    public const int Rate = 64;

    private const int Places = 8192;

    private readonly AddressLimiter _addresses = new(Burst, Rate, Places, random);
    private readonly ulong[] _requests = new ulong[Places];
    private readonly ulong _secret = AddressLimiter.MakeSecret(random);

    /// <summary>Takes one packet of an address's allowance.</summary>
    /// <returns>False if there is none left.</returns>
    public bool TryTake(TimeSpan now, in CompactEndPoint from) => _addresses.TryTake(now, from);

    /// <summary>Whether a request is new. Answers are not to be asked about: two equal ones may answer two questions.</summary>
    public bool IsNew(in CompactEndPoint from, PacketHash hash)
    {
        ulong packet = AddressLimiter.Mix((ulong)(uint)hash.GetHashCode() ^ HashEndPoint(from));
        ref ulong place = ref _requests[packet % Places];
        if (place == packet)
        {
            return false;
        }

        place = packet;
        return true;
    }

    /// <summary>A number that is the same for all packets of one endpoint.</summary>
    public ulong HashEndPoint(in CompactEndPoint from) =>
        AddressLimiter.Mix(AddressLimiter.Mix(AddressLimiter.Mix(_secret ^ (ulong)(from.Address >> 64)) ^ (ulong)from.Address) ^ from.Port);
}
