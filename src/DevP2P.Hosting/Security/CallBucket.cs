namespace DevP2P.Hosting.Security;

/// <summary>So many calls at once and so many a second. Safe for concurrent use.</summary>
internal sealed class CallBucket(int perSecond, int burst, TimeProvider time)
{
    private readonly Lock _gate = new();
    private double _tokens = burst;
    private long _at = time.GetTimestamp();

    /// <summary>When it was last used, as a timestamp of the clock.</summary>
    public long LastUsed
    {
        get
        {
            lock (_gate)
            {
                return _at;
            }
        }
    }

    /// <summary>Whether there is none to take.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                Fill();
                return _tokens < 1;
            }
        }
    }

    /// <summary>Takes one, if there is one.</summary>
    public bool TryTake()
    {
        lock (_gate)
        {
            Fill();
            if (_tokens < 1)
            {
                return false;
            }

            _tokens--;
            return true;
        }
    }

    private void Fill()
    {
        long now = time.GetTimestamp();
        _tokens = Math.Min(burst, _tokens + (time.GetElapsedTime(_at, now).TotalSeconds * perSecond));
        _at = now;
    }
}
