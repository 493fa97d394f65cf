using Microsoft.Extensions.Time.Testing;

namespace DevP2P.Tests.Threats;

/// <summary>A clock that a test moves. It counts timers, so that a test can wait until a deadline has been set before it passes it.</summary>
internal sealed class StepClock : FakeTimeProvider
{
    private int _timersCreated;

    public int TimersCreated => Volatile.Read(ref _timersCreated);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        Interlocked.Increment(ref _timersCreated);
        return timer;
    }

    /// <summary>Moves on in steps of a second, as the server's tick has it.</summary>
    public void AdvanceSeconds(int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            Advance(TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>Moves on by a step at a time, giving the other threads time between, until something is so.</summary>
    /// <returns>How much time has passed on this clock.</returns>
    public async Task<TimeSpan> AdvanceUntilAsync(TimeSpan step, Func<bool> condition, string what)
    {
        DateTimeOffset start = GetUtcNow();
        await TestNet.UntilAsync(
            () =>
            {
                if (condition())
                {
                    return true;
                }

                Advance(step);
                return false;
            },
            what);
        return GetUtcNow() - start;
    }

    public Task UntilTimersCreatedAsync(int count) =>
        TestNet.UntilAsync(() => TimersCreated >= count, $"{count} timers are set, not {TimersCreated}");
}
