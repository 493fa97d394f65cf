namespace DevP2P.Testing.Discovery;

/// <summary>Runs the parts of a network side by side, window after window: the first one in the caller's thread.</summary>
internal sealed class SimulationRunner : IDisposable
{
    private readonly SimulationPart[] _parts;
    private readonly Barrier _barrier;
    private readonly Thread[] _threads;
    private long _windows;
    private long _start;
    private long _end;
    private long _length;
    private bool _isStopping;
    private Exception? _failure;

    public SimulationRunner(SimulationPart[] parts)
    {
        _parts = parts;
        _barrier = new Barrier(parts.Length);
        _threads = new Thread[parts.Length - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int number = i + 1;
            _threads[i] = new Thread(() => RunPart(number)) { IsBackground = true, Name = $"Simulation {number}" };
            _threads[i].Start();
        }
    }

    /// <summary>Lets all happen that happens from one time until another.</summary>
    /// <param name="start">The former end, in ticks.</param>
    /// <param name="end">The new one.</param>
    /// <param name="length">For how long nothing that one part does can reach another.</param>
    public void Run(long start, long end, long length)
    {
        (_start, _end, _length) = (start, end, length);
        Synchronize();
        RunWindows(0);
        _windows += (end - start + length - 1) / length;
        if (_failure is { } failure)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    public void Dispose()
    {
        _isStopping = true;
        Synchronize();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _barrier.Dispose();
    }

    private void RunPart(int number)
    {
        Synchronize();
        while (!_isStopping)
        {
            RunWindows(number);
            Synchronize();
        }
    }

    // One wait for each window: who is through with one waits for the others, and then all begin the next.
    private void RunWindows(int number)
    {
        // Copied: once all are through with the last window, the next run's values are there.
        (long window, long time, long end, long length) = (_windows, _start, _end, _length);
        while (time < end)
        {
            time = Math.Min(time + length, end);
            RunWindow(number, ++window, time);
            Synchronize();
        }
    }

    /// <summary>A failure is the caller's to learn, whoever had it.</summary>
    private void RunWindow(int number, long window, long end)
    {
#pragma warning disable CA1031 // It is thrown in the caller's thread.
        try
        {
            _parts[number].Run(number, window, end);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
        }
#pragma warning restore CA1031
    }

    private void Synchronize()
    {
        if (_parts.Length > 1)
        {
            _barrier.SignalAndWait();
        }
    }
}
