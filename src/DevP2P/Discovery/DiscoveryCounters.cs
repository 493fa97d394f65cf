namespace DevP2P.Discovery;

/// <summary>What became of the datagrams since the start.</summary>
/// <param name="Received">All that came in.</param>
/// <param name="Malformed">Dropped: no packets (size, type, hash, content).</param>
/// <param name="OverRate">Dropped: more than one address may send.</param>
/// <param name="Repeated">Dropped: requests that came too often already, byte for byte.</param>
/// <param name="Unwanted">Dropped: answers that nobody waits for, queries from where nobody has proved an endpoint.</param>
/// <param name="Overflowed">Dropped: more than could be worked off.</param>
/// <param name="BadSignatures">Dropped: signatures that no key made.</param>
/// <param name="Handled">Packets that the protocol has seen.</param>
/// <param name="Sent">Datagrams sent.</param>
public sealed record DiscoveryCounters(
    long Received,
    long Malformed,
    long OverRate,
    long Repeated,
    long Unwanted,
    long Overflowed,
    long BadSignatures,
    long Handled,
    long Sent);
