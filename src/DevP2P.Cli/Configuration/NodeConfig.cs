using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DevP2P.Cli.Commands;
using DevP2P.Cli.Logging;
using DevP2P.Nat;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Cli.Configuration;

/// <summary>One place where settings come from: the setting's text there, or null.</summary>
internal delegate RawValue? SettingSource(Setting setting);

/// <summary>
/// The settings of one node, merged and checked: a flag wins over the environment, the environment over the file, the
/// file over the default. Every error names the place where the wrong text stands.
/// </summary>
internal sealed record NodeConfig
{
    /// <summary>geth's default port, on all interfaces.</summary>
    public const string DefaultListenAddress = ":30303";

    public required string DataDirectory { get; init; }

    public required string KeyFile { get; init; }

    /// <summary>Null: no listener.</summary>
    public required string? ListenAddress { get; init; }

    public required IReadOnlyList<Node> StaticNodes { get; init; }

    public required IReadOnlyList<Node> TrustedNodes { get; init; }

    public required IReadOnlyList<Node> BootstrapNodes { get; init; }

    public required IReadOnlyList<Node> BootstrapNodesV5 { get; init; }

    public required int MaxPeers { get; init; }

    public required int MaxPendingPeers { get; init; }

    public required int DialRatio { get; init; }

    /// <summary>Bytes per second; null: no limit. The other three likewise.</summary>
    public required long? UploadLimit { get; init; }

    public required long? DownloadLimit { get; init; }

    public required long? PeerUploadLimit { get; init; }

    public required long? PeerDownloadLimit { get; init; }

    public required NetList? NetRestrict { get; init; }

    public required string? NodeDatabase { get; init; }

    public required bool NoDial { get; init; }

    public required bool NoDiscovery { get; init; }

    public required bool DiscoveryV4 { get; init; }

    public required bool DiscoveryV5 { get; init; }

    public required string? DiscoveryV5Address { get; init; }

    public required bool LegacyTopicDiscovery { get; init; }

    /// <summary>Null: no port mapping.</summary>
    public required INat? Nat { get; init; }

    /// <summary>Null: nothing is fixed.</summary>
    public required AdvertisedEndPoints? AdvertisedEndPoints { get; init; }

    /// <summary>Null: no time server is asked.</summary>
    public required string? SntpServer { get; init; }

    public required string Name { get; init; }

    public required bool Echo { get; init; }

    public required bool MessageEvents { get; init; }

    public required bool JsonLog { get; init; }

    public required LogLevel LogLevel { get; init; }

    /// <summary>What is worth saying about the settings, one line each.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Merges the sources and checks everything.</summary>
    /// <param name="flags">The command line.</param>
    /// <param name="environment">The environment's variables.</param>
    /// <param name="defaults">Defaults of a command that has its own, or null.</param>
    /// <exception cref="CliException">A value is wrong; the message names where it stands and what would be right.</exception>
    public static NodeConfig Load(SettingSource flags, Func<string, string?> environment, SettingSource? defaults = null)
    {
        SettingSource fromEnvironment = setting =>
            setting.Variable is { } variable && environment(variable) is { Length: > 0 } text ? new RawValue([text], variable) : null;
        RawValue? path = flags(Settings.Config) ?? fromEnvironment(Settings.Config);
        TomlConfig? file = path is null ? null : TomlConfig.Load(path.Text);
        return Merge([flags, fromEnvironment, setting => file?.Find(setting), defaults ?? (static _ => null)], file?.Warnings ?? []);
    }

    /// <summary>Merges sources, the strongest first.</summary>
    public static NodeConfig Merge(IReadOnlyList<SettingSource> sources, IReadOnlyList<string> warnings)
    {
        var reader = new Reader(sources);
        string dataDirectory = reader.Text(Settings.DataDir) ?? Configuration.DataDirectory.Default();
        List<Node> bootstrapNodes = reader.Nodes(Settings.BootstrapNodes);
        string? network = reader.Network();
        bool hasLegacyTopics = reader.Switch(Settings.LegacyTopics);
        return new NodeConfig
        {
            DataDirectory = dataDirectory,
            KeyFile = reader.Text(Settings.KeyFile) ?? Path.Combine(dataDirectory, Configuration.KeyFile.DefaultName),
            ListenAddress = reader.ListenAddress(Settings.Listen, DefaultListenAddress),
            StaticNodes = reader.Nodes(Settings.Static),
            TrustedNodes = reader.Nodes(Settings.Trusted),
            BootstrapNodes = [.. bootstrapNodes, .. Networks.Bootnodes(network)],
            BootstrapNodesV5 =
            [
                .. reader.Nodes(Settings.BootstrapNodesV5),

                // Nodes as old as that discovery have no records.
                .. bootstrapNodes.Where(node => hasLegacyTopics || node.Record is not null),
                .. network is null ? [] : Networks.BootnodesV5(),
            ],
            MaxPeers = reader.Number(Settings.MaxPeers),
            MaxPendingPeers = reader.NumberOrDefaultForZero(Settings.MaxPendingPeers),
            DialRatio = reader.NumberOrDefaultForZero(Settings.DialRatio),
            UploadLimit = reader.Limit(Settings.UploadLimit),
            DownloadLimit = reader.Limit(Settings.DownloadLimit),
            PeerUploadLimit = reader.Limit(Settings.PeerUploadLimit),
            PeerDownloadLimit = reader.Limit(Settings.PeerDownloadLimit),
            NetRestrict = reader.NetList(Settings.NetRestrict),
            NodeDatabase = reader.Text(Settings.NodeDatabase),
            NoDial = reader.Switch(Settings.NoDial),
            NoDiscovery = reader.Switch(Settings.NoDiscovery),
            DiscoveryV4 = reader.Switch(Settings.DiscoveryV4),
            DiscoveryV5 = reader.Switch(Settings.DiscoveryV5),
            DiscoveryV5Address = reader.ListenAddress(Settings.DiscAddr, whenAbsent: null),
            LegacyTopicDiscovery = hasLegacyTopics,
            Nat = reader.Nat(Settings.Nat),
            AdvertisedEndPoints = reader.Advertised(),
            SntpServer = reader.TimeServer(Settings.Sntp),
            Name = reader.Text(Settings.Name) ?? DefaultName(reader.Text(Settings.UserIdent)),
            Echo = reader.Switch(Settings.Echo),
            MessageEvents = reader.Switch(Settings.MessageEvents),
            JsonLog = reader.OneOf(Settings.Log, "text", "json") == "json",
            LogLevel = reader.Verbosity(Settings.Verbosity),
            Warnings = warnings,
        };
    }

    /// <summary>"devp2p/v0.1.0/linux-x64/dotnet10.0.0", with the operator's own part after the first slash: geth's pattern.</summary>
    public static string DefaultName(string? userIdent)
    {
        string system = OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "macos" : "linux";
        string architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        string ident = string.IsNullOrEmpty(userIdent) ? "" : userIdent + "/";
        return $"devp2p/{ident}v{VersionCommand.Version}/{system}-{architecture}/dotnet{Environment.Version}";
    }

    /// <summary>Finds the strongest source of a setting and reads its text.</summary>
    private sealed class Reader(IReadOnlyList<SettingSource> sources)
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
}
