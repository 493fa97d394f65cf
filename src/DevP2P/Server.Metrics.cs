using System.Collections.Concurrent;
using DevP2P.Buffers;
using DevP2P.Diagnostics;
using DevP2P.Dialing;

namespace DevP2P;

/// <content>What <see cref="Instruments"/> read, where nothing else has counted it already.</content>
public sealed partial class Server
{
    private readonly ConcurrentDictionary<(DialStage Stage, string Reason), long> _dialCounts = new();
    private long _broadcastsSent;
    private long _broadcastsSkipped;
    private int _inboundHandshakes;
    private int _outboundHandshakes;

    internal MemoryBudget Memory => _memory;

    /// <summary>Dials under way. Owned by the loop: right at some moment.</summary>
    internal int ActiveDials => _dials.ActiveDials;

    /// <summary>Messages that were broadcast, by whether they were sent to a peer.</summary>
    internal (long Sent, long Skipped) Broadcasts => (Interlocked.Read(ref _broadcastsSent), Interlocked.Read(ref _broadcastsSkipped));

    /// <summary>Handshakes under way.</summary>
    internal (int Inbound, int Outbound) Handshakes => (Volatile.Read(ref _inboundHandshakes), Volatile.Read(ref _outboundHandshakes));

    /// <summary>Dials that have ended. Keys come from fixed sets.</summary>
    internal IEnumerable<(DialStage Stage, string Reason, long Count)> DialCounts => _dialCounts.Select(static p => (p.Key.Stage, p.Key.Reason, p.Value));

    private void CountDial(ConnectionResult result)
    {
        string reason = result.Peer is not null ? "connected"
            : result.Stage is DialStage.Resolve or DialStage.Connect && result.Error != CancelledReason ? "failed"
            : ToRefusalKey(result);
        _dialCounts.AddOrUpdate((result.Stage, reason), 1, static (_, n) => n + 1);
    }

    private long BeginHandshake(bool isInbound)
    {
        Interlocked.Increment(ref isInbound ? ref _inboundHandshakes : ref _outboundHandshakes);
        return _time.GetTimestamp();
    }

    private void EndHandshake(bool isInbound, long start, ConnectionResult result)
    {
        Interlocked.Decrement(ref isInbound ? ref _inboundHandshakes : ref _outboundHandshakes);
        _options.MeterScope.RecordHandshake(_time.GetElapsedTime(start), isInbound, ToOutcome(result));
    }

    private static string ToOutcome(ConnectionResult result) => result switch
    {
        { Peer: not null } => "admitted",
        { Reason: not null } => "refused",
        { Error: HandshakeTimeoutReason } => "timeout",
        { Error: CancelledReason or PendingInbound.EvictedReason } => "cancelled",
        _ => "failed",
    };
}
