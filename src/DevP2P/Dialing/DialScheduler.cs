using System.Diagnostics.CodeAnalysis;
using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Dialing;

/// <summary>
/// Decides whom to dial and when. A state machine without I/O: it takes the time and what happened, and hands out the
/// dials to start, the sources to ask and the moment to wake up. Not safe for concurrent calls.
/// </summary>
/// <remarks>
/// <para>Go: <c>dialScheduler</c>.</para>
/// <para>
/// Its methods are of four kinds. Commands of the operator: <see cref="AddStatic"/>, <see cref="RemoveStatic"/>,
/// <see cref="AddSource"/>, <see cref="RemoveSource"/>. Facts: <see cref="PeerAdded"/>, <see cref="PeerRemoved"/>,
/// <see cref="InboundPending"/>, <see cref="InboundCompleted"/>, <see cref="OfferCandidate"/>, <see cref="DialFinished"/>,
/// <see cref="UpdateAddress"/>, <see cref="HandleTimeout"/>. Outputs: <see cref="TryStartDial"/>,
/// <see cref="TryGetWantedSource"/>, <see cref="NextTimeout"/>. Getters: the rest.
/// </para>
/// <para>
/// After any command or fact, the pump drains <see cref="TryStartDial"/>, then <see cref="TryGetWantedSource"/>, until each
/// returns false, and waits for the next event or <see cref="NextTimeout"/>. Of a dial that succeeds, <see cref="PeerAdded"/>
/// comes before <see cref="DialFinished"/>, as in Go.
/// </para>
/// <para>All times are monotonic and on one clock, chosen by the pump.</para>
/// </remarks>
internal sealed class DialScheduler
{
    private readonly DialSchedulerOptions _options;
    private readonly StaticNodes _static;
    private readonly DialSources _sources;
    private readonly ExpiringIds _recent = new(DialLimits.MaxRecentDials);
    private readonly ExpiringIds _heldDown = new(DialLimits.MaxHoldDowns);
    private readonly Dictionary<NodeId, DialRequest> _active = [];
    private readonly Dictionary<NodeId, ConnectedPeer> _peers = [];
    private readonly HashSet<NodeId> _pendingInbound = [];

    // Where the nodes are that sources hold. Of a host name nobody knows yet.
    private readonly DistinctNetworks _networks = new(DialLimits.MaxPerNetwork, ipv6PrefixLength: 64);
    private int _activeDynamic;

    /// <exception cref="ArgumentOutOfRangeException">A limit is negative, or no dial could ever be active.</exception>
    public DialScheduler(DialSchedulerOptions options, RandomSource random)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.MaxDialedPeers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxActiveDials);
        _options = options;
        _static = new StaticNodes(random);
        _sources = new DialSources(options.MaxDialedPeers, options.GetStanding is { } get ? id => get(id).Score : null);
    }

    /// <summary>The latest attempts per node.</summary>
    public DialHistory History { get; } = new();

    /// <summary>How many peers may be dialed ones, static nodes apart. Fewer than there are: no more are dialed until enough have gone.</summary>
    public int MaxDialedPeers { get => _sources.MaxDialedPeers; set => _sources.MaxDialedPeers = value; }

    /// <summary>How many dials are running.</summary>
    public int ActiveDials => _active.Count;

    /// <summary>How many of the connected peers were dialed.</summary>
    public int DialedPeers { get; private set; }

    /// <summary>
    /// When <see cref="HandleTimeout"/> is to be called at the latest; null if only an event can change anything. In the past
    /// only if that moment was missed.
    /// </summary>
    public TimeSpan? NextTimeout
    {
        get
        {
            // Without a free slot the end of a dial is what matters, not the clock.
            TimeSpan? next = _active.Count < _options.MaxActiveDials ? _static.NextDue : null;
            next = Earlier(next, _sources.NextTimeout);
            return _recent.IsFull ? Earlier(next, _recent.NextExpiry) : next;
        }
    }

    /// <summary>
    /// Dials a node whenever it is not connected, until <see cref="RemoveStatic"/>. For a node that is static already: takes
    /// over its address and ends its back-off. Ends a hold-down.
    /// </summary>
    /// <returns>
    /// <see cref="DialRefusal.None"/>, or why this node can never be dialed; then nothing has changed. The first dial is due
    /// at once, except that <see cref="DialLimits.RedialInterval"/> since the last one still holds, unless that went to another
    /// address, or the node is on the LAN, where no throttle applies.
    /// </returns>
    public DialRefusal AddStatic(TimeSpan now, Node node)
    {
        DialRefusal refusal = CheckNode(node, StaticPolicy);
        if (refusal is DialRefusal.NoAddress)
        {
            // Discovery may find the node; if it cannot, the failed attempts say so.
            refusal = DialRefusal.None;
        }

        if (refusal is not DialRefusal.None)
        {
            return refusal;
        }

        _heldDown.Remove(node.Id);
        bool isMoved = _static.GetStatus(node.Id) is StaticNodeStatus known && !IsSameEndPoint(known.Node, node);
        if (isMoved || (node.Address is not null && AddressRules.IsLan(node.Address)))
        {
            _recent.Remove(node.Id);
        }

        _static.Set(node, now);
        RescheduleStatic(now, node.Id);
        return DialRefusal.None;
    }

    /// <summary>
    /// A static node's address was found or has changed: it is used from the next dial on, and the back-off ends.
    /// </summary>
    /// <returns>False if the node is not static, has that address already, or may not be dialed there.</returns>
    public bool UpdateAddress(TimeSpan now, Node node)
    {
        if (_static.GetStatus(node.Id) is not StaticNodeStatus known
            || IsSameEndPoint(known.Node, node)
            || CheckNode(node, StaticPolicy) is not DialRefusal.None)
        {
            return false;
        }

        _static.Set(node, now);
        RescheduleStatic(now, node.Id);
        return true;
    }

    /// <summary>
    /// Stops dialing a static node. With <paramref name="holdDown"/>, no source brings the node back for <see cref="DialLimits.HoldDown"/>
    /// either; that holds for nodes that were not static, too. A dial that is already running is the pump's to cancel.
    /// </summary>
    /// <returns>True if the node was static.</returns>
    public bool RemoveStatic(TimeSpan now, NodeId id, bool holdDown)
    {
        if (holdDown)
        {
            _heldDown.Expire(now);
            _heldDown.Add(id, now + DialLimits.HoldDown);
        }

        return _static.Remove(id);
    }

    /// <summary>True if the operator removed the node less than <see cref="DialLimits.HoldDown"/> ago: for the admission of inbound connections.</summary>
    public bool IsHeldDown(TimeSpan now, NodeId id) => _heldDown.GetExpiry(now, id) is not null;

    /// <summary>Ends a node's hold-down, if there is one.</summary>
    public void EndHoldDown(NodeId id) => _heldDown.Remove(id);

    /// <summary>Registers a source of candidates.</summary>
    /// <param name="allowLan">True if the source itself is on the LAN, so that LAN addresses may come from it (threat T18).</param>
    /// <returns>The source's id, never given twice.</returns>
    /// <exception cref="InvalidOperationException">There are <see cref="DialLimits.MaxSources"/> sources.</exception>
    public int AddSource(bool allowLan = false) => _sources.Add(allowLan);

    /// <summary>A source has ended. Its dials and peers stay.</summary>
    public void RemoveSource(int sourceId) => _sources.Remove(sourceId);

    /// <summary>A node became a peer, whoever dialed. Of our own dials this comes before <see cref="DialFinished"/>.</summary>
    public void PeerAdded(TimeSpan now, NodeId id, bool isDialed)
    {
        DialRequest? dial = isDialed && _active.TryGetValue(id, out DialRequest request) ? request : null;
        if (_peers.TryAdd(id, new ConnectedPeer(now, isDialed, dial?.SourceId, dial?.Node)))
        {
            DialedPeers += isDialed ? 1 : 0;
            RescheduleStatic(now, id);
        }
    }

    /// <summary>A peer is gone.</summary>
    public void PeerRemoved(TimeSpan now, NodeId id)
    {
        if (!_peers.Remove(id, out ConnectedPeer peer))
        {
            return;
        }

        DialedPeers -= peer.IsDialed ? 1 : 0;
        // While the dial still runs, its end gives the source's slot back.
        if (peer.SourceId is int source && !_active.ContainsKey(id))
        {
            Release(source, peer.DialedAs!);
        }

        if (now - peer.Since > DialLimits.StableConnection)
        {
            _static.Reset(id, now);
        }
        else
        {
            _static.AddFailure(id, now);
        }

        RescheduleStatic(now, id);
    }

    /// <summary>A node that has proved its identity is being admitted as an inbound peer: it is not dialed meanwhile.</summary>
    public void InboundPending(TimeSpan now, NodeId id)
    {
        _pendingInbound.Add(id);
        RescheduleStatic(now, id);
    }

    /// <summary>The admission ended, either way; if it succeeded, <see cref="PeerAdded"/> comes first.</summary>
    public void InboundCompleted(TimeSpan now, NodeId id)
    {
        _pendingInbound.Remove(id);
        RescheduleStatic(now, id);
    }

    /// <summary>A dial that <see cref="TryStartDial"/> handed out has ended. To be called once for each, whatever happened.</summary>
    /// <returns>False if no such dial was running; then nothing has changed.</returns>
    public bool DialFinished(TimeSpan now, DialAttempt attempt)
    {
        NodeId id = attempt.Node.Id;
        if (!_active.Remove(id, out DialRequest request))
        {
            return false;
        }

        History.Record(attempt);
        bool isConnected = _peers.TryGetValue(id, out ConnectedPeer peer);
        if (request.SourceId is int source)
        {
            _activeDynamic--;
            if (!isConnected || peer.SourceId != source)
            {
                Release(source, request.Node);
            }
        }

        // An old address says nothing about a new one, nor a lost race against the node's own dial about the node.
        bool isOutdated = _static.GetStatus(id) is StaticNodeStatus known && !IsSameEndPoint(known.Node, request.Node);
        if (!attempt.Succeeded && !isConnected && !isOutdated)
        {
            _static.AddFailure(id, now);
        }

        RescheduleStatic(now, id);
        return true;
    }

    /// <summary>
    /// A source's answer to <see cref="TryGetWantedSource"/>. At most one candidate per source is kept, or two where standings are
    /// known, of which the better comes first; it is dialed when a slot is free, if nothing speaks against it then.
    /// </summary>
    /// <returns><see cref="DialRefusal.None"/> if the candidate is kept; otherwise the source may be asked again.</returns>
    public DialRefusal OfferCandidate(TimeSpan now, int sourceId, Node node)
    {
        if (!_sources.TryEndQuestion(sourceId, out bool allowLan))
        {
            return DialRefusal.NotWanted;
        }

        DialRefusal refusal = CheckCandidate(now, node, LearnedPolicy(allowLan));
        if (refusal is DialRefusal.None)
        {
            _sources.Accept(sourceId, node, now);
        }
        else
        {
            _sources.Reject(sourceId, now);
        }

        return refusal;
    }

    /// <summary>The next dial to start now. Static nodes come first, the one that has been due for longest before the others.</summary>
    public bool TryStartDial(TimeSpan now, out DialRequest request)
    {
        HandleTimeout(now);
        request = default;
        if (_active.Count >= _options.MaxActiveDials)
        {
            return false;
        }

        if (_static.TakeDue(now) is Node named)
        {
            request = new DialRequest(named, null, StaticPolicy);
        }
        else if (TryTakeCandidate(now, out Node? learned, out (int Id, bool AllowLan) source))
        {
            request = new DialRequest(learned, source.Id, LearnedPolicy(source.AllowLan));
            _activeDynamic++;
            if (learned.Address is not null)
            {
                // There is room: it was asked for a moment ago.
                _networks.TryAdd(learned.Address);
            }
        }
        else
        {
            return false;
        }

        _active.Add(request.Node.Id, request);
        _recent.Add(request.Node.Id, now + DialLimits.RedialInterval);
        return true;
    }

    /// <summary>
    /// The next source to ask for one candidate, if a dynamic dial could start. Sources take turns; one that has not answered
    /// yet is not asked again, and one that has its full share is not asked at all.
    /// </summary>
    public bool TryGetWantedSource(TimeSpan now, out int sourceId)
    {
        HandleTimeout(now);
        sourceId = 0;
        return GetFreeDynamicSlots() > 0 && _sources.TryAsk(now, out sourceId);
    }

    /// <summary>Lets time pass. Then <see cref="TryStartDial"/> and <see cref="TryGetWantedSource"/> may have something to say.</summary>
    public void HandleTimeout(TimeSpan now)
    {
        _recent.Expire(now);
        _heldDown.Expire(now);
        _sources.Advance(now);
    }

    /// <summary>All static nodes, with their back-off and the moment of the next attempt.</summary>
    public IReadOnlyList<StaticNodeStatus> GetStaticNodes() => [.. _static.GetStatus()];

    /// <summary>One static node's state, or null if the node is not static.</summary>
    public StaticNodeStatus? GetStaticNode(NodeId id) => _static.GetStatus(id);

    private DialAddressPolicy StaticPolicy => new(_options.NetRestrict, IsOperatorNamed: true, AllowLan: true);

    private DialAddressPolicy LearnedPolicy(bool allowLan) => new(_options.NetRestrict, IsOperatorNamed: false, allowLan);

    /// <summary>
    /// As in Go, two dials run for each free peer slot, because most fail. Other than in Go, active static dials take no
    /// dynamic slots below <see cref="DialSchedulerOptions.MaxActiveDials"/>: they do not compete for the same peers.
    /// Negative when peers are connected while their dials still run.
    /// </summary>
    private int GetFreeDynamicSlots()
    {
        if (_recent.IsFull)
        {
            return 0;
        }

        int slots = Math.Min((_sources.MaxDialedPeers - DialedPeers) * 2, _options.MaxActiveDials);
        return Math.Min(slots - _activeDynamic, _options.MaxActiveDials - _active.Count);
    }

    private bool TryTakeCandidate(TimeSpan now, [NotNullWhen(true)] out Node? node, out (int Id, bool AllowLan) source)
    {
        (node, source) = (null, default);
        return GetFreeDynamicSlots() > 0
            && _sources.TryTake(n => CheckBusy(now, n) is DialRefusal.None, out node, out source)
            && node is not null;
    }

    /// <summary>What speaks against a node itself, now and later.</summary>
    private DialRefusal CheckNode(Node node, DialAddressPolicy policy)
    {
        if (node.Id == _options.Self)
        {
            return DialRefusal.Self;
        }

        if (node.Address is null && node.HostName is null)
        {
            return DialRefusal.NoAddress;
        }

        if (node.TcpPort == 0)
        {
            return DialRefusal.NoTcpPort;
        }

        // What a host name resolves to is checked by the pump, with the policy in the request.
        return node.Address is null ? DialRefusal.None : policy.Check(node.Address);
    }

    private DialRefusal CheckCandidate(TimeSpan now, Node node, DialAddressPolicy policy)
    {
        DialRefusal refusal = CheckNode(node, policy);
        return refusal is DialRefusal.None ? CheckBusy(now, node) : refusal;
    }

    /// <summary>What speaks against dialing a candidate at this moment.</summary>
    private DialRefusal CheckBusy(TimeSpan now, Node node)
    {
        NodeId id = node.Id;
        DialStanding standing = _options.GetStanding?.Invoke(id) ?? default;
        return standing.IsBanned ? DialRefusal.Banned
            : _active.ContainsKey(id) ? DialRefusal.AlreadyDialing
            : _peers.ContainsKey(id) ? DialRefusal.AlreadyConnected
            : _pendingInbound.Contains(id) ? DialRefusal.PendingInbound
            : IsHeldDown(now, id) ? DialRefusal.HeldDown
            : _static.Contains(id) ? DialRefusal.IsStatic
            : standing.IsShunned ? DialRefusal.Shunned
            : _recent.GetExpiry(now, id) is not null ? DialRefusal.RecentlyDialed
            : node.Address is not null && _networks.CountNear(node.Address) >= DialLimits.MaxPerNetwork ? DialRefusal.NetworkLimit
            : DialRefusal.None;
    }

    /// <summary>A source's dial failed, or the peer that it became has gone.</summary>
    private void Release(int source, Node node)
    {
        _sources.Release(source);
        if (node.Address is not null)
        {
            _networks.Remove(node.Address);
        }
    }

    /// <summary>To be called whenever one of the things that keep a static node from being dialed begins or ends.</summary>
    private void RescheduleStatic(TimeSpan now, NodeId id)
    {
        if (_active.ContainsKey(id) || _peers.ContainsKey(id) || _pendingInbound.Contains(id))
        {
            _static.Unschedule(id);
        }
        else
        {
            _static.Schedule(id, _recent.GetExpiry(now, id) ?? now);
        }
    }

    private static bool IsSameEndPoint(Node a, Node b) =>
        a.TcpPort == b.TcpPort && Equals(a.Address, b.Address) && a.HostName == b.HostName;

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => b is null || a <= b ? a : b;

    /// <summary>A peer; if we dialed it, on whose word and as what node.</summary>
    private readonly record struct ConnectedPeer(TimeSpan Since, bool IsDialed, int? SourceId, Node? DialedAs);
}
