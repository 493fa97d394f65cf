using System.Net;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <summary>A node at an address. Endpoint proofs are for this pair: one key at two addresses needs two proofs (T04).</summary>
internal readonly record struct ContactKey(NodeId Id, IPAddress Address)
{
    public bool Equals(ContactKey other) => Id == other.Id && (ReferenceEquals(Address, other.Address) || Address.Equals(other.Address));

    public override int GetHashCode() => Id.GetHashCode() ^ Address.GetHashCode();
}

/// <summary>What is remembered of a node that has proved its endpoint at least once. Times are monotonic.</summary>
internal sealed class Contact
{
    // There are many of these: a Nullable<TimeSpan> would take twice the room.
    private TimeSpan _lastPing = TimeSpan.MinValue;

    /// <summary>When the node last answered a ping: the age of its proof.</summary>
    public TimeSpan LastPong { get; set; }

    /// <summary>When the node last pinged us and we answered: about the age of our proof over there; null if it never did.</summary>
    public TimeSpan? LastPing
    {
        get => _lastPing == TimeSpan.MinValue ? null : _lastPing;
        set => _lastPing = value ?? TimeSpan.MinValue;
    }

    /// <summary>How many queries in a row were not answered.</summary>
    public int FindFailures { get; set; }
}

/// <summary>The endpoint proofs, bounded: entries are made by proofs only, which cannot be had with a forged source address.</summary>
internal sealed class Contacts
{
    private readonly Dictionary<ContactKey, Contact> _contacts = [];
    private readonly Dictionary<IPAddress, int> _perAddress = [];

    public int Count => _contacts.Count;

    public Contact? Find(ContactKey key) => _contacts.GetValueOrDefault(key);

    /// <summary>Whether a node may be answered with more than a pong.</summary>
    public bool IsProven(TimeSpan now, ContactKey key) => IsProven(now, Find(key));

    /// <summary>The same of what <see cref="Find"/> returned.</summary>
    public static bool IsProven(TimeSpan now, Contact? contact) =>
        contact is not null && now - contact.LastPong < Discv4Limits.ProofLifetime;

    /// <summary>Whether anybody at an address has proved it. The cheap question before the expensive one who has.</summary>
    public bool HasAny(IPAddress address) => _perAddress.ContainsKey(address);

    /// <summary>A node has answered our latest ping.</summary>
    public Contact AddProof(TimeSpan now, ContactKey key)
    {
        if (!_contacts.TryGetValue(key, out Contact? contact))
        {
            MakeRoom(key.Address);
            contact = new Contact { LastPong = now };
            _contacts.Add(key, contact);
            _perAddress[key.Address] = _perAddress.GetValueOrDefault(key.Address) + 1;
        }

        contact.LastPong = now > contact.LastPong ? now : contact.LastPong;
        return contact;
    }

    private void MakeRoom(IPAddress address)
    {
        int sameAddress = _perAddress.GetValueOrDefault(address);
        if (sameAddress >= Discv4Limits.MaxContactsPerAddress && !AddressRules.IsLan(address))
        {
            Remove(_contacts.Where(c => c.Key.Address.Equals(address)).MinBy(c => c.Value.LastPong).Key);
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
        _contacts.Remove(key);
        int left = _perAddress[key.Address] - 1;
        if (left == 0)
        {
            _perAddress.Remove(key.Address);
        }
        else
        {
            _perAddress[key.Address] = left;
        }
    }
}
