using DevP2P.Limits;
using DevP2P.Rlpx;

namespace DevP2P;

/// <content>Limits that change while the server runs.</content>
public sealed partial class Server
{
    private readonly TrafficTotals _traffic;
    private readonly BandwidthGate _upload;
    private readonly BandwidthGate _download;
    private readonly Lock _limitsGate = new();
    private ServerLimits _limits;

    /// <summary>The options, with the number of peers that holds now.</summary>
    private ServerOptions _currentOptions;

    /// <summary>The limits that hold now: those of the options, until <see cref="SetLimits"/> was called.</summary>
    public ServerLimits Limits => Volatile.Read(ref _limits);

    /// <summary>What all peers together are sent.</summary>
    internal BandwidthGate UploadGate => _upload;

    /// <summary>What is read from all peers together.</summary>
    internal BandwidthGate DownloadGate => _download;

    /// <summary>
    /// Sets other limits, for what follows. Fewer peers than there are: none is thrown out, but none is let in or dialed anew until enough
    /// have gone; of the new number as many slots as <see cref="ServerOptions.DialRatio"/> says are kept for nodes that we dial. Bandwidth:
    /// holds at once, also for those who wait.
    /// </summary>
    /// <param name="limits">All of them; to change one: <c>server.SetLimits(server.Limits with { MaxPeers = 50 })</c>.</param>
    /// <exception cref="ArgumentException">A limit cannot work; the message names it and says what would be right.</exception>
    public void SetLimits(ServerLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        limits.Validate();
        ApplyLimits(limits);
        Log.LimitsSet(
            _logger, limits.MaxPeers, limits.UploadBytesPerSecond, limits.DownloadBytesPerSecond, limits.PeerUploadBytesPerSecond,
            limits.PeerDownloadBytesPerSecond);
    }

    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_limits), nameof(_currentOptions))]
    private void ApplyLimits(ServerLimits limits)
    {
        lock (_limitsGate)
        {
            Volatile.Write(ref _limits, limits);
            ServerOptions current = _options with { MaxPeers = limits.MaxPeers };
            Volatile.Write(ref _currentOptions, current);
            Post(() => _dials.MaxDialedPeers = current.MaxDialedPeers);
            _upload.SetRate(limits.UploadBytesPerSecond);
            _download.SetRate(limits.DownloadBytesPerSecond);

            // A peer that is just being added is either among these or sees the new limits.
            foreach (Peer peer in Volatile.Read(ref _snapshot).Values)
            {
                LimitPeer(peer);
            }
        }
    }

    /// <summary>Gives a peer the limits that hold.</summary>
    private void LimitPeer(Peer peer)
    {
        RlpxConnection connection = peer.Connection!;
        lock (_limitsGate)
        {
            connection.Upload = Limit(connection.Upload, _upload, _limits.UploadBytesPerSecond, _limits.PeerUploadBytesPerSecond);
            connection.Download = Limit(connection.Download, _download, _limits.DownloadBytesPerSecond, _limits.PeerDownloadBytesPerSecond);
        }
    }

    /// <summary>One direction of a peer: null where no limit is set, so that it costs nothing.</summary>
    private PeerBandwidth? Limit(PeerBandwidth? peer, BandwidthGate all, long? allRate, long? peerRate)
    {
        peer ??= allRate is null && peerRate is null ? null : new PeerBandwidth(all, _time);
        peer?.SetRate(peerRate);
        return allRate is null && peerRate is null ? null : peer;
    }
}
