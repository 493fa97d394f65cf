using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>The part of a pong that makes it a ticket.</summary>
/// <param name="Expiration">The pong's expiration; the issuer reads from it when the ticket was issued.</param>
/// <param name="TopicHash">The topics that the ticket is for (<see cref="Topic.HashOf"/>).</param>
/// <param name="Serial">What the issuer knows the ticket by.</param>
/// <param name="WaitPeriods">For each topic, how many seconds after the issue it can be registered.</param>
internal sealed record Ticket(ulong Expiration, NodeId TopicHash, uint Serial, uint[] WaitPeriods);
