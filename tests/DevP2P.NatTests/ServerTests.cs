using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Nat;
using DevP2P.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace DevP2P.NatTests;

/// <summary>A running server behind Debian's <c>miniupnpd</c>: what its record says, and whether it is reached there.</summary>
[Collection(NatNetwork.Collection)]
public sealed class ServerTests
{
    private static readonly IPAddress Outside = IPAddress.Parse(NatNetwork.RouterOutside);
    private static readonly IPAddress NewOutside = IPAddress.Parse(NatNetwork.NewRouterOutside);

    // Minutes pass at once on the server's clock; the methods have the system's.
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);

    /// <summary>All methods that map ports.</summary>
    public static TheoryData<string> Methods => new("upnp", "pmp", "pcp");

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task A_restarted_router_and_another_address_outside_reach_the_record_and_the_stop_removes_the_mappings(string method)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync();
        await using Server server = await StartAsync(NatMethod.Parse(method)!, _clock);
        await NatNetwork.UntilAsync(
            () => server.GetNodeInfo().Nat is { ExternalIp: NatNetwork.RouterOutside, Mappings.Count: 2 } && Outside.Equals(server.Self.Address),
            () => $"all is mapped: {server.GetNodeInfo().Nat} {network.DaemonLog}");
        Assert.True(await AnswersAsync(network, server.Self.TcpEndPoint!), network.DaemonLog);
        ulong sequence = server.Self.Sequence;

        await network.StopMiniupnpdAsync();
        Assert.False(await AnswersAsync(network, server.Self.TcpEndPoint!));
        await network.StartMiniupnpdAsync();
        await AdvanceUntilAsync(async () => server.Self.TcpEndPoint is { } at && await AnswersAsync(network, at), () => $"it is mapped again: {network.DaemonLog}");
        Assert.Equal(Outside, server.Self.Address);

        await NatNetwork.ChangeOuterAddressAsync();
        await AdvanceUntilAsync(() => Task.FromResult(NewOutside.Equals(server.Self.Address)), () => $"the record names it, not {server.Self.Address}: {network.DaemonLog}");
        await AdvanceUntilAsync(() => AnswersAsync(network, new IPEndPoint(NewOutside, server.Self.TcpPort)), () => $"it is reached there: {network.DaemonLog}");
        Assert.True(server.Self.Sequence > sequence);

        Node self = server.Self;
        await server.StopAsync();
        Assert.False(await network.ReachesAsync(NatProtocol.Tcp, self.TcpPort, 30303, NatNetwork.NewRouterOutside), network.DaemonLog);
        Assert.False(await network.ReachesAsync(NatProtocol.Udp, self.UdpPort, 30303, NatNetwork.NewRouterOutside), network.DaemonLog);
    }

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task Behind_two_routers_the_record_names_no_address_outside(string method)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(isDouble: true);
        var nat = new Counted(NatMethod.Parse(method)!);
        await using Server server = await StartAsync(nat, TimeProvider.System);

        await NatNetwork.UntilAsync(() => nat.Ended >= 3, () => $"all was asked for: {network.DaemonLog}");
        await server.GetStaticNodesAsync();

        Assert.Equal(IPAddress.Loopback, server.Self.Address);
        NatInfo info = server.GetNodeInfo().Nat!;
        Assert.True(info.ExternalIp is null || info.Problem!.Contains("double NAT", StringComparison.Ordinal), $"{info}");
    }

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task Another_address_of_this_host_is_noticed_by_what_the_system_reports(string method)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync();
        await using Server server = await StartAsync(NatMethod.Parse(method)!, TimeProvider.System);
        await NatNetwork.UntilAsync(() => server.GetNodeInfo().Nat is { ExternalIp: not null, Mappings.Count: 2 }, () => $"all is mapped: {network.DaemonLog}");

        await NatNetwork.ChangeHostAddressAsync();
        bool isReached = false;
        for (int i = 0; i < 60 && !isReached; i++)
        {
            await Task.Delay(250, TestContext.Current.CancellationToken);
            isReached = server.Self.TcpEndPoint is { } at && Outside.Equals(at.Address) && await AnswersAsync(network, at);
        }

        Assert.True(isReached, $"{server.Self} {network.DaemonLog}");
    }

    [IsolatedFact]
    public async Task Peers_that_come_from_outside_put_a_withdrawn_address_back()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync();
        await using Server server = await StartAsync(NatMethod.Pcp(), _clock);
        await NatNetwork.UntilAsync(() => server.GetNodeInfo().Nat is { Mappings.Count: 2 } && Outside.Equals(server.Self.Address), () => $"all is mapped: {network.DaemonLog}");
        Node known = server.Self;
        await AdvanceUntilAsync(
            () =>
            {
                for (int i = 0; i < 3; i++)
                {
                    // What discovery hands out when nodes of three networks see us elsewhere.
                    server.Remember(new SeenByNode(IPAddress.Parse($"46.{i}.1.1"), IPAddress.Parse("44.128.9.9")));
                }

                return Task.FromResult(!Outside.Equals(server.Self.Address));
            },
            () => "it is withdrawn");

        foreach (string address in await NatNetwork.AddOutsidersAsync(4))
        {
            Assert.False(Outside.Equals(server.Self.Address));
            await using var visitor = new Server(new ServerOptions { PrivateKey = PrivateKey.Generate(), NoDiscovery = true });
            await visitor.StartAsync(TestContext.Current.CancellationToken);
            using Socket connection = network.Outside.CreateTcp();
            connection.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
            await connection.ConnectAsync(known.TcpEndPoint!, TestContext.Current.CancellationToken);
            ConnectionResult result = await visitor.SetupConnectionAsync(
                new NetworkStream(connection), ConnectionFlags.StaticDialed, known, cancellationToken: TestContext.Current.CancellationToken);
            Assert.True(result.Stage > Dialing.DialStage.EncryptionHandshake, $"{result.Error}");
        }

        await NatNetwork.UntilAsync(() => Outside.Equals(server.Self.Address), () => "it is back");
    }

    private static async Task<Server> StartAsync(INat nat, TimeProvider time)
    {
        var server = new Server(new ServerOptions { PrivateKey = PrivateKey.Generate(), ListenAddress = ":30303", Nat = nat, TimeProvider = time });
        await server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>Whether somebody outside is let in at an end point.</summary>
    private static async Task<bool> AnswersAsync(NatNetwork network, IPEndPoint at)
    {
        using Socket connection = network.Outside.CreateTcp();
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        try
        {
            await connection.ConnectAsync(at, limit.Token);
            return true;
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            return false;
        }
    }

    private async Task AdvanceUntilAsync(Func<Task<bool>> condition, Func<string> what)
    {
        // First what is under way comes to its end: a call that the clock has overtaken counts as failed, and as long as it runs none follows it, no removal either.
        for (int polls = 10, i = 0; i <= 12; polls = 40, i++)
        {
            for (int j = 0; j < polls; j++)
            {
                if (await condition())
                {
                    return;
                }

                await Task.Delay(100, TestContext.Current.CancellationToken);
            }

            // Past the time at which the router is asked again; then the method has some seconds of its own time for that.
            _clock.Advance(TimeSpan.FromSeconds(150));
        }

        Assert.Fail($"waited in vain until {what()}");
    }

    /// <summary>A method, and how many of its calls have ended.</summary>
    private sealed class Counted(INat inner) : INat
    {
        private int _ended;

        public int Ended => Volatile.Read(ref _ended);

        public bool CanMap => inner.CanMap;

        public ValueTask<NatStatus> GetStatusAsync(AddressFamily family, CancellationToken cancellationToken = default) =>
            CountAsync(inner.GetStatusAsync(family, cancellationToken));

        public ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default) =>
            CountAsync(inner.MapAsync(request, cancellationToken));

        public ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default) => inner.UnmapAsync(request, cancellationToken);

        private async ValueTask<T> CountAsync<T>(ValueTask<T> call)
        {
            try
            {
                return await call;
            }
            finally
            {
                Interlocked.Increment(ref _ended);
            }
        }
    }
}
