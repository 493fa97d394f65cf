using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <summary>Send this datagram.</summary>
/// <param name="To">Where to.</param>
/// <param name="Packet">What it says.</param>
/// <param name="Hash">The packet's hash.</param>
/// <param name="Datagram">Its bytes.</param>
internal sealed record Transmit(IPEndPoint To, Packet Packet, PacketHash Hash, ReadOnlyMemory<byte> Datagram) : Output
{
    public PacketType Type => Packet.Type;
}

/// <summary>The end of <see cref="DiscoveryMachine.StartPing"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Reply">The answer, or null if none came in time or the node has no endpoint.</param>
internal sealed record PingDone(long Id, PingReply? Reply) : CommandDone(Id);

/// <summary>The end of <see cref="Discv4.RequestRecord"/>.</summary>
/// <param name="Id">What that returned.</param>
/// <param name="Record">The record, verified and of that node; null if none came in time.</param>
internal sealed record RecordDone(long Id, NodeRecord? Record) : CommandDone(Id);

/// <summary>A node whose endpoint is proven has pinged us: for the database.</summary>
internal sealed record PingReceived(NodeId Id, IPAddress Address) : Output;

/// <summary>A node did not answer a query, or did again: for the database.</summary>
internal sealed record FindFailures(NodeId Id, IPAddress Address, int Count) : Output;

/// <summary>Many requests in a row were not answered: the network, or our clock (T17).</summary>
internal sealed record NobodyAnswers : Output;

/// <summary>Our clock is wrong (T17).</summary>
/// <param name="Ahead">By how much it is ahead of other nodes' clocks; negative if it is behind.</param>
internal sealed record ClockDrifted(TimeSpan Ahead) : Output;
