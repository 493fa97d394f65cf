using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>What a <see cref="DialScheduler"/> needs to know about its node.</summary>
/// <param name="Self">Our own id: never dialed.</param>
/// <param name="MaxDialedPeers">How many peers dynamic dials may fill. Static nodes are dialed regardless.</param>
/// <param name="MaxActiveDials">How many dials of either kind run at once.</param>
/// <param name="NetRestrict">The only networks to dial, or null for all.</param>
/// <param name="GetStanding">What is known of a candidate; null if nothing is known of anybody.</param>
internal sealed record DialSchedulerOptions(
    NodeId Self, int MaxDialedPeers, int MaxActiveDials, NetList? NetRestrict = null, Func<NodeId, DialStanding>? GetStanding = null);
