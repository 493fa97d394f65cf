using DevP2P.Nodes;

namespace DevP2P.Reputation;

/// <summary>
/// Which inbound peer, if any, makes room for a node of good standing when all places are taken. Sans-IO: time is an argument.
/// </summary>
internal sealed class Replacement
{
    private TimeSpan? _last;

    /// <summary>Chooses the peer with the worst score, if that is poor, the newcomer's good, and the last replacement long ago. Changes nothing.</summary>
    /// <param name="now">The time.</param>
    /// <param name="newcomer">The newcomer's score.</param>
    /// <param name="peers">The peers that may be replaced, with their scores and how long they have been connected.</param>
    /// <returns>The peer, or null.</returns>
    public NodeId? Choose(TimeSpan now, double newcomer, IEnumerable<(NodeId Id, TimeSpan Age, double Score)> peers)
    {
        if (newcomer < ReputationLimits.GoodStanding || now - _last < ReputationLimits.ReplacementInterval)
        {
            return null;
        }

        (NodeId Id, double Score)? worst = null;
        foreach ((NodeId id, TimeSpan age, double score) in peers)
        {
            if (age >= ReputationLimits.MinReplacedAge && score <= ReputationLimits.PoorStanding && !(score >= worst?.Score))
            {
                worst = (id, score);
            }
        }

        return worst?.Id;
    }

    /// <summary>A peer has been told to go.</summary>
    public void Record(TimeSpan now) => _last = now;
}
