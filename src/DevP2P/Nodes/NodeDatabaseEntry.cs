using System.Collections.Immutable;
using System.Net;
using DevP2P.NetUtil;

namespace DevP2P.Nodes;

/// <summary>A node as the <see cref="NodeDatabase"/> remembers it: an immutable snapshot. Times are UTC.</summary>
internal sealed record NodeDatabaseEntry
{
    internal NodeDatabaseEntry(NodeId id, DateTimeOffset firstSeen)
    {
        Id = id;
        FirstSeen = firstSeen;
    }

    /// <summary>The node's id.</summary>
    public NodeId Id { get; }

    /// <summary>When the database first heard of the node.</summary>
    public DateTimeOffset FirstSeen { get; }

    /// <summary>
    /// The node's key and endpoint without its record (that is <see cref="Record"/>), or null while only contacts with it are
    /// known.
    /// </summary>
    public Node? Node { get; internal init; }

    /// <summary>The encoded node record (EIP-778), which <see cref="ToNode"/> reads; empty when there is none.</summary>
    public ReadOnlyMemory<byte> Record { get; internal init; }

    /// <summary>The record's sequence number; 0 without a record.</summary>
    public ulong Sequence { get; internal init; }

    /// <summary>When the node last proved useful as a peer, or null.</summary>
    public DateTimeOffset? UsefulAt { get; internal init; }

    /// <summary>How useful it proved: the sum of all points it was given.</summary>
    public long UsefulScore { get; internal init; }

    /// <summary>The node at each of its addresses; few.</summary>
    public ImmutableArray<NodeDatabaseContact> Contacts { get; internal init; } = [];

    /// <summary>The latest pong from any of the addresses, or null.</summary>
    public DateTimeOffset? LastPong
    {
        get
        {
            DateTimeOffset? latest = null;
            foreach (NodeDatabaseContact contact in Contacts)
            {
                latest = Later(latest, contact.LastPong);
            }

            return latest;
        }
    }

    /// <summary>The last sign that the node is there: a pong, or else the first time it was heard of.</summary>
    internal DateTimeOffset LastAlive => Later(FirstSeen, LastPong)!.Value;

    /// <summary>The network the node counts for, see <see cref="NetworkOf"/>.</summary>
    internal ulong Network { get; init; }

    /// <summary>The node at one address, or null.</summary>
    public NodeDatabaseContact? FindContact(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        int index = IndexOf(Normalize(address));
        return index < 0 ? null : Contacts[index];
    }

    /// <summary>
    /// The node with its record, if it has one. Verifies the signature again, for disks err, too: not for all nodes at once.
    /// </summary>
    /// <returns>Null while only contacts with the node are known.</returns>
    public Node? ToNode() =>
        Node?.Address is { } address && Node.TryFromRecord(Record.Span, out Node? node, out _) && node.Id == Id
            ? node.WithAddress(address)
            : Node;

    internal int IndexOf(IPAddress normalized)
    {
        for (int i = 0; i < Contacts.Length; i++)
        {
            if (Contacts[i].Address.Equals(normalized))
            {
                return i;
            }
        }

        return -1;
    }

    internal bool IsUsefulSince(DateTimeOffset time) => UsefulAt >= time;

    /// <summary>IPv4 out of its IPv6 form, and without the scope that means something on this machine only.</summary>
    internal static IPAddress Normalize(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out int length) && length == 16 && address.ScopeId != 0 ? new IPAddress(bytes) : address;
    }

    /// <summary>
    /// A number for the /24 of an IPv4 address or the /48 of an IPv6 address: what one party gets cheaply as a whole. 0 for
    /// the local network, where limits make no sense.
    /// </summary>
    internal static ulong NetworkOf(IPAddress normalized)
    {
        if (AddressRules.IsLan(normalized))
        {
            return 0;
        }

        Span<byte> bytes = stackalloc byte[16];
        normalized.TryWriteBytes(bytes, out int length);
        ulong network = length == 16 ? 1u : 2u;
        foreach (byte b in bytes[..(length == 16 ? 6 : 3)])
        {
            network = (network << 8) | b;
        }

        return network;
    }

    private static DateTimeOffset? Later(DateTimeOffset? a, DateTimeOffset? b) => a is null || b > a ? b ?? a : a;
}
