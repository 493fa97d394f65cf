using System.Buffers.Binary;
using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace DevP2P.NetUtil;

/// <summary>A list of IP networks in CIDR notation. Immutable; safe for concurrent use.</summary>
/// <remarks>Go: <c>netutil.Netlist</c>.</remarks>
public sealed class NetList
{
    private readonly ReadOnlyCollection<IPNetwork> _networks;

    // The networks as numbers: every packet of discovery asks some lists.
    private readonly (uint Base, uint Mask)[] _ipv4;
    private readonly (UInt128 Base, UInt128 Mask)[] _ipv6;

    /// <summary>Makes a list of networks.</summary>
    public NetList(IEnumerable<IPNetwork> networks)
    {
        ArgumentNullException.ThrowIfNull(networks);
        _networks = networks.ToList().AsReadOnly();
        _ipv4 = [.. _networks.Where(IsIPv4).Select(n => (ToUInt32(n.BaseAddress), (uint)(ulong.MaxValue << (32 - n.PrefixLength))))];
        _ipv6 = [.. _networks.Where(n => !IsIPv4(n)).Select(n => (ToUInt128(n.BaseAddress), ToMask(n.PrefixLength)))];
    }

    /// <summary>The networks, in the order in which they were given.</summary>
    public IReadOnlyList<IPNetwork> Networks => _networks;

    /// <summary>
    /// Reads networks such as <c>10.0.0.0/8, fd00::/8</c>. White space and superfluous commas are ignored; bits behind the
    /// prefix are dropped; the empty text is the empty list, which contains no address.
    /// </summary>
    /// <exception cref="FormatException">An entry is not a network; the message says which and what would be right.</exception>
    /// <remarks>Go: <c>netutil.ParseNetlist</c>.</remarks>
    public static NetList Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out NetList? list, out string? error) ? list : throw new FormatException(error);
    }

    /// <summary>Reads networks as <see cref="Parse"/> does.</summary>
    /// <param name="text">The networks, separated by commas.</param>
    /// <param name="list">The list, or null.</param>
    /// <param name="error">Null, or what is wrong and what would be right.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out NetList? list, [NotNullWhen(false)] out string? error)
    {
        list = null;
        error = null;
        var networks = new List<IPNetwork>();
        string compact = string.Concat((text ?? string.Empty).Where(c => !char.IsWhiteSpace(c)));
        foreach (string entry in compact.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!TryParseNetwork(entry, out IPNetwork network))
            {
                error = $"\"{entry}\" is not a network: want an address and a prefix length, such as 10.0.0.0/8, 192.0.2.7/32 or fd00::/8";
                return false;
            }

            networks.Add(network);
        }

        list = new NetList(networks);
        return true;
    }

    /// <summary>Whether an address lies in one of the networks. IPv4 addresses inside IPv6 count as IPv4.</summary>
    public bool Contains(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        address = AddressRules.Unmap(address);
        return address.AddressFamily == AddressFamily.InterNetwork ? Contains(ToUInt32(address)) : Contains(ToUInt128(address));
    }

    /// <summary>The networks, separated by commas.</summary>
    public override string ToString() => string.Join(',', _networks);

    private bool Contains(uint address)
    {
        foreach ((uint @base, uint mask) in _ipv4)
        {
            if ((address & mask) == @base)
            {
                return true;
            }
        }

        return false;
    }

    private bool Contains(UInt128 address)
    {
        foreach ((UInt128 @base, UInt128 mask) in _ipv6)
        {
            if ((address & mask) == @base)
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsIPv4(IPNetwork network) => network.BaseAddress.AddressFamily == AddressFamily.InterNetwork;

    private static UInt128 ToMask(int prefixLength) => prefixLength == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - prefixLength);

    private static uint ToUInt32(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private static UInt128 ToUInt128(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static bool TryParseNetwork(string entry, out IPNetwork network)
    {
        network = default;
        int slash = entry.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0
            || !AddressRules.TryParse(entry.AsSpan(0, slash), out IPAddress? address)
            || !int.TryParse(entry.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int prefixLength)
            || prefixLength > (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128))
        {
            return false;
        }

        // IPNetwork wants the bits behind the prefix cleared.
        byte[] bytes = address.GetAddressBytes();
        for (int i = 0; i < bytes.Length; i++)
        {
            int kept = Math.Clamp(prefixLength - (8 * i), 0, 8);
            bytes[i] &= (byte)(0xFF00 >> kept);
        }

        network = new IPNetwork(new IPAddress(bytes), prefixLength);
        return true;
    }
}
