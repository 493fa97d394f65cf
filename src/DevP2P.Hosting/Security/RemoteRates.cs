using System.Net;
using DevP2P.Hosting.Rpc;

namespace DevP2P.Hosting.Security;

/// <summary>How much each remote address may call. Bounded: addresses beyond <see cref="RpcLimits.MaxRemotes"/> share one count.</summary>
internal sealed class RemoteRates(TimeProvider time)
{
    /// <summary>After this long an unused bucket is full again, so that nothing is lost with it.</summary>
    private static readonly TimeSpan s_refill = TimeSpan.FromSeconds((double)RpcLimits.CallBurst / RpcLimits.CallsPerSecond);

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, CallBucket> _buckets = [];
    private readonly CallBucket _others = Create(time);

    public static CallBucket Create(TimeProvider time) => new(RpcLimits.CallsPerSecond, RpcLimits.CallBurst, time);

    public CallBucket Get(IPAddress? remote)
    {
        remote ??= IPAddress.None;
        lock (_gate)
        {
            if (_buckets.TryGetValue(remote, out CallBucket? bucket))
            {
                return bucket;
            }

            if (_buckets.Count >= RpcLimits.MaxRemotes)
            {
                foreach (IPAddress idle in _buckets.Where(entry => time.GetElapsedTime(entry.Value.LastUsed) > s_refill).Select(entry => entry.Key).ToArray())
                {
                    _buckets.Remove(idle);
                }

                if (_buckets.Count >= RpcLimits.MaxRemotes)
                {
                    return _others;
                }
            }

            bucket = Create(time);
            _buckets.Add(remote, bucket);
            return bucket;
        }
    }
}
