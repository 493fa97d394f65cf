using DevP2P.Rlpx;

namespace DevP2P;

/// <summary>A protocol that both sides share, and where its message codes start on this connection.</summary>
internal readonly record struct MatchedProtocol(Protocol Protocol, ulong Offset)
{
    public bool Contains(ulong code) => code >= Offset && code - Offset < Protocol.Length;
}

/// <summary>Finds what two nodes share (rlpx.md, "Message ID-based Multiplexing"). Both sides must come to the same result.</summary>
internal static class ProtocolMatcher
{
    /// <summary>Whether there is anything that two nodes share.</summary>
    public static bool SharesAny(IReadOnlyList<Protocol> protocols, IReadOnlyList<Capability> remote)
    {
        foreach (Protocol protocol in protocols)
        {
            if (remote.Contains(protocol.Capability))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The shared protocols in order of their names: equal name and version, the highest version of a name, offsets from 16 on.
    /// </summary>
    public static MatchedProtocol[] Match(IReadOnlyList<Protocol> protocols, IReadOnlyList<Capability> remote)
    {
        List<Protocol> shared = [];
        foreach (Protocol protocol in protocols)
        {
            if (remote.Contains(protocol.Capability))
            {
                shared.Add(protocol);
            }
        }

        shared.Sort(static (a, b) => a.Capability.CompareTo(b.Capability));
        var matched = new List<MatchedProtocol>(shared.Count);
        ulong offset = BaseProtocol.Length;
        for (int i = 0; i < shared.Count; i++)
        {
            // Of the versions of one name the highest comes last.
            if (i + 1 == shared.Count || shared[i + 1].Name != shared[i].Name)
            {
                matched.Add(new MatchedProtocol(shared[i], offset));
                offset += shared[i].Length;
            }
        }

        return [.. matched];
    }
}
