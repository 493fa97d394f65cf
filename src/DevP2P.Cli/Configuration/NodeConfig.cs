using System.Net;
using System.Runtime.InteropServices;
using DevP2P.Cli.Commands;
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

    /// <summary>Where the admin API is served by HTTP; null: nowhere.</summary>
    public required IPEndPoint? Http { get; init; }

    /// <summary>Null: no token, and then loopback alone.</summary>
    public required string? HttpTokenFile { get; init; }

    public required IReadOnlyList<string> HttpHosts { get; init; }

    public required IReadOnlyList<string> HttpOrigins { get; init; }

    /// <summary>The admin API's Unix socket; null: none.</summary>
    public required string? IpcPath { get; init; }

    /// <summary>The number of the network, 1 unless another one is named.</summary>
    public required ulong NetworkId { get; init; }

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
        var reader = new SettingReader(sources);
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
            Http = reader.HttpEndPoint(),
            HttpTokenFile = reader.Text(Settings.HttpTokenFile),
            HttpHosts = reader.Items(Settings.HttpHost),
            HttpOrigins = reader.Origins(),
            IpcPath = reader.Text(Settings.Ipc) is not { } ipc ? null : ipc == Settings.Ipc.Implied ? DefaultIpcPath(dataDirectory) : ipc,
            NetworkId = Networks.IdOf(network),
            JsonLog = reader.OneOf(Settings.Log, "text", "json") == "json",
            LogLevel = reader.Verbosity(Settings.Verbosity),
            Warnings = warnings,
        };
    }

    /// <summary>Where the admin API's Unix socket is unless somebody says otherwise.</summary>
    public static string DefaultIpcPath(string dataDirectory) => Path.Combine(dataDirectory, "devp2p.ipc");

    /// <summary>"devp2p/v0.1.0/linux-x64/dotnet10.0.0", with the operator's own part after the first slash: geth's pattern.</summary>
    public static string DefaultName(string? userIdent)
    {
        string system = OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "macos" : "linux";
        string architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        string ident = string.IsNullOrEmpty(userIdent) ? "" : userIdent + "/";
        return $"devp2p/{ident}v{VersionCommand.Version}/{system}-{architecture}/dotnet{Environment.Version}";
    }
}
