using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>Compares lookups with the truth.</summary>
internal sealed class LookupTally
{
    private readonly Dictionary<(int Node, long Id), Running> _running = [];
    private double _success;
    private long _hops;
    private long _queries;
    private TimeSpan _time;

    public int Count { get; private set; }

    public double MeanSuccess => _success / Count;

    public double WorstSuccess { get; private set; } = double.NaN;

    public double MeanHops => (double)_hops / Count;

    public double MeanQueries => (double)_queries / Count;

    public TimeSpan MeanTime => Count == 0 ? TimeSpan.Zero : _time / Count;

    public void Started(SimulatedNode node, long id, NodeId target, TimeSpan now) => _running.Add((node.Index, id), new Running(target, now));

    /// <summary>A lookup has ended.</summary>
    /// <param name="node">Whose.</param>
    /// <param name="done">What came of it.</param>
    /// <param name="now">The time.</param>
    /// <param name="live">All nodes that are live.</param>
    public void Ended(SimulatedNode node, LookupDone done, TimeSpan now, IEnumerable<SimulatedNode> live)
    {
        if (!_running.Remove((node.Index, done.Id), out Running? lookup))
        {
            return;
        }

        // Nobody finds himself, and nobody can find those who came in the meantime.
        NodeId[] truth = GroundTruth.GetClosest(
            live.Where(other => other != node && other.JoinedAt <= lookup.StartedAt), lookup.Target, Lookup.ResultSize);
        var found = done.Closest.Select(n => n.Id).ToHashSet();
        double success = (double)truth.Count(found.Contains) / truth.Length;
        Count++;
        _success += success;
        WorstSuccess = !(WorstSuccess <= success) ? success : WorstSuccess;
        _hops += done.Hops;
        _queries += done.Queries;
        _time += now - lookup.StartedAt;
    }

    private sealed record Running(NodeId Target, TimeSpan StartedAt);
}
