using DevP2P.Dialing;
using DevP2P.Nodes;
using DevP2P.Reputation;
using DevP2P.Rlpx;

namespace DevP2P;

/// <summary>
/// What the server thinks of other nodes, and what follows from it (docs/decisions/0004-reputation.md). The rules are in Reputation/.
/// </summary>
public sealed partial class Server
{
    private readonly ReputationBook _reputation = new();
    private readonly Replacement _replacement = new();

    /// <summary>Peers that make room, with whom they do so for.</summary>
    private readonly Dictionary<NodeId, Action> _makingRoom = [];
    private TimeSpan _nextCredit = ReputationLimits.UsefulInterval;

    /// <summary>
    /// A node's score and the latest facts behind it: failed dials, silence, breaches of protocol, useful traffic. Scores are of node ids, decay,
    /// and survive a restart with the same node database; the facts do not. Static and trusted nodes have one, too, but nothing follows from it.
    /// </summary>
    public NodeReputation GetReputation(NodeId id) => _reputation.Get(Now, id);

    /// <summary>On the loop: what the scheduler may know of a node.</summary>
    private DialStanding GetStanding(NodeId id)
    {
        double score = _reputation.GetScore(Now, id);
        return IsExempt(id) is null
            ? new DialStanding(score, IsShunned: score < ReputationLimits.ShunBelow, IsBanned: FindBan(id) is not null)
            : new DialStanding(Math.Max(0, score), IsShunned: false, IsBanned: false);
    }

    /// <summary>At the start: what earlier runs knew.</summary>
    private void LoadReputation()
    {
        DateTimeOffset utc = _time.GetUtcNow();
        foreach ((NodeId id, NodeDatabaseStanding standing) in _database.GetStandings())
        {
            TimeSpan age = utc - standing.At;
            Forget(_reputation.Restore(Now - age, id, standing.Score, standing.Bans));
            if (Math.Abs(_reputation.GetScore(Now, id)) < ReputationLimits.LeastScore)
            {
                _reputation.Forget(id);
                Forget(id);
            }
        }
    }

    /// <summary>On the loop: a dial has ended.</summary>
    private void JudgeDial(DialAttempt attempt)
    {
        // From the protocol handshake on the node is known, and what came then has been judged.
        if (!attempt.Succeeded && attempt.Stage < DialStage.ProtocolHandshake && attempt.DisconnectReason is null && attempt.Reason != CancelledReason)
        {
            Note(attempt.Node.Id, Conduct.OfUnreached(attempt.Stage));
        }
    }

    /// <summary>From any thread: a connection ended in its handshakes.</summary>
    private void JudgeSetup(ConnectionSetup setup, ConnectionResult result)
    {
        if (setup.Stage != DialStage.ProtocolHandshake || setup.IsWaitingForPlace || result.Error is CancelledReason or PendingInbound.EvictedReason)
        {
            return;
        }

        NodeId id = setup.Node!.Id;
        Conduct conduct = Conduct.OfHandshake(
            result.Reason, result.IsRemote, result.Error == HandshakeTimeoutReason, Log.Sanitize(result.Error));
        Post(() => Note(id, conduct));
    }

    /// <summary>On the loop: a peer has gone, and is not in the peer set any more.</summary>
    private void JudgeDrop(Peer peer, PeerDrop drop) => Note(peer.Id, Conduct.OfDrop(drop.Reason, drop.IsRemote, Log.Sanitize(drop.Error)));

    /// <summary>About once a second, from any thread.</summary>
    private void CreditWhenDue()
    {
        if (Now >= _nextCredit)
        {
            _nextCredit = Now + ReputationLimits.UsefulInterval;
            Post(CreditPeers);
        }
    }

    private void CreditPeers()
    {
        foreach (Peer peer in _snapshot.Values)
        {
            // Who came meanwhile has had less time, and gains nothing by coming and going.
            if (peer.TakeActivity() && peer.Lifetime >= ReputationLimits.UsefulInterval)
            {
                Note(peer.Id, Conduct.Useful);
            }
        }

        ExpireBans();
    }

    /// <summary>On the loop.</summary>
    private void Note(NodeId id, Conduct conduct)
    {
        if (!conduct.IsNote || _isStopping || !(conduct.Points > 0 || conduct.IsViolation || IsWell))
        {
            return;
        }

        Forget(_reputation.Add(Now, _time.GetUtcNow(), id, conduct));
        double score = _reputation.GetScore(Now, id);
        Log.Conduct(_logger, id.ToShortString(), conduct.Reason, score);
        if (conduct.IsViolation && score <= ReputationLimits.BanAt)
        {
            BanForViolations(id, conduct.Reason);
        }

        Save(id);
    }

    /// <summary>
    /// Somebody gets on with us. While nobody does, it may be us who are cut off, or set up wrongly, and an hour of that must not leave all
    /// others in disrepute.
    /// </summary>
    private bool IsWell => _snapshot.Values.Any(static peer => peer.Lifetime >= ReputationLimits.WellAfter);

    private void BanForViolations(NodeId id, string reason)
    {
        lock (_banGate)
        {
            if (IsExempt(id) is not null || FindBan(id) is not null)
            {
                return;
            }

            SetBan(id, _reputation.AddBan(id), reason[..Math.Min(reason.Length, BanList.MaxReasonLength)], isAutomatic: true);
        }

        EnforceBan(id);
    }

    private void Save(NodeId id)
    {
        NodeReputation now = _reputation.Get(Now, id);
        _database.SetStanding(id, now.Facts.Count == 0 ? null : new NodeDatabaseStanding(now.Score, _time.GetUtcNow(), now.Bans));
    }

    private void Forget(NodeId? id)
    {
        if (id is { } forgotten)
        {
            _database.SetStanding(forgotten, null);
        }
    }

    /// <summary>On the loop: the inbound peer that would make room for a newcomer, or null.</summary>
    private NodeId? ChooseReplaced(ConnectionSetup setup) => setup.Flags.HasFlag(ConnectionFlags.Inbound)
        ? _replacement.Choose(Now, _reputation.GetScore(Now, setup.Node!.Id), _snapshot.Values
            .Where(peer => peer.IsInbound && IsExempt(peer.Id) is null)
            .Select(peer => (peer.Id, peer.Lifetime, _reputation.GetScore(Now, peer.Id))))
        : null;

    /// <summary>
    /// On the loop, after the Hello: the node becomes a peer, or not, or once another has made room for it. That one's place is handed over the
    /// moment it is free: at no time are there more peers than allowed.
    /// </summary>
    private Task<Peer> AdmitOrReplace(ConnectionSetup setup, Hello hello, CancellationToken cancellationToken)
    {
        if (CheckAdmission(setup) != DisconnectReason.TooManyPeers
            || Admission.CheckCapabilities(_options, hello.Capabilities) is not null
            || ChooseReplaced(setup) is not { } replaced)
        {
            return Task.FromResult(AdmitPeer(setup, hello));
        }

        var outcome = new TaskCompletionSource<Peer>(TaskCreationOptions.RunContinuationsAsynchronously);
        setup.IsWaitingForPlace = true;
        _replacement.Record(Now);
        _makingRoom[replaced] = () =>
        {
            if (outcome.Task.IsCompleted)
            {
                return;
            }

            try
            {
                outcome.SetResult(AdmitPeer(setup, hello));
            }
            catch (PeerDisconnectedException e)
            {
                outcome.SetException(e);
            }
        };

        // The loop does both, so that who is given up does not become a peer.
        cancellationToken.UnsafeRegister(_ => Post(() => outcome.TrySetCanceled(cancellationToken)), null);
        Peer peer = _snapshot[replaced];
        Log.Replaced(_logger, peer.Id.ToShortString(), setup.Node!.Id.ToShortString());
        peer.Disconnect(DisconnectReason.TooManyPeers);
        return outcome.Task;
    }

    /// <summary>On the loop: a peer has gone.</summary>
    private void HandOver(NodeId id)
    {
        if (_makingRoom.Remove(id, out Action? admit))
        {
            admit();
        }
    }
}
