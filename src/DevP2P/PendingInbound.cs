using System.Net;

namespace DevP2P;

/// <summary>
/// Inbound connections that are still in a handshake. Accepting never stops: when there are too many, one of the address that
/// has most of them gives way, so that ten thousand silent connections of one host do not keep others out (T11).
/// Not safe for concurrent use.
/// </summary>
internal sealed class PendingInbound(int limit)
{
    /// <summary>What the connection that gave way is counted under.</summary>
    public const string EvictedReason = "too many pending connections";

    private readonly LinkedList<Entry> _oldestFirst = new();
    private readonly Dictionary<IPAddress, int> _perAddress = [];

    public int Count => _oldestFirst.Count;

    /// <summary>Adds a connection.</summary>
    /// <param name="address">Where it comes from.</param>
    /// <param name="abort">Closes it.</param>
    /// <param name="evicted">The connection that must be aborted to make room, or null. It is no longer in the set.</param>
    public Entry Add(IPAddress address, Action abort, out Entry? evicted)
    {
        var entry = new Entry(address, abort);
        entry.Node = _oldestFirst.AddLast(entry);
        _perAddress[address] = _perAddress.GetValueOrDefault(address) + 1;
        evicted = Count > limit ? ChooseVictim(entry) : null;
        if (evicted is not null)
        {
            Remove(evicted);
            evicted.IsEvicted = true;
        }

        return entry;
    }

    /// <summary>The connection's handshakes have ended, either way. False if it was evicted before.</summary>
    public bool Remove(Entry entry)
    {
        if (entry.Node is not { } node)
        {
            return false;
        }

        entry.Node = null;
        _oldestFirst.Remove(node);
        if (--_perAddress[entry.Address] == 0)
        {
            _perAddress.Remove(entry.Address);
        }

        return true;
    }

    /// <summary>The oldest of the address with most connections; one that has shown who it is only if there is no other.</summary>
    private Entry ChooseVictim(Entry newest)
    {
        Entry victim = newest;
        (int Connections, bool Unidentified) best = (-1, false);
        foreach (Entry entry in _oldestFirst)
        {
            var rank = (_perAddress[entry.Address], !entry.IsIdentified);
            if (entry != newest && (rank.CompareTo(best) > 0))
            {
                best = rank;
                victim = entry;
            }
        }

        return victim;
    }

    /// <summary>One connection in the set.</summary>
    internal sealed class Entry(IPAddress address, Action abort)
    {
        public IPAddress Address => address;

        /// <summary>The encryption handshake has shown who it is.</summary>
        public bool IsIdentified { get; set; }

        /// <summary>It had to make room. Read by the connection's own task after it was aborted.</summary>
        public bool IsEvicted { get; internal set; }

        internal LinkedListNode<Entry>? Node { get; set; }

        public void Abort() => abort();
    }
}
