using DevP2P.Nodes;

namespace DevP2P.Discovery.V5;

/// <summary>A WHOAREYOU that we sent.</summary>
/// <param name="key">To whom.</param>
/// <param name="data">The packet, unmasked: the challenge data.</param>
/// <param name="node">The record that we have of that node: the one that the packet speaks of. Null if we have none.</param>
/// <param name="sentAt">When.</param>
internal sealed class Challenge(RemoteKey key, byte[] data, Node? node, TimeSpan sentAt)
{
    public RemoteKey Key => key;

    public byte[] Data => data;

    public Node? Node => node;

    public TimeSpan SentAt => sentAt;

    /// <summary>How many answers are being looked at or have been found bad.</summary>
    public int Answers { get; set; }
}

/// <summary>The challenges that can still be answered, bounded: when there are too many the oldest makes room.</summary>
internal sealed class Challenges
{
    private readonly Dictionary<RemoteKey, Challenge> _challenges = [];

    // In the order in which they were sent; some may have been answered since.
    private readonly Queue<Challenge> _order = [];

    public int Count => _challenges.Count;

    /// <summary>The challenge that a node can answer; null if there is none.</summary>
    public Challenge? Find(TimeSpan now, in RemoteKey key)
    {
        Expire(now);
        return _challenges.GetValueOrDefault(key);
    }

    /// <summary>Adds one for a node that has none.</summary>
    public void Add(TimeSpan now, Challenge challenge)
    {
        Expire(now);
        while (_order.Count >= Discv5Limits.MaxChallenges)
        {
            Drop(_order.Dequeue());
        }

        _challenges.Add(challenge.Key, challenge);
        _order.Enqueue(challenge);
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
