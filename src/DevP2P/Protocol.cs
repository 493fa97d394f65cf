using DevP2P.Nodes;
using DevP2P.Rlpx;

namespace DevP2P;

/// <summary>A sub-protocol: what it is called, how many message codes it has, and what runs for each peer that shares it.</summary>
/// <remarks>Go: <c>p2p.Protocol</c>.</remarks>
public sealed record Protocol
{
    /// <summary>The name: ASCII, at most eight characters by convention ("eth", "snap"). Case matters.</summary>
    public required string Name { get; init; }

    /// <summary>The version. Of the versions that both sides share, the highest runs.</summary>
    public required uint Version { get; init; }

    /// <summary>How many message codes the protocol uses: they are 0 to <see cref="Length"/> - 1.</summary>
    public required ulong Length { get; init; }

    /// <summary>
    /// Runs for each peer that shares the protocol, on the thread pool, until the peer is gone. The token is cancelled when the
    /// peer disconnects; reads and writes then throw <see cref="PeerDisconnectedException"/>, which need not be caught.
    /// Returning ends the peer with <see cref="DisconnectReason.Quitting"/>; throwing ends it with the reason of a
    /// <see cref="PeerDisconnectedException"/>, with <see cref="DisconnectReason.ProtocolError"/> for a
    /// <see cref="ProtocolViolationException"/> or <see cref="Rlp.RlpException"/>, and otherwise with
    /// <see cref="DisconnectReason.SubprotocolError"/>. Other peers never notice.
    /// </summary>
    /// <remarks>Go: <c>Protocol.Run</c>.</remarks>
    public required Func<Peer, IMessageStream, CancellationToken, Task> RunAsync { get; init; }

    /// <summary>What <see cref="NodeInfo.Protocols"/> shows of the protocol: a value that System.Text.Json can write.</summary>
    /// <remarks>Go: <c>Protocol.NodeInfo</c>.</remarks>
    public Func<object?>? NodeInfo { get; init; }

    /// <summary>
    /// What <see cref="PeerInfo.Protocols"/> shows of a peer. Null as a result means that the protocol's own handshake is
    /// still under way.
    /// </summary>
    /// <remarks>Go: <c>Protocol.PeerInfo</c>.</remarks>
    public Func<NodeId, object?>? PeerInfo { get; init; }

    /// <summary>The greatest payload in bytes, uncompressed. A peer that sends more is dropped before any of it is decompressed.</summary>
    public int MaxMessageSize { get; init; } = FrameCodec.MaxMessageSize;

    /// <summary>
    /// Nodes worth dialing for this protocol, read as dial slots become free; the sources of all protocols are mixed fairly.
    /// </summary>
    /// <remarks>Go: <c>Protocol.DialCandidates</c>.</remarks>
    public IAsyncEnumerable<Node>? DialCandidates { get; init; }

    /// <summary>Name and version.</summary>
    public Capability Capability => new(Name, Version);
}
