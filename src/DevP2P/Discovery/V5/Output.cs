using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>The end of <see cref="DiscoveryMachine.StartPing"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Reply">The answer, or null if none came in time or the node has no endpoint.</param>
internal sealed record PingDone(long Id, PingReply? Reply) : CommandDone(Id);

/// <summary>The end of <see cref="Discv5.StartFindNode"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Nodes">The nodes named, of the distances asked for; null if there was no answer.</param>
internal sealed record FindNodeDone(long Id, IReadOnlyList<Node>? Nodes) : CommandDone(Id);

/// <summary>The end of <see cref="Discv5.StartTalk"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Response">The answer, empty if the node does not know the protocol; null if there was none.</param>
internal sealed record TalkDone(long Id, byte[]? Response) : CommandDone(Id);

/// <summary>A node asks one of our talk handlers. To be answered with <see cref="Discv5.AnswerTalk"/>.</summary>
/// <param name="Talk">Names the request in the answer.</param>
/// <param name="Protocol">The protocol, one of <see cref="Discv5.TalkProtocols"/>.</param>
/// <param name="Request">What is said.</param>
internal sealed record TalkReceived(Talk Talk, string Protocol, byte[] Request) : Output;

/// <summary>Compute this beside the loop, then hand it back to <see cref="Discv5.HandleJob"/>.</summary>
internal sealed record JobWanted(Job Job) : Output;

/// <summary>A talk request that waits for our answer.</summary>
internal sealed class Talk(Remote remote, Session session, RequestId id)
{
    internal Remote Remote => remote;

    internal Session Session => session;

    internal RequestId Id => id;

    internal bool IsAnswered { get; set; }

    /// <summary>Who asks.</summary>
    public NodeId Source => remote.Key.Id;

    /// <summary>Where from.</summary>
    public CompactEndPoint From => remote.Key.EndPoint;

    /// <summary>Who asks, with the record of the handshake; null if the record is not known.</summary>
    public Node? Node => remote.Node;
}
