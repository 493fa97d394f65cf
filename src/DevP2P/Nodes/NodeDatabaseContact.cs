using System.Net;

namespace DevP2P.Nodes;

/// <summary>What is remembered about a node at one of its addresses. Times are UTC in whole milliseconds; null means never.</summary>
/// <param name="Address">The address; IPv4 never in its IPv6 form, no scope.</param>
/// <param name="LastPingSent">When we last sent a ping there.</param>
/// <param name="LastPingReceived">When a ping last came from there.</param>
/// <param name="LastPong">When a pong that answered our ping last came from there: the time of the endpoint proof.</param>
/// <param name="FindFailures">Queries without a useful answer since the last good one.</param>
/// <remarks>
/// Go: the fields of <c>enode.DB</c> that are stored per id and address: <c>LastPingReceived</c>, <c>LastPongReceived</c>,
/// <c>FindFails</c>.
/// </remarks>
internal readonly record struct NodeDatabaseContact(
    IPAddress Address, DateTimeOffset? LastPingSent, DateTimeOffset? LastPingReceived, DateTimeOffset? LastPong, int FindFailures);
