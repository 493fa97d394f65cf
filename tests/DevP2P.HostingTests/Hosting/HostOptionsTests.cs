using System.Collections;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>From a configuration to the server's options, and what is said of mistakes.</summary>
public sealed class HostOptionsTests
{
    private const string Enode = "enode://ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd31387574077f301b421bc84df7266c44e9e6d569fc56be00812904767bf5ccd1fc7f@127.0.0.1:30303";

    [Fact]
    public void Defaults_are_those_of_the_library()
    {
        var library = new ServerOptions { PrivateKey = PrivateKey.Generate() };
        var hosted = new DevP2PHostOptions();
        string[] other = [nameof(hosted.PrivateKey), nameof(hosted.PrivateKeyFile), nameof(hosted.Name), nameof(hosted.Discovery), nameof(hosted.AdvertisedEndPoints)];
        int compared = 0;
        foreach (var property in typeof(DevP2PHostOptions).GetProperties().Where(p => !other.Contains(p.Name)))
        {
            object? theirs = typeof(ServerOptions).GetProperty(property.Name)!.GetValue(library);
            object? ours = property.GetValue(hosted);
            if (ours is IList list)
            {
                Assert.Empty(list);
                Assert.Empty((IEnumerable?)theirs ?? Array.Empty<object>());
            }
            else
            {
                Assert.Equal(theirs, ours);
            }

            compared++;
        }

        Assert.True(compared > 15, $"only {compared} options were compared");
        Assert.Equal(library.NoDiscovery, !hosted.Discovery);
    }

    [Fact]
    public async Task Every_option_of_the_configuration_reaches_the_server()
    {
        var key = PrivateKey.Generate();
        DirectoryInfo directory = Directory.CreateTempSubdirectory("devp2p-hosting-");
        try
        {
            Dictionary<string, string?> values = TestNode.Section(
                ("PrivateKey", key.ExportHex()), ("Name", "me"), ("ListenAddress", "127.0.0.1:0"), ("MaxPeers", "7"), ("MaxPendingPeers", "8"), ("DialRatio", "2"),
                ("UploadBytesPerSecond", "20001"), ("DownloadBytesPerSecond", "20002"), ("PeerUploadBytesPerSecond", "20003"), ("PeerDownloadBytesPerSecond", "20004"),
                ("NoDial", "true"), ("Discovery", "true"), ("DiscoveryV4", "false"), ("DiscoveryV5", "true"), ("DiscoveryV5Address", "127.0.0.1:0"),
                ("LegacyTopicDiscovery", "true"), ("BootstrapNodes:0", Enode), ("BootstrapNodesV5:0", Enode), ("StaticNodes:0", Enode), ("TrustedNodes:0", Enode),
                ("NetRestrict:0", "127.0.0.0/8"), ("NetRestrict:1", "10.0.0.0/8,fd00::/8"), ("Nat", "extip:192.0.2.1"), ("AdvertisedEndPoints:IPv4Address", "192.0.2.7"),
                ("AdvertisedEndPoints:IPv6Address", "2001:db8::7"), ("AdvertisedEndPoints:TcpPort", "1"), ("AdvertisedEndPoints:UdpPort", "2"),
                ("AdvertisedEndPoints:Tcp6Port", "3"), ("AdvertisedEndPoints:Udp6Port", "4"), ("SntpServer", "127.0.0.1:123"),
                ("NodeDatabase", Path.Combine(directory.FullName, "nodes.db")), ("EnableMessageEvents", "true"), ("MaxBufferedBytes", "50000000"), ("MaxBufferedBytesPerPeer", "9"));
            using IHost host = TestNode.Build(values);
            ServerOptions made = host.Server().Options;

            Assert.Equal(key.PublicKey, made.PrivateKey.PublicKey);
            Assert.Equal("me", made.Name);
            Assert.Equal("127.0.0.1:0", made.ListenAddress);
            Assert.Equal((7, 8, 2), (made.MaxPeers, made.MaxPendingPeers, made.DialRatio));
            Assert.Equal(
                (20001, 20002, 20003, 20004),
                (made.UploadBytesPerSecond, made.DownloadBytesPerSecond, made.PeerUploadBytesPerSecond, made.PeerDownloadBytesPerSecond));
            Assert.Equal((true, false), (made.NoDial, made.NoDiscovery));
            Assert.Equal((false, true, "127.0.0.1:0", true), (made.DiscoveryV4, made.DiscoveryV5, made.DiscoveryV5Address, made.LegacyTopicDiscovery));
            Assert.All([made.BootstrapNodes, made.BootstrapNodesV5, made.StaticNodes, made.TrustedNodes], nodes => Assert.Equal(Enode, Assert.Single(nodes).ToString()));
            Assert.Equal("127.0.0.0/8,10.0.0.0/8,fd00::/8", made.NetRestrict!.ToString());
            Assert.True(made.Nat!.IsFixed);
            Assert.Equal(
                new Nodes.AdvertisedEndPoints { IPv4Address = IPAddress.Parse("192.0.2.7"), IPv6Address = IPAddress.Parse("2001:db8::7"), TcpPort = 1, UdpPort = 2, Tcp6Port = 3, Udp6Port = 4 },
                made.AdvertisedEndPoints);
            Assert.Equal("127.0.0.1:123", made.SntpServer);
            Assert.Equal(values["DevP2P:NodeDatabase"], made.NodeDatabase);
            Assert.Equal((true, 50_000_000, 9), (made.EnableMessageEvents, made.MaxBufferedBytes, made.MaxBufferedBytesPerPeer));

            string[] known = [.. typeof(DevP2PHostOptions).GetProperties().Select(p => p.Name).Except([nameof(DevP2PHostOptions.PrivateKeyFile)])];
            Assert.All(known, option => Assert.Contains(values.Keys, name => name == $"DevP2P:{option}" || name.StartsWith($"DevP2P:{option}:", StringComparison.Ordinal)));
            await host.Server().DisposeAsync();
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("PrivateKey", "abc", "DevP2P:PrivateKey: a private key is 64 hexadecimal digits")]
    [InlineData("PrivateKey", "", "DevP2P:PrivateKeyFile must be set")]
    [InlineData("PrivateKeyFile", "nodekey", "DevP2P:PrivateKeyFile and DevP2P:PrivateKey are both set")]
    [InlineData("ListenAddress", "30303", "DevP2P:ListenAddress \"30303\" is not an address and port")]
    [InlineData("MaxPeers", "0", "DevP2P:MaxPeers must be at least 1, not 0")]
    [InlineData("StaticNodes:2", "enode://x", "DevP2P:StaticNodes:0: \"enode://x\" is not a node")]
    [InlineData("BootstrapNodes:0", "enr:x", "DevP2P:BootstrapNodes:0: \"enr:x\" is not a node")]
    [InlineData("NetRestrict:0", "10.0.0.0", "DevP2P:NetRestrict:0: \"10.0.0.0\" is not a network")]
    [InlineData("Nat", "magic", "DevP2P:Nat: \"magic\" is no method")]
    [InlineData("AdvertisedEndPoints:IPv4Address", "1", "DevP2P:AdvertisedEndPoints:IPv4Address: \"1\" is not an IP address")]
    [InlineData("AdvertisedEndPoints:TcpPort", "65536", "DevP2P:AdvertisedEndPoints:TcpPort is 65536")]
    [InlineData("SntpServer", "a b", "DevP2P:SntpServer \"a b\" is not a host")]
    public async Task A_wrong_value_stops_the_start_and_its_key_is_named(string option, string value, string message)
    {
        using IHost host = TestNode.Build(TestNode.Section((option, value)));
        var problem = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith(message, Assert.Single(problem.Failures), StringComparison.Ordinal);
        Assert.DoesNotContain("(Parameter", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_number_is_named_too()
    {
        using IHost host = TestNode.Build(TestNode.Section(("MaxPeers", "many")));
        var problem = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("'DevP2P:MaxPeers'", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_wrong_texts_are_told_at_once()
    {
        using IHost host = TestNode.Build(TestNode.Section(("Nat", "magic"), ("StaticNodes:0", "x"), ("StaticNodes:1", "y")));
        var problem = Assert.Throws<OptionsValidationException>(host.Server);
        Assert.Equal(3, problem.Failures.Count());
    }

    [Fact]
    public async Task Options_set_in_code_are_named_by_their_property()
    {
        await using ServiceProvider services = new ServiceCollection().AddDevP2P(options =>
        {
            options.PrivateKey = PrivateKey.Generate().ExportHex();
            options.StaticNodes.Add("nobody");
        }).BuildServiceProvider();
        var problem = Assert.Throws<OptionsValidationException>(services.GetRequiredService<Server>);
        Assert.StartsWith("StaticNodes[0]: \"nobody\"", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_application_has_the_last_word()
    {
        await using ServiceProvider services = new ServiceCollection().AddDevP2P(options =>
        {
            options.PrivateKey = PrivateKey.Generate().ExportHex();
            options.MaxPeers = 3;
            options.ConfigureServer(made => made with { MaxPeers = made.MaxPeers + 1 });
            options.ConfigureServer(made => made with { MaxPeers = made.MaxPeers * 10 });
        }).BuildServiceProvider();
        Assert.Equal(40, services.GetRequiredService<Server>().Options.MaxPeers);
    }

    [Fact]
    public void A_key_file_is_made_for_its_owner_only_and_used_again()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("devp2p-hosting-");
        try
        {
            string file = Path.Combine(directory.FullName, "deeper", "nodekey");
            string[] ids = [.. Enumerable.Range(0, 2).Select(_ =>
            {
                using IHost host = TestNode.Build(TestNode.Section(("PrivateKey", null), ("PrivateKeyFile", file)));
                return host.Server().Self.Id.ToString();
            })];

            Assert.Equal(ids[0], ids[1]);
            Assert.Equal(ids[0], PrivateKey.ParseHex(File.ReadAllText(file)).PublicKey.NodeId.ToString());
            Assert.Single(Directory.GetFiles(Path.GetDirectoryName(file)!));
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_file_that_is_no_key_is_not_repeated()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "my secret");
            using IHost host = TestNode.Build(TestNode.Section(("PrivateKey", null), ("PrivateKeyFile", file)));
            var problem = Assert.Throws<InvalidOperationException>(host.Server);
            Assert.StartsWith($"DevP2P:PrivateKeyFile: cannot use the key file {file}: ", problem.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("secret", problem.ToString(), StringComparison.Ordinal);
            Assert.Equal("my secret", File.ReadAllText(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_key_that_others_can_read_is_used_with_a_warning()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("file modes are a matter of Unix");
            return;
        }

        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, PrivateKey.Generate().ExportHex() + "\n");
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
            var log = new LogLines();
            using IHost host = TestNode.Build(TestNode.Section(("PrivateKey", null), ("PrivateKeyFile", file)), log);
            host.Server();
            Assert.Contains(file, Assert.Single(log.WithId(1001)), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_key_that_means_nothing_is_named_and_sections_of_others_are_not()
    {
        var log = new LogLines();
        using IHost host = TestNode.Build(TestNode.Section(("MaxPeer", "5"), ("StaticNode:0", Enode), ("maxpeers", "5"), ("Admin:Token", "x")), log);
        host.Server();
        Assert.Equal(["DevP2P:MaxPeer", "DevP2P:StaticNode"], log.WithId(1002).Select(line => line.Split("key=")[1]).Order(StringComparer.Ordinal));
    }
}
