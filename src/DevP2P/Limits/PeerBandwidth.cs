namespace DevP2P.Limits;

/// <summary>
/// One direction of one peer: its own limit, and the one that it shares with all peers. However much a peer has to move, it waits for the
/// shared limit in one place only, so that the others have their turn. Safe for concurrent use.
/// </summary>
internal sealed class PeerBandwidth(BandwidthGate all, TimeProvider time)
{
    private readonly BandwidthGate _own = new(time);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _ended = new();

    /// <summary>How many wait for its own limit: at most one, and then none of this peer waits for the shared one.</summary>
    public int Waiting => _own.Waiting;

    /// <summary>From now on another limit of its own; null for none.</summary>
    public void SetRate(long? bytesPerSecond) => _own.SetRate(bytesPerSecond);

    /// <summary>Takes so many bytes if they may pass now.</summary>
    public bool TryAcquire(int bytes)
    {
        if (!_own.TryAcquire(bytes))
        {
            return false;
        }

        if (all.TryAcquire(bytes))
        {
            return true;
        }

        _own.Charge(-bytes);
        return false;
    }

    /// <summary>Waits until so many bytes may pass.</summary>
    /// <returns>False if the peer has ended meanwhile: then nothing was taken.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; nothing was taken.</exception>
    public async ValueTask<bool> AcquireAsync(int bytes, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ended.Token);
        try
        {
            await _turn.WaitAsync(either.Token).ConfigureAwait(false);
            try
            {
                await _own.AcquireAsync(bytes, either.Token).ConfigureAwait(false);
                try
                {
                    await all.AcquireAsync(bytes, either.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    _own.Charge(-bytes);
                    throw;
                }
            }
            finally
            {
                _turn.Release();
            }

            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Takes so many bytes in any case; negative gives back.</summary>
    public void Charge(int bytes)
    {
        _own.Charge(bytes);
        all.Charge(bytes);
    }

    /// <summary>Nobody waits any more, now and later.</summary>
    public void End() => _ended.Cancel();
}
