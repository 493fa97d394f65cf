using System.Net;
using System.Net.Sockets;
using DevP2P.Nat;
using DevP2P.Tests.Threats;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>The client of STUN and servers of every kind, on loopback. Its clock stands still unless a test moves it.</summary>
public sealed class StunTests
{
    private static readonly IPEndPoint Mapped = IPEndPoint.Parse("198.51.100.7:4000");

    private readonly StepClock _clock = new();

    [Fact]
    public async Task The_address_outside()
    {
        await using FakeRouter server = new((_, asked) => [FakeStun.Answer(asked, Mapped)]);

        Assert.Equal(new NatStatus { ExternalAddress = Mapped.Address }, await StatusAsync(server));
    }

    [Fact]
    public async Task A_server_has_a_name()
    {
        await using FakeRouter server = new((_, asked) => [FakeStun.Answer(asked, Mapped)]);
        var nat = new Stun($"localhost:{server.Port}", _clock);

        Assert.Equal(Mapped.Address, (await nat.GetStatusAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken)).ExternalAddress);
    }

    [Fact]
    public async Task A_server_of_IPv6_tells_of_IPv6()
    {
        SkipWithoutIPv6();
        IPEndPoint mapped = IPEndPoint.Parse("[2001:db8::9]:4000");
        await using FakeRouter server = new((_, asked) => [FakeStun.Answer(asked, mapped)], IPAddress.IPv6Loopback);
        var nat = new Stun(server.EndPoint.ToString(), _clock);

        Assert.Equal(mapped.Address, (await nat.GetStatusAsync(AddressFamily.InterNetworkV6, TestContext.Current.CancellationToken)).ExternalAddress);
        Assert.Equal(new NatStatus(), await nat.GetStatusAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Each_request_has_an_id_of_its_own()
    {
        await using FakeRouter server = new((_, asked) => [FakeStun.Answer(asked, Mapped)]);

        await StatusAsync(server);
        await StatusAsync(server);

        Assert.Equal(2, server.Requests.Select(request => Convert.ToHexString(request[8..])).Distinct().Count());
    }

    [Fact]
    public async Task What_is_no_answer_does_not_end_the_wait()
    {
        await using FakeRouter server = new((_, asked) =>
        {
            byte[] forged = FakeStun.Answer(asked, IPEndPoint.Parse("6.6.6.6:6"));
            forged[19] ^= 1;
            return [[], asked, Huge, forged, FakeStun.Answer(asked, Mapped)[..^1], FakeStun.Answer(asked, Mapped)];
        });

        Assert.Equal(Mapped.Address, (await StatusAsync(server)).ExternalAddress);
    }

    [Fact]
    public async Task Another_source_is_not_heard()
    {
        FakeRouter? server = null;
        await using FakeRouter made = server = new((_, asked) =>
        {
            server!.SendFromElsewhere(FakeStun.Answer(asked, IPEndPoint.Parse("6.6.6.6:6")));
            return [FakeStun.Answer(asked, Mapped)];
        });

        Assert.Equal(Mapped.Address, (await StatusAsync(made)).ExternalAddress);
    }

    [Fact]
    public async Task Answers_that_are_of_no_use()
    {
        Dictionary<int, (Func<byte[], byte[]> Answer, NatError Error)> cases = new()
        {
            [0] = (FakeStun.Empty, NatError.Malformed),
            [1] = (asked => FakeStun.Answer(asked, Mapped, more: [0x7F, 0, 0, 0]), NatError.Malformed),
            [2] = (asked => FakeStun.Answer(asked, IPEndPoint.Parse("0.0.0.0:1")), NatError.Malformed),
            [3] = (asked => FakeStun.Answer(asked, IPEndPoint.Parse("[2001:db8::9]:1")), NatError.Malformed),
            [4] = (asked => FakeStun.Error(asked, 5, 0), NatError.Refused),
        };
        await using FakeRouter server = new((number, asked) => [cases[number].Answer(asked)]);

        foreach ((_, (_, NatError error)) in cases)
        {
            await FailsAsync(error, () => StatusAsync(server));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Silence_and_garbage_cost_a_bounded_wait(bool isGarbage)
    {
        await using FakeRouter server = new((_, asked) => isGarbage ? [Huge, asked, [1, 2, 3], []] : []);

        await _clock.FailsInTimeAsync(NatError.NotFound, StatusAsync(server));

        Assert.Equal(StunClient.Retransmission.Attempts, server.Requests.Count);
        Assert.Equal(TimeSpan.FromSeconds(3.5), StunClient.Retransmission.Total);
    }

    [Fact]
    public async Task Of_several_servers_a_few_are_asked_and_one_is_enough()
    {
        await using FakeRouter good = new((_, asked) => [FakeStun.Answer(asked, Mapped)]);
        await using FakeRouter bad = new((_, asked) => [FakeStun.Error(asked, 5, 0)]);
        string[] badOnes = [.. Enumerable.Repeat(bad.EndPoint.ToString(), 5)];

        var nat = new Stun([.. badOnes[..(Stun.MaxServers - 1)], good.EndPoint.ToString()], _clock);
        Assert.Equal(Mapped.Address, (await nat.GetStatusAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken)).ExternalAddress);

        int before = bad.Requests.Count;
        var hopeless = new Stun(badOnes, _clock);
        await FailsAsync(NatError.Refused, () => hopeless.GetStatusAsync(AddressFamily.InterNetwork).AsTask());
        Assert.Equal(Stun.MaxServers, bad.Requests.Count - before);
    }

    [Fact]
    public async Task It_maps_nothing()
    {
        await using FakeRouter server = FakeRouter.Silent();
        var nat = new Stun(server.EndPoint.ToString(), _clock);

        Assert.False(nat.CanMap);
        await FailsAsync(NatError.Unsupported, () => nat.MapAsync(Udp30303).AsTask());
        await nat.UnmapAsync(Udp30303, TestContext.Current.CancellationToken);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task It_can_be_cancelled()
    {
        await using FakeRouter server = FakeRouter.Silent();
        using var cancel = new CancellationTokenSource();
        Task<NatStatus> asking = new Stun(server.EndPoint.ToString(), _clock).GetStatusAsync(AddressFamily.InterNetwork, cancel.Token).AsTask();
        await TestNet.UntilAsync(() => !server.Requests.IsEmpty, "it is asked");

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking.WithinDeadline());
    }

    [Fact]
    public void The_default_servers_are_servers()
    {
        Assert.Equal(StunServers.Default.Length, StunServers.Default.Distinct().Count());
        Assert.All(StunServers.Default, text => Assert.True(IPEndPoint.TryParse(text, out IPEndPoint? server) && server.Port > 0, text));
        Assert.Contains(StunServers.Default, text => text.StartsWith('['));
    }

    private Task<NatStatus> StatusAsync(FakeRouter server) => new Stun(server.EndPoint.ToString(), _clock)
        .GetStatusAsync(AddressFamily.InterNetwork, TestContext.Current.CancellationToken).AsTask().WithinDeadline();
}
