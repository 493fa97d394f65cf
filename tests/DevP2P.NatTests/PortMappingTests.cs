using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nat;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace DevP2P.NatTests;

/// <summary>
/// What keeps ports mapped, against Debian's <c>miniupnpd</c>. The mapper's clock is the test's, so that minutes pass at once; the
/// methods have the system's.
/// </summary>
[Collection(NatNetwork.Collection)]
public sealed class PortMappingTests
{
    private static readonly PortTarget Udp = new(IsIPv6: false, NatProtocol.Udp, 30303);
    private static readonly PortTarget Tcp = new(IsIPv6: false, NatProtocol.Tcp, 30303);

    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private readonly ConcurrentQueue<PortMapperOutput> _outputs = new();

    /// <summary>All methods that map ports.</summary>
    public static TheoryData<string> Methods => new("upnp", "pmp", "pcp");

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task Maps_renews_notices_a_restart_and_another_address_and_removes(string method)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync();
        await using NatService service = Start(method);
        await SeesAsync<ExternalAddressChanged>(o => Equals(o.Address, IPAddress.Parse(NatNetwork.RouterOutside)));
        await SeesAsync<PortMapped>(o => o.Target == Udp && o.ExternalPort == 30303);
        await SeesAsync<PortMapped>(o => o.Target == Tcp && o.ExternalPort == 30303);
        Assert.True(await network.ReachesAsync(NatProtocol.Udp, 30303, 30303), network.DaemonLog);
        Assert.True(await network.ReachesAsync(NatProtocol.Tcp, 30303, 30303), network.DaemonLog);

        // Restarted: all mappings are gone, and made again.
        await network.StopMiniupnpdAsync();
        await network.StartMiniupnpdAsync();
        await AdvanceUntilAsync(() => network.ReachesAsync(NatProtocol.Udp, 30303, 30303), "it is mapped again");
        await AdvanceUntilAsync(() => network.ReachesAsync(NatProtocol.Tcp, 30303, 30303), "it is mapped again");

        await NatNetwork.ChangeOuterAddressAsync();
        IPAddress changed = IPAddress.Parse(NatNetwork.NewRouterOutside);
        await AdvanceUntilAsync(() => Task.FromResult(_outputs.OfType<ExternalAddressChanged>().Any(o => Equals(o.Address, changed))), "the new address is told");

        await service.StopAsync();
        Assert.False(await network.ReachesAsync(NatProtocol.Udp, 30303, 30303, NatNetwork.NewRouterOutside));
        Assert.DoesNotContain(_outputs, static o => o is UnmapFailed);
    }

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task Takes_another_port_when_one_is_taken(string method)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync();
        await MethodTests.TakePortAsync(30303);
        await using NatService service = Start(method);

        await SeesAsync<PortMapped>(static o => o.Target == Udp);
        int port = _outputs.OfType<PortMapped>().First(static o => o.Target == Udp).ExternalPort;
        Assert.NotEqual(30303, port);
        Assert.True(await network.ReachesAsync(NatProtocol.Udp, port, 30303), network.DaemonLog);
    }

    [IsolatedFact]
    public async Task The_record_of_a_server_says_where_it_is_reached_and_it_is_reached_there()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync();
        await MethodTests.TakePortAsync(30303);
        await using var server = new Server(new ServerOptions
        {
            PrivateKey = PrivateKey.Generate(), ListenAddress = $"{NatNetwork.Host}:30303", Nat = NatMethod.Pcp(),
        });
        await server.StartAsync();
        await NatNetwork.UntilAsync(
            () => server.GetNodeInfo().Nat is { ExternalIp: NatNetwork.RouterOutside, Mappings.Count: 2 }, () => "both ports are mapped");

        Nodes.Node self = server.Self;
        Assert.Equal(IPAddress.Parse(NatNetwork.RouterOutside), self.Address);
        Assert.Equal(30303, self.TcpPort);
        Assert.NotEqual(30303, self.UdpPort);

        // From outside, with what the record says.
        await using DiscoveryV4 stranger = network.Outside.Create(() =>
        {
            var discovery = new DiscoveryV4(new DiscoveryV4Options { PrivateKey = PrivateKey.Generate(), ListenEndPoint = IPEndPoint.Parse($"{NatNetwork.Outsider}:30301") });
            discovery.StartAsync().GetAwaiter().GetResult();
            return discovery;
        });
        DiscoveryPing? pong = null;
        for (int i = 0; i < 10 && pong is null; i++)
        {
            pong = await stranger.PingAsync(self, TestContext.Current.CancellationToken);
        }

        Assert.NotNull(pong);
        using Socket connection = network.Outside.CreateTcp();
        await connection.ConnectAsync(self.TcpEndPoint!, TestContext.Current.CancellationToken);

        await server.StopAsync();
        Assert.False(await network.ReachesAsync(NatProtocol.Udp, self.UdpPort, 30303));
    }

    private NatService Start(string method) =>
        new(NatMethod.Parse(method)!, [Udp, Tcp], _outputs.Enqueue, _clock, NullLogger.Instance, RandomSource.System);

    private Task SeesAsync<T>(Func<T, bool> isIt)
        where T : PortMapperOutput =>
        NatNetwork.UntilAsync(() => _outputs.OfType<T>().Any(isIt), () => $"{typeof(T).Name}, but: {string.Join(", ", _outputs)}");

    private async Task AdvanceUntilAsync(Func<Task<bool>> condition, string what)
    {
        for (int i = 0; i < 30; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(40));
            if (await condition())
            {
                return;
            }

            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"waited in vain until {what}: {string.Join(", ", _outputs)}");
    }
}
