using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Rlpx;

public sealed class AsyncGateTests
{
    private readonly AsyncGate _gate = new();

    [Fact]
    public async Task Who_waits_enters_when_the_gate_is_free()
    {
        Assert.True(_gate.TryEnter());
        Assert.False(_gate.TryEnter());
        Task[] waiters = [.. Enumerable.Range(0, 3).Select(_ => _gate.EnterAsync(TestContext.Current.CancellationToken).AsTask())];
        for (int left = waiters.Length; left > 0; left--)
        {
            Assert.All(waiters, static w => Assert.False(w.IsCompleted));
            _gate.Exit();
            await Task.WhenAny(waiters).WithinDeadline();
            waiters = [.. waiters.Where(static w => !w.IsCompleted)];
            Assert.Equal(left - 1, waiters.Length);
        }

        _gate.Exit();
        Assert.True(_gate.TryEnter());
    }

    [Fact]
    public async Task A_wait_that_is_cancelled_holds_nobody_up()
    {
        Assert.True(_gate.TryEnter());
        using var cancel = new CancellationTokenSource();
        Task cancelled = _gate.EnterAsync(cancel.Token).AsTask();
        Task other = _gate.EnterAsync(TestContext.Current.CancellationToken).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WithinDeadline());
        Assert.False(other.IsCompleted);
        _gate.Exit();
        await other.WithinDeadline();
    }

    [Fact]
    public async Task One_at_a_time_and_nobody_is_forgotten()
    {
        const int Tasks = 8, Each = 3000;
        int inside = 0, most = 0, entered = 0, cancelled = 0;
        await Task.WhenAll(Enumerable.Range(0, Tasks).Select(task => Task.Run(async () =>
        {
            var random = new Random(task);
            for (int i = 0; i < Each; i++)
            {
                if (!await EnterAsync(random))
                {
                    Interlocked.Increment(ref cancelled);
                    continue;
                }

                most = Math.Max(most, Interlocked.Increment(ref inside));
                if (random.Next(50) == 0)
                {
                    await Task.Yield();
                }

                entered++;
                Interlocked.Decrement(ref inside);
                _gate.Exit();
            }
        }))).WithinDeadline();
        Assert.Equal(1, most);
        Assert.Equal(Tasks * Each, entered + cancelled);
        Assert.True(_gate.TryEnter());
    }

    private async Task<bool> EnterAsync(Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                _gate.Enter();
                return true;
            case 1:
                return _gate.TryEnter();
            case 2:
                using (var cancel = new CancellationTokenSource())
                {
                    Task entering = _gate.EnterAsync(cancel.Token).AsTask();
                    await cancel.CancelAsync();
                    try
                    {
                        await entering;
                        return true;
                    }
                    catch (OperationCanceledException)
                    {
                        return false;
                    }
                }

            default:
                await _gate.EnterAsync();
                return true;
        }
    }
}
