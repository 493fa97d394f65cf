using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>Send this datagram.</summary>
/// <param name="To">Where to.</param>
/// <param name="Packet">What it says.</param>
/// <param name="Hash">The packet's hash.</param>
/// <param name="Datagram">Its bytes.</param>
internal sealed record Transmit(IPEndPoint To, Packet Packet, PacketHash Hash, ReadOnlyMemory<byte> Datagram) : Output;

/// <summary>The end of <see cref="DiscoveryMachine.StartPing"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Reply">The answer, or null if none came in time or the node has no endpoint.</param>
internal sealed record PingDone(long Id, PingReply? Reply) : CommandDone(Id);

/// <summary>A node that advertises a topic which is searched for.</summary>
internal sealed record TopicNodeFound(Topic Topic, Node Node) : Output;

/// <summary>A lookup for a search has ended, and the nodes found are asked.</summary>
/// <param name="Topic">What is searched for.</param>
/// <param name="IsConverged">Whether it is certain how far around the topic's hash it is advertised.</param>
internal sealed record TopicLookupEnded(Topic Topic, bool IsConverged) : Output;

/// <summary>A registration was sent. Whether it was taken nobody says.</summary>
internal sealed record TopicRegistrationSent(Topic Topic, Node Registrar) : Output;
