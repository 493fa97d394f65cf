namespace DevP2P.Testing.Discovery;

/// <summary>
/// Where threads wait until all of them have come. They mostly come within a fraction of a millisecond of each other, which to sleep and
/// to be woken takes as long; so they spin for a while first. The BCL's barrier sleeps at once.
/// </summary>
/// <param name="threads">How many threads there are.</param>
internal sealed class RunnerBarrier(int threads)
{
    /// <summary>About a fifth of a millisecond in all; none where there are not enough processors, so that the others can run.</summary>
    private readonly int _spins = threads <= Environment.ProcessorCount ? 500 : 0;

    private readonly object _sleepers = new();
    private int _arrived;
    private int _round;

    /// <summary>Waits for the others.</summary>
    public void Synchronize()
    {
        int round = Volatile.Read(ref _round);
        if (Interlocked.Increment(ref _arrived) == threads)
        {
            _arrived = 0;
            lock (_sleepers)
            {
                Volatile.Write(ref _round, round + 1);
                Monitor.PulseAll(_sleepers);
            }

            return;
        }

        for (int i = 0; i < _spins; i++)
        {
            if (Volatile.Read(ref _round) != round)
            {
                return;
            }

            Thread.SpinWait(10);
        }

        lock (_sleepers)
        {
            while (_round == round)
            {
                Monitor.Wait(_sleepers);
            }
        }
    }
}
