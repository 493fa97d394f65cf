using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;
using Xunit;

namespace DevP2P.Tests.Nat;

/// <summary>UPnP with gateways that behave, more or less.</summary>
public sealed class UpnpTests
{
    private static readonly NatMappingRequest Request = new()
    {
        Protocol = NatProtocol.Tcp,
        InternalPort = 30303,
        ExternalPort = 30404,
        Lifetime = TimeSpan.FromMinutes(20),
        Description = "a <b> & \"c\"",
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(UpnpService.WanIPConnection1)]
    [InlineData(UpnpService.WanIPConnection2)]
    [InlineData(UpnpService.WanPppConnection1)]
    public async Task A_gateway_tells_its_address_and_maps_ports(string service)
    {
        await using var igd = new FakeIgd(service);
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        NatStatus status = await StatusAsync(upnp);
        NatMapping mapping = await MapAsync(upnp, Request);
        await MapAsync(upnp, Request with { Protocol = NatProtocol.Udp });

        Assert.Equal(IPAddress.Parse(FakeIgd.ExternalAddress), status.ExternalAddress);
        Assert.Equal(TimeSpan.FromSeconds(4711), status.Uptime);
        Assert.Equal(new NatMapping { ExternalPort = 30404, Lifetime = TimeSpan.FromMinutes(20) }, mapping);
        Assert.Equal(new FakeIgd.Entry("127.0.0.1", 30303, 1200, Request.Description), igd.Entries["TCP 30404"]);
        Assert.Equal(["TCP 30404", "UDP 30404"], igd.Entries.Keys.Order());
        Assert.Equal(service, upnp.Service!.Type);
        Assert.True(upnp.CanMap);
        Assert.Equal("upnp", upnp.ToString());

        await upnp.UnmapAsync(Request, Token).AsTask().WithinDeadline();

        Assert.Equal(["UDP 30404"], igd.Entries.Keys);
        Assert.Single(igd.Requests, static request => request.StartsWith("GET", StringComparison.Ordinal));
        Assert.DoesNotContain("AddAnyPortMapping", igd.Actions);
    }

    [Fact]
    public async Task The_best_service_is_taken()
    {
        await using var igd = new FakeIgd(UpnpService.WanPppConnection1, UpnpService.WanIPConnection1, UpnpService.WanIPConnection2);
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        await StatusAsync(upnp);

        Assert.Equal(UpnpService.WanIPConnection2, upnp.Service!.Type);
        Assert.Equal($"http://{igd.Authority}/ctl/2", upnp.Service.ControlUrl.AbsoluteUri);
    }

    [Fact]
    public async Task A_line_that_is_not_connected_gives_way_to_one_that_is()
    {
        await using var igd = new FakeIgd(UpnpService.WanIPConnection1, UpnpService.WanPppConnection1);
        igd.Instead = static async (path, stream, stop) =>
        {
            if (path == "/ctl/0")
            {
                await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(FakeIgd.Ok(FakeIgd.Soap(
                    "GetStatusInfoResponse", UpnpService.WanIPConnection1, ("NewConnectionStatus", "Disconnected")))), stop);
            }

            return path == "/ctl/0";
        };
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        Assert.NotNull((await StatusAsync(upnp)).ExternalAddress);
        Assert.Equal(UpnpService.WanPppConnection1, upnp.Service!.Type);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_several_gateways_the_one_that_is_connected_is_taken(bool isFirst)
    {
        await using var igd = new FakeIgd();
        await using var other = new FakeIgd { Status = "Disconnected" };
        igd.Locations = () => isFirst ? [igd.Location, other.Location] : [other.Location, igd.Location];
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        await MapAsync(upnp, Request);

        Assert.Single(igd.Entries);
        Assert.Empty(other.Entries);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_a_conflict_in_IGD_1()
    {
        await using var igd = new FakeIgd();
        igd.Entries["TCP 30404"] = new FakeIgd.Entry("127.0.0.9", 1, 0);

        NatException e = await FailAsync(igd, NatError.Conflict);

        Assert.Equal("the gateway 127.0.0.1 answers AddPortMapping with error 718 (text)", e.Message);
    }

    [Fact]
    public async Task For_a_port_that_is_taken_IGD_2_has_another()
    {
        await using var igd = new FakeIgd(UpnpService.WanIPConnection2);
        igd.Entries["TCP 30404"] = new FakeIgd.Entry("127.0.0.9", 1, 0);
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        NatMapping mapping = await MapAsync(upnp, Request);
        NatMapping renewed = await MapAsync(upnp, Request with { ExternalPort = mapping.ExternalPort });

        Assert.Equal(30405, mapping.ExternalPort);
        Assert.Equal(30405, renewed.ExternalPort);
        Assert.Equal("127.0.0.9", igd.Entries["TCP 30404"].Client);
        Assert.Equal(2, igd.Entries.Count);
    }

    [Theory]
    [InlineData(718, NatError.Conflict)]
    [InlineData(729, NatError.Conflict)]
    [InlineData(727, NatError.Conflict)]
    [InlineData(724, NatError.Conflict)]
    [InlineData(606, NatError.Refused)]
    [InlineData(402, NatError.Refused)]
    [InlineData(501, NatError.Refused)]
    [InlineData(725, NatError.Refused)]
    [InlineData(728, NatError.Refused)]
    [InlineData(401, NatError.Unsupported)]
    [InlineData(602, NatError.Unsupported)]
    public async Task What_errors_mean(int code, NatError error)
    {
        await using var igd = new FakeIgd { Fault = call => call.Action == "AddPortMapping" ? code : null, FaultText = "x\u009b31m\r\n" + new string('y', 500) };

        NatException e = await FailAsync(igd, error);

        Assert.StartsWith($"the gateway 127.0.0.1 answers AddPortMapping with error {code} (x", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(e.Message, static c => c is < ' ' or > '~');
        Assert.True(e.Message.Length < 160);
    }

    [Fact]
    public async Task A_gateway_that_wants_equal_ports_gets_them()
    {
        await using var igd = new FakeIgd { Fault = static call => call.Action == "AddPortMapping" && call["NewExternalPort"] != call["NewInternalPort"] ? 724 : null };

        Assert.Equal(30303, (await MapAsync(new Upnp(TimeProvider.System, igd.Network), Request)).ExternalPort);
        Assert.Equal(["TCP 30303"], igd.Entries.Keys);
    }

    [Fact]
    public async Task A_gateway_that_knows_no_leases_gets_none()
    {
        await using var igd = new FakeIgd { Fault = static call => call.Action == "AddPortMapping" && call["NewLeaseDuration"] != "0" ? 725 : null };
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        NatMapping mapping = await MapAsync(upnp, Request);
        await MapAsync(upnp, Request);

        Assert.Equal(0, igd.Entries["TCP 30404"].Lease);
        // It is renewed all the same, in case that the gateway forgets it.
        Assert.Equal(Request.Lifetime, mapping.Lifetime);
        Assert.Equal(["1200", "0", "0"], igd.Calls.Where(static c => c.Action == "AddPortMapping").Select(static c => c["NewLeaseDuration"]));
    }

    [Fact]
    public async Task A_lease_that_is_cut_is_noticed()
    {
        await using var igd = new FakeIgd { MaxLease = 300 };

        Assert.Equal(TimeSpan.FromSeconds(300), (await MapAsync(new Upnp(TimeProvider.System, igd.Network), Request)).Lifetime);
    }

    [Fact]
    public async Task A_lease_is_a_week_at_most()
    {
        await using var igd = new FakeIgd { TellsEntries = false };

        NatMapping mapping = await MapAsync(new Upnp(TimeProvider.System, igd.Network), Request with { Lifetime = TimeSpan.MaxValue });

        Assert.Equal(TimeSpan.FromDays(7), mapping.Lifetime);
        Assert.Equal(604800, igd.Entries["TCP 30404"].Lease);
    }

    [Fact]
    public async Task A_port_that_is_silently_left_to_another_is_a_conflict()
    {
        await using var igd = new FakeIgd();
        igd.Instead = (_, _, _) =>
        {
            // Overwritten after each call, as if AddPortMapping did nothing.
            igd.Entries["TCP 30404"] = new FakeIgd.Entry("127.0.0.1", 1, 0);
            return Task.FromResult(false);
        };

        await FailAsync(igd, NatError.Conflict);
    }

    [Fact]
    public async Task Only_what_is_ours_is_removed_and_nothing_is_no_error()
    {
        await using var igd = new FakeIgd();
        igd.Entries["TCP 30404"] = new FakeIgd.Entry("127.0.0.9", 30303, 0);
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        await upnp.UnmapAsync(Request, Token).AsTask().WithinDeadline();
        await upnp.UnmapAsync(Request with { ExternalPort = 1 }, Token).AsTask().WithinDeadline();

        Assert.Single(igd.Entries);
        Assert.Single(igd.Actions, static action => action == "DeletePortMapping");
    }

    [Theory]
    [InlineData("Disconnected", FakeIgd.ExternalAddress, "is not connected to the internet, or behind another NAT: it says Disconnected")]
    [InlineData("Connected", "", "has no address outside: it is not connected to the internet")]
    [InlineData("Connected", "0.0.0.0", "has no address outside: it is not connected to the internet")]
    public async Task A_gateway_without_a_connection_says_so(string status, string address, string words)
    {
        await using var igd = new FakeIgd { Status = status, Address = address };
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        NatException e = await Assert.ThrowsAsync<NatException>(() => StatusAsync(upnp));

        Assert.Equal((NatError.Refused, $"the gateway 127.0.0.1 {words}"), (e.Error, e.Message));
    }

    [Fact]
    public async Task A_gateway_that_loses_its_connection_is_looked_for_anew()
    {
        await using var igd = new FakeIgd();
        await using var other = new FakeIgd();
        var upnp = new Upnp(TimeProvider.System, igd.Network);
        await MapAsync(upnp, Request);
        igd.Status = "Disconnected";
        igd.Locations = () => [igd.Location, other.Location];

        await StatusAsync(upnp);
        await MapAsync(upnp, Request);

        Assert.Single(other.Entries);
    }

    [Fact]
    public async Task A_gateway_is_kept_and_looked_for_anew_when_it_is_gone()
    {
        await using var igd = new FakeIgd();
        var upnp = new Upnp(TimeProvider.System, igd.Network);
        await StatusAsync(upnp);
        await StatusAsync(upnp);
        await Assert.ThrowsAsync<NatException>(() => MapWithFaultAsync(igd, upnp, 606));
        int descriptions = igd.Requests.Count(static request => request.StartsWith("GET", StringComparison.Ordinal));
        igd.Restart();

        await MapAsync(upnp, Request);

        Assert.Equal(1, descriptions);
        Assert.Single(igd.Entries);
        Assert.Equal(2, igd.Requests.Count(static request => request.StartsWith("GET", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Calls_at_the_same_time_search_once()
    {
        await using var igd = new FakeIgd();
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        NatMapping[] mappings = await Task.WhenAll(Enumerable.Range(1, 10).Select(i => MapAsync(upnp, Request with { ExternalPort = i })));

        Assert.Equal(Enumerable.Range(1, 10), mappings.Select(static mapping => mapping.ExternalPort));
        Assert.Single(igd.Requests, static request => request.StartsWith("GET", StringComparison.Ordinal));
    }

    [Fact]
    public async Task IPv6_is_not_its_business()
    {
        await using var igd = new FakeIgd();
        var upnp = new Upnp(TimeProvider.System, igd.Network);
        NatMappingRequest request = Request with { Family = AddressFamily.InterNetworkV6 };

        Assert.Equal(new NatStatus(), await upnp.GetStatusAsync(AddressFamily.InterNetworkV6, Token));
        Assert.Equal(NatError.Unsupported, (await Assert.ThrowsAsync<NatException>(() => MapAsync(upnp, request))).Error);
        Assert.Equal(NatError.Unsupported, (await Assert.ThrowsAsync<NatException>(() => upnp.UnmapAsync(request, Token).AsTask())).Error);
        Assert.Equal(0, igd.Searches);
    }

    [Fact]
    public async Task Requests_that_make_no_sense_are_the_callers_mistake()
    {
        await using var igd = new FakeIgd();
        var upnp = new Upnp(TimeProvider.System, igd.Network);

        await Assert.ThrowsAsync<ArgumentNullException>(() => MapAsync(upnp, null!));
        await Assert.ThrowsAsync<ArgumentException>(() => MapAsync(upnp, Request with { InternalPort = 0 }));
        await Assert.ThrowsAsync<ArgumentException>(() => MapAsync(upnp, Request with { ExternalPort = 65536 }));
        await Assert.ThrowsAsync<ArgumentException>(() => MapAsync(upnp, Request with { Lifetime = TimeSpan.Zero }));
        Assert.Equal(0, igd.Searches);
    }

    private static Task<NatStatus> StatusAsync(Upnp upnp) => upnp.GetStatusAsync(AddressFamily.InterNetwork, Token).AsTask().WithinDeadline();

    private static Task<NatMapping> MapAsync(Upnp upnp, NatMappingRequest request) => upnp.MapAsync(request, Token).AsTask().WithinDeadline();

    private static async Task<NatMapping> MapWithFaultAsync(FakeIgd igd, Upnp upnp, int code)
    {
        igd.Fault = call => call.Action == "AddPortMapping" ? code : null;
        try
        {
            return await MapAsync(upnp, Request);
        }
        finally
        {
            igd.Fault = static _ => null;
        }
    }

    private static async Task<NatException> FailAsync(FakeIgd igd, NatError error)
    {
        NatException e = await Assert.ThrowsAsync<NatException>(() => MapAsync(new Upnp(TimeProvider.System, igd.Network), Request));
        Assert.Equal(error, e.Error);
        return e;
    }
}
