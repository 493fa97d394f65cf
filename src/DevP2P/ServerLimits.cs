namespace DevP2P;

/// <summary>
/// The limits of a server that may change while it runs (<see cref="Server.SetLimits"/>). Bandwidth is counted in bytes of frames, without
/// the overhead of TCP and IP; null is no limit. What is sent at once may be as much as a limit allows in one second, at most 16 MiB.
/// </summary>
/// <remarks>
/// Handshakes, discovery and the disconnection of a peer are not limited. A limit holds over time: a message that is larger than what may be
/// sent at once passes whole, and so much later is the next one's turn. A limit so low that a message takes longer than the 20 to 30 s that
/// other nodes wait for one will cost peers.
/// </remarks>
public sealed record ServerLimits
{
    /// <summary>The least bandwidth: less would not carry the pings of a few peers.</summary>
    internal const long MinBytesPerSecond = 1024;

    /// <summary>As <see cref="ServerOptions.MaxPeers"/>.</summary>
    public required int MaxPeers { get; init; }

    /// <summary>What all peers together are sent at most.</summary>
    public long? UploadBytesPerSecond { get; init; }

    /// <summary>What is read from all peers together at most.</summary>
    public long? DownloadBytesPerSecond { get; init; }

    /// <summary>What one peer is sent at most.</summary>
    public long? PeerUploadBytesPerSecond { get; init; }

    /// <summary>What is read from one peer at most.</summary>
    public long? PeerDownloadBytesPerSecond { get; init; }

    internal static ServerLimits From(ServerOptions options) => new()
    {
        MaxPeers = options.MaxPeers,
        UploadBytesPerSecond = options.UploadBytesPerSecond,
        DownloadBytesPerSecond = options.DownloadBytesPerSecond,
        PeerUploadBytesPerSecond = options.PeerUploadBytesPerSecond,
        PeerDownloadBytesPerSecond = options.PeerDownloadBytesPerSecond,
    };

    /// <exception cref="ArgumentException">A value cannot work; the message names it and says what would be right.</exception>
    internal void Validate()
    {
        if (MaxPeers < 1)
        {
            throw new ArgumentException($"{nameof(MaxPeers)} must be at least 1, not {MaxPeers}", nameof(MaxPeers));
        }

        Check(UploadBytesPerSecond, nameof(UploadBytesPerSecond));
        Check(DownloadBytesPerSecond, nameof(DownloadBytesPerSecond));
        Check(PeerUploadBytesPerSecond, nameof(PeerUploadBytesPerSecond));
        Check(PeerDownloadBytesPerSecond, nameof(PeerDownloadBytesPerSecond));
    }

    private static void Check(long? value, string name)
    {
        if (value < MinBytesPerSecond)
        {
            throw new ArgumentException($"{name} must be at least {MinBytesPerSecond}, or null for no limit, not {value}", name);
        }
    }
}
