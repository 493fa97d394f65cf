using System.Net;
using DevP2P.Nodes;

namespace DevP2P.Discovery;

/// <summary>What another node says to an application by TALKREQ (discv5-wire.md).</summary>
/// <param name="NodeId">Who says it: proved by the session.</param>
/// <param name="Node">The same with its newest record; null if no record of it is known.</param>
/// <param name="From">Where it is.</param>
/// <param name="Protocol">The application that it speaks to.</param>
/// <param name="Payload">What it says; the handler's to keep.</param>
/// <remarks>Go: the arguments of <c>discover.TalkRequestHandler</c>.</remarks>
public sealed record TalkRequest(NodeId NodeId, Node? Node, IPEndPoint From, string Protocol, ReadOnlyMemory<byte> Payload);

/// <summary>Answers what other nodes say to an application.</summary>
/// <param name="request">What is said.</param>
/// <param name="cancellationToken">Cancelled when discovery stops, and when the other side does not wait any more.</param>
/// <returns>At most <see cref="DiscoveryV5.MaxTalkResponseSize"/> bytes; what is longer, or an exception, becomes an empty answer.</returns>
/// <remarks>Go: <c>discover.TalkRequestHandler</c>.</remarks>
public delegate ValueTask<ReadOnlyMemory<byte>> TalkHandler(TalkRequest request, CancellationToken cancellationToken);
