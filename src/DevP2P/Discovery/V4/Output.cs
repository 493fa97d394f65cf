using System.Net;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <summary>What a <see cref="Discv4"/> hands out.</summary>
internal abstract record Output;

/// <summary>Send this datagram.</summary>
internal sealed record Transmit(IPEndPoint To, PacketType Type, ReadOnlyMemory<byte> Datagram) : Output;

/// <summary>The end of <see cref="Discv4.StartPing"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Reply">The answer, or null if none came in time or the node has no endpoint.</param>
internal sealed record PingDone(long Id, PingReply? Reply) : Output;

/// <summary>A node's answer to a ping.</summary>
/// <param name="RoundTrip">How long it took.</param>
/// <param name="SeenAs">Where the node saw our ping come from, as it says; null if it says nothing usable.</param>
/// <param name="RecordSequence">The sequence number of its record; null if it sent none.</param>
internal sealed record PingReply(TimeSpan RoundTrip, IPEndPoint? SeenAs, ulong? RecordSequence);

/// <summary>The end of <see cref="Discv4.RequestRecord"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Record">The record, verified and of that node; null if none came in time.</param>
internal sealed record RecordDone(long Id, NodeRecord? Record) : Output;

/// <summary>The end of <see cref="Discv4.StartLookup"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Closest">The closest nodes that answered, closest first.</param>
/// <param name="Queries">How many nodes were asked.</param>
/// <param name="Hops">How many nodes one after the other led to the closest one.</param>
internal sealed record LookupDone(long Id, IReadOnlyList<Node> Closest, int Queries, int Hops) : Output;

/// <summary>The end of <see cref="Discv4.Resolve"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Node">The node with its newest record; null if it was not found.</param>
internal sealed record ResolveDone(long Id, Node? Node) : Output;

/// <summary>The answer to one <see cref="Discv4.WantRandomNode"/>.</summary>
internal sealed record RandomNode(long WalkId, Node Node) : Output;

/// <summary>A node has proved its endpoint, for the first time or again: for the database.</summary>
/// <param name="Id">The node.</param>
/// <param name="EndPoint">Where it is.</param>
internal sealed record EndpointVerified(NodeId Id, IPEndPoint EndPoint) : Output;

/// <summary>A node whose endpoint is proven has pinged us: for the database.</summary>
internal sealed record PingReceived(NodeId Id, IPAddress Address) : Output;

/// <summary>A node did not answer a query, or did again: for the database.</summary>
internal sealed record FindFailures(NodeId Id, IPAddress Address, int Count) : Output;

/// <summary>A node has proved itself by passing several liveness checks: worth to be remembered as a seed.</summary>
internal sealed record NodeProven(Node Node) : Output;

/// <summary>A node became an entry of the table.</summary>
internal sealed record NodeAdded(Node Node) : Output;

/// <summary>A node is no entry of the table any more.</summary>
internal sealed record NodeRemoved(Node Node) : Output;

/// <summary>A refresh begins: hand in nodes of earlier runs (<see cref="Discv4.AddSeeds"/>), even if there are none.</summary>
internal sealed record SeedsWanted : Output;

/// <summary>The table has been filled for the first time.</summary>
internal sealed record Initialized : Output;

/// <summary>Many requests in a row were not answered: the network, or our clock (T17).</summary>
internal sealed record NobodyAnswers : Output;

/// <summary>Our clock is wrong (T17).</summary>
/// <param name="Ahead">By how much it is ahead of other nodes' clocks; negative if it is behind.</param>
internal sealed record ClockDrifted(TimeSpan Ahead) : Output;
