using System.Net;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <summary>A node at an address. Endpoint proofs are for this pair: one key at two addresses needs two proofs (T04).</summary>
internal readonly record struct ContactKey(NodeId Id, IPAddress Address);

/// <summary>What is remembered of a node that has proved its endpoint at least once. Times are monotonic.</summary>
/// <param name="network">The network that it counts for; null for the LAN.</param>
internal sealed class Contact(ulong? network)
{
    public ulong? Network => network;

    /// <summary>When the node last answered a ping: the age of its proof.</summary>
    public TimeSpan LastPong { get; set; }

    /// <summary>When the node last pinged us and we answered: about the age of our proof over there; null if it never did.</summary>
    public TimeSpan? LastPing { get; set; }

    /// <summary>How many queries in a row were not answered.</summary>
    public int FindFailures { get; set; }
}

/// <summary>The endpoint proofs, bounded: entries are made by proofs only, which cannot be had with a forged source address.</summary>
internal sealed class Contacts
{
    private readonly Dictionary<ContactKey, Contact> _contacts = [];
    private readonly Dictionary<IPAddress, int> _perAddress = [];
    private readonly Dictionary<ulong, int> _perNetwork = [];

    public int Count => _contacts.Count;

    public Contact? Find(ContactKey key) => _contacts.GetValueOrDefault(key);

    /// <summary>Whether a node may be answered with more than a pong.</summary>
    public bool IsProven(TimeSpan now, ContactKey key) =>
        Find(key) is { } contact && now - contact.LastPong < Discv4Limits.ProofLifetime;

    /// <summary>Whether anybody at an address has proved it. The cheap question before the expensive one who has.</summary>
    public bool HasAny(IPAddress address) => _perAddress.ContainsKey(address);

    /// <summary>A node has answered our latest ping.</summary>
    public Contact AddProof(TimeSpan now, ContactKey key)
    {
        if (!_contacts.TryGetValue(key, out Contact? contact))
        {
            ulong? network = DistinctNetworks.GetNetwork(key.Address, ipv6PrefixLength: 64);
            MakeRoom(network);
            contact = new Contact(network) { LastPong = now };
            _contacts.Add(key, contact);
            Change(key.Address, network, 1);
        }

        contact.LastPong = now > contact.LastPong ? now : contact.LastPong;
        return contact;
    }

    private void MakeRoom(ulong? network)
    {
        if (network is { } full && _perNetwork.GetValueOrDefault(full) >= Discv4Limits.MaxContactsPerNetwork)
        {
            Remove(_contacts.Where(c => c.Value.Network == full).MinBy(c => c.Value.LastPong).Key);
        }

        if (_contacts.Count < Discv4Limits.MaxContacts)
        {
            return;
        }

        // An eighth at once, so that the search is seldom. Nodes of the table are checked all the time and thus never old.
        ContactKey[] oldest = [.. _contacts.OrderBy(c => c.Value.LastPong).Take(Discv4Limits.MaxContacts / 8).Select(c => c.Key)];
        foreach (ContactKey key in oldest)
        {
            Remove(key);
        }
    }

    private void Remove(ContactKey key)
    {
        if (_contacts.Remove(key, out Contact? contact))
        {
            Change(key.Address, contact.Network, -1);
        }
    }

    private void Change(IPAddress address, ulong? network, int change)
    {
        Change(_perAddress, address, change);
        if (network is { } counted)
        {
            Change(_perNetwork, counted, change);
        }
    }

    private static void Change<T>(Dictionary<T, int> counts, T key, int change)
        where T : notnull
    {
        int count = counts.GetValueOrDefault(key) + change;
        if (count == 0)
        {
            counts.Remove(key);
        }
        else
        {
            counts[key] = count;
        }
    }
}
