using System.Net;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <summary>A node at an address. Endpoint proofs are for this pair: one key at two addresses needs two proofs (T04).</summary>
internal readonly record struct ContactKey(NodeId Id, IPAddress Address)
{
    public bool Equals(ContactKey other) => Id == other.Id && IsAt(other.Address);

    public override int GetHashCode() => Id.GetHashCode() ^ Address.GetHashCode();

    public bool IsAt(IPAddress address) => ReferenceEquals(Address, address) || Address.Equals(address);
}

/// <summary>What is remembered of a node that has proved its endpoint at least once. Times are monotonic.</summary>
/// <param name="key">The node at its address.</param>
/// <param name="lastPong">When it proved its endpoint.</param>
internal sealed class Contact(ContactKey key, TimeSpan lastPong)
{
    // There are many of these: a Nullable<TimeSpan> would take twice the room.
    private TimeSpan _lastPing = TimeSpan.MinValue;

    public ContactKey Key => key;

    /// <summary>The network that it counts for; null for the LAN.</summary>
    public ulong? Network => Contacts.GetNetwork(key.Address);

    /// <summary>When the node last answered a ping: the age of its proof.</summary>
    public TimeSpan LastPong { get; set; } = lastPong;

    /// <summary>When the node last pinged us and we answered: about the age of our proof over there; null if it never did.</summary>
    public TimeSpan? LastPing
    {
        get => _lastPing == TimeSpan.MinValue ? null : _lastPing;
        set => _lastPing = value ?? TimeSpan.MinValue;
    }

    /// <summary>How many queries in a row were not answered.</summary>
    public int FindFailures { get; set; }

    /// <summary>The next contact of the same place in the hash table.</summary>
    internal Contact? Next { get; set; }
}

/// <summary>The endpoint proofs, bounded: entries are made by proofs only, which cannot be had with a forged source address.</summary>
/// <remarks>
/// A hash table of its own, because one must serve two questions, by node and address and by network alone, in little memory: all
/// contacts of an IPv4 /24 or IPv6 /64 have one place. Those of the LAN, where thousands of nodes may have one address, are
/// spread by their ids.
/// </remarks>
internal sealed class Contacts
{
    private Contact?[] _places = new Contact?[16];
    private int _lanCount;

    public int Count { get; private set; }

    public Contact? Find(ContactKey key) => Find(key, GetNetwork(key.Address));

    /// <summary>Whether a node may be answered with more than a pong.</summary>
    public bool IsProven(TimeSpan now, ContactKey key) => IsProven(now, Find(key));

    /// <summary>The same of what <see cref="Find(ContactKey)"/> returned.</summary>
    public static bool IsProven(TimeSpan now, Contact? contact) =>
        contact is not null && now - contact.LastPong < Discv4Limits.ProofLifetime;

    /// <summary>Whether anybody at an address, or in all the LAN, has proved it. The cheap question before the expensive one who has.</summary>
    public bool HasAny(IPAddress address)
    {
        if (GetNetwork(address) is not { } network)
        {
            return _lanCount > 0;
        }

        Contact? contact = _places[GetPlace(default, network)];
        while (contact is not null && !contact.Key.IsAt(address))
        {
            contact = contact.Next;
        }

        return contact is not null;
    }

    /// <summary>A node has answered our latest ping.</summary>
    public Contact AddProof(TimeSpan now, ContactKey key)
    {
        ulong? network = GetNetwork(key.Address);
        Contact? contact = Find(key, network);
        if (contact is null)
        {
            MakeRoom(network);
            contact = new Contact(key, now);
            Insert(contact);
            _lanCount += network is null ? 1 : 0;
            Count++;
        }

        contact.LastPong = now > contact.LastPong ? now : contact.LastPong;
        return contact;
    }

    /// <summary>The network that an address counts for; null for the LAN.</summary>
    public static ulong? GetNetwork(IPAddress address) => DistinctNetworks.GetNetwork(address, ipv6PrefixLength: 64);

    private Contact? Find(in ContactKey key, ulong? network)
    {
        Contact? contact = _places[GetPlace(key.Id, network)];
        while (contact is not null && contact.Key != key)
        {
            contact = contact.Next;
        }

        return contact;
    }

    private int GetPlace(in NodeId id, ulong? network) =>
        (network is { } number ? (int)AddressLimiter.Mix(number) : id.GetHashCode()) & (_places.Length - 1);

    private void Insert(Contact contact)
    {
        ref Contact? place = ref _places[GetPlace(contact.Key.Id, contact.Network)];
        contact.Next = place;
        place = contact;
    }

    private void MakeRoom(ulong? network)
    {
        if (network is not null)
        {
            MakeRoomIn(network);
        }

        if (Count >= Discv4Limits.MaxContacts)
        {
            // An eighth at once, so that the search is seldom. Nodes of the table are checked all the time and thus never old.
            foreach (Contact contact in GetAll().OrderBy(c => c.LastPong).ThenBy(c => c.Key.Id).Take(Discv4Limits.MaxContacts / 8))
            {
                Remove(contact);
            }
        }

        if (Count == _places.Length)
        {
            Contact[] all = GetAll();
            _places = new Contact?[2 * _places.Length];
            foreach (Contact contact in all)
            {
                Insert(contact);
            }
        }
    }

    private void MakeRoomIn(ulong? network)
    {
        int sameNetwork = 0;
        Contact? oldest = null;
        for (Contact? contact = _places[GetPlace(default, network)]; contact is not null; contact = contact.Next)
        {
            if (contact.Network == network)
            {
                sameNetwork++;
                oldest = oldest is null || contact.LastPong < oldest.LastPong ? contact : oldest;
            }
        }

        if (sameNetwork >= Discv4Limits.MaxContactsPerNetwork)
        {
            Remove(oldest!);
        }
    }

    private Contact[] GetAll()
    {
        var all = new List<Contact>(Count);
        foreach (Contact? place in _places)
        {
            for (Contact? contact = place; contact is not null; contact = contact.Next)
            {
                all.Add(contact);
            }
        }

        return [.. all];
    }

    private void Remove(Contact removed)
    {
        ref Contact? place = ref _places[GetPlace(removed.Key.Id, removed.Network)];
        if (place == removed)
        {
            place = removed.Next;
        }
        else
        {
            Contact previous = place!;
            while (previous.Next != removed)
            {
                previous = previous.Next!;
            }

            previous.Next = removed.Next;
        }

        _lanCount -= removed.Network is null ? 1 : 0;
        Count--;
    }
}
