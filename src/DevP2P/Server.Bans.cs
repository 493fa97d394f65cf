using System.Collections.Immutable;
using DevP2P.Dialing;
using DevP2P.Nodes;
using DevP2P.Reputation;

namespace DevP2P;

/// <summary>Who is kept out. Bans are by node id, never by address: an address has many nodes, and one of them is not the others.</summary>
public sealed partial class Server
{
    private const string BannedReason = "banned";

    private readonly Lock _banGate = new();
    private readonly BanList _bans = new(NodeDatabase.MaxBans);

    // What the operator has said last; the loop follows. Read from any thread.
    private ImmutableHashSet<NodeId> _trusted;
    private ImmutableHashSet<NodeId> _named = [];

    /// <summary>
    /// The nodes that are banned now, the oldest ban first: by <see cref="Ban"/>, or by the server itself for repeated breaches of
    /// protocol (<see cref="Reputation.Ban.IsAutomatic"/>).
    /// </summary>
    public IReadOnlyList<Ban> Bans => _bans.GetAll(_time.GetUtcNow());

    /// <summary>
    /// Keeps a node out: it is disconnected, not let in (it is told <see cref="DisconnectReason.Requested"/>) and not dialed. Takes the
    /// place of an earlier ban. Survives a restart with the same node database. At most 4,096 nodes are banned; then the ban that
    /// ends first gives way, one that the server made before one of the operator.
    /// </summary>
    /// <param name="id">The node. Whoever has another key is another node, at whatever address.</param>
    /// <param name="duration">For how long; <see cref="Timeout.InfiniteTimeSpan"/> for good.</param>
    /// <param name="reason">Why, for people; at most 256 characters. The node is not told.</param>
    /// <exception cref="ArgumentOutOfRangeException">The duration is not positive.</exception>
    /// <exception cref="ArgumentException">The reason is too long, or it is this server's own id.</exception>
    /// <exception cref="InvalidOperationException">
    /// The node is trusted or static: take it from there first (<see cref="RemoveTrustedPeer"/>, <see cref="RemovePeer(NodeId)"/>). The other way
    /// round, <see cref="AddTrustedPeer"/> and <see cref="AddPeer"/> end a ban, as the operator's last word holds.
    /// </exception>
    public void Ban(NodeId id, TimeSpan duration, string reason = "")
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (duration != Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(duration, TimeSpan.Zero);
        }

        if (reason.Length > BanList.MaxReasonLength)
        {
            throw new ArgumentException($"a reason has at most {BanList.MaxReasonLength} characters", nameof(reason));
        }

        if (id == _selfId)
        {
            throw new ArgumentException("a node cannot ban itself", nameof(id));
        }

        lock (_banGate)
        {
            if (IsExempt(id) is { } exemption)
            {
                throw new InvalidOperationException($"{id.ToShortString()} is {exemption}; remove it there first");
            }

            SetBan(id, duration == Timeout.InfiniteTimeSpan ? null : duration, reason, isAutomatic: false);
        }

        Post(() => EnforceBan(id));
    }

    /// <summary>Ends a ban. The node is not dialed for it.</summary>
    /// <returns>False if the node was not banned.</returns>
    public bool Unban(NodeId id)
    {
        lock (_banGate)
        {
            return LiftBan(id);
        }
    }

    /// <summary>What keeps a node from being banned, or null.</summary>
    private string? IsExempt(NodeId id) =>
        Volatile.Read(ref _trusted).Contains(id) ? "trusted" : Volatile.Read(ref _named).Contains(id) ? "static" : null;

    /// <summary>The operator wants a node. Takes effect at once, so that the order of calls is that of their effects.</summary>
    private void AddToSet(ref ImmutableHashSet<NodeId> set, NodeId id)
    {
        ImmutableInterlocked.Update(ref set, static (all, added) => all.Add(added), id);
        Unban(id);
    }

    private static void RemoveFromSet(ref ImmutableHashSet<NodeId> set, NodeId id) =>
        ImmutableInterlocked.Update(ref set, static (all, removed) => all.Remove(removed), id);

    private Ban? FindBan(NodeId id) => _bans.Count == 0 ? null : _bans.Find(_time.GetUtcNow(), id);

    /// <summary>At the start. What the options name is not banned any more.</summary>
    private void LoadBans()
    {
        foreach ((NodeId id, NodeDatabaseBan ban) in _database.GetBans())
        {
            _bans.Add(new Ban { Id = id, Since = ban.Since, Until = ban.Until, Reason = ban.Reason, IsAutomatic = ban.IsAutomatic });
        }

        foreach (NodeId id in _trusted)
        {
            Unban(id);
        }

        ExpireBans();
    }

    private void ExpireBans()
    {
        lock (_banGate)
        {
            foreach (Ban ended in _bans.Expire(_time.GetUtcNow()))
            {
                _database.SetBan(ended.Id, null);
            }
        }
    }

    /// <summary>With the gate.</summary>
    private void SetBan(NodeId id, TimeSpan? duration, string reason, bool isAutomatic)
    {
        // In whole milliseconds, as the file keeps it.
        DateTimeOffset now = DateTimeOffset.FromUnixTimeMilliseconds(_time.GetUtcNow().ToUnixTimeMilliseconds());
        DateTimeOffset? until = duration is { } wanted && wanted < DateTimeOffset.MaxValue - now ? now + wanted : null;
        if (_bans.Add(new Ban { Id = id, Since = now, Until = until, Reason = reason, IsAutomatic = isAutomatic }) is { } gone)
        {
            _database.SetBan(gone.Id, null);
        }

        _database.SetBan(id, new NodeDatabaseBan(now, until, reason, isAutomatic));
        Log.Banned(_logger, id.ToShortString(), until, Log.Sanitize(reason), isAutomatic);
    }

    /// <summary>With the gate.</summary>
    private bool LiftBan(NodeId id)
    {
        if (_bans.Remove(id) is not { } ban)
        {
            return false;
        }

        _database.SetBan(id, null);
        Log.Unbanned(_logger, id.ToShortString());
        return ban.HoldsAt(_time.GetUtcNow());
    }

    /// <summary>On the loop: a ban has been made.</summary>
    private void EnforceBan(NodeId id)
    {
        if (FindBan(id) is null)
        {
            return;
        }

        if (_activeDials.TryGetValue(id, out CancellationTokenSource? dial))
        {
            dial.Cancel();
        }

        if (_snapshot.TryGetValue(id, out Peer? peer))
        {
            peer.Disconnect(DisconnectReason.Requested);
        }
    }

    /// <summary>On the loop: a source offers a banned node. The history has it once, however often that is.</summary>
    private void RecordBannedCandidate(Node node)
    {
        if (FindBan(node.Id)?.ToText() is { } text && _dials.History.Get(node.Id) is var known && (known.Count == 0 || known[^1].Reason != text))
        {
            DialAttempt attempt = CreateAttempt(node, DialStage.Resolve, succeeded: false, text) with { IsStatic = false };
            _dials.History.Record(attempt);
            _dialWatchers.Publish(attempt);
            _counters.CountRefused(BannedReason);
        }
    }
}
