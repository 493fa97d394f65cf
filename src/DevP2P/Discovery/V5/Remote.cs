using System.Net;
using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>
/// A node at an endpoint: what sessions and challenges are tied to, so that neither works for anybody else or from anywhere else
/// (discv5-theory.md, "Session Cache").
/// </summary>
internal readonly record struct RemoteKey(NodeId Id, CompactEndPoint EndPoint);

/// <summary>Another node at an endpoint with which there is a session, or to which requests of ours are under way.</summary>
internal sealed class Remote(RemoteKey key)
{
    private AesBlock? _mask;
    private IPAddress? _address;

    public RemoteKey Key => key;

    /// <summary>Masks the headers of packets to it.</summary>
    public AesBlock Mask => _mask ??= PacketCodec.CreateMask(key.Id);

    /// <summary>Its address.</summary>
    public IPAddress Address => _address ??= key.EndPoint.ToAddress();

    /// <summary>The node, with the newest record of it that was seen in a handshake or a request; null while there is none.</summary>
    public Node? Node { get; set; }

    /// <summary>The session in which we send.</summary>
    public Session? Current { get; set; }

    /// <summary>
    /// The session before. When both sides start a handshake at once, each may end with another one in first place; so the other is
    /// still understood.
    /// </summary>
    public Session? Previous { get; set; }

    /// <summary>The session of a handshake of ours, until its first message proves that the other side has it, too.</summary>
    public Session? Unconfirmed { get; set; }

    /// <summary>The request whose packet asks for the handshake that is under way; others wait meanwhile.</summary>
    public Call? Opening { get; set; }

    /// <summary>
    /// The nonce of the packets that ask for a handshake, until there is one. All have the same: the other side repeats its challenge
    /// as long as that can be answered, so one for an earlier packet has to do for a later one, too.
    /// </summary>
    public Nonce? OpeningNonce { get; set; }

    /// <summary>Requests that were sent and not answered yet, in the order in which they were sent.</summary>
    public List<Call> Active { get; } = [];

    /// <summary>Requests that were not sent yet, or are to be sent again.</summary>
    public Queue<Call> Waiting { get; } = [];

    /// <summary>Talk requests of the other side that our handlers have not answered yet.</summary>
    public int Talks { get; set; }

    public bool HasSession => Current is not null;

    /// <summary>Whether nothing is lost when it is forgotten.</summary>
    public bool IsIdle => !HasSession && Unconfirmed is null && Opening is null && Active.Count == 0 && Waiting.Count == 0;

    /// <summary>The place in the order of use, if there is a session.</summary>
    public LinkedListNode<Remote>? Place { get; set; }
}
