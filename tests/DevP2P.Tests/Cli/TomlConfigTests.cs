using DevP2P.Cli;
using DevP2P.Cli.Configuration;
using Xunit;

namespace DevP2P.Tests.Cli;

public sealed class TomlConfigTests
{
    private const string Enode =
        "enode://6332792c4a00e3e4ee0926ed89e0d27ef985424d97b6a45bf0f23e51f0dcb5e66b875777506458aea7af6f9e4ffb69f43f3778ee73c81ed9d34c51c4b16b0b0f@52.232.243.152:30303";

    /// <summary>The p2p part and the neighbours of what geth 1.8 and newer ones print with "dumpconfig".</summary>
    private const string GethSample =
        $"""
        [Eth]
        NetworkId = 1
        SyncMode = "fast"
        DatabaseCache = 768

        [Eth.TxPool]
        Journal = "transactions.rlp"
        Lifetime = 10800000000000

        [Node]
        DataDir = "/var/lib/geth"
        UserIdent = "harbour"
        IPCPath = "geth.ipc"
        HTTPVirtualHosts = ["localhost"]

        [Node.P2P]
        MaxPeers = 30
        MaxPendingPeers = 0
        NoDiscovery = false
        DiscoveryV4 = true
        BootstrapNodes = ["{Enode}"]
        BootstrapNodesV5 = []
        StaticNodes = [
          "{Enode}",
          "enode://6332792c4a00e3e4ee0926ed89e0d27ef985424d97b6a45bf0f23e51f0dcb5e66b875777506458aea7af6f9e4ffb69f43f3778ee73c81ed9d34c51c4b16b0b0f@[::1]:30304",
        ]
        TrustedNodes = []
        NetRestrict = ["127.0.0.0/8", "::1/128"]
        ListenAddr = ":30310"
        EnableMsgEvents = true

        [Node.HTTPTimeouts]
        ReadTimeout = 30000000000
        """;

    [Fact]
    public void Reads_a_geth_file()
    {
        NodeConfig config = Load(GethSample);
        Assert.Equal("/var/lib/geth", config.DataDirectory);
        Assert.Equal(Path.Combine("/var/lib/geth", "nodekey"), config.KeyFile);
        Assert.Equal(30, config.MaxPeers);
        Assert.Equal(50, config.MaxPendingPeers);
        Assert.Equal(3, config.DialRatio);
        Assert.False(config.NoDiscovery);
        Assert.Equal(Enode, Assert.Single(config.BootstrapNodes).ToString());
        Assert.Empty(config.BootstrapNodesV5);
        Assert.Equal([30303, 30304], config.StaticNodes.Select(node => node.TcpPort));
        Assert.Empty(config.TrustedNodes);
        Assert.NotNull(config.NetRestrict);
        Assert.True(config.NetRestrict.Contains(System.Net.IPAddress.Loopback));
        Assert.False(config.NetRestrict.Contains(System.Net.IPAddress.Parse("10.0.0.1")));
        Assert.Equal(":30310", config.ListenAddress);
        Assert.True(config.MessageEvents);
        Assert.StartsWith("devp2p/harbour/v", config.Name, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_every_key_that_it_does_not_know()
    {
        string[] warnings = [.. TomlConfig.Parse(GethSample, "node.toml").Warnings];
        Assert.Equal(
        [
            "node.toml:1: section [Eth] is not used by devp2p",
            "node.toml:13: unknown key Node.IPCPath",
            "node.toml:14: unknown key Node.HTTPVirtualHosts",
            "node.toml:32: unknown key Node.HTTPTimeouts",
        ], warnings);
    }

    [Fact]
    public void Suggests_the_right_spelling()
    {
        TomlConfig config = TomlConfig.Parse("[Node.P2P]\nmaxpeers = 3\n", "node.toml");
        Assert.Equal("node.toml:2: unknown key Node.P2P.maxpeers (did you mean Node.P2P.MaxPeers?)", Assert.Single(config.Warnings));
        Assert.Null(config.Find(Settings.MaxPeers));
    }

    [Fact]
    public void Reads_the_switches_of_discovery_and_the_method_of_port_mapping()
    {
        NodeConfig config = Load("[DevP2P]\nLegacyTopicDiscovery = true\n[Node.P2P]\nDiscoveryV5 = true\nNAT = \"none\"\nNoDiscovery = true\nNodeDatabase = \"nodes\"\nDiscoveryV4 = true\nBootstrapNodes = [\"" + Enode + "\"]\n");
        Assert.Empty(config.Warnings);
        Assert.Null(config.Nat);
        Assert.Equal("nodes", config.NodeDatabase);
        Assert.True(config.DiscoveryV5);
        Assert.True(config.LegacyTopicDiscovery);
        Assert.True(config.NoDiscovery);
    }

    [Theory]
    [InlineData("[Node.P2P]\nMaxPeers = \"50\"\n", "node.toml:2: Node.P2P.MaxPeers: must be a whole number")]
    [InlineData("[Node.P2P]\nMaxPeers = -1\n", "node.toml:2: Node.P2P.MaxPeers: '-1' is not a whole number from 0 to 2147483647")]
    [InlineData("[Node.P2P]\nNoDial = 1\n", "node.toml:2: Node.P2P.NoDial: must be true or false")]
    [InlineData("[Node.P2P]\nStaticNodes = [1]\n", "node.toml:2: Node.P2P.StaticNodes: must be a list of texts, for example [\"a\", \"b\"]")]
    [InlineData("[Node]\nDataDir = 5\n", "node.toml:2: Node.DataDir: must be a text in quotes")]
    [InlineData("[Node.P2P]\nNoDial = true\n\nNoDial = true\n", "node.toml:4: Node.P2P.NoDial: is set twice")]
    [InlineData("[Node.P2P]\n[Node.P2P.NoDial]\nx = 1\n", "node.toml:2: Node.P2P.NoDial: must be true or false")]
    public void Wrong_values_are_named_with_their_line(string toml, string message) =>
        Assert.Equal(message, Assert.Throws<CliException>(() => Load(toml)).Message);

    [Theory]
    [InlineData("[Node\n")]
    [InlineData("MaxPeers 5\n")]
    [InlineData("x = [1,\n")]
    [InlineData("x = \n")]
    public void Broken_toml_is_one_line(string toml)
    {
        string message = Assert.Throws<CliException>(() => TomlConfig.Parse(toml, "node.toml")).Message;
        Assert.StartsWith("node.toml:", message, StringComparison.Ordinal);
        Assert.Contains("not TOML: ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_missing_file_is_one_line()
    {
        string message = Assert.Throws<CliException>(() => TomlConfig.Load("/nonexistent/node.toml")).Message;
        Assert.StartsWith("cannot read the settings file: ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_end_is_not_read_to_its_end()
    {
        if (File.Exists("/dev/zero"))
        {
            Assert.Contains("is no settings file", Assert.Throws<CliException>(() => TomlConfig.Load("/dev/zero")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Devp2ps_own_settings_have_a_table_of_their_own()
    {
        NodeConfig config = Load("[DevP2P]\nEcho = true\nLog = \"json\"\nVerbosity = 5\nKeyFile = \"/k\"\nNetwork = \"hoodi\"\n");
        Assert.True(config.Echo);
        Assert.True(config.JsonLog);
        Assert.Equal(Microsoft.Extensions.Logging.LogLevel.Trace, config.LogLevel);
        Assert.Equal("/k", config.KeyFile);
        Assert.Equal(3, config.BootstrapNodes.Count);
        Assert.Empty(config.Warnings);
    }

    private static NodeConfig Load(string toml)
    {
        TomlConfig file = TomlConfig.Parse(toml, "node.toml");
        return NodeConfig.Merge([file.Find], file.Warnings);
    }
}
