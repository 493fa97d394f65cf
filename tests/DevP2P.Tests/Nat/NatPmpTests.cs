using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;
using DevP2P.Tests.Threats;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>The client of NAT-PMP and gateways of every kind, on loopback. Its clock stands still unless a test moves it.</summary>
public sealed class NatPmpTests
{
    private static readonly IPAddress Outside = new(FakeNatPmp.Address);

    private readonly StepClock _clock = new();

    [Fact]
    public async Task The_address_outside_and_the_epoch()
    {
        await using FakeRouter router = new((_, _) => [FakeNatPmp.AddressIs(FakeNatPmp.Address, 77)]);

        Assert.Equal(new NatStatus { ExternalAddress = Outside, Uptime = TimeSpan.FromSeconds(77) }, await StatusAsync(router));
    }

    [Fact]
    public async Task IPv6_is_not_its_business()
    {
        await using FakeRouter router = FakeRouter.Silent();
        NatPmp nat = Client(router);

        Assert.Equal(new NatStatus(), await nat.GetStatusAsync(AddressFamily.InterNetworkV6, TestContext.Current.CancellationToken));
        await FailsAsync(NatError.Unsupported, () => nat.MapAsync(Udp30303 with { Family = AddressFamily.InterNetworkV6 }).AsTask());
        Assert.Empty(router.Requests);
    }

    [Theory]
    [InlineData(NatProtocol.Udp, "0001 0000 765F 7660 000004B0")]
    [InlineData(NatProtocol.Tcp, "0002 0000 765F 7660 000004B0")]
    public async Task A_port_is_mapped(NatProtocol protocol, string request)
    {
        await using FakeRouter router = new((_, asked) => [FakeNatPmp.Grant(asked, epoch: 5)]);

        NatMapping mapping = await MapAsync(router, Udp30303 with { Protocol = protocol });

        Assert.Equal(
            new NatMapping { ExternalPort = 30304, Lifetime = TimeSpan.FromMinutes(20), Uptime = TimeSpan.FromSeconds(5) }, mapping);
        Assert.Equal(Hex(request), Assert.Single(router.Requests));
    }

    [Fact]
    public async Task Another_port_and_a_shorter_time_may_be_granted()
    {
        await using FakeRouter router = new((_, asked) => [FakeNatPmp.Grant(asked, port: 40000, lifetime: 60)]);

        NatMapping mapping = await MapAsync(router);

        Assert.Equal((40000, TimeSpan.FromMinutes(1)), (mapping.ExternalPort, mapping.Lifetime));
    }

    [Theory]
    [InlineData((ushort)0, 60u)]
    [InlineData((ushort)1, 0u)]
    public async Task A_grant_of_nothing_is_none(ushort port, uint lifetime)
    {
        await using FakeRouter router = new((_, asked) => [FakeNatPmp.Grant(asked, port: port, lifetime: lifetime)]);

        await FailsAsync(NatError.Malformed, () => MapAsync(router));
    }

    [Fact]
    public async Task An_end_has_no_external_port_and_no_lifetime()
    {
        await using FakeRouter router = new((_, asked) => [FakeNatPmp.Grant(asked)]);

        await Client(router).UnmapAsync(Udp30303, TestContext.Current.CancellationToken).AsTask().WithinDeadline();

        Assert.Equal(Hex("0001 0000 765F 0000 00000000"), Assert.Single(router.Requests));
    }

    [Theory]
    [InlineData(1, NatError.Unsupported)]
    [InlineData(2, NatError.Refused)]
    [InlineData(3, NatError.Refused)]
    [InlineData(4, NatError.Refused)]
    [InlineData(5, NatError.Unsupported)]
    [InlineData(99, NatError.Refused)]
    public async Task Results(byte result, NatError error)
    {
        await using FakeRouter router = new((number, asked) => [FakeNatPmp.Refuse(asked, result, isShort: number % 2 == 0)]);

        await FailsAsync(error, () => MapAsync(router));
        await FailsAsync(error, () => MapAsync(router));
        await FailsAsync(error, () => StatusAsync(router));
        Assert.Equal(3, router.Requests.Count);
    }

    [Fact]
    public async Task A_gateway_that_speaks_only_PCP_is_found_out()
    {
        await using FakeRouter router = new((_, _) => [Hex("02 80 00 01 0000001E 00000007 000000000000000000000000")]);

        Assert.Contains("PCP", (await FailsAsync(NatError.Unsupported, () => StatusAsync(router))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gateway_without_an_address_is_not_connected()
    {
        await using FakeRouter router = new((_, _) => [FakeNatPmp.AddressIs([0, 0, 0, 0])]);

        await FailsAsync(NatError.Refused, () => StatusAsync(router));
    }

    [Fact]
    public async Task What_answers_something_else_does_not_end_the_wait()
    {
        await using FakeRouter router = new((_, asked) =>
        {
            byte[] otherPort = FakeNatPmp.Grant(asked, port: 1);
            otherPort[9] ^= 1;
            byte[] otherProtocol = FakeNatPmp.Grant(asked, port: 2);
            otherProtocol[1] ^= 3;
            byte[] refusalOfAnother = FakeNatPmp.Refuse(asked, 2);
            refusalOfAnother[9] ^= 1;
            return [[], [0], asked, Huge, otherPort, otherProtocol, refusalOfAnother, FakeNatPmp.AddressIs(FakeNatPmp.Address), FakeNatPmp.Grant(asked)];
        });

        Assert.Equal(30304, (await MapAsync(router)).ExternalPort);
        Assert.Single(router.Requests);
    }

    [Fact]
    public async Task Another_source_is_not_heard()
    {
        FakeRouter? router = null;
        await using FakeRouter made = router = new((_, _) =>
        {
            router!.SendFromElsewhere(FakeNatPmp.AddressIs([6, 6, 6, 6]));
            return [FakeNatPmp.AddressIs(FakeNatPmp.Address)];
        });

        Assert.Equal(Outside, (await StatusAsync(made)).ExternalAddress);
    }

    [Fact]
    public async Task A_lost_request_is_sent_again()
    {
        await using FakeRouter router = new((number, _) => number < 2 ? [] : [FakeNatPmp.AddressIs(FakeNatPmp.Address)]);
        Task<NatStatus> asking = StatusAsync(router);

        await TestNet.UntilAsync(() => router.Requests.Count == 1, "it is asked");
        _clock.Advance(TimeSpan.FromMilliseconds(249));
        Assert.Single(router.Requests);
        await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(50), () => asking.IsCompleted, "it is answered");

        Assert.Equal(Outside, (await asking).ExternalAddress);
        Assert.Equal(3, router.Requests.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Silence_and_garbage_cost_a_bounded_wait(bool isGarbage)
    {
        await using FakeRouter router = new((_, asked) => isGarbage ? [Huge, asked, [1, 2, 3], []] : []);

        await _clock.FailsInTimeAsync(NatError.NotFound, StatusAsync(router));

        Assert.Equal(NatPmp.Retransmission.Attempts, router.Requests.Count);
        Assert.Equal(TimeSpan.FromSeconds(7.75), NatPmp.Retransmission.Total);
    }

    [Fact]
    public async Task A_gateway_that_has_answered_once_is_known_to_be_there()
    {
        await using FakeRouter router = new((number, _) => number == 0 ? [FakeNatPmp.AddressIs(FakeNatPmp.Address)] : []);
        NatPmp nat = Client(router);
        await nat.GetStatusAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken);

        await _clock.FailsInTimeAsync(NatError.Timeout, nat.GetStatusAsync(AddressFamily.InterNetwork).AsTask());
    }

    [Fact]
    public async Task Nobody_listens()
    {
        var nat = new NatPmp(IPAddress.Loopback, _clock, FakeRouter.FreePort());

        await FailsAsync(NatError.NotFound, () => nat.GetStatusAsync(AddressFamily.InterNetwork).AsTask());
    }

    [Fact]
    public async Task There_is_no_gateway()
    {
        var nat = new NatPmp(null, _clock, find: _ => null);

        await FailsAsync(NatError.NotFound, () => nat.GetStatusAsync(AddressFamily.InterNetwork).AsTask());
        await FailsAsync(NatError.NotFound, () => nat.MapAsync(Udp30303).AsTask());
    }

    [Fact]
    public async Task The_gateway_is_looked_for_at_each_call()
    {
        await using FakeRouter router = new((_, _) => [FakeNatPmp.AddressIs(FakeNatPmp.Address)]);
        int found = 0;
        var nat = new NatPmp(null, _clock, router.Port, family => ++found > 0 && family == AddressFamily.InterNetwork ? IPAddress.Loopback : null);

        await nat.GetStatusAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken);
        await nat.GetStatusAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken);

        Assert.Equal(2, found);
    }

    [Fact]
    public async Task It_can_be_cancelled()
    {
        await using FakeRouter router = FakeRouter.Silent();
        using var cancel = new CancellationTokenSource();
        Task<NatStatus> asking = Client(router).GetStatusAsync(AddressFamily.InterNetwork, cancel.Token).AsTask();
        await TestNet.UntilAsync(() => !router.Requests.IsEmpty, "it is asked");

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking.WithinDeadline());
    }

    [Fact]
    public async Task What_cannot_be_asked_for()
    {
        await using FakeRouter router = FakeRouter.Silent();

        await Assert.ThrowsAsync<ArgumentException>(() => MapAsync(router, Udp30303 with { InternalPort = 0 }));
        await Assert.ThrowsAsync<ArgumentException>(() => MapAsync(router, Udp30303 with { ExternalPort = 65536 }));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => MapAsync(router, Udp30303 with { Lifetime = TimeSpan.Zero }));
        Assert.Empty(router.Requests);
    }

    private NatPmp Client(FakeRouter router) => new(router.Address, _clock, router.Port);

    private Task<NatStatus> StatusAsync(FakeRouter router) =>
        Client(router).GetStatusAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken).AsTask().WithinDeadline();

    private Task<NatMapping> MapAsync(FakeRouter router, NatMappingRequest? request = null) =>
        Client(router).MapAsync(request ?? Udp30303, TestContext.Current.CancellationToken).AsTask().WithinDeadline();
}
