using System.Net;
using DevP2P.NetUtil;

namespace DevP2P.Dialing;

/// <summary>
/// Which addresses may be dialed. Applied to a node's address before the dial and to what its host name resolves to.
/// Immutable; the default value is the strictest one.
/// </summary>
/// <param name="NetRestrict">If not null, only these networks are dialed, whoever named the node.</param>
/// <param name="IsOperatorNamed">True for static nodes: the operator may name any address (threat T18).</param>
/// <param name="AllowLan">True for candidates of a source that learns nodes from the LAN itself.</param>
internal readonly record struct DialAddressPolicy(NetList? NetRestrict, bool IsOperatorNamed, bool AllowLan)
{
    /// <summary><see cref="DialRefusal.None"/> if the address may be dialed.</summary>
    public DialRefusal Check(IPAddress address)
    {
        // Lists and rules judge ::ffff:10.0.0.1 as the 10.0.0.1 that it reaches.
        if (NetRestrict is not null && !NetRestrict.Contains(address))
        {
            return DialRefusal.NetRestrict;
        }

        if (IsOperatorNamed)
        {
            return DialRefusal.None;
        }

        // First, because link-local addresses count as both: not even a source on our LAN need be on our link.
        if (AddressRules.IsSpecialNetwork(address))
        {
            return DialRefusal.ReservedAddress;
        }

        return AddressRules.IsLan(address) && !AllowLan ? DialRefusal.LanAddress : DialRefusal.None;
    }
}
