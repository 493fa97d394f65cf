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

        ThreadPool.QueueUserWorkItem(static item => _ = item.Group.HoldAsync(item.Work), (Group: this, Work: work), preferLocal: true);
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

    private async Task HoldAsync(Func<Task> work)
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
    }
}
