namespace DevP2P.Hosting.Rpc;

/// <summary>Bytes that all requests and answers share, so that many callers at once do not take the node's memory. Safe for concurrent use.</summary>
internal sealed class ByteBudget(long capacity)
{
    private long _used;

    public long Used => Interlocked.Read(ref _used);

    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _used, bytes) <= capacity)
        {
            return true;
        }

        Interlocked.Add(ref _used, -bytes);
        return false;
    }

    public void Return(long bytes) => Interlocked.Add(ref _used, -bytes);
}
