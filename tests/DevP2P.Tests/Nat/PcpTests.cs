using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;
using DevP2P.Tests.Threats;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>The client of PCP and servers of every kind, on loopback. Its clock stands still unless a test moves it.</summary>
public sealed class PcpTests
{
    private readonly StepClock _clock = new();

    [Fact]
    public async Task The_address_outside_is_found_by_a_mapping_that_is_removed_again()
    {
        var server = new FakePcp();
        await using FakeRouter router = new((_, asked) => [server.Serve(asked, IPAddress.Loopback)]);

        Assert.Equal(new NatStatus { ExternalAddress = FakePcp.Outside, Uptime = TimeSpan.FromSeconds(1000) }, await StatusAsync(router));

        await TestNet.UntilAsync(() => router.Requests.Count == 2, "the mapping is removed");
        Assert.Empty(server.Mapped);
        Assert.Equal(new byte[4], router.Requests.Last()[4..8]);
    }

    [Fact]
    public async Task A_port_is_mapped()
    {
        await using FakeRouter router = new((_, asked) => [FakePcp.Grant(asked, port: 40000, lifetime: 60, epoch: 7)]);

        Assert.Equal(
            new NatMapping
            {
                ExternalPort = 40000, ExternalAddress = FakePcp.Outside, Lifetime = TimeSpan.FromMinutes(1), Uptime = TimeSpan.FromSeconds(7),
            },
            await MapAsync(Client(router)));
        byte[] request = Assert.Single(router.Requests);
        Assert.Equal(Hex("02 01 0000 000004B0 00000000 00000000 0000FFFF 7F000001"), request[..24]);
        Assert.Equal(Hex("11 000000 765F 7660 00000000 00000000 0000FFFF 00000000"), request[36..]);
    }

    [Fact]
    public async Task The_nonce_is_the_same_for_renewal_and_end_and_another_for_each_mapping()
    {
        var server = new FakePcp();
        await using FakeRouter router = new((_, asked) => [server.Serve(asked, IPAddress.Loopback)]);
        Pcp nat = Client(router);

        await MapAsync(nat);
        await MapAsync(nat);
        await MapAsync(nat, Udp30303 with { Protocol = NatProtocol.Tcp });
        await MapAsync(nat, Udp30303 with { InternalPort = 30304 });
        Assert.Equal(3, server.Mapped.Count);
        await UnmapAsync(nat);

        string[] nonces = [.. router.Requests.Select(request => Convert.ToHexString(request[24..36]))];
        Assert.Equal(3, nonces.Distinct().Count());
        Assert.Equal([nonces[0], nonces[0]], [nonces[1], nonces[4]]);
        Assert.Equal([(6, 30303), (17, 30304)], server.Mapped.Select(key => ((int)key.Transport, (int)key.Port)).Order());
        byte[] end = router.Requests.Last();
        Assert.Equal((0, 0), (BitConverter.ToInt32(end, 4), BitConverter.ToUInt16(end, 42)));
    }

    [Fact]
    public async Task Who_has_another_key_has_other_nonces_and_cannot_touch_the_mapping()
    {
        var server = new FakePcp();
        await using FakeRouter router = new((_, asked) => [server.Serve(asked, IPAddress.Loopback)]);
        byte[] key = new byte[32];
        await MapAsync(Client(router, key));

        Pcp stranger = Client(router);
        Assert.Contains("lifetime", (await FailsAsync(NatError.Refused, () => MapAsync(stranger))).Message, StringComparison.Ordinal);
        await FailsAsync(NatError.Refused, () => UnmapAsync(stranger));
        Assert.Single(server.Mapped);

        // The same program, after a restart, with the key that it has kept.
        Pcp restarted = Client(router, key);
        await MapAsync(restarted);
        await UnmapAsync(restarted);
        Assert.Empty(server.Mapped);
    }

    [Fact]
    public async Task IPv6_is_mapped_too()
    {
        SkipWithoutIPv6();
        var server = new FakePcp();
        await using FakeRouter router = new(
            (_, asked) => [FakePcp.Grant(server.Serve(asked, IPAddress.IPv6Loopback), IPAddress.Parse("2001:db8::9"))], IPAddress.IPv6Loopback);
        Pcp nat = Client(router);
        NatMappingRequest request = Udp30303 with { Family = AddressFamily.InterNetworkV6 };

        NatMapping mapping = await MapAsync(nat, request);

        Assert.Equal((30304, IPAddress.Parse("2001:db8::9")), (mapping.ExternalPort, mapping.ExternalAddress));
        byte[] asked = Assert.Single(router.Requests);
        Assert.Equal(IPAddress.IPv6Loopback, new IPAddress(asked.AsSpan(8, 16)));
        Assert.Equal(IPAddress.IPv6Any, new IPAddress(asked.AsSpan(44, 16)));
        NatStatus status = await nat.GetStatusAsync(AddressFamily.InterNetworkV6, TestContext.Current.CancellationToken);
        Assert.Equal(IPAddress.Parse("2001:db8::9"), status.ExternalAddress);
    }

    [Fact]
    public async Task A_given_gateway_is_of_one_family()
    {
        await using FakeRouter router = FakeRouter.Silent();
        Pcp nat = Client(router);

        Assert.Equal(new NatStatus(), await nat.GetStatusAsync(AddressFamily.InterNetworkV6, TestContext.Current.CancellationToken));
        await FailsAsync(NatError.Unsupported, () => MapAsync(nat, Udp30303 with { Family = AddressFamily.InterNetworkV6 }));
        Assert.Empty(router.Requests);
    }

    [Theory]
    [InlineData(2, NatError.Refused)]
    [InlineData(3, NatError.Unsupported)]
    [InlineData(4, NatError.Unsupported)]
    [InlineData(5, NatError.Unsupported)]
    [InlineData(6, NatError.Unsupported)]
    [InlineData(7, NatError.Refused)]
    [InlineData(8, NatError.Refused)]
    [InlineData(9, NatError.Unsupported)]
    [InlineData(10, NatError.Refused)]
    [InlineData(11, NatError.Conflict)]
    [InlineData(12, NatError.Refused)]
    [InlineData(13, NatError.Refused)]
    [InlineData(200, NatError.Refused)]
    public async Task Results(byte result, NatError error)
    {
        await using FakeRouter router = new((number, asked) => [number % 2 == 0 ? FakePcp.Answer(asked, result) : FakePcp.Answer(asked, result)[..24]]);
        Pcp nat = Client(router);

        await FailsAsync(error, () => MapAsync(nat));
        await FailsAsync(error, () => MapAsync(nat));
        await FailsAsync(error, () => StatusAsync(router));
    }

    [Theory]
    [InlineData("00 81 0001 00000005", "pmp")]
    [InlineData("00 01 0001 00000005", "pmp")]
    [InlineData("01 81 00 01 00000000 00000000 00000000 00000000 00000000", "version 1")]
    public async Task A_gateway_of_another_version_says_so(string answer, string expected)
    {
        await using FakeRouter router = new((_, _) => [Hex(answer)]);

        NatException thrown = await FailsAsync(NatError.Unsupported, () => MapAsync(Client(router)));

        Assert.Contains(expected, thrown.Message, StringComparison.Ordinal);
        Assert.Single(router.Requests);
        await FailsAsync(NatError.Unsupported, () => Client(router).AnnounceAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("0.0.0.0", (ushort)1, 60u)]
    [InlineData("::", (ushort)1, 60u)]
    [InlineData("2001:db8::1", (ushort)1, 60u)]
    [InlineData("198.51.100.7", (ushort)0, 60u)]
    [InlineData("198.51.100.7", (ushort)1, 0u)]
    public async Task A_grant_of_nothing_is_none(string address, ushort port, uint lifetime)
    {
        await using FakeRouter router = new((_, asked) => [FakePcp.Grant(asked, IPAddress.Parse(address), port, lifetime)]);

        await FailsAsync(NatError.Malformed, () => MapAsync(Client(router)));
    }

    [Fact]
    public async Task What_answers_something_else_does_not_end_the_wait()
    {
        await using FakeRouter router = new((_, asked) =>
        [
            [], [2], asked, Huge, Spoil(asked, 24), Spoil(asked, 35), Spoil(asked, 36, 17 ^ 6), Spoil(asked, 41),
            FakePcp.Answer(asked[..24], 0), PcpAnnouncement(), FakePcp.Grant(asked),
        ]);

        Assert.Equal(30304, (await MapAsync(Client(router))).ExternalPort);
        Assert.Single(router.Requests);

        static byte[] Spoil(byte[] asked, int position, byte by = 1)
        {
            byte[] other = FakePcp.Grant(asked, port: 6666);
            other[position] ^= by;
            return other;
        }
    }

    [Fact]
    public async Task Another_source_is_not_heard()
    {
        FakeRouter? router = null;
        await using FakeRouter made = router = new((_, asked) =>
        {
            router!.SendFromElsewhere(FakePcp.Grant(asked, port: 6666));
            return [FakePcp.Grant(asked)];
        });

        Assert.Equal(30304, (await MapAsync(Client(made))).ExternalPort);
    }

    [Fact]
    public async Task An_announcement_tells_the_epoch_and_maps_nothing()
    {
        await using FakeRouter router = new((_, _) => [PcpAnnouncement()]);

        Assert.Equal(
            TimeSpan.FromSeconds(5), await Client(router).AnnounceAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken).WithinDeadline());
        Assert.Equal(Hex("02 00 0000 00000000 00000000 00000000 0000FFFF 7F000001"), Assert.Single(router.Requests));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Silence_and_garbage_cost_a_bounded_wait(bool isGarbage)
    {
        await using FakeRouter router = new((_, asked) => isGarbage ? [Huge, asked, [1, 2, 3], []] : []);

        await _clock.FailsInTimeAsync(NatError.NotFound, MapAsync(Client(router)));

        Assert.Equal(Pcp.Retransmission.Attempts, router.Requests.Count);
        Assert.True(Pcp.Retransmission.Total <= TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_gateway_that_has_answered_once_is_known_to_be_there()
    {
        await using FakeRouter router = new((number, asked) => number == 0 ? [FakePcp.Grant(asked)] : []);
        Pcp nat = Client(router);
        await MapAsync(nat);

        await _clock.FailsInTimeAsync(NatError.Timeout, MapAsync(nat));
    }

    [Fact]
    public async Task Nobody_listens_or_there_is_no_gateway()
    {
        await FailsAsync(NatError.NotFound, () => MapAsync(new Pcp(IPAddress.Loopback, _clock, FakeRouter.FreePort())));
        await FailsAsync(NatError.NotFound, () => MapAsync(new Pcp(null, _clock, find: _ => null)));
    }

    [Fact]
    public async Task A_probe_that_is_cancelled_is_removed_all_the_same()
    {
        await using FakeRouter router = FakeRouter.Silent();
        using var cancel = new CancellationTokenSource();
        Task<NatStatus> asking = Client(router).GetStatusAsync(AddressFamily.InterNetwork, cancel.Token).AsTask();
        await TestNet.UntilAsync(() => !router.Requests.IsEmpty, "it is asked");

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking.WithinDeadline());
        await TestNet.UntilAsync(() => router.Requests.Count == 2, "the mapping is removed");
        Assert.Equal(new byte[4], router.Requests.Last()[4..8]);
    }

    [Fact]
    public void Waits_differ_by_a_tenth_and_double()
    {
        for (int i = 0; i < 100; i++)
        {
            Assert.InRange(Pcp.Retransmission.WaitAfter(0), TimeSpan.FromSeconds(2.7), TimeSpan.FromSeconds(3.3));
            Assert.InRange(Pcp.Retransmission.WaitAfter(1), TimeSpan.FromSeconds(5.4), TimeSpan.FromSeconds(6.6));
        }

        Assert.Equal(TimeSpan.FromSeconds(4), NatPmp.Retransmission.WaitAfter(4));
    }

    private static byte[] PcpAnnouncement() => Hex("02 80 00 00 00000000 00000005 00000000 00000000 00000000");

    private Pcp Client(FakeRouter router, byte[]? key = null) => new(router.Address, _clock, router.Port, nonceKey: key);

    private Task<NatStatus> StatusAsync(FakeRouter router) =>
        Client(router).GetStatusAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken).AsTask().WithinDeadline();

    private static Task<NatMapping> MapAsync(Pcp nat, NatMappingRequest? request = null) =>
        nat.MapAsync(request ?? Udp30303, TestContext.Current.CancellationToken).AsTask().WithinDeadline();

    private static Task UnmapAsync(Pcp nat) => nat.UnmapAsync(Udp30303, TestContext.Current.CancellationToken).AsTask().WithinDeadline();
}
