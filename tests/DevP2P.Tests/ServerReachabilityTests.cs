using System.Net;
using System.Net.Sockets;
using DevP2P.Discovery.Core;
using DevP2P.Nat;
using DevP2P.Nodes;
using DevP2P.Tests.Nat;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests;

/// <summary>
/// The record follows what others say of its address, what the operator has fixed, and the network that this host is in. The servers know
/// nobody and send nothing; what others say is put where discovery hands it out.
/// </summary>
public sealed class ServerReachabilityTests
{
    private static readonly IPAddress Outside = MapperDriver.Outside;
    private static readonly IPAddress Elsewhere = IPAddress.Parse("44.128.9.9");

    private readonly StepClock _clock = new();
    private readonly CapturedLog _log = new();
    private readonly FakeNetwork _network = new();

    [Fact]
    public async Task An_address_that_others_do_not_confirm_leaves_the_record_with_its_ports_and_comes_back_when_they_do()
    {
        var nat = new FakeNat { Grant = static r => (r.ExternalPort % 10_000) + 50_000 };
        await using Server server = await TestNet.StartAsync(Options() with { Nat = nat });
        int udp = server.DiscoveryV4!.LocalEndPoint!.Port;
        int tcp = server.ListenEndPoints[0].Port;
        await TestNet.UntilAsync(() => server.GetNodeInfo().Nat is { ExternalIp: not null, Mappings.Count: >= 2 }, "all is mapped");
        await TestNet.UntilAsync(() => server.Self is { } n && Outside.Equals(n.Address) && n.UdpPort >= 50_000 && n.TcpPort >= 50_000, "the record names it");

        await SayUntilAsync(server, Elsewhere, () => !Outside.Equals(server.Self.Address), "it is withdrawn");
        Assert.Equal((IPAddress.Loopback, udp, tcp), (server.Self.Address, server.Self.UdpPort, server.Self.TcpPort));
        Assert.Contains("44.128.0.1", server.GetNodeInfo().Nat!.Problem, StringComparison.Ordinal);
        Assert.Equal("44.128.0.1", server.GetNodeInfo().Nat!.ExternalIp);
        Assert.Contains(_log.Lines, static l => l.StartsWith("Warning Other nodes do not find this one", StringComparison.Ordinal) && l.Contains("44.128.0.1", StringComparison.Ordinal));
        ulong sequence = server.Self.Sequence;

        Say(server, Outside);
        await TestNet.UntilAsync(() => Outside.Equals(server.Self.Address) && server.Self.UdpPort >= 50_000 && server.Self.TcpPort >= 50_000, "it is back at once");
        Assert.Null(server.GetNodeInfo().Nat!.Problem);
        Assert.Equal(sequence + 1, server.Self.Sequence);
    }

    [Fact]
    public async Task It_is_tried_again_without_anybody_saying_anything()
    {
        await using Server server = await TestNet.StartAsync(Options() with { Nat = new FakeNat() });
        await TestNet.UntilAsync(() => Outside.Equals(server.Self.Address), "the record names it");
        await SayUntilAsync(server, Elsewhere, () => !Outside.Equals(server.Self.Address), "it is withdrawn");
        TimeSpan waited = await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(20), () => Outside.Equals(server.Self.Address), "it is tried again");
        Assert.True(waited > Reachability.FirstRetry / 2, $"{waited}");
    }

    [Fact]
    public async Task An_address_that_others_have_named_themselves_is_doubted_without_a_device()
    {
        await using Server server = await TestNet.StartAsync(Options());
        for (int i = 0; i < 12; i++)
        {
            // A dozen hosts of one network.
            server.LocalNode.AddEndPointStatement(TimeSpan.Zero, new IPEndPoint(IPAddress.Parse($"45.1.1.{i + 1}"), 30303), new IPEndPoint(Outside, 30303));
        }

        Assert.Equal(Outside, server.Self.Address);
        await SayUntilAsync(server, Elsewhere, () => !Outside.Equals(server.Self.Address), "it is withdrawn");
        Assert.Equal("none", server.GetNodeInfo().Nat!.Method);
        Assert.Contains("44.128.0.1", server.GetNodeInfo().Nat!.Problem, StringComparison.Ordinal);
        Say(server, Outside);
        await TestNet.UntilAsync(() => Outside.Equals(server.Self.Address), "it is back");
        Assert.Null(server.GetNodeInfo().Nat);
    }

    [Theory]
    [InlineData("extip")]
    [InlineData("options")]
    [InlineData("local node")]
    public async Task What_the_operator_has_fixed_is_never_withdrawn(string how)
    {
        await using Server server = await TestNet.StartAsync(how switch
        {
            "extip" => Options() with { Nat = NatMethod.Parse($"extip:{Outside}") },
            "options" => Options() with { AdvertisedEndPoints = new AdvertisedEndPoints { IPv4Address = Outside } },
            _ => Options(),
        });
        if (how == "local node")
        {
            server.LocalNode.SetStaticAddress(Outside);
        }

        await TestNet.UntilAsync(() => Outside.Equals(server.Self.Address), "the record names it");
        for (int i = 0; i < 60; i++)
        {
            Say(server, Elsewhere);
            _clock.AdvanceSeconds(20);
        }

        await server.GetStaticNodesAsync();
        Assert.Equal(Outside, server.Self.Address);
        Assert.DoesNotContain(_log.Lines, static l => l.Contains("withdrawn", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_advertised_is_fixed_port_by_port_and_family_by_family()
    {
        var nat = new FakeNat { Address6 = IPAddress.Parse("2a00::9"), Grant = static r => (r.ExternalPort % 10_000) + 50_000 };
        await using Server server = await TestNet.StartAsync(Options() with
        {
            Nat = nat,
            AdvertisedEndPoints = new AdvertisedEndPoints { IPv4Address = Elsewhere, TcpPort = 1001, Udp6Port = 1004 },
        });
        await TestNet.UntilAsync(() => server.GetNodeInfo().Nat is { ExternalIp6: not null, Mappings.Count: >= 4 }, "all is mapped");
        NodeRecord record = server.Self.Record!;
        Assert.Equal((Elsewhere, 1001), (record.IPv4Address, record.TcpPort));
        Assert.InRange(record.UdpPort!.Value, 50_000, 60_000);
        Assert.Equal((IPAddress.Parse("2a00::9"), 1004), (record.IPv6Address, record.Udp6Port));
        Assert.InRange(record.Tcp6Port!.Value, 50_000, 60_000);
    }

    [Theory]
    [InlineData("::1", null, null, "IPv4Address")]
    [InlineData("0.0.0.0", null, null, "IPv4Address")]
    [InlineData(null, "44.128.0.1", null, "IPv6Address")]
    [InlineData(null, "::ffff:44.128.0.1", null, "IPv6Address")]
    [InlineData(null, null, 0, "TcpPort")]
    [InlineData(null, null, 65536, "TcpPort")]
    public void What_cannot_be_advertised_is_refused_by_name(string? four, string? six, int? port, string name)
    {
        var advertised = new AdvertisedEndPoints { IPv4Address = four is null ? null : IPAddress.Parse(four), IPv6Address = six is null ? null : IPAddress.Parse(six), TcpPort = port };
        ArgumentException e = Assert.Throws<ArgumentException>(() => new Server(Options() with { AdvertisedEndPoints = advertised }));
        Assert.StartsWith($"AdvertisedEndPoints.{name} is ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_on_the_internet_itself_advertises_its_address_and_others_may_doubt_it()
    {
        (_network.Source, _network.Source6) = (Outside, IPAddress.Parse("2a00::9"));
        await using Server server = await TestNet.StartAsync(Options());
        await TestNet.UntilAsync(() => Outside.Equals(server.Self.Record!.IPv4Address), "the record names it");
        Assert.Equal(IPAddress.Parse("2a00::9"), server.Self.Record!.IPv6Address);
        await SayUntilAsync(server, Elsewhere, () => server.Self.Record!.IPv4Address is null, "it is withdrawn");
        Assert.Equal(IPAddress.Parse("2a00::9"), server.Self.Record!.IPv6Address);
    }

    [Theory]
    [InlineData("192.168.1.5")]
    [InlineData("100.64.0.5")]
    [InlineData(null)]
    public async Task An_address_that_is_not_public_is_not_taken_from_the_host(string? source)
    {
        _network.Source = source is null ? null : IPAddress.Parse(source);
        await using Server server = await TestNet.StartAsync(Options());
        await server.GetStaticNodesAsync();
        Assert.Equal(IPAddress.Loopback, server.Self.Address);
    }

    [Fact]
    public async Task Another_network_is_noticed_soon_after_the_system_reports_it_and_once()
    {
        _network.Source = IPAddress.Parse("192.168.1.5");
        var nat = new FakeNat();
        await using Server server = await TestNet.StartAsync(Options() with { Nat = nat });
        await TestNet.UntilAsync(() => server.GetNodeInfo().Nat is { ExternalIp: not null, Mappings.Count: >= 2 }, "all is mapped");
        for (int i = 0; i < 12; i++)
        {
            server.LocalNode.AddEndPointStatement(TimeSpan.Zero, new IPEndPoint(IPAddress.Parse($"45.1.{i}.1"), 30303), new IPEndPoint(Outside, 30303));
        }

        await SayUntilAsync(server, Elsewhere, () => server.GetNodeInfo().Nat!.Problem is not null, "it is withdrawn");
        int looks = _network.Looks;
        nat.Address = IPAddress.Parse("44.200.0.1");
        _network.Source = IPAddress.Parse("192.168.2.6");
        _network.Report();
        TimeSpan waited = await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => _network.Looks > looks, "it is looked at");
        Assert.InRange(waited, Server.NetworkSettleTime, Server.NetworkSettleTime + TimeSpan.FromSeconds(2));
        await TestNet.UntilAsync(() => IPAddress.Parse("44.200.0.1").Equals(server.Self.Address), "the router is asked anew, and the record names what it says");
        Assert.Null(server.GetNodeInfo().Nat!.Problem);
        Assert.Null(server.LocalNode.GetVotedAddress(isIPv6: false));
        Assert.Equal(looks + 1, _network.Looks);
        Assert.Single(_log.Lines, static l => l.Contains("another network", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_report_it_is_noticed_by_and_by_and_what_has_not_changed_changes_nothing()
    {
        _network.Source = IPAddress.Parse("192.168.1.5");
        await using Server server = await TestNet.StartAsync(Options());
        ulong sequence = server.Self.Sequence;
        int looks = _network.Looks;
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(5), () => _network.Looks > looks + 2, "it is looked at, again and again");
        await server.GetStaticNodesAsync();
        Assert.Equal(sequence, server.Self.Sequence);
        Assert.DoesNotContain(_log.Lines, static l => l.Contains("another network", StringComparison.Ordinal));

        _network.Source = Outside;
        TimeSpan waited = await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(5), () => Outside.Equals(server.Self.Address), "it is noticed");
        Assert.True(waited <= Server.NetworkInterval + TimeSpan.FromSeconds(10), $"{waited}");
        _network.Source = IPAddress.Parse("10.0.0.1");
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(5), () => IPAddress.Loopback.Equals(server.Self.Address), "and that it is gone");
    }

    [Fact]
    public async Task The_stop_ends_the_watch()
    {
        Server server = await TestNet.StartAsync(Options());
        Assert.True(_network.IsWatched);
        await server.StopAsync();
        Assert.False(_network.IsWatched);
    }

    [Fact]
    public async Task A_listener_that_dies_is_replaced_on_its_port()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options());
        await using Server other = await TestNet.StartAsync(TestNet.Options());
        for (int i = 0; i < 2; i++)
        {
            Socket dead = server.GetListener();
            dead.Dispose();
            await TestNet.UntilAsync(() => server.GetListener() != dead, "another one takes its place");
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await client.ConnectAsync(server.ListenEndPoints[0], TestContext.Current.CancellationToken);
        }

        Assert.True((await other.AddPeerAsync(server.Self, TestContext.Current.CancellationToken).WithinDeadline()).Succeeded);
    }

    private ServerOptions Options() =>
        TestNet.Options() with { ListenAddress = ":0", NoDiscovery = false, NoDial = true, TimeProvider = _clock, LoggerFactory = _log, Network = _network };

    private static void Say(Server server, IPAddress seen)
    {
        for (int i = 0; i < 5; i++)
        {
            server.Remember(new SeenByNode(IPAddress.Parse($"46.{i}.1.1"), seen));
        }
    }

    private Task SayUntilAsync(Server server, IPAddress seen, Func<bool> condition, string what) => TestNet.UntilAsync(
        () =>
        {
            if (condition())
            {
                return true;
            }

            Say(server, seen);
            _clock.AdvanceSeconds(10);
            return false;
        },
        what);
}
