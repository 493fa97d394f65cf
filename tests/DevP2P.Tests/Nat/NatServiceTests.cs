using System.Collections.Concurrent;
using DevP2P.Nat;
using DevP2P.Tests.Crypto;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests.Nat;

public sealed class NatServiceTests
{
    private static readonly PortTarget[] s_targets =
        [MapperDriver.Tcp, MapperDriver.Udp, new(true, NatProtocol.Tcp, 30303), new(true, NatProtocol.Udp, 30303)];

    private readonly StepClock _clock = new();
    private readonly CapturedLog _log = new();
    private readonly ConcurrentQueue<PortMapperOutput> _facts = new();

    [Fact]
    public async Task It_maps_renews_and_removes()
    {
        var nat = new FakeNat();
        await using NatService service = Start(nat);
        await TestNet.UntilAsync(() => _facts.OfType<PortMapped>().Count() == 4, "all is mapped");
        int calls = nat.Calls;
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(10), () => nat.Calls >= calls + 8, "it is renewed");
        Assert.Equal(4, nat.Mapped.Count);
        Assert.InRange(nat.MostRunning, 1, 2);

        await service.StopAsync().WithinDeadline();
        Assert.Empty(nat.Mapped);
        Assert.Contains(_facts, static f => f is MapperDone);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task Of_a_method_that_hangs_one_call_a_family_is_made_and_the_stop_is_bounded()
    {
        var never = new TaskCompletionSource();
        var nat = new FakeNat { Wait = _ => never.Task };
        NatService service = Start(nat);
        await TestNet.UntilAsync(() => nat.Calls == 2, "both families are asked");
        await _clock.AdvanceUntilAsync(
            TimeSpan.FromSeconds(20), () => _facts.OfType<MapFailed>().Count() > 20, "the calls fail, those that are not made among them");
        Assert.Equal(2, nat.Calls);

        Task stopping = service.StopAsync();
        TimeSpan took = await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => stopping.IsCompleted, "it stops");
        await stopping;
        Assert.Equal(2, nat.Calls);
        Assert.True(took <= NatService.StopTimeout + TimeSpan.FromSeconds(60), $"the stop took {took}");
        never.SetResult();
    }

    [Fact]
    public async Task When_the_removal_hangs_the_stop_ends_without_it()
    {
        var never = new TaskCompletionSource();
        var nat = new FakeNat();
        NatService service = Start(nat);
        await TestNet.UntilAsync(() => _facts.OfType<PortMapped>().Count() == 4, "all is mapped");
        nat.Wait = _ => never.Task;

        Task stopping = service.StopAsync();
        await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => stopping.IsCompleted, "it stops");
        await stopping;
        Assert.Equal(4, nat.Mapped.Count);
        never.SetResult();
    }

    [Fact]
    public async Task A_call_that_takes_too_long_is_cancelled_and_others_follow()
    {
        var nat = new FakeNat { Wait = static cancellation => Task.Delay(Timeout.Infinite, cancellation) };
        await using NatService service = Start(nat);
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(10), () => nat.Calls > 6, "others follow");
        nat.Wait = null;
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(10), () => _facts.OfType<PortMapped>().Count() == 4, "all is mapped in the end");
    }

    [Fact]
    public async Task Whatever_the_method_throws_stays_inside()
    {
        int calls = 0;
        var nat = new FakeNat
        {
            Wait = _ => Interlocked.Increment(ref calls) % 3 == 0
                ? throw new InvalidOperationException("a defect of the application's")
                : Task.FromException(calls % 2 == 0 ? new NatException(NatError.Timeout, "late") : new NullReferenceException()),
        };
        await using NatService service = Start(nat);
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(10), () => nat.Calls > 30, "it goes on");
        Assert.Contains(_log.Lines, static l => l.Contains("defect", StringComparison.Ordinal));
        nat.Wait = null;
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(10), () => nat.Mapped.Count == 4, "all is mapped in the end");
        await service.StopAsync().WithinDeadline();
        Assert.Empty(nat.Mapped);
    }

    [Fact]
    public async Task A_method_that_fails_at_once_and_a_handler_that_throws_do_no_harm()
    {
        var service = new NatService(
            new BrokenNat(), s_targets, static _ => throw new InvalidOperationException("handler"), _clock, _log, new SeededRandomSource(1));
        await _clock.AdvanceUntilAsync(TimeSpan.FromSeconds(10), () => _log.Lines.Count > 10, "it goes on");
        await service.StopAsync().WithinDeadline();
        await service.StopAsync().WithinDeadline();
    }

    private NatService Start(FakeNat nat) => new(nat, s_targets, _facts.Enqueue, _clock, _log, new SeededRandomSource(1));

    /// <summary>Fails before there is a task.</summary>
    private sealed class BrokenNat : INat
    {
        public bool CanMap => throw new InvalidOperationException("can it?");

        public ValueTask<NatStatus> GetStatusAsync(System.Net.Sockets.AddressFamily family, CancellationToken cancellationToken = default) =>
            throw new InvalidOperationException("status");

        public ValueTask<NatMapping> MapAsync(NatMappingRequest request, CancellationToken cancellationToken = default) =>
            throw new InvalidOperationException("map");

        public ValueTask UnmapAsync(NatMappingRequest request, CancellationToken cancellationToken = default) =>
            throw new InvalidOperationException("unmap");
    }
}
