using System.Runtime.CompilerServices;
using DevP2P.Rlpx;

namespace DevP2P;

/// <summary>What to do with a peer that has not yet taken what was sent to it before.</summary>
public enum SlowPeerPolicy
{
    /// <summary>It does not get this message.</summary>
    Skip,

    /// <summary>It is disconnected (<see cref="DisconnectReason.UselessPeer"/>), unless it is our own bandwidth limit that holds it back.</summary>
    Disconnect,
}

/// <summary>What became of a broadcast.</summary>
/// <param name="Sent">How many peers the message is on its way to.</param>
/// <param name="Slow">
/// How many did not get it because more than 16 KiB wait to be sent to them, or because the bandwidth limit (<see cref="ServerLimits"/>) does not
/// allow it now.
/// </param>
public readonly record struct BroadcastResult(int Sent, int Slow);

/// <content>One message for many peers.</content>
public sealed partial class Server
{
    /// <summary>After so many bytes of frames others may have the thread.</summary>
    private const int BroadcastBytesAtOnce = 4 * 1024 * 1024;

    /// <summary>
    /// Sends one message to all peers that speak a protocol: encoded and compressed once, then encrypted for each. Never waits for a peer: one
    /// that has more than 16 KiB before it is dealt with as <paramref name="slow"/> says, so that a peer takes large messages one at a time. Encrypts and
    /// sends in the caller's thread, up to 4 MiB before it yields; safe for concurrent calls.
    /// </summary>
    /// <param name="protocol">Name and version; one of <see cref="ServerOptions.Protocols"/>.</param>
    /// <param name="code">The message code, from 0 on.</param>
    /// <param name="payload">The payload; it must stay as it is until the call completes.</param>
    /// <param name="filter">Which peers get it; null for all. Called in the caller's thread before anything is sent.</param>
    /// <param name="slow">What to do with peers that are slow.</param>
    /// <param name="cancellationToken">Ends it between two groups of peers.</param>
    /// <returns>How many peers it is on its way to. Peers that are just being disconnected are not counted.</returns>
    /// <exception cref="ArgumentException">The protocol is not ours, it has no such code, or the message is too large.</exception>
    /// <remarks>Go has no such method: handlers loop over peers, and each encodes anew.</remarks>
    public ValueTask<BroadcastResult> BroadcastAsync(
        Capability protocol, ulong code, ReadOnlyMemory<byte> payload, Func<Peer, bool>? filter = null, SlowPeerPolicy slow = SlowPeerPolicy.Skip,
        CancellationToken cancellationToken = default)
    {
        Protocol own = _options.Protocols.FirstOrDefault(p => p.Capability == protocol)
            ?? throw new ArgumentException($"this server does not speak {protocol}", nameof(protocol));
        if (code >= own.Length)
        {
            throw new ArgumentException($"{protocol} has codes 0 to {own.Length - 1}, not {code}", nameof(code));
        }

        if (payload.Length > FrameCodec.MaxMessageSize)
        {
            throw new ArgumentException($"the payload has {payload.Length} bytes; the limit is {FrameCodec.MaxMessageSize}", nameof(payload));
        }

        var streams = new List<ProtocolStream>(_snapshot.Count);
        foreach (Peer peer in _snapshot.Values)
        {
            if (peer.FindStream(protocol) is { } stream && filter?.Invoke(peer) != false)
            {
                streams.Add(stream);
            }
        }

        return SendToAllAsync(streams, code, payload, slow, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<BroadcastResult> SendToAllAsync(
        List<ProtocolStream> streams, ulong code, ReadOnlyMemory<byte> payload, SlowPeerPolicy slow, CancellationToken cancellationToken)
    {
        int sent = 0;
        int slowPeers = 0;
        int atOnce = Math.Max(4, BroadcastBytesAtOnce / (payload.Length + 1));
        for (int first = 0; first < streams.Count; first += atOnce)
        {
            if (first > 0)
            {
                await Task.Yield();
                cancellationToken.ThrowIfCancellationRequested();
            }

            using var broadcast = new RlpxConnection.Broadcast(payload);
            for (int i = first; i < Math.Min(streams.Count, first + atOnce); i++)
            {
                RlpxConnection.SendOutcome outcome = streams[i].Send(broadcast, code, payload.Length);
                sent += outcome == RlpxConnection.SendOutcome.Sent ? 1 : 0;
                slowPeers += outcome is RlpxConnection.SendOutcome.Slow or RlpxConnection.SendOutcome.HeldBack ? 1 : 0;
                if (outcome == RlpxConnection.SendOutcome.Slow && slow == SlowPeerPolicy.Disconnect)
                {
                    streams[i].Peer.Disconnect(DisconnectReason.UselessPeer);
                }
            }
        }

        Interlocked.Add(ref _broadcastsSent, sent);
        Interlocked.Add(ref _broadcastsSkipped, slowPeers);
        return new BroadcastResult(sent, slowPeers);
    }
}
