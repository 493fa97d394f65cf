using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using DevP2P.Nat;
using DevP2P.Tests.Nat;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests;

/// <summary>Port mapping and the record. The servers listen on all addresses, know nobody and send nothing.</summary>
public sealed class ServerNatTests
{
    [Fact]
    public async Task The_record_and_the_info_name_the_ports_and_the_address_outside()
    {
        var nat = new FakeNat { Grant = static r => r.InternalPort % 10_000 + (r.Protocol == NatProtocol.Tcp ? 10_000 : 20_000) };
        await using Server server = await TestNet.StartAsync(Options(nat));
        int tcp = server.ListenEndPoints[0].Port;
        int udp = server.DiscoveryV4!.LocalEndPoint!.Port;
        var outside = new IPEndPoint(MapperDriver.Outside, (udp % 10_000) + 20_000);
        await TestNet.UntilAsync(
            () => Equals(server.Self.Record!.IPv4UdpEndPoint, outside) && server.Self.TcpPort == (tcp % 10_000) + 10_000, "the record names them");

        NatInfo info = Assert.IsType<NatInfo>(server.GetNodeInfo().Nat);
        Assert.Equal(("fake", "44.128.0.1", null), (info.Method, info.ExternalIp, info.Problem));
        await TestNet.UntilAsync(() => server.GetNodeInfo().Nat!.Mappings.Count >= 2, "all is mapped");
        Assert.Contains(new NatPortInfo("ipv4", "tcp", tcp, (tcp % 10_000) + 10_000), server.GetNodeInfo().Nat!.Mappings);
        Assert.Contains(new NatPortInfo("ipv4", "udp", udp, outside.Port), server.GetNodeInfo().Nat!.Mappings);
        Assert.Equal((tcp % 10_000) + 10_000, server.GetNodeInfo().Ports.Listener);

        JsonElement json = JsonDocument.Parse(JsonSerializer.Serialize(server.GetNodeInfo(), P2PJson.NodeInfo)).RootElement.GetProperty("nat");
        Assert.Equal(["method", "externalIp", "mappings"], json.EnumerateObject().Select(static p => p.Name));
        Assert.Equal(
            ["family", "protocol", "internalPort", "externalPort"], json.GetProperty("mappings")[0].EnumerateObject().Select(static p => p.Name));
    }

    [Fact]
    public async Task A_port_that_is_taken_leads_to_a_record_with_the_other()
    {
        int taken = 0;
        var nat = new FakeNat
        {
            Grant = r => Interlocked.CompareExchange(ref taken, r.ExternalPort, 0) == 0 || r.ExternalPort == taken
                ? throw new NatException(NatError.Conflict, "taken by a printer")
                : r.ExternalPort,
        };
        var log = new CapturedLog();
        await using Server server = await TestNet.StartAsync(Options(nat) with { NoDiscovery = true, LoggerFactory = log });
        int port = server.ListenEndPoints[0].Port;
        await TestNet.UntilAsync(() => server.Self.TcpPort == port + 1, "the record names the next port");
        Assert.Equal(MapperDriver.Outside, server.Self.Address);
        Assert.Contains(log.Lines, static l => l.Contains("taken by a printer", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_stop_removes_the_mappings()
    {
        var nat = new FakeNat();
        Server server = await TestNet.StartAsync(Options(nat));
        await TestNet.UntilAsync(() => nat.Mapped.Count >= 2, "it is mapped");
        await server.StopAsync().WithinDeadline();
        Assert.Empty(nat.Mapped);
    }

    [Fact]
    public async Task A_method_that_hangs_delays_neither_the_start_nor_the_stop_for_long()
    {
        var clock = new StepClock();
        var never = new TaskCompletionSource();
        var nat = new FakeNat { Wait = _ => never.Task };
        Server server = await TestNet.StartAsync(Options(nat) with { TimeProvider = clock }).WithinDeadline();
        await TestNet.UntilAsync(() => nat.Calls > 0, "it is asked");
        Task stopping = server.StopAsync();
        await clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => stopping.IsCompleted, "it stops");
        await stopping;
        never.SetResult();
    }

    [Theory]
    [InlineData("100.64.3.4", "carrier-grade NAT")]
    [InlineData("192.168.1.7", "double NAT")]
    [InlineData("192.0.2.1", "special-purpose")]
    public async Task An_address_that_nobody_can_reach_is_not_advertised_and_the_log_says_why(string address, string why)
    {
        var nat = new FakeNat { Address = IPAddress.Parse(address), Grant = static r => (r.ExternalPort % 10_000) + 50_000 };
        var log = new CapturedLog();
        await using Server server = await TestNet.StartAsync(Options(nat) with { LoggerFactory = log });
        await TestNet.UntilAsync(() => server.GetNodeInfo().Nat is { ExternalIp: not null, Mappings.Count: >= 2 }, "all is known");
        Assert.Equal(IPAddress.Loopback, server.Self.Address);
        Assert.Equal(server.ListenEndPoints[0].Port, server.Self.TcpPort);
        Assert.Equal(server.DiscoveryV4!.LocalEndPoint!.Port, server.Self.UdpPort);
        Assert.Contains(why, server.GetNodeInfo().Nat!.Problem, StringComparison.Ordinal);
        Assert.Contains(log.Lines, l => l.StartsWith("Warning", StringComparison.Ordinal) && l.Contains(why, StringComparison.Ordinal));
    }

    [Fact]
    public async Task On_loopback_there_is_nothing_to_map()
    {
        var nat = new FakeNat();
        var log = new CapturedLog();
        await using (Server server = await TestNet.StartAsync(Options(nat) with { ListenAddress = "127.0.0.1:0", LoggerFactory = log }))
        {
            Assert.Null(server.GetNodeInfo().Nat);
        }

        Assert.Equal(0, nat.Calls);
        Assert.Contains(log.Lines, static l => l.StartsWith("Debug Nothing to map", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_a_listener_of_one_family_has_is_mapped_in_that_family_only()
    {
        var nat = new FakeNat();
        await using Server server = await TestNet.StartAsync(Options(nat) with { ListenAddress = "0.0.0.0:0", DiscoveryV5 = true, DiscoveryV5Address = "0.0.0.0:0" });
        await TestNet.UntilAsync(() => nat.Mapped.Count == 3, "TCP and both UDP ports are mapped");
        Assert.All(nat.Mapped.Keys, static m => Assert.Equal(AddressFamily.InterNetwork, m.Family));
        Assert.Contains(nat.Mapped.Keys, m => m.Protocol == NatProtocol.Udp && m.Internal == server.DiscoveryV5!.LocalEndPoint!.Port);
    }

    private static ServerOptions Options(INat nat) =>
        TestNet.Options() with { ListenAddress = ":0", NoDiscovery = false, NoDial = true, Nat = nat, Network = new FakeNetwork() };
}
