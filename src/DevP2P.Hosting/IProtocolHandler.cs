namespace DevP2P.Hosting;

/// <summary>
/// A protocol's side of one peer. It is made for each peer that shares the protocol, in the peer's own scope, so its constructor may ask for
/// anything that is registered; scoped services are shared with the peer's other protocols, and disposed when the peer is gone.
/// </summary>
public interface IProtocolHandler
{
    /// <summary>As <see cref="Protocol.RunAsync"/>: runs until the peer is gone; returning or throwing ends the peer.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="stream">Its messages of this protocol.</param>
    /// <param name="cancellationToken">Cancelled when the peer disconnects.</param>
    Task RunAsync(Peer peer, IMessageStream stream, CancellationToken cancellationToken);

    /// <summary>
    /// What <see cref="PeerInfo.Protocols"/> shows of the peer: a value as <see cref="P2PJson"/> takes it. Null means that the protocol's own
    /// handshake is still under way. Called at any time, from any thread.
    /// </summary>
    object? GetPeerInfo() => "unknown";
}
