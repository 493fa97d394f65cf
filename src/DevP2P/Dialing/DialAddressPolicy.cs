using System.Net;
using DevP2P.NetUtil;

namespace DevP2P.Dialing;

/// <summary>
/// Which addresses may be dialled. Applied to a node's address before the dial and to what its host name resolves to.
/// Immutable; the default value is the strictest one.
/// </summary>
/// <param name="NetRestrict">If not null, only these networks are dialled, whoever named the node.</param>
/// <param name="IsOperatorNamed">True for static nodes: the operator may name any address (threat T18).</param>
/// <param name="AllowLan">True for candidates of a source that learns nodes from the LAN itself.</param>
internal readonly record struct DialAddressPolicy(NetList? NetRestrict, bool IsOperatorNamed, bool AllowLan)
{
    /// <summary><see cref="DialRefusal.None"/> if the address may be dialled.</summary>
    public DialRefusal Check(IPAddress address)
    {
        // One address, one rule: ::ffff:10.0.0.1 reaches 10.0.0.1.
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (NetRestrict is not null && !NetRestrict.Contains(plain))
        {
            return DialRefusal.NetRestrict;
        }

        if (IsOperatorNamed)
        {
            return DialRefusal.None;
        }

        if (plain.Equals(IPAddress.Any) || plain.Equals(IPAddress.IPv6Any) || AddressRules.IsSpecialNetwork(plain))
        {
            return DialRefusal.ReservedAddress;
        }

        return AddressRules.IsLan(plain) && !AllowLan ? DialRefusal.LanAddress : DialRefusal.None;
    }
}
