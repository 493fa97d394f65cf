namespace DevP2P;

/// <summary>Keeps hold of background work, so that stopping can wait for all of it. Safe for concurrent use.</summary>
internal sealed class TaskGroup
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _empty;
    private int _running;

    public void Run(Func<Task> work)
    {
        lock (_gate)
        {
            _running++;
        }

        _ = Task.Run(async () =>
        {
            try
            {
                await work().ConfigureAwait(false);
            }
            finally
            {
                lock (_gate)
                {
                    if (--_running == 0)
                    {
                        _empty?.TrySetResult();
                    }
                }
            }
        });
    }

    /// <summary>Completes once nothing runs. To be called when no new work is started any more.</summary>
    public Task WhenEmptyAsync()
    {
        lock (_gate)
        {
            if (_running == 0)
            {
                return Task.CompletedTask;
            }

            _empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _empty.Task;
        }
    }
}
