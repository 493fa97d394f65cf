using System.Globalization;
using System.Net;
using System.Net.Sockets;
using DevP2P.Cli.Logging;
using DevP2P.Nat;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Cli.Configuration;

/// <summary>Finds the strongest source of a setting and reads its text.</summary>
internal sealed class SettingReader(IReadOnlyList<SettingSource> sources)
{
    public string? Text(Setting setting) => Find(setting) is { Text.Length: > 0 } value ? value.Text : null;

    public bool Switch(Setting setting)
    {
        if (Find(setting) is not { } value)
        {
            return setting.Default == "true";
        }

        return value.Text.Trim().ToLowerInvariant() switch
        {
            "true" or "1" or "yes" or "on" => true,
            "false" or "0" or "no" or "off" => false,
            _ => throw Wrong(value, value.Text, "is not true or false"),
        };
    }

    public int Number(Setting setting)
    {
        if (Find(setting) is not { } value)
        {
            return int.Parse(setting.Default!, CultureInfo.InvariantCulture);
        }

        return int.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw Wrong(value, value.Text, $"is not a whole number from 0 to {int.MaxValue}");
    }

    /// <summary>Go: "Zero defaults to preset values".</summary>
    public int NumberOrDefaultForZero(Setting setting) =>
        Number(setting) is var number and > 0 ? number : int.Parse(setting.Default!, CultureInfo.InvariantCulture);

    public string OneOf(Setting setting, params string[] choices)
    {
        if (Find(setting) is not { } value)
        {
            return setting.Default!;
        }

        string text = value.Text.Trim().ToLowerInvariant();
        return choices.Contains(text) ? text : throw Wrong(value, value.Text, "is not one of " + string.Join(", ", choices));
    }

    public LogLevel Verbosity(Setting setting)
    {
        if (Find(setting) is not { } value)
        {
            return LogLevel.Information;
        }

        return ConsoleLog.TryParseVerbosity(value.Text, out LogLevel level)
            ? level
            : throw Wrong(value, value.Text, "is not a verbosity: 0 to 5, or silent, error, warn, info, debug, trace");
    }

    /// <summary>A limit of bandwidth, or null for none.</summary>
    public long? Limit(Setting setting)
    {
        if (Text(setting)?.Trim() is not { Length: > 0 } text || text is "none" or "0")
        {
            return null;
        }

        return ByteSize.TryParse(text, out long bytes) && bytes >= ServerLimits.MinBytesPerSecond
            ? bytes
            : throw Wrong(
                Find(setting)!, text, $"is not a number of bytes per second such as 512K, 10M or 1G, at least {ServerLimits.MinBytesPerSecond}, or none");
    }

    public string? ListenAddress(Setting setting, string? whenAbsent)
    {
        if (Find(setting) is not { } value)
        {
            return whenAbsent;
        }

        // geth's meaning of an empty ListenAddr in a file: no listener.
        string text = value.Text.Trim();
        if (text.Length == 0 || text == "none")
        {
            return null;
        }

        return Configuration.ListenAddress.TryParse(text, out _) ? text : throw Wrong(value, text, Configuration.ListenAddress.Expected);
    }

    public string? TimeServer(Setting setting)
    {
        if (Text(setting)?.Trim() is not { Length: > 0 } text || text == "none")
        {
            return null;
        }

        return ServerOptions.IsSntpServer(text)
            ? text
            : throw Wrong(Find(setting)!, text, "is not a host with or without a port, such as pool.ntp.org or [::1]:123");
    }

    public INat? Nat(Setting setting)
    {
        RawValue? value = Find(setting);
        return NatMethod.TryParse(value?.Text ?? setting.Default, out INat? nat, out string? error)
            ? nat
            : throw new CliException($"{value?.Source ?? setting.Flag}: {LogText.Escape(error)}");
    }

    /// <summary>What is fixed in the record, or null.</summary>
    public AdvertisedEndPoints? Advertised()
    {
        var advertised = new AdvertisedEndPoints
        {
            TcpPort = Port(Settings.AdvertiseTcp),
            UdpPort = Port(Settings.AdvertiseUdp),
            Tcp6Port = Port(Settings.AdvertiseTcp6),
            Udp6Port = Port(Settings.AdvertiseUdp6),
        };
        if (Find(Settings.AdvertiseIp) is { } value)
        {
            foreach (string text in Items(value))
            {
                if (!AddressRules.TryParse(text, out IPAddress? address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
                {
                    throw Wrong(value, text, "is no host's IP address");
                }

                bool isIPv4 = address.AddressFamily == AddressFamily.InterNetwork;
                advertised = (isIPv4 ? advertised.IPv4Address : advertised.IPv6Address) is not null
                    ? throw Wrong(value, text, "is the second address of its family")
                    : isIPv4 ? advertised with { IPv4Address = address } : advertised with { IPv6Address = address };
            }
        }

        return advertised == new AdvertisedEndPoints() ? null : advertised;
    }

    private int? Port(Setting setting)
    {
        if (Find(setting) is not { } value)
        {
            return null;
        }

        return ushort.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port != 0
            ? port
            : throw Wrong(value, value.Text, $"is not a port from 1 to {IPEndPoint.MaxPort}");
    }

    public List<Node> Nodes(Setting setting)
    {
        List<Node> nodes = [];
        if (Find(setting) is { } value)
        {
            foreach (string text in Items(value))
            {
                nodes.Add(Node.TryParse(text, out Node? node, out string? error) ? node : throw Wrong(value, text, $"is not a node: {error}"));
            }
        }

        return nodes;
    }

    /// <summary>The public network's name, or null.</summary>
    public string? Network()
    {
        if (Find(Settings.Network) is not { Text.Length: > 0 } value)
        {
            return null;
        }

        string name = value.Text.Trim().ToLowerInvariant();
        return Networks.Names.Contains(name) ? name : throw Wrong(value, value.Text, "is not one of " + string.Join(", ", Networks.Names));
    }

    public NetList? NetList(Setting setting)
    {
        if (Find(setting) is not { } value)
        {
            return null;
        }

        string text = string.Join(',', Items(value));
        try
        {
            return text.Length == 0 ? null : NetUtil.NetList.Parse(text);
        }
        catch (FormatException e)
        {
            throw Wrong(value, text, $"is not a list of networks: {e.Message}");
        }
    }

    /// <summary>Where the admin API is to be served; null for nowhere.</summary>
    /// <exception cref="CliException">It is no address, or one that others can reach, and there is no token.</exception>
    public IPEndPoint? HttpEndPoint()
    {
        if (Text(Settings.Http)?.Trim() is not { } text || text == "none")
        {
            return null;
        }

        RawValue value = Find(Settings.Http)!;
        if (!Configuration.ListenAddress.TryParse(text, out IPEndPoint? endPoint))
        {
            throw Wrong(value, text, "is not an address with a port, such as 127.0.0.1:8545 or [::1]:8545");
        }

        return IPAddress.IsLoopback(endPoint.Address) || Text(Settings.HttpTokenFile) is not null
            ? endPoint
            : throw Wrong(value, text, "would open the admin API to the network: take 127.0.0.1, or ask for a token with --http-token-file FILE");
    }

    /// <summary>The texts of a list.</summary>
    public IReadOnlyList<string> Items(Setting setting) => Find(setting) is { } value ? [.. Items(value)] : [];

    /// <summary>The origins of web pages that may call.</summary>
    public IReadOnlyList<string> Origins()
    {
        IReadOnlyList<string> origins = Items(Settings.HttpOrigin);
        foreach (string origin in origins)
        {
            if (!Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) || uri.GetLeftPart(UriPartial.Authority) != origin.TrimEnd('/'))
            {
                throw Wrong(Find(Settings.HttpOrigin)!, origin, "is not an origin such as https://ops.example or http://localhost:3000");
            }
        }

        return origins;
    }

    private static IEnumerable<string> Items(RawValue value) => value.Values
        .SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    private static CliException Wrong(RawValue value, string text, string problem) =>
        new($"{value.Source}: '{LogText.Escape(text)}' {problem}");

    private RawValue? Find(Setting setting)
    {
        foreach (SettingSource source in sources)
        {
            if (source(setting) is { } value)
            {
                return value;
            }
        }

        return null;
    }
}
