using DevP2P.Limits;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests.Limits;

/// <summary><see cref="BandwidthGate"/> and <see cref="PeerBandwidth"/>: who waits, for how long, and in which order.</summary>
public sealed class BandwidthGateTests
{
    private readonly StepClock _clock = new();

    [Fact]
    public async Task Without_a_limit_nobody_waits_and_no_timer_is_made()
    {
        var gate = new BandwidthGate(_clock);

        Assert.True(gate.TryAcquire(int.MaxValue));
        Assert.True(gate.AcquireAsync(int.MaxValue, default).IsCompletedSuccessfully);
        gate.SetRate(1000);
        Assert.True(gate.AcquireAsync(1000, default).IsCompletedSuccessfully);
        await Task.CompletedTask;

        Assert.Equal(0, _clock.TimersCreated);
    }

    [Fact]
    public async Task First_come_first_served_and_a_timer_only_while_somebody_waits()
    {
        var gate = new BandwidthGate(_clock);
        gate.SetRate(1000);
        Assert.True(gate.TryAcquire(1000));
        List<int> order = [];
        Task[] waiting = [.. new[] { 500, 100, 400 }.Select(async (bytes, i) =>
        {
            await gate.AcquireAsync(bytes, default);
            lock (order)
            {
                order.Add(i);
            }
        })];

        // Nobody overtakes, however little it wants.
        Assert.Equal(3, gate.Waiting);
        _clock.Advance(TimeSpan.FromMilliseconds(499));
        Assert.Equal(3, gate.Waiting);
        Assert.False(gate.TryAcquire(1));
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await waiting[0].WithinDeadline();
        Assert.Equal(2, gate.Waiting);
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        await waiting[1].WithinDeadline();
        _clock.Advance(TimeSpan.FromMilliseconds(400));
        await Task.WhenAll(waiting).WithinDeadline();

        Assert.Equal([0, 1, 2], order);
        Assert.Equal(1, _clock.TimersCreated);
    }

    [Fact]
    public async Task Who_gives_up_takes_nothing_and_lets_the_next_one_pass()
    {
        var gate = new BandwidthGate(_clock);
        gate.SetRate(1000);
        gate.Charge(1000);
        using var givesUp = new CancellationTokenSource();
        Task large = gate.AcquireAsync(1000, givesUp.Token).AsTask();
        Task small = gate.AcquireAsync(10, default).AsTask();
        _clock.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal(2, gate.Waiting);

        await givesUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large.WithinDeadline());
        await small.WithinDeadline();
        Assert.Equal(0, gate.Waiting);
        Assert.False(gate.TryAcquire(1));
        Assert.True(gate.AcquireAsync(5, new CancellationToken(canceled: true)).AsTask().IsCanceled);
        Assert.Equal(0, gate.Waiting);
    }

    [Fact]
    public async Task Another_rate_holds_for_those_who_wait_and_none_lets_them_go()
    {
        var gate = new BandwidthGate(_clock);
        gate.SetRate(1000);
        gate.Charge(101_000);
        Task first = gate.AcquireAsync(1000, default).AsTask();
        Task second = gate.AcquireAsync(1000, default).AsTask();

        gate.SetRate(1_000_000);
        _clock.Advance(TimeSpan.FromMilliseconds(101));
        await first.WithinDeadline();
        gate.SetRate(1000);
        gate.Charge(1_000_000);
        Assert.Equal(1, gate.Waiting);
        gate.SetRate(null);

        await second.WithinDeadline();
        Assert.True(gate.TryAcquire(int.MaxValue));
    }

    [Fact]
    public async Task A_peer_has_one_place_in_the_queue_of_all_so_that_others_have_their_turn()
    {
        var all = new BandwidthGate(_clock);
        all.SetRate(1000);
        all.Charge(1000);
        var greedy = new PeerBandwidth(all, _clock);
        var modest = new PeerBandwidth(all, _clock);
        Task<bool>[] many = [.. Enumerable.Range(0, 10).Select(_ => greedy.AcquireAsync(100, default).AsTask())];
        Task<bool> one = modest.AcquireAsync(100, default).AsTask();

        Assert.Equal(2, all.Waiting);
        _clock.Advance(TimeSpan.FromMilliseconds(200));

        Assert.True(await many[0].WithinDeadline());
        Assert.True(await one.WithinDeadline());
        Assert.Equal(1, many.Count(static t => t.IsCompleted));
        greedy.End();
        Assert.Equal(9, (await Task.WhenAll(many).WithinDeadline()).Count(static passed => !passed));
        Assert.Equal(0, all.Waiting);
    }

    [Fact]
    public async Task A_peers_own_limit_is_not_charged_for_what_the_limit_of_all_held_back()
    {
        var all = new BandwidthGate(_clock);
        var peer = new PeerBandwidth(all, _clock);
        peer.SetRate(2000);
        all.SetRate(1000);
        all.Charge(1000);

        Assert.False(peer.TryAcquire(2000));
        using var givesUp = new CancellationTokenSource();
        Task<bool> waiting = peer.AcquireAsync(2000, givesUp.Token).AsTask();
        Assert.Equal(1, all.Waiting);
        Assert.Equal(0, peer.Waiting);
        await givesUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WithinDeadline());
        all.SetRate(null);

        Assert.True(peer.TryAcquire(2000));
        Assert.False(peer.TryAcquire(1));
        peer.Charge(-1);
        Assert.True(peer.TryAcquire(1));
    }
}
