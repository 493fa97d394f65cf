using System.Collections.Concurrent;

namespace DevP2P;

/// <summary>What a server has counted since it started. A snapshot.</summary>
public sealed record ServerCounters
{
    /// <summary>Inbound connections that the listener accepted.</summary>
    public required long Accepted { get; init; }

    /// <summary>Dials begun.</summary>
    public required long Dialed { get; init; }

    /// <summary>Streams that came through <see cref="Server.SetupConnectionAsync"/>.</summary>
    public required long Offered { get; init; }

    /// <summary>Peers added. Once nothing is pending, <see cref="Accepted"/> + <see cref="Dialed"/> + <see cref="Offered"/> is this plus all <see cref="Refused"/>.</summary>
    public required long Added { get; init; }

    /// <summary>Connections that did not become peers, by reason: "too many peers", "not in net restrict list" and so on.</summary>
    public required IReadOnlyDictionary<string, long> Refused { get; init; }

    /// <summary>Peers dropped, by the reason's text; those that the other side ended start with "remote: ".</summary>
    public required IReadOnlyDictionary<string, long> Dropped { get; init; }
}

/// <summary>Counts. Keys come from fixed sets, so that no remote node can make them grow. Safe for concurrent use.</summary>
internal sealed class CounterSet
{
    private readonly ConcurrentDictionary<string, long> _refused = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _dropped = new(StringComparer.Ordinal);
    private long _accepted;
    private long _dialed;
    private long _offered;
    private long _added;

    public void CountAccepted() => Interlocked.Increment(ref _accepted);

    public void CountDialed() => Interlocked.Increment(ref _dialed);

    public void CountOffered() => Interlocked.Increment(ref _offered);

    public void CountAdded() => Interlocked.Increment(ref _added);

    public void CountRefused(string reason) => _refused.AddOrUpdate(reason, 1, static (_, n) => n + 1);

    public void CountDropped(PeerDrop drop)
    {
        // The 256 values of the reason bound the keys.
        string reason = drop.Reason.ToText();
        _dropped.AddOrUpdate(drop.IsRemote ? "remote: " + reason : reason, 1, static (_, n) => n + 1);
    }

    public ServerCounters Snapshot() => new()
    {
        Accepted = Interlocked.Read(ref _accepted),
        Dialed = Interlocked.Read(ref _dialed),
        Offered = Interlocked.Read(ref _offered),
        Added = Interlocked.Read(ref _added),
        Refused = new SortedDictionary<string, long>(_refused, StringComparer.Ordinal),
        Dropped = new SortedDictionary<string, long>(_dropped, StringComparer.Ordinal),
    };
}
