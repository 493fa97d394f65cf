using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>A WHOAREYOU that we sent.</summary>
/// <param name="group">Whose it is.</param>
/// <param name="key">To whom.</param>
/// <param name="data">The packet, unmasked: the challenge data.</param>
/// <param name="node">The record that we have of that node: the one that the packet speaks of. Null if we have none.</param>
/// <param name="sentAt">When.</param>
internal sealed class Challenge(Challenges group, RemoteKey key, byte[] data, Node? node, TimeSpan sentAt)
{
    public Challenges Group => group;

    public RemoteKey Key => key;

    public byte[] Data => data;

    public Node? Node => node;

    public TimeSpan SentAt => sentAt;

    /// <summary>How many answers are being looked at or have been found bad.</summary>
    public int Answers { get; set; }
}

/// <summary>
/// The challenges that nodes of one group can still answer, and what the group may cost. Whoever adds to it bounds it with
/// <see cref="Trim"/>.
/// </summary>
/// <param name="limiter">How many WHOAREYOU packets an address gets.</param>
internal sealed class Challenges(AddressLimiter limiter)
{
    private readonly Dictionary<RemoteKey, Challenge> _challenges = [];

    // In the order in which they were sent; some may have been answered since.
    private readonly Queue<Challenge> _order = [];

    public int Count => _challenges.Count;

    /// <summary>How much room they take, with those that have been answered and not forgotten.</summary>
    public int Places => _order.Count;

    public AddressLimiter Limiter => limiter;

    /// <summary>How many answers are being looked at.</summary>
    public int AcceptJobs { get; set; }

    /// <summary>The challenge that a node can answer; null if there is none.</summary>
    public Challenge? Find(TimeSpan now, in RemoteKey key)
    {
        Expire(now);
        return _challenges.GetValueOrDefault(key);
    }

    /// <summary>Adds one for a node that has none.</summary>
    public void Add(Challenge challenge)
    {
        _challenges.Add(challenge.Key, challenge);
        _order.Enqueue(challenge);
    }

    /// <summary>Forgets the oldest, until they have no more places than that.</summary>
    public void Trim(TimeSpan now, int places)
    {
        Expire(now);
        while (_order.Count > places)
        {
            Drop(_order.Dequeue());
        }
    }

    /// <summary>It was answered.</summary>
    /// <returns>False if it is gone.</returns>
    public bool Remove(Challenge challenge) =>
        _challenges.GetValueOrDefault(challenge.Key) == challenge && _challenges.Remove(challenge.Key);

    private void Expire(TimeSpan now)
    {
        while (_order.TryPeek(out Challenge? oldest) && now - oldest.SentAt >= Discv5Limits.ChallengeLifetime)
        {
            Drop(_order.Dequeue());
        }
    }

    private void Drop(Challenge challenge) => Remove(challenge);
}
