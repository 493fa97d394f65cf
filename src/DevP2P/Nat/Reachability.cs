using System.Net;
using System.Runtime.InteropServices;
using DevP2P.NetUtil;

namespace DevP2P.Nat;

/// <summary>
/// Judges whether others find this node where its record says, in one address family: an address that they do not confirm is withdrawn
/// after a while, tried again ever more seldom, and back as soon as they do.
/// </summary>
/// <remarks>
/// <para>
/// Every network outside (an IPv4 /24, an IPv6 /48) has one voice, however many nodes and keys are in it: for the address if a node there
/// sees us at it, or has come to us uninvited; against it if it sees us elsewhere. The majority decides, so that whoever wants a dead
/// address to stay, or a good one to go, must have more networks than all others that this node is in touch with.
/// </para>
/// <para>
/// Who is silent proves nothing, nor does the LAN, nor do fewer networks than <see cref="MinNetworks"/>: a node that is alone, or in a
/// small or isolated network, keeps its address. Go has nothing like it. Not safe for concurrent use.
/// </para>
/// </remarks>
internal sealed class Reachability
{
    /// <summary>How many networks must have spoken before anything is concluded.</summary>
    public const int MinNetworks = 3;

    /// <summary>How many networks are remembered; the one that has been silent for longest makes room.</summary>
    public const int MaxNetworks = 256;

    /// <summary>How long an address may stay without being confirmed, from the moment on at which others could have.</summary>
    public static readonly TimeSpan ConfirmationTime = TimeSpan.FromMinutes(10);

    /// <summary>How long a voice counts.</summary>
    public static readonly TimeSpan VoiceLifetime = TimeSpan.FromMinutes(10);

    /// <summary>For how long an address is withdrawn the first time; then each time twice as long.</summary>
    public static readonly TimeSpan FirstRetry = TimeSpan.FromMinutes(30);

    /// <summary>For how long at most.</summary>
    public static readonly TimeSpan MaxRetry = TimeSpan.FromHours(8);

    private readonly Dictionary<ulong, Voice> _voices = [];
    private IPAddress? _address;
    private bool _isWithdrawn;
    private TimeSpan? _doubtedSince;
    private TimeSpan _retryAt;
    private int _withdrawals;

    /// <summary>The address that must not be in the record now, or null.</summary>
    public IPAddress? Withdrawn => _isWithdrawn ? _address : null;

    /// <summary>When <see cref="HandleTimeout"/> is due, or null.</summary>
    public TimeSpan? NextTimeout => _isWithdrawn ? _retryAt : _doubtedSince + ConfirmationTime;

    /// <summary>How many networks are remembered.</summary>
    public int NetworkCount => _voices.Count;

    /// <summary>The record names an address, or would if it were not withdrawn. What was concluded of another one does not hold for it.</summary>
    public void SetAddress(TimeSpan now, IPAddress address)
    {
        if (address.Equals(_address))
        {
            return;
        }

        _address = address;
        foreach (ulong network in _voices.Keys)
        {
            // Who came, came to the other one.
            CollectionsMarshal.GetValueRefOrNullRef(_voices, network).CameAt = null;
        }

        StartAfresh();
        Judge(now);
    }

    /// <summary>A node says where it sees us; what no honest node says is ignored. Where it is itself must be proven.</summary>
    public void HandleStatement(TimeSpan now, IPAddress from, IPAddress seen)
    {
        if (from.AddressFamily == seen.AddressFamily && AddressRules.CheckRelayAddress(from, seen) is null && GetNetwork(from) is { } network)
        {
            ref Voice voice = ref GetVoice(network);
            (voice.Seen, voice.SeenAt) = (seen, now);
            Judge(now);
        }
    }

    /// <summary>A node has come to us that we had not contacted. Where it is, and that it knows our key, must be proven.</summary>
    public void HandleVisit(TimeSpan now, IPAddress from)
    {
        if (GetNetwork(from) is { } network)
        {
            GetVoice(network).CameAt = now;
            Judge(now);
        }
    }

    /// <summary>Lets time pass.</summary>
    public void HandleTimeout(TimeSpan now) => Judge(now);

    /// <summary>This host is in another network: what was said in the former means nothing.</summary>
    public void Forget()
    {
        _voices.Clear();
        StartAfresh();
    }

    private static ulong? GetNetwork(IPAddress address) =>
        AddressRules.IsSpecialNetwork(address) ? null : DistinctNetworks.GetNetwork(address, ipv6PrefixLength: 48);

    private static bool IsFresh(TimeSpan now, TimeSpan? time) => now - time <= VoiceLifetime;

    private static TimeSpan Last(Voice voice) => voice.SeenAt is { } seen && !(voice.CameAt > seen) ? seen : voice.CameAt ?? TimeSpan.MinValue;

    private ref Voice GetVoice(ulong network)
    {
        if (_voices.Count >= MaxNetworks && !_voices.ContainsKey(network))
        {
            _voices.Remove(_voices.MinBy(static v => Last(v.Value)).Key);
        }

        return ref CollectionsMarshal.GetValueRefOrAddDefault(_voices, network, out _);
    }

    private void StartAfresh() => (_isWithdrawn, _doubtedSince, _withdrawals) = (false, null, 0);

    private void Judge(TimeSpan now)
    {
        if (_isWithdrawn && now >= _retryAt)
        {
            (_isWithdrawn, _doubtedSince) = (false, null);
        }

        int votesFor = 0;
        int votesAgainst = 0;
        foreach ((ulong network, Voice voice) in _voices)
        {
            bool isSeen = IsFresh(now, voice.SeenAt);
            if (IsFresh(now, voice.CameAt) || (isSeen && voice.Seen!.Equals(_address)))
            {
                votesFor++;
            }
            else if (isSeen)
            {
                votesAgainst++;
            }
            else
            {
                _voices.Remove(network);
            }
        }

        if (_address is null || votesFor + votesAgainst < MinNetworks)
        {
            _doubtedSince = null;
        }
        else if (votesFor > votesAgainst)
        {
            StartAfresh();
        }
        else if (!_isWithdrawn)
        {
            _doubtedSince ??= now;
        }

        if (now >= _doubtedSince + ConfirmationTime)
        {
            TimeSpan pause = FirstRetry * (1 << Math.Min(_withdrawals++, 16));
            (_isWithdrawn, _doubtedSince, _retryAt) = (true, null, now + (pause < MaxRetry ? pause : MaxRetry));
        }
    }

    /// <summary>What nodes of one network have said and done.</summary>
    private record struct Voice
    {
        /// <summary>Where they see us, as they said last.</summary>
        public IPAddress? Seen;
        public TimeSpan? SeenAt;

        /// <summary>When one came uninvited.</summary>
        public TimeSpan? CameAt;
    }
}
