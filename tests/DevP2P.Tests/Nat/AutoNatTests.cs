using System.Net.Sockets;
using DevP2P.Nat;
using DevP2P.Tests.Threats;
using Xunit;
using static DevP2P.Tests.Nat.NatTestTools;

namespace DevP2P.Tests.Nat;

/// <summary>Races of methods that do what they are told. The clock stands still unless a test moves it.</summary>
public sealed class AutoNatTests
{
    private const AddressFamily IPv4 = AddressFamily.InterNetwork;
    private const AddressFamily IPv6 = AddressFamily.InterNetworkV6;

    private readonly StepClock _clock = new();
    private readonly TaskCompletionSource _never = new();

    [Fact]
    public async Task The_first_that_works_wins_and_is_kept()
    {
        var slow = new ScriptedNat("slow") { Works = _never.Task };
        var quick = new ScriptedNat("quick");
        AutoNat nat = Auto(slow, new ScriptedNat("broken").Failing(), quick);

        Assert.Equal(new NatStatus { ExternalAddress = ScriptedNat.Outside4 }, await StatusAsync(nat));

        Assert.Same(quick, nat.Kept(IPv4));
        Assert.Equal(1, quick.StatusCalls);
        await StatusAsync(nat);
        await MapAsync(nat);
        Assert.True(slow.StatusCalls <= 1, "there was another race");
        Assert.Equal(2, quick.StatusCalls);
        Assert.Single(quick.Mapped);
        Assert.Equal("any", nat.ToString());
        Assert.True(nat.CanMap);
    }

    [Fact]
    public async Task Each_family_has_a_winner_of_its_own()
    {
        var four = new ScriptedNat("four") { Ignores6 = true };
        var gate = new TaskCompletionSource();
        var both = new ScriptedNat("both") { Works = gate.Task };
        AutoNat nat = Auto(four, both);

        await StatusAsync(nat);
        gate.SetResult();
        Assert.Equal(ScriptedNat.Outside6, (await StatusAsync(nat, IPv6)).ExternalAddress);

        Assert.Equal((four, both), (nat.Kept(IPv4), nat.Kept(IPv6)));
    }

    [Fact]
    public async Task What_only_tells_the_address_waits_for_what_maps()
    {
        var gate = new TaskCompletionSource();
        var stun = new ScriptedNat("stun", canMap: false);
        var pmp = new ScriptedNat("pmp") { Works = gate.Task };
        AutoNat nat = Auto(stun, pmp);

        Task<NatStatus> asking = StatusAsync(nat);
        await TestNet.UntilAsync(() => stun.StatusCalls == 1 && pmp.StatusCalls == 1, "both are asked");
        Assert.False(asking.IsCompleted);
        gate.SetResult();
        await asking;

        Assert.Same(pmp, nat.Kept(IPv4));
    }

    [Fact]
    public async Task What_only_tells_the_address_wins_when_nothing_maps()
    {
        var stun = new ScriptedNat("stun", canMap: false);
        AutoNat nat = Auto(new ScriptedNat("pmp").Failing(), stun, new ScriptedNat("pcp").Failing(NatError.Refused));

        Assert.Equal(ScriptedNat.Outside4, (await StatusAsync(nat)).ExternalAddress);

        Assert.Same(stun, nat.Kept(IPv4));
        NatException thrown = await FailsAsync(NatError.Unsupported, () => MapAsync(nat));
        Assert.Contains("stun", thrown.Message, StringComparison.Ordinal);
        Assert.Empty(stun.Mapped);
    }

    [Fact]
    public async Task It_ends_in_time_with_what_has_worked_by_then()
    {
        var stun = new ScriptedNat("stun", canMap: false);
        var deaf = new ScriptedNat("deaf") { Works = _never.Task, IgnoresCancellation = true };
        AutoNat nat = Auto(stun, deaf);

        Task<NatStatus> asking = StatusAsync(nat);
        await TestNet.UntilAsync(() => stun.StatusCalls == 1 && deaf.StatusCalls == 1, "both are asked");
        await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => asking.IsCompleted, "the race ends");

        Assert.Equal(ScriptedNat.Outside4, (await asking).ExternalAddress);
        Assert.Same(stun, nat.Kept(IPv4));
    }

    [Fact]
    public async Task Nothing_works()
    {
        var broken = new ScriptedNat("upnp") { Works = Task.FromException(new InvalidOperationException("of a kind that none should be")) };
        AutoNat nat = Auto(broken, new ScriptedNat("pmp").Failing(), new ScriptedNat("four") { Ignores6 = true });

        NatException thrown = await FailsAsync(NatError.NotFound, () => StatusAsync(nat, IPv6));

        Assert.All(["upnp: of a kind", "pmp: pmp fails", "four: no IPv6"], part => Assert.Contains(part, thrown.Message, StringComparison.Ordinal));
        Assert.Null(nat.Kept(IPv6));

        // Next time it is tried anew.
        broken.Works = Task.CompletedTask;
        Assert.Equal(ScriptedNat.Outside6, (await StatusAsync(nat, IPv6)).ExternalAddress);
        await FailsAsync(NatError.NotFound, () => StatusAsync(Auto()));
    }

    [Fact]
    public async Task Nobody_answers_at_all()
    {
        AutoNat nat = Auto(new ScriptedNat("deaf") { Works = _never.Task, IgnoresCancellation = true });
        Task<NatStatus> asking = StatusAsync(nat);

        await _clock.FailsInTimeAsync(NatError.NotFound, asking);
    }

    [Fact]
    public async Task All_who_wait_share_one_race_and_one_may_leave()
    {
        var gate = new TaskCompletionSource();
        var pmp = new ScriptedNat("pmp") { Works = gate.Task };
        AutoNat nat = Auto(pmp);
        using var cancel = new CancellationTokenSource();

        Task<NatStatus> leaving = nat.GetStatusAsync(IPv4, cancel.Token).AsTask();
        Task[] staying = [.. Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? (Task)StatusAsync(nat) : MapAsync(nat))];
        await TestNet.UntilAsync(() => pmp.StatusCalls == 1, "it is asked");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving.WithinDeadline());
        Assert.All(staying, task => Assert.False(task.IsCompleted));
        gate.SetResult();
        await Task.WhenAll(staying).WithinDeadline();

        Assert.Equal((1, 10), (pmp.StatusCalls, pmp.Mapped.Count));
    }

    [Fact]
    public async Task After_several_failures_in_a_row_they_race_again()
    {
        var first = new ScriptedNat("first");
        var second = new ScriptedNat("second") { Works = _never.Task };
        AutoNat nat = Auto(first, second);
        await StatusAsync(nat);

        // A success in between: not in a row.
        first.Failing(NatError.Timeout);
        await FailTimesAsync(AutoNat.MaxFailures - 1);
        first.Works = Task.CompletedTask;
        await StatusAsync(nat);
        first.Failing(NatError.Timeout);
        await FailTimesAsync(AutoNat.MaxFailures - 1);
        Assert.Same(first, nat.Kept(IPv4));

        await FailTimesAsync(1);
        Assert.Null(nat.Kept(IPv4));
        second.Works = Task.CompletedTask;
        await StatusAsync(nat);
        Assert.Same(second, nat.Kept(IPv4));

        async Task FailTimesAsync(int times)
        {
            for (int i = 0; i < times; i++)
            {
                await FailsAsync(NatError.Timeout, () => StatusAsync(nat));
            }
        }
    }

    [Fact]
    public async Task A_device_that_refuses_every_mapping_gives_way_though_it_tells_its_address()
    {
        var gate = new TaskCompletionSource();
        var refusing = new ScriptedNat("refusing") { MapFailure = new NatException(NatError.Refused, "no") };
        var willing = new ScriptedNat("willing") { Works = gate.Task };
        AutoNat nat = Auto(refusing, willing);
        for (int i = 0; i < AutoNat.MaxFailures; i++)
        {
            await StatusAsync(nat);
            await FailsAsync(NatError.Refused, () => MapAsync(nat));
        }

        Task<NatMapping> mapping = MapAsync(nat);
        await TestNet.UntilAsync(() => refusing.StatusCalls == AutoNat.MaxFailures + 1 && willing.StatusCalls > 0, "they race again");
        Assert.False(mapping.IsCompleted);
        gate.SetResult();
        await mapping;

        Assert.Same(willing, nat.Kept(IPv4));
    }

    [Fact]
    public async Task A_device_that_refuses_every_mapping_is_still_better_than_nothing()
    {
        var refusing = new ScriptedNat("refusing") { MapFailure = new NatException(NatError.Refused, "no") };
        var stun = new ScriptedNat("stun", canMap: false);
        AutoNat nat = Auto(refusing, stun);
        for (int i = 0; i < AutoNat.MaxFailures; i++)
        {
            await FailsAsync(NatError.Refused, () => MapAsync(nat));
        }

        Assert.Null(nat.Kept(IPv4));
        await StatusAsync(nat);
        Assert.Same(refusing, nat.Kept(IPv4));
    }

    [Fact]
    public async Task A_router_that_comes_later_takes_over_from_what_only_tells_the_address()
    {
        var stun = new ScriptedNat("stun", canMap: false);
        ScriptedNat pmp = new ScriptedNat("pmp").Failing();
        AutoNat nat = Auto(stun, pmp);
        await StatusAsync(nat);
        Assert.Same(stun, nat.Kept(IPv4));
        pmp.Works = Task.CompletedTask;

        for (int i = 0; i < AutoNat.MaxFailures; i++)
        {
            await FailsAsync(NatError.Unsupported, () => MapAsync(nat));
            if (i < AutoNat.MaxFailures - 1)
            {
                await StatusAsync(nat);
            }
        }

        await MapAsync(nat);
        Assert.Same(pmp, nat.Kept(IPv4));
    }

    [Fact]
    public async Task A_port_that_is_taken_is_no_failure_of_the_device()
    {
        var pmp = new ScriptedNat("pmp") { MapFailure = new NatException(NatError.Conflict, "taken") };
        AutoNat nat = Auto(pmp);

        for (int i = 0; i < AutoNat.MaxFailures * 2; i++)
        {
            await FailsAsync(NatError.Conflict, () => MapAsync(nat));
        }

        Assert.Same(pmp, nat.Kept(IPv4));
    }

    [Fact]
    public async Task A_mapping_is_removed_by_whoever_made_it()
    {
        var first = new ScriptedNat("first");
        var second = new ScriptedNat("second") { Works = _never.Task };
        AutoNat nat = Auto(first, second);
        await nat.UnmapAsync(Udp30303, TestContext.Current.CancellationToken);
        Assert.Empty(first.Unmapped);

        await MapAsync(nat);
        first.MapFailure = new NatException(NatError.Timeout, "gone");
        for (int i = 0; i < AutoNat.MaxFailures; i++)
        {
            await FailsAsync(NatError.Timeout, () => MapAsync(nat));
        }

        second.Works = Task.CompletedTask;
        NatMappingRequest tcp = Udp30303 with { Protocol = NatProtocol.Tcp };
        await nat.MapAsync(tcp, TestContext.Current.CancellationToken);
        await nat.UnmapAsync(Udp30303, TestContext.Current.CancellationToken);
        await nat.UnmapAsync(tcp, TestContext.Current.CancellationToken);

        Assert.Same(second, nat.Kept(IPv4));
        Assert.Equal([Udp30303], first.Unmapped);
        Assert.Equal([tcp], second.Unmapped);
    }

    private AutoNat Auto(params INat[] methods) => new(methods, _clock);

    private static Task<NatStatus> StatusAsync(AutoNat nat, AddressFamily family = IPv4) =>
        nat.GetStatusAsync(family, TestContext.Current.CancellationToken).AsTask().WithinDeadline();

    private static Task<NatMapping> MapAsync(AutoNat nat) => nat.MapAsync(Udp30303, TestContext.Current.CancellationToken).AsTask().WithinDeadline();
}
