using System.Buffers.Binary;
using System.Net;

namespace DevP2P.NetUtil;

/// <summary>
/// Counts addresses per network and refuses those beyond a limit, so that whoever owns one network cannot fill a table
/// (threat T01). Addresses of the LAN are neither counted nor limited. Sans-IO; not safe for concurrent use.
/// </summary>
/// <remarks>Go: <c>netutil.DistinctNetSet</c>, with the exemption that go-ethereum's node table makes.</remarks>
public sealed class DistinctNetworks
{
    /// <summary>How many nodes of one IPv4 /24 or IPv6 /64 a bucket takes.</summary>
    internal const int BucketLimit = 2;

    /// <summary>How many nodes of one IPv4 /24 or IPv6 /48 a table takes.</summary>
    internal const int TableLimit = 10;

    private const int IPv4Size = 4;

    private readonly int _limit;
    private readonly int _ipv6PrefixLength;

    // Networks in no order: a vectorized scan over some hundred numbers beats hashing, and takes 9 bytes for each.
    private ulong[] _keys = [];
    private byte[] _counts = [];
    private int _networks;

    /// <summary>Makes an empty set.</summary>
    /// <param name="limit">How many addresses of one network are accepted, 1 to 255.</param>
    /// <param name="ipv6PrefixLength">What counts as one network in IPv6, 1 to 64 bits. In IPv4 it is a /24.</param>
    public DistinctNetworks(int limit, int ipv6PrefixLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, byte.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ipv6PrefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ipv6PrefixLength, 64);
        (_limit, _ipv6PrefixLength) = (limit, ipv6PrefixLength);
    }

    /// <summary>How many addresses are counted.</summary>
    public int Count { get; private set; }

    /// <summary>A bucket's limits: <see cref="BucketLimit"/> per /24 or /64.</summary>
    internal static DistinctNetworks ForBucket() => new(BucketLimit, 64);

    /// <summary>A table's limits: <see cref="TableLimit"/> per /24 or /48.</summary>
    internal static DistinctNetworks ForTable() => new(TableLimit, 48);

    /// <summary>Counts an address. The same address counts as often as it is added.</summary>
    /// <returns>False if its network is at the limit; then nothing has changed.</returns>
    public bool TryAdd(IPAddress address)
    {
        if (GetNetwork(address, _ipv6PrefixLength) is not ulong key)
        {
            return true;
        }

        int index = Find(key);
        if (index < 0)
        {
            index = Append(key);
        }
        else if (_counts[index] >= _limit)
        {
            return false;
        }

        _counts[index]++;
        Count++;
        return true;
    }

    /// <summary>Takes an address back that <see cref="TryAdd"/> accepted.</summary>
    public void Remove(IPAddress address)
    {
        if (GetNetwork(address, _ipv6PrefixLength) is not ulong key || Find(key) is not (>= 0 and int index))
        {
            return;
        }

        Count--;
        if (--_counts[index] == 0)
        {
            _networks--;
            (_keys[index], _counts[index]) = (_keys[_networks], _counts[_networks]);
            _counts[_networks] = 0;
        }
    }

    /// <summary>How many addresses of this address's network are counted; 0 for addresses of the LAN.</summary>
    public int CountNear(IPAddress address) =>
        GetNetwork(address, _ipv6PrefixLength) is ulong key && Find(key) is >= 0 and int index ? _counts[index] : 0;

    /// <summary>Whether an address of this address's network is counted.</summary>
    public bool Contains(IPAddress address) => CountNear(address) > 0;

    /// <summary>
    /// A number for the address's network, the /24 in IPv4 and <paramref name="ipv6PrefixLength"/> bits (1 to 64) in IPv6;
    /// null for the LAN. IPv4 networks have the numbers of multicast prefixes, where no node can be in IPv6.
    /// </summary>
    internal static ulong? GetNetwork(IPAddress address, int ipv6PrefixLength)
    {
        address = AddressRules.Unmap(address);
        if (AddressRules.IsLan(address))
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return length == IPv4Size
            ? 0xFF00_0000_0000_0000 | (BinaryPrimitives.ReadUInt32BigEndian(bytes) >> 8)
            : BinaryPrimitives.ReadUInt64BigEndian(bytes) & (ulong.MaxValue << (64 - ipv6PrefixLength));
    }

    private int Find(ulong key) => _keys.AsSpan(0, _networks).IndexOf(key);

    private int Append(ulong key)
    {
        if (_networks == _keys.Length)
        {
            int capacity = Math.Max(4, _networks * 2);
            Array.Resize(ref _keys, capacity);
            Array.Resize(ref _counts, capacity);
        }

        _keys[_networks] = key;
        return _networks++;
    }
}
