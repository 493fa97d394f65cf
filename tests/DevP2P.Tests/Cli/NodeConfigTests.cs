using System.CommandLine;
using System.Net;
using DevP2P.Cli;
using DevP2P.Cli.Commands;
using DevP2P.Cli.Configuration;
using DevP2P.Nodes;
using DevP2P.Tests.Nodes;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DevP2P.Tests.Cli;

public sealed class NodeConfigTests
{
    private const string Key = "6332792c4a00e3e4ee0926ed89e0d27ef985424d97b6a45bf0f23e51f0dcb5e66b875777506458aea7af6f9e4ffb69f43f3778ee73c81ed9d34c51c4b16b0b0f";
    private const string Enode = $"enode://{Key}@127.0.0.1:30303";

    [Fact]
    public void Defaults()
    {
        NodeConfig config = Load("");
        Assert.Equal(DataDirectory.Default(), config.DataDirectory);
        Assert.Equal(Path.Combine(DataDirectory.Default(), "nodekey"), config.KeyFile);
        Assert.Equal(":30303", config.ListenAddress);
        Assert.Equal((25, 50, 3), (config.MaxPeers, config.MaxPendingPeers, config.DialRatio));
        Assert.Equal((false, false, false, false, false), (config.NoDial, config.NoDiscovery, config.Echo, config.MessageEvents, config.JsonLog));
        Assert.Equal(LogLevel.Information, config.LogLevel);
        Assert.Empty(config.StaticNodes);
        Assert.Null(config.NetRestrict);
        Assert.Null(config.SntpServer);
        Assert.Matches("^devp2p/v[0-9.]+/[a-z]+-[a-z0-9]+/dotnet[0-9.]+$", config.Name);
        Assert.Empty(config.Warnings);
    }

    [Theory]
    [InlineData("--max-peers 7", "8", 9, 7)]
    [InlineData("", "8", 9, 8)]
    [InlineData("", null, 9, 9)]
    [InlineData("--max-peers 7", null, null, 7)]
    [InlineData("", null, null, 25)]
    [InlineData("", "", 9, 9)]
    public void Flags_win_over_the_environment_and_that_over_the_file(string arguments, string? variable, int? inFile, int expected)
    {
        using var directory = new TempDirectory();
        File.WriteAllText(directory["node.toml"], inFile is null ? "" : $"[Node.P2P]\nMaxPeers = {inFile}\n");
        NodeConfig config = Load($"{arguments} --config {directory["node.toml"]}", ("DEVP2P_MAX_PEERS", variable));
        Assert.Equal(expected, config.MaxPeers);
    }

    [Theory]
    [InlineData("--no-dial", "false", true)]
    [InlineData("--no-dial=false", "true", false)]
    [InlineData("--no-dial false", "true", false)]
    [InlineData("", "1", true)]
    [InlineData("", "off", false)]
    public void A_switch_can_be_turned_off_by_a_stronger_source(string arguments, string variable, bool expected) =>
        Assert.Equal(expected, Load(arguments, ("DEVP2P_NO_DIAL", variable)).NoDial);

    [Fact]
    public void The_file_itself_can_come_from_the_environment()
    {
        using var directory = new TempDirectory();
        File.WriteAllText(directory["node.toml"], "[DevP2P]\nEcho = true\n");
        Assert.True(Load("", ("DEVP2P_CONFIG", directory["node.toml"])).Echo);
    }

    [Fact]
    public void Nodes_can_be_repeated_and_separated_by_commas()
    {
        Assert.Equal(3, Load($"--static {Enode} --static {Enode.Replace("30303", "30304", StringComparison.Ordinal)},{Enode}").StaticNodes.Count);
        Assert.Equal(2, Load("", ("DEVP2P_TRUSTED", $"{Enode}, {Enode}")).TrustedNodes.Count);
    }

    [Fact]
    public void Bootnodes_are_urls_or_records()
    {
        NodeConfig config = Load($"--bootnodes {Enode},{TestRecords.VectorText} --bootnodes {Enode}");
        Assert.Equal([Enode, Node.Parse(TestRecords.VectorText).ToString(), Enode], config.BootstrapNodes.Select(node => node.ToString()));
        Assert.Equal(NodeRecord.Parse(TestRecords.VectorText), config.BootstrapNodes[1].Record);
        Assert.Equal(NodeRecord.Parse(TestRecords.VectorText), Assert.Single(config.BootstrapNodesV5).Record);
        Assert.Single(Load("", ("DEVP2P_BOOTNODES", Enode)).BootstrapNodes);
        Assert.Empty(Load("").BootstrapNodes);
        Assert.Empty(config.Warnings);
    }

    [Theory]
    [InlineData("mainnet", 4)]
    [InlineData("Sepolia", 5)]
    [InlineData("hoodi", 3)]
    public void A_network_adds_its_bootnodes(string network, int count)
    {
        Assert.Equal(count, Load("--network " + network).BootstrapNodes.Count);
        NodeConfig config = Load($"--bootnodes {Enode}", ("DEVP2P_NETWORK", network));
        Assert.Equal(Enode, config.BootstrapNodes[0].ToString());
        Assert.Equal(count + 1, config.BootstrapNodes.Distinct().Count());
        Assert.All(config.BootstrapNodes, node => Assert.NotNull(node.UdpEndPoint));
        Assert.Equal(15, config.BootstrapNodesV5.Distinct().Count());
        Assert.All(config.BootstrapNodesV5, node => Assert.True(node is { UdpEndPoint: not null, Record: not null }));
        Assert.True(Load($"--network {network} --no-discovery").NoDiscovery);
    }

    [Fact]
    public void Versions_of_discovery()
    {
        Assert.Equal((true, false, null), Versions(Load("")));
        Assert.Equal((true, true, null), Versions(Load("--v5")));
        Assert.Equal((false, true, ":30304"), Versions(Load("--v4=false --v5-listen :30304", ("DEVP2P_V5", "1"))));

        // A bootnode has both, but for what somebody says.
        Assert.Equal((true, true, null), Versions(NodeConfig.Load(_ => null, _ => null, BootnodeCommand.Defaults)));
        Assert.Equal((true, false, null), Versions(NodeConfig.Load(_ => null, name => name == "DEVP2P_V5" ? "false" : null, BootnodeCommand.Defaults)));

        // No node that speaks the legacy one has a record.
        Assert.False(Load("").LegacyTopicDiscovery);
        Assert.Empty(Load("--v5 --bootnodes " + Enode).BootstrapNodesV5);
        NodeConfig legacy = Load("--bootnodes " + Enode, ("DEVP2P_LEGACY_TOPICS", "1"));
        Assert.True(legacy.LegacyTopicDiscovery);
        Assert.Equal(Enode, Assert.Single(legacy.BootstrapNodesV5).ToString());

        static (bool, bool, string?) Versions(NodeConfig config) => (config.DiscoveryV4, config.DiscoveryV5, config.DiscoveryV5Address);
    }

    [Theory]
    [InlineData("127.0.0.1:0", "127.0.0.1:0")]
    [InlineData("[::1]:30303", "[::1]:30303")]
    [InlineData(":30303", ":30303")]
    [InlineData("none", null)]
    public void Listen_addresses(string text, string? expected) => Assert.Equal(expected, Load("--listen " + text).ListenAddress);

    [Theory]
    [InlineData("--sntp pool.ntp.org", "pool.ntp.org")]
    [InlineData("--sntp [::1]:1123", "[::1]:1123")]
    [InlineData("--sntp none", null)]
    [InlineData("", "192.0.2.1")]
    public void Time_servers(string arguments, string? expected) => Assert.Equal(expected, Load(arguments, ("DEVP2P_SNTP", "192.0.2.1")).SntpServer);

    [Fact]
    public void What_is_advertised_is_fixed_piece_by_piece()
    {
        Assert.Null(Load("").AdvertisedEndPoints);
        Assert.Equal(
            new AdvertisedEndPoints { IPv4Address = IPAddress.Parse("192.0.2.7"), TcpPort = 40303, Udp6Port = 5 },
            Load("--advertise-ip 192.0.2.7 --advertise-tcp 40303", ("DEVP2P_ADVERTISE_UDP6", "5")).AdvertisedEndPoints);
        var both = new AdvertisedEndPoints { IPv4Address = IPAddress.Parse("192.0.2.7"), IPv6Address = IPAddress.Parse("2001:db8::7"), UdpPort = 1, Tcp6Port = 2 };
        Assert.Equal(both, Load("--advertise-ip 2001:db8::7,192.0.2.7 --advertise-udp 1 --advertise-tcp6 2").AdvertisedEndPoints);

        using var directory = new TempDirectory();
        File.WriteAllText(directory["node.toml"], "[DevP2P]\nAdvertiseIP = [\"192.0.2.7\", \"2001:db8::7\"]\nAdvertiseUDP = 1\nAdvertiseTCP6 = 2\n");
        Assert.Equal(both, Load($"--config {directory["node.toml"]}").AdvertisedEndPoints);
    }

    [Theory]
    [InlineData("1024", 1024L)]
    [InlineData("1500000", 1_500_000L)]
    [InlineData("512K", 512L * 1024)]
    [InlineData("10m", 10L * 1024 * 1024)]
    [InlineData("8589934591G", 8_589_934_591L << 30)]
    [InlineData("none", null)]
    [InlineData("0", null)]
    public void Limits_are_sizes(string text, long? expected)
    {
        using var directory = new TempDirectory();
        bool isNumber = long.TryParse(text, out _);
        File.WriteAllText(directory["node.toml"], $"[DevP2P]\nDownloadLimit = {(isNumber ? text : $"\"{text}\"")}\n");
        NodeConfig config = Load($"--config {directory["node.toml"]} --upload-limit {text} --peer-upload-limit 2K", ("DEVP2P_PEER_DOWNLOAD_LIMIT", text));

        Assert.Equal((expected, expected, 2048, expected), (config.UploadLimit, config.DownloadLimit, config.PeerUploadLimit, config.PeerDownloadLimit));
        Assert.Null(Load("").UploadLimit);
    }

    [Theory]
    [InlineData("")]
    [InlineData("K")]
    [InlineData("1KB")]
    [InlineData("1.5M")]
    [InlineData("-1")]
    [InlineData("8589934592G")]
    public void What_is_no_size_is_refused(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData("--advertise-ip 192.0.2.7,192.0.2.8", "--advertise-ip: '192.0.2.8' is the second address of its family")]
    [InlineData("--advertise-ip home", "--advertise-ip: 'home' is no host's IP address")]
    [InlineData("--advertise-ip 0.0.0.0", "--advertise-ip: '0.0.0.0' is no host's IP address")]
    [InlineData("--advertise-udp 0", "--advertise-udp: '0' is not a port from 1 to 65535")]
    [InlineData("--advertise-tcp6 70000", "--advertise-tcp6: '70000' is not a port from 1 to 65535")]
    [InlineData("--sntp ntp:0", "--sntp: 'ntp:0' is not a host with or without a port, such as pool.ntp.org or [::1]:123")]
    [InlineData("--max-peers x", "--max-peers: 'x' is not a whole number from 0 to 2147483647")]
    [InlineData("--max-peers -1", "--max-peers: '-1' is not a whole number from 0 to 2147483647")]
    [InlineData("--upload-limit fast", "--upload-limit: 'fast' is not a number of bytes per second such as 512K, 10M or 1G, at least 1024, or none")]
    [InlineData("--peer-download-limit 1023", "--peer-download-limit: '1023' is not a number of bytes per second such as 512K, 10M or 1G, at least 1024, or none")]
    [InlineData("--network ropsten", "--network: 'ropsten' is not one of mainnet, sepolia, hoodi")]
    [InlineData("--log xml", "--log: 'xml' is not one of text, json")]
    [InlineData("--verbosity loud", "--verbosity: 'loud' is not a verbosity: 0 to 5, or silent, error, warn, info, debug, trace")]
    [InlineData("--listen 127.0.0.1", "--listen: '127.0.0.1' is not an address with a port, such as 127.0.0.1:30303, [::1]:30303 or :30303")]
    [InlineData("--v5-listen ::1", "--v5-listen: '::1' is not an address with a port, such as 127.0.0.1:30303, [::1]:30303 or :30303")]
    [InlineData("--listen ::1", "--listen: '::1' is not an address with a port, such as 127.0.0.1:30303, [::1]:30303 or :30303")]
    [InlineData("--listen :70000", "--listen: ':70000' is not an address with a port, such as 127.0.0.1:30303, [::1]:30303 or :30303")]
    public void Errors_name_the_flag_and_what_would_be_right(string arguments, string message) =>
        Assert.Equal(message, Assert.Throws<CliException>(() => Load(arguments)).Message);

    [Theory]
    [InlineData("--bootnodes enr:x", "--bootnodes: 'enr:x' is not a node: ")]
    [InlineData("--static enode://12@x", "--static: 'enode://12@x' is not a node: ")]
    [InlineData("--net-restrict 10.0.0.0/99", "--net-restrict: '10.0.0.0/99' is not a list of networks: ")]
    public void Errors_of_the_library_are_passed_on(string arguments, string start) =>
        Assert.StartsWith(start, Assert.Throws<CliException>(() => Load(arguments)).Message, StringComparison.Ordinal);

    [Fact]
    public void Errors_name_the_variable() => Assert.Equal(
        "DEVP2P_NO_DIAL: 'maybe' is not true or false",
        Assert.Throws<CliException>(() => Load("", ("DEVP2P_NO_DIAL", "maybe"))).Message);

    [Theory]
    [InlineData("0", LogLevel.None)]
    [InlineData("silent", LogLevel.None)]
    [InlineData("1", LogLevel.Error)]
    [InlineData("WARN", LogLevel.Warning)]
    [InlineData("3", LogLevel.Information)]
    [InlineData("4", LogLevel.Debug)]
    [InlineData("trace", LogLevel.Trace)]
    public void Verbosities(string text, LogLevel level) => Assert.Equal(level, Load("--verbosity " + text).LogLevel);

    [Fact]
    public void A_name_replaces_the_default_name_and_an_ident_adds_to_it()
    {
        Assert.Equal("mine/1.0", Load("--name mine/1.0").Name);
        Assert.StartsWith("devp2p/me/v", NodeConfig.DefaultName("me"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PlatformID.Unix, "/data", "/data/devp2p")]
    [InlineData(PlatformID.Unix, "relative", "/home/u/.local/share/devp2p")]
    [InlineData(PlatformID.Unix, null, "/home/u/.local/share/devp2p")]
    [InlineData(PlatformID.MacOSX, null, "/home/u/Library/Application Support/devp2p")]
    [InlineData(PlatformID.Win32NT, null, "/home/u/AppData/Local/devp2p")]
    public void Data_directory_by_the_platforms_convention(PlatformID platform, string? xdg, string expected)
    {
        string path = DataDirectory.Default(platform, name => name == "XDG_DATA_HOME" ? xdg : null, "/home/u");
        Assert.Equal(expected, path.Replace('\\', '/'));
    }

    [Fact]
    public void Every_setting_is_documented_with_its_names()
    {
        string text = File.ReadAllText(Path.Combine(RepositoryRoot(), "docs", "configuration.md"));
        foreach (Setting setting in Settings.All)
        {
            Assert.All(
                new[] { setting.Flag, setting.Variable, setting.Toml?.Split('.')[^1] }.OfType<string>(),
                name => Assert.Contains($"`{name}`", text, StringComparison.Ordinal));
        }
    }

    /// <summary>The directory with the solution in it, above the test's output.</summary>
    internal static string RepositoryRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "DevP2P.slnx")))
        {
            directory = Path.GetDirectoryName(directory);
        }

        return directory ?? throw new InvalidOperationException("the tests run outside of the repository");
    }

    private static NodeConfig Load(string arguments, params (string Name, string? Value)[] variables)
    {
        var command = new Command("run");
        var options = new SettingOptions();
        options.AddTo(command);
        return NodeConfig.Load(
            options.Read(command.Parse(arguments)),
            name => variables.FirstOrDefault(variable => variable.Name == name).Value);
    }
}
