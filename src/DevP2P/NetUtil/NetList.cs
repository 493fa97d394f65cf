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

    /// <summary>Makes a list of networks.</summary>
    public NetList(IEnumerable<IPNetwork> networks)
    {
        ArgumentNullException.ThrowIfNull(networks);
        _networks = networks.ToList().AsReadOnly();
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
        foreach (IPNetwork network in _networks)
        {
            if (network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The networks, separated by commas.</summary>
    public override string ToString() => string.Join(',', _networks);

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
