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
    /// <summary>
    /// The shared protocols in order of their names: equal name and version, the highest version of a name, offsets from 16 on.
    /// </summary>
    public static MatchedProtocol[] Match(IReadOnlyList<Protocol> protocols, IReadOnlyList<Capability> remote)
    {
        var shared = new SortedDictionary<string, Protocol>(StringComparer.Ordinal);
        foreach (Protocol protocol in protocols)
        {
            if (remote.Contains(protocol.Capability)
                && (!shared.TryGetValue(protocol.Name, out Protocol? lower) || lower.Version < protocol.Version))
            {
                shared[protocol.Name] = protocol;
            }
        }

        var matched = new MatchedProtocol[shared.Count];
        ulong offset = BaseProtocol.Length;
        int i = 0;
        foreach (Protocol protocol in shared.Values)
        {
            matched[i++] = new MatchedProtocol(protocol, offset);
            offset += protocol.Length;
        }

        return matched;
    }
}
