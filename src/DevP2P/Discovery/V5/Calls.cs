using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>A request of ours. What comes of it is told to a continuation, exactly once.</summary>
internal abstract class Call(Node node, Remote remote, RequestId id, byte[] message)
{
    public Node Node => node;

    public Remote Remote => remote;

    public RequestId Id => id;

    /// <summary>The request, encoded.</summary>
    public byte[] Message => message;

    /// <summary>What answers it.</summary>
    public abstract MessageType ResponseType { get; }

    /// <summary>How long an answer may take.</summary>
    public virtual TimeSpan Timeout => Discv5Limits.ResponseTimeout;

    /// <summary>The nonce of the packet in which it was sent last.</summary>
    public Nonce Nonce { get; set; }

    /// <summary>When it was sent last.</summary>
    public TimeSpan SentAt { get; set; }

    /// <summary>How many handshakes it was sent in: a second challenge for one request is not answered. Go: <c>errChallengeTwice</c>.</summary>
    public int Handshakes { get; set; }

    public Timers.Timer? Timer { get; set; }

    public bool HasEnded { get; set; }

    /// <summary>There will be no more answers: tells the continuation what there was.</summary>
    /// <param name="now">The time.</param>
    /// <param name="isAnswered">Whether the whole answer is there.</param>
    public abstract void End(Timestamp now, bool isAnswered);
}

internal sealed class PingCall(Node node, Remote remote, RequestId id, byte[] message, Action<Timestamp, PingReply?> done)
    : Call(node, remote, id, message)
{
    public override MessageType ResponseType => MessageType.Pong;

    public PingReply? Reply { get; set; }

    public override void End(Timestamp now, bool isAnswered) => done(now, Reply);
}

internal sealed class FindNodeCall(Node node, Remote remote, RequestId id, byte[] message, int[] distances, Action<Timestamp, FindNodeCall?> done)
    : Call(node, remote, id, message)
{
    public override MessageType ResponseType => MessageType.Nodes;

    /// <summary>The distances asked for.</summary>
    public int[] Distances => distances;

    /// <summary>The nodes that were named and verified.</summary>
    public List<Node> Nodes { get; } = [];

    /// <summary>How many packets the answer has; 0 until the first is there.</summary>
    public int Total { get; set; }

    /// <summary>How many of them are there.</summary>
    public int Received { get; set; }

    /// <summary>How many records were looked at: verifying one is expensive.</summary>
    public int Records { get; set; }

    /// <summary>How many jobs verify records of it.</summary>
    public int Jobs { get; set; }

    /// <summary>Whether the answer has as many nodes or packets as one can have, so that the node may know others that found no place in it.</summary>
    public bool IsFull => Records >= Discv5Limits.MaxNodesPerAnswer || Total >= Discv5Limits.MaxPacketsSent;

    /// <summary>An answer of which a part is missing is an answer.</summary>
    public override void End(Timestamp now, bool isAnswered) => done(now, Received > 0 ? this : null);
}

internal sealed class TalkCall(Node node, Remote remote, RequestId id, byte[] message, Action<Timestamp, byte[]?> done)
    : Call(node, remote, id, message)
{
    public override MessageType ResponseType => MessageType.TalkResponse;

    public override TimeSpan Timeout => Discv5Limits.TalkTimeout;

    public byte[]? Response { get; set; }

    public override void End(Timestamp now, bool isAnswered) => done(now, Response);
}
