using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;

namespace DevP2P.NatTests;

/// <summary>Every method that maps ports against Debian's <c>miniupnpd</c>.</summary>
[Collection(NatNetwork.Collection)]
public sealed class MethodTests
{
    private const AddressFamily IPv4 = AddressFamily.InterNetwork;

    /// <summary>UPnP of both versions, NAT-PMP and PCP.</summary>
    public static TheoryData<string, bool> Methods => new()
    {
        { "upnp", true },
        { "upnp", false },
        { "pmp", false },
        { "pcp", false },
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task Tells_the_address_and_maps_both_protocols(string method, bool igd1)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(igd1);
        INat nat = NatMethod.Parse(method)!;

        NatStatus status = await nat.GetStatusAsync(IPv4, Cancellation);
        Assert.Equal(IPAddress.Parse(NatNetwork.RouterOutside), status.ExternalAddress);
        Assert.NotNull(status.Uptime);
        Assert.False(await network.ReachesAsync(NatProtocol.Udp, 40404, 30303));

        foreach (NatProtocol protocol in Enum.GetValues<NatProtocol>())
        {
            NatMapping mapping = await nat.MapAsync(Request(protocol, 30303, 40404), Cancellation);

            Assert.Equal(40404, mapping.ExternalPort);
            Assert.InRange(mapping.Lifetime, TimeSpan.FromMinutes(1), TimeSpan.FromHours(1));
            Assert.True(await network.ReachesAsync(protocol, 40404, 30303), network.DaemonLog);
        }
    }

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task Removes_a_mapping_and_one_that_is_not_there(string method, bool igd1)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(igd1);
        INat nat = NatMethod.Parse(method)!;
        NatMappingRequest request = Request(NatProtocol.Udp, 30303, 40404);
        await nat.MapAsync(request, Cancellation);

        await nat.UnmapAsync(request, Cancellation);

        Assert.False(await network.ReachesAsync(NatProtocol.Udp, 40404, 30303));
        await nat.UnmapAsync(request, Cancellation);
    }

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task A_port_that_is_taken_leads_to_another_or_is_a_conflict(string method, bool igd1)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(igd1);
        await TakePortAsync(40404);

        try
        {
            NatMapping mapping = await NatMethod.Parse(method)!.MapAsync(Request(NatProtocol.Udp, 30303, 40404), Cancellation);
            Assert.NotEqual(40404, mapping.ExternalPort);
            Assert.True(await network.ReachesAsync(NatProtocol.Udp, mapping.ExternalPort, 30303), network.DaemonLog);
        }
        catch (NatException e)
        {
            Assert.Equal(NatError.Conflict, e.Error);
        }
    }

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task A_restarted_router_shows_in_its_uptime(string method, bool igd1)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(igd1);
        INat nat = NatMethod.Parse(method)!;
        TimeSpan? before = TimeSpan.Zero;
        await NatNetwork.UntilAsync(() => (before = Ask(nat).Uptime) >= TimeSpan.FromSeconds(3), () => "some time passes");
        await nat.MapAsync(Request(NatProtocol.Udp, 30303, 40404), Cancellation);

        await network.StopMiniupnpdAsync();
        await network.StartMiniupnpdAsync(igd1);

        Assert.True(Ask(nat).Uptime < before);
        Assert.False(await network.ReachesAsync(NatProtocol.Udp, 40404, 30303));
    }

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task A_changed_address_shows(string method, bool igd1)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(igd1);
        INat nat = NatMethod.Parse(method)!;
        Assert.Equal(IPAddress.Parse(NatNetwork.RouterOutside), Ask(nat).ExternalAddress);

        await NatNetwork.ChangeOuterAddressAsync();

        string said = "";
        await NatNetwork.UntilAsync(
            () =>
            {
                try
                {
                    said = $"{Ask(nat).ExternalAddress}";
                }
                catch (NatException e)
                {
                    // Between the two addresses the router has none, and may say so.
                    said = e.Message;
                }

                return said == NatNetwork.NewRouterOutside;
            },
            () => $"the new address shows, not \"{said}\": {network.DaemonLog}");
    }

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task A_lease_that_is_not_renewed_ends(string method, bool igd1)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(igd1);
        INat nat = NatMethod.Parse(method)!;
        NatMapping mapping = await nat.MapAsync(Request(NatProtocol.Udp, 30303, 40404) with { Lifetime = TimeSpan.FromSeconds(3) }, Cancellation);
        Assert.InRange(mapping.Lifetime, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));
        Assert.True(await network.ReachesAsync(NatProtocol.Udp, 40404, 30303));

        bool isOpen = true;
        for (int i = 0; i < 20 && isOpen; i++)
        {
            isOpen = await network.ReachesAsync(NatProtocol.Udp, 40404, 30303);
            await Task.Delay(200, Cancellation);
        }

        Assert.False(isOpen, network.DaemonLog);
    }

    [IsolatedTheory]
    [MemberData(nameof(Methods))]
    public async Task A_router_behind_another_one_is_told_by_its_address_or_refuses(string method, bool igd1)
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(igd1, isDouble: true);

        try
        {
            NatStatus status = Ask(NatMethod.Parse(method)!);
            Assert.Equal(IPAddress.Parse(NatNetwork.PrivateRouterOutside), status.ExternalAddress);
        }
        catch (NatException e)
        {
            Assert.Equal(NatError.Refused, e.Error);
        }
    }

    [IsolatedFact]
    public async Task Without_a_daemon_every_method_fails_within_its_bound()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(startDaemon: false);

        foreach (string method in Methods.Select(row => row.Data.Item1).Append("any").Distinct())
        {
            NatException e = await Assert.ThrowsAsync<NatException>(async () => await NatMethod.Parse(method)!.GetStatusAsync(IPv4, Cancellation));
            Assert.NotEqual(NatError.Malformed, e.Error);
        }
    }

    [IsolatedFact]
    public async Task The_race_finds_a_method_that_maps()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync();
        INat nat = NatMethod.Any();

        Assert.Equal(IPAddress.Parse(NatNetwork.RouterOutside), Ask(nat).ExternalAddress);
        NatMapping mapping = await nat.MapAsync(Request(NatProtocol.Tcp, 30303, 40404), Cancellation);
        Assert.True(await network.ReachesAsync(NatProtocol.Tcp, mapping.ExternalPort, 30303), network.DaemonLog);
    }

    [IsolatedFact]
    public async Task Stun_tells_the_address_that_others_see()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(startDaemon: false);
        IPEndPoint server = await network.StartStunServerAsync();

        Assert.Equal(IPAddress.Parse(NatNetwork.RouterOutside), Ask(NatMethod.Stun(server.ToString())).ExternalAddress);
    }

    [IsolatedFact]
    public async Task Stun_tells_how_the_router_translates()
    {
        await using NatNetwork network = await NatNetwork.CreateAsync(startDaemon: false);
        IPEndPoint server = await network.StartStunServerAsync();

        StunReport report = await StunClient.GetBehaviorAsync(server, TimeProvider.System, Cancellation);

        // Linux' masquerading keeps the port while it can, and lets in only whom one has written to.
        Assert.True(report.IsTranslated);
        Assert.Equal(IPAddress.Parse(NatNetwork.RouterOutside), report.Mapped.Address);
        Assert.Equal(StunBehavior.EndpointIndependent, report.Mapping);
        Assert.Equal(StunBehavior.AddressAndPortDependent, report.Filtering);
    }

    private static NatStatus Ask(INat nat) => nat.GetStatusAsync(IPv4, Cancellation).AsTask().GetAwaiter().GetResult();

    private static NatMappingRequest Request(NatProtocol protocol, int internalPort, int externalPort) => new()
    {
        Protocol = protocol, InternalPort = internalPort, ExternalPort = externalPort, Lifetime = TimeSpan.FromMinutes(20),
    };

    /// <summary>Another host at home has this port already.</summary>
    internal static async Task TakePortAsync(ushort port)
    {
        using var socket = new Socket(IPv4, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(NatNetwork.OtherHost), 0));
        socket.Connect(IPAddress.Parse(NatNetwork.Router), NatPmpCodec.DefaultPort);
        await socket.SendAsync(NatPmpCodec.MappingRequest(NatPmpOperation.MapUdp, 5555, port, 600), Cancellation);
        byte[] answer = new byte[64];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        int length = await socket.ReceiveAsync(answer, limit.Token);
        Assert.True(NatPmpCodec.TryDecode(answer.AsSpan(0, length), out NatPmpAnswer read));
        Assert.Equal((NatPmpResult.Success, port), (read.Result, read.ExternalPort));
    }
}
