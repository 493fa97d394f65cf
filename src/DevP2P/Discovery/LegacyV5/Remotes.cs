using System.Runtime.InteropServices;
using DevP2P.NetUtil;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>
/// The nodes that we have to do with. Bounded: who has not proved its endpoint is here only while something is under way with it,
/// and of those that have, the one that has been silent for longest gives way.
/// </summary>
internal sealed class Remotes
{
    private readonly Dictionary<RemoteKey, Remote> _all = [];

    // Who has proved its endpoint: how many there are in each network outside the LAN, and at each endpoint.
    private readonly Dictionary<ulong, int> _networks = [];
    private readonly Dictionary<CompactEndPoint, int> _endPoints = [];

    public int Count => _all.Count;

    /// <summary>How many have proved their endpoint.</summary>
    public int ProvenCount { get; private set; }

    public Remote? Find(RemoteKey key) => _all.GetValueOrDefault(key);

    /// <summary>Whether anybody has proved to be there: the cheap question before the expensive one who has.</summary>
    public bool HasProven(CompactEndPoint endPoint) => _endPoints.ContainsKey(endPoint);

    public void Add(Remote remote) => _all.Add(remote.Key, remote);

    /// <summary>It has proved its endpoint.</summary>
    public void AddProof(TimeSpan now, Remote remote)
    {
        if (remote.LastPong is null)
        {
            MakeRoom(remote.Network);
            Tally(remote, 1);
        }

        remote.LastPong = now;
    }

    /// <summary>Forgets it, unless it has proved its endpoint or is busy.</summary>
    public void Release(Remote remote)
    {
        if (remote.LastPong is null && !remote.IsBusy)
        {
            _all.Remove(remote.Key);
        }
    }

    private void MakeRoom(ulong? network)
    {
        if (network is { } full && _networks.GetValueOrDefault(full) >= LegacyLimits.MaxRemotesPerNetwork)
        {
            Evict(_all.Values.Where(r => r.Network == full), 1);
        }

        if (ProvenCount >= LegacyLimits.MaxRemotes)
        {
            // An eighth at once, so that the search is seldom. Nodes of the table are checked all the time and thus never old.
            Evict(_all.Values, LegacyLimits.MaxRemotes / 8);
        }
    }

    private void Evict(IEnumerable<Remote> remotes, int count)
    {
        // Those that are busy are few; if it is all of them, there is one more for a while.
        IEnumerable<Remote> idle = remotes.Where(static r => r.LastPong is not null && !r.IsBusy);
        Remote[] oldest = [.. idle.OrderBy(static r => r.LastPong).ThenBy(static r => r.Key.Id).Take(count)];
        foreach (Remote remote in oldest)
        {
            remote.VerifyTimer?.Cancel();
            Tally(remote, -1);
            _all.Remove(remote.Key);
        }
    }

    private void Tally(Remote remote, int change)
    {
        ProvenCount += change;
        Change(_endPoints, remote.Key.EndPoint, change);
        if (remote.Network is { } network)
        {
            Change(_networks, network, change);
        }
    }

    private static void Change<T>(Dictionary<T, int> counts, T key, int change)
        where T : notnull
    {
        ref int count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _);
        count += change;
        if (count == 0)
        {
            counts.Remove(key);
        }
    }
}
