using System.Net;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>What a discovery machine hands out. Here are the outputs that all of them have.</summary>
internal abstract record Output;

/// <summary>The end of a command.</summary>
/// <param name="Id">What the command returned.</param>
internal abstract record CommandDone(long Id) : Output;

/// <summary>A node's answer to a ping.</summary>
/// <param name="RoundTrip">How long it took.</param>
/// <param name="SeenAs">Where the node saw our ping come from, as it says; null if it says nothing usable.</param>
/// <param name="RecordSequence">The sequence number of its record; null if it sent none.</param>
internal sealed record PingReply(TimeSpan RoundTrip, IPEndPoint? SeenAs, ulong? RecordSequence);

/// <summary>The end of a lookup.</summary>
/// <param name="Id">What the command returned.</param>
/// <param name="Closest">The closest nodes that answered, closest first.</param>
/// <param name="Queries">How many nodes were asked.</param>
/// <param name="Hops">How many nodes one after the other led to the closest one.</param>
internal sealed record LookupDone(long Id, IReadOnlyList<Node> Closest, int Queries, int Hops) : CommandDone(Id);

/// <summary>The end of a resolution.</summary>
/// <param name="Id">What the command returned.</param>
/// <param name="Node">The node with its newest record; null if it was not found.</param>
internal sealed record ResolveDone(long Id, Node? Node) : CommandDone(Id);

/// <summary>A node that a walk was asked for.</summary>
internal sealed record RandomNode(long WalkId, Node Node) : Output;

/// <summary>A node has proved its endpoint, for the first time or again: for the database.</summary>
/// <param name="Id">The node.</param>
/// <param name="EndPoint">Where it is.</param>
internal sealed record EndpointVerified(NodeId Id, IPEndPoint EndPoint) : Output;

/// <summary>A node says where it sees us. Where it is itself is proven.</summary>
/// <param name="From">Where it is.</param>
/// <param name="Address">Where it sees us.</param>
internal sealed record SeenByNode(IPAddress From, IPAddress Address) : Output;

/// <summary>A node has come to us that we had not contacted, and has proved where it is.</summary>
/// <param name="From">Where it is.</param>
internal sealed record VisitedByNode(IPAddress From) : Output;

/// <summary>A node has proved itself by passing several liveness checks: worth to be remembered as a seed.</summary>
internal sealed record NodeProven(Node Node) : Output
{
    /// <summary>How many passed checks that takes. Go: <c>handleResponse</c> in <c>table_reval.go</c>.</summary>
    public const int Checks = 5;
}

/// <summary>A node became an entry of the table.</summary>
internal sealed record NodeAdded(Node Node) : Output;

/// <summary>A node is no entry of the table any more.</summary>
internal sealed record NodeRemoved(Node Node) : Output;

/// <summary>A refresh begins: hand in nodes of earlier runs, even if there are none.</summary>
internal sealed record SeedsWanted : Output;

/// <summary>The table has been filled for the first time.</summary>
internal sealed record Initialized : Output;
