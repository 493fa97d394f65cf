using System.Threading.Channels;

namespace DevP2P.Nodes;

/// <content>How the file follows: by what changed, not by a log of changes, so that nothing need ever be thrown away.</content>
internal sealed partial class NodeDatabase
{
    /// <summary>How long changes wait to be written together.</summary>
    internal static readonly TimeSpan WriteDelay = TimeSpan.FromSeconds(1);

    /// <summary>How long after a failure writing is tried again.</summary>
    internal static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(5);

    /// <summary>A failure is logged no more often than this.</summary>
    internal static readonly TimeSpan FailureLogInterval = TimeSpan.FromMinutes(1);

    /// <summary>So many changed nodes are written without waiting.</summary>
    private const int WriteThreshold = 256;

    /// <summary>The most nodes of one transaction.</summary>
    private const int MaxBatch = 1024;

    private readonly IReadOnlyList<string> _schema;
    private readonly HashSet<NodeId> _dirtyNodes = [];
    private readonly HashSet<NodeId> _dirtyLocal = [];
    private readonly HashSet<string> _dirtyMeta = [];
    private readonly List<TaskCompletionSource<bool>> _flushes = [];
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly ITimer? _timer;
    private readonly Task _writer = Task.CompletedTask;
    private NodeDatabaseFile? _file;
    private bool _rewrite;
    private bool _timerArmed;
    private bool _disposed;
    private long _coalesced;
    private long _written;
    private long _writeFailures;
    private bool _failing;
    private long _failedAt;
    private long? _failureLoggedAt;

    /// <summary>Writes what was recorded before this call.</summary>
    /// <returns>Whether all of it is on disk; always true in memory. False means that the log says why.</returns>
    public Task<bool> FlushAsync(CancellationToken cancellationToken = default)
    {
        TaskCompletionSource<bool> flush = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (Path is null || _disposed)
            {
                return Task.FromResult(Path is null || !HasChanges);
            }

            _flushes.Add(flush);
        }

        Wake();
        return flush.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Writes everything and closes the file. What is recorded later is ignored by the file.</summary>
    /// <remarks>Go: <c>DB.Close</c>.</remarks>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _disposed = true;
        }

        _wake.Writer.TryComplete();
        await _writer.ConfigureAwait(false);
        if (_timer is not null)
        {
            await _timer.DisposeAsync().ConfigureAwait(false);
        }
    }

    private bool HasChanges =>
        _rewrite || _dirtyNodes.Count + _dirtyLocal.Count + _dirtyMeta.Count > 0 || _bans.HasChanges || _standings.HasChanges;

    /// <summary>Notes that something differs from the file. What differs already is not counted twice: that is the bound.</summary>
    private void MarkDirty<T>(T key, HashSet<T> dirty, bool urgent)
    {
        if (Path is null || _disposed)
        {
            return;
        }

        if (_rewrite && typeof(T) == typeof(NodeId) && ReferenceEquals(dirty, _dirtyNodes))
        {
            _coalesced++;
            return;
        }

        if (!dirty.Add(key))
        {
            _coalesced++;
        }

        if (_dirtyNodes.Count > 2 * _options.MaxNodes)
        {
            // The disk has failed for so long that it is less work to write what there is than what has gone.
            _dirtyNodes.Clear();
            _rewrite = true;
        }

        if (urgent || _dirtyNodes.Count == WriteThreshold)
        {
            Wake();
        }
        else
        {
            ArmTimer(WriteDelay);
        }
    }

    private void ArmTimer(TimeSpan delay)
    {
        if (!_timerArmed)
        {
            _timerArmed = true;
            _timer!.Change(delay, Timeout.InfiniteTimeSpan);
        }
    }

    private void Wake() => _wake.Writer.TryWrite(true);

    private async Task WriteLoopAsync()
    {
        while (await _wake.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            _wake.Reader.TryRead(out _);
            WriteAll(closing: false);
        }

        WriteAll(closing: true);
        _file?.Dispose();
    }

    /// <summary>Writes until nothing is left or writing fails; tells those who wait for it.</summary>
    private void WriteAll(bool closing)
    {
        TaskCompletionSource<bool>[] flushes;
        lock (_gate)
        {
            _timerArmed = false;
            flushes = [.. _flushes];
            _flushes.Clear();
            TimeSpan wait = _failing ? RetryDelay - _options.TimeProvider.GetElapsedTime(_failedAt) : TimeSpan.Zero;
            if (wait > TimeSpan.Zero && flushes.Length == 0 && !closing)
            {
                ArmTimer(wait);
                return;
            }
        }

        bool ok = true;
        while (ok && TakeBatch(out NodeDatabaseBatch batch))
        {
            ok = TryWrite(batch);
        }

        foreach (TaskCompletionSource<bool> flush in flushes)
        {
            flush.TrySetResult(ok);
        }
    }

    private bool TakeBatch(out NodeDatabaseBatch batch)
    {
        batch = new NodeDatabaseBatch(false, [], [], []);
        lock (_gate)
        {
            batch = batch with { Bans = _bans.Take(), Standings = _standings.Take() };
            if (_rewrite)
            {
                _rewrite = false;
                _dirtyNodes.Clear();
                batch = batch with { Rewrite = true };
                batch.Nodes.AddRange(_nodes.Select(static node => new KeyValuePair<NodeId, NodeDatabaseEntry?>(node.Key, node.Value)));
            }
            else
            {
                batch.Nodes.AddRange(_dirtyNodes.Take(MaxBatch)
                    .Select(id => new KeyValuePair<NodeId, NodeDatabaseEntry?>(id, _nodes.GetValueOrDefault(id))));
                foreach (KeyValuePair<NodeId, NodeDatabaseEntry?> node in batch.Nodes)
                {
                    _dirtyNodes.Remove(node.Key);
                }
            }

            batch.Local.AddRange(_dirtyLocal.Select(id => KeyValuePair.Create(id, _local[id])));
            _dirtyLocal.Clear();
            batch.Meta.AddRange(_dirtyMeta.Select(key => new KeyValuePair<string, byte[]?>(key, _meta.GetValueOrDefault(key))));
            _dirtyMeta.Clear();
        }

        return !batch.IsEmpty;
    }

    private bool TryWrite(in NodeDatabaseBatch batch)
    {
        try
        {
            // Null after corruption.
            _file ??= NodeDatabaseFile.Open(Path!, _schema, _options.TimeProvider, _logger, out _);
            _file.Write(batch);
        }
        catch (Exception e)
        {
            // Whatever it is: it must not end the writing, nor reach those who record.
            PutBack(batch, e);
            return false;
        }

        bool recovered;
        lock (_gate)
        {
            _written += batch.Count;
            recovered = _failing;
            _failing = false;
        }

        if (recovered)
        {
            NodeDatabaseLog.DatabaseWriteRecovered(_logger, Path!);
        }

        return true;
    }

    /// <summary>Keeps what could not be written for the next time, and says so now and then.</summary>
    private void PutBack(in NodeDatabaseBatch batch, Exception problem)
    {
        bool corrupt = NodeDatabaseFile.IsCorruption(problem);
        bool log;
        int pending;
        long failures;
        lock (_gate)
        {
            _writeFailures++;
            _failing = true;
            _failedAt = _options.TimeProvider.GetTimestamp();
            _dirtyLocal.UnionWith(corrupt ? _local.Keys : batch.Local.Select(static local => local.Key));
            _bans.PutBack(batch.Bans);
            _standings.PutBack(batch.Standings);
            if (corrupt)
            {
                _bans.Rewrite();
                _standings.Rewrite();
            }

            _dirtyMeta.UnionWith(corrupt ? _meta.Keys : batch.Meta.Select(static meta => meta.Key));
            _rewrite |= batch.Rewrite || corrupt;
            _dirtyNodes.UnionWith(batch.Nodes.Select(static node => node.Key));
            if (_rewrite)
            {
                _dirtyNodes.Clear();
            }

            if (!_disposed)
            {
                ArmTimer(RetryDelay);
            }

            log = _failureLoggedAt is not { } logged || _options.TimeProvider.GetElapsedTime(logged) >= FailureLogInterval;
            _failureLoggedAt = log ? _failedAt : _failureLoggedAt;
            pending = _rewrite ? _nodes.Count : _dirtyNodes.Count;
            failures = _writeFailures;
        }

        if (log)
        {
            NodeDatabaseLog.DatabaseWriteFailed(_logger, Path!, pending, failures, NodeDatabaseFile.Explain(problem));
        }

        if (corrupt)
        {
            StartAnew(problem);
        }
    }

    private void StartAnew(Exception problem)
    {
        _file?.Dispose();
        _file = null;
        try
        {
            string aside = NodeDatabaseFile.SetAside(Path!, "corrupt", _options.TimeProvider);
            NodeDatabaseLog.DatabaseCorrupt(_logger, Path!, aside, NodeDatabaseFile.Explain(problem));
        }
        catch (Exception failure) when (NodeDatabaseFile.IsFileProblem(failure))
        {
            // The next attempt to open it meets the same trouble and reports it.
        }
    }
}
