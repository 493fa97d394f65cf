namespace DevP2P.Testing.Discovery;

/// <summary>Runs the parts of a network side by side, window after window: the first one in the caller's thread.</summary>
internal sealed class SimulationRunner : IDisposable
{
    private readonly SimulationPart[] _parts;
    private readonly Barrier _barrier;
    private readonly Thread[] _threads;
    private long _window;
    private long _end;
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

    /// <summary>Lets all happen that happens before a time.</summary>
    public void Run(long end)
    {
        _window++;
        _end = end;
        Synchronize();
        RunWindow(0);
        Synchronize();
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
            RunWindow(number);
            Synchronize();
            Synchronize();
        }
    }

    /// <summary>A failure is the caller's to learn, whoever had it.</summary>
    private void RunWindow(int number)
    {
#pragma warning disable CA1031 // It is thrown in the caller's thread.
        try
        {
            _parts[number].Run(number, _window, _end);
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
