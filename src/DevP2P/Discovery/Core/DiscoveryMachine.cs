using System.Diagnostics.CodeAnalysis;
using System.Net;
using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>
/// What all discovery machines have in common: a table that is filled, kept alive and looked up in. A protocol adds how nodes are
/// pinged, asked, and asked for their records. A state machine without I/O; not safe for concurrent calls.
/// </summary>
/// <remarks>
/// Its methods are of four kinds. Facts: <c>Handle...</c>, <see cref="AddSeeds"/>. Commands: <c>Start...</c>, <see cref="Resolve"/>,
/// <see cref="OpenWalk"/>, <see cref="WantRandomNode"/>, <see cref="CloseWalk"/>, <see cref="Refresh"/>. Outputs:
/// <see cref="TryDequeue"/>, <see cref="NextTimeout"/>. Getters: the rest. After any fact or command, the pump drains the outputs and
/// waits for the next event or <see cref="NextTimeout"/>. The first call is <see cref="HandleTimeout"/>: it begins to fill the table.
/// </remarks>
internal abstract class DiscoveryMachine
{
    private readonly NetList? _netRestrict;
    private readonly TableRefresh _refresh;
    private readonly Searches _searches;
    private readonly Queue<Output> _outputs;
    private long _lastId;
    private bool _isInitialized;

    protected DiscoveryMachine(
        Timestamp now, LocalNode local, RandomSource random, IReadOnlyList<Node> bootstrapNodes, NetList? netRestrict, Queue<Output>? outputs)
    {
        (Local, BootstrapNodes, _netRestrict, _outputs) = (local, bootstrapNodes, netRestrict, outputs ?? []);
        Table = new NodeTable(local.Id, random, netRestrict);
        _refresh = new TableRefresh(now, Table, random);
        _searches = new Searches(local.Id, Table, _refresh, random, ChooseTarget, Ask);
    }

    /// <summary>The nodes that we know, for reading.</summary>
    public NodeTable Table { get; }

    /// <summary>Our own node.</summary>
    public LocalNode Local { get; }

    /// <summary>When <see cref="HandleTimeout"/> is to be called at the latest, on the monotonic clock; null if only an event can change anything.</summary>
    public TimeSpan? NextTimeout =>
        Earlier(Earlier(Timers.NextTimeout, Table.NextTimeout), Earlier(_refresh.NextTimeout, _searches.NextTimeout));

    /// <summary>What is to happen later.</summary>
    protected Timers Timers { get; } = new();

    /// <summary>The operator's points of contact, for the next refresh.</summary>
    protected IReadOnlyList<Node> BootstrapNodes { get; set; }

    /// <summary>Our own id as something to look up.</summary>
    protected abstract SearchTarget SelfTarget { get; }

    /// <summary>The next output.</summary>
    public bool TryDequeue([NotNullWhen(true)] out Output? output) => _outputs.TryDequeue(out output);

    /// <summary>Lets time pass.</summary>
    public void HandleTimeout(Timestamp now)
    {
        Timers.Run(now);
        Table.HandleTimeout(now);
        Settle(now);
    }

    /// <summary>Answers <see cref="SeedsWanted"/>.</summary>
    /// <param name="now">The time.</param>
    /// <param name="proven">Nodes that were proven in earlier runs, best first.</param>
    public void AddSeeds(Timestamp now, ReadOnlySpan<Node> proven)
    {
        _refresh.SeedsLoaded(now, proven, [.. BootstrapNodes]);
        Settle(now);
    }

    /// <summary>Fills the table soon, as at the start: on the operator's word or a watchdog's.</summary>
    public void Refresh(Timestamp now)
    {
        _refresh.Request(now);
        Settle(now);
    }

    /// <summary>Pings a node.</summary>
    /// <returns>The id that the output "ping done" will have.</returns>
    public long StartPing(Timestamp now, Node node)
    {
        long id = NextId();
        SendPing(now, node, (_, reply) => Put(PingEnded(id, reply)));
        Settle(now);
        return id;
    }

    /// <summary>
    /// Finds a node's newest record: asks the node where it is said to be, then where the table knows it, then looks for it.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node; an address is not needed.</param>
    /// <returns>The id that <see cref="ResolveDone"/> will have.</returns>
    public long Resolve(Timestamp now, Node node)
    {
        long id = NextId();
        FetchNode(now, node, (t, direct) =>
        {
            if (direct is not null)
            {
                Put(new ResolveDone(id, direct));
                return;
            }

            bool isElsewhere = Table.TryGet(node.Id, out TableEntry? entry) && !Equals(entry.Node.UdpEndPoint, node.UdpEndPoint);
            FetchNode(t, isElsewhere ? entry!.Node : null, (_, known) =>
            {
                if (known is not null)
                {
                    Put(new ResolveDone(id, known));
                    return;
                }

                _searches.Want(TargetOf(node), null, (t2, lookup) => EndResolve(t2, id, node, lookup), needsTable: true);
            });
        });
        Settle(now);
        return id;
    }

    /// <summary>Begins an endless supply of random nodes.</summary>
    /// <returns>Its id for <see cref="WantRandomNode"/> and <see cref="CloseWalk"/>.</returns>
    public long OpenWalk()
    {
        long id = NextId();
        _searches.OpenWalk(id);
        return id;
    }

    /// <summary>Wants one node more of a walk; <see cref="RandomNode"/> brings it once there is one.</summary>
    public void WantRandomNode(Timestamp now, long walkId)
    {
        _searches.WantRandomNode(now, walkId);
        Settle(now);
    }

    /// <summary>Ends a walk.</summary>
    public void CloseWalk(long walkId) => _searches.CloseWalk(walkId);

    /// <summary>Looks for the nodes closest to a target. With an empty table, that is filled first.</summary>
    /// <returns>The id that <see cref="LookupDone"/> will have.</returns>
    protected long StartLookup(Timestamp now, SearchTarget target)
    {
        long id = NextId();
        _searches.Want(
            target, null, (_, lookup) => Put(new LookupDone(id, Searches.GetResult(lookup), lookup.Queries, lookup.Hops)), needsTable: true);
        Settle(now);
        return id;
    }

    /// <summary>The same for the machine itself.</summary>
    protected void LookUp(SearchTarget target, Action<Timestamp, Node[]> done) =>
        _searches.Want(target, null, (t, lookup) => done(t, Searches.GetResult(lookup)), needsTable: true);

    /// <summary>Pings a node. Its answer is an endpoint proof.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node; it may have no endpoint.</param>
    /// <param name="done">Told the answer, or null; exactly once, maybe at once.</param>
    protected abstract void SendPing(Timestamp now, Node node, Action<Timestamp, PingReply?> done);

    /// <summary>Asks a node, at an endpoint that it has, for its record.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node.</param>
    /// <param name="done">Told the record, verified and of that node, or null; exactly once, maybe at once.</param>
    protected abstract void FetchRecord(Timestamp now, Node node, Action<Timestamp, NodeRecord?> done);

    /// <summary>Asks a node for a lookup; what comes of it goes to <see cref="AskEnded"/>, exactly once, not at once.</summary>
    protected abstract void Ask(Timestamp now, Search search, Node node);

    /// <summary>A random target.</summary>
    protected abstract SearchTarget ChooseTarget();

    /// <summary>A node as something to look up.</summary>
    protected abstract SearchTarget TargetOf(Node node);

    /// <summary>The output that ends <see cref="StartPing"/>.</summary>
    protected abstract Output PingEnded(long id, PingReply? reply);

    /// <summary>
    /// What <see cref="Ask"/> asked for has ended; <paramref name="nodes"/> are those of so many answers, or null if there was none.
    /// </summary>
    protected void AskEnded(Timestamp now, Search search, Node node, List<Node>? nodes, int answers = 1) =>
        _searches.Ended(now, search, node, nodes, answers);

    /// <summary>Does what the table, the refresh and the searches want, until they want nothing more.</summary>
    protected void Settle(Timestamp now)
    {
        do
        {
            while (Table.TryDequeue(out TableOutput output))
            {
                HandleTableOutput(now, output);
            }

            while (_refresh.TryGetStep(now, out RefreshStep step))
            {
                if (step == RefreshStep.LoadSeeds)
                {
                    Put(new SeedsWanted());
                }
                else
                {
                    _searches.Want(SelfTarget, step);
                }
            }
        }
        while (_searches.Settle(now, _outputs));

        if (!_isInitialized && Table.IsInitialized)
        {
            _isInitialized = true;
            Put(new Initialized());
        }
    }

    protected long NextId() => ++_lastId;

    protected void Put(Output output) => _outputs.Enqueue(output);

    /// <summary>Not within the call that asks: a continuation may ask again.</summary>
    protected void Later(Timestamp now, Action<Timestamp> action) => Timers.Start(now.Monotonic, action);

    /// <summary>
    /// The node that a record describes. Where the record names no address that may be believed, the node is where it answered:
    /// many do not know their own address.
    /// </summary>
    protected Node? ToNode(NodeRecord record, Node answeredAt)
    {
        if (record.Sequence < answeredAt.Sequence)
        {
            return answeredAt;
        }

        Node node = Node.FromRecord(record);
        IPAddress sender = answeredAt.Address!;
        bool isUsable = node.UdpEndPoint is { } udp
            && (udp.Address.Equals(sender) || AddressRules.CheckRelayAddress(sender, udp.Address) is null)
            && _netRestrict?.Contains(udp.Address) != false;
        return isUsable ? node : node.Address is null && node.UdpPort == answeredAt.UdpPort ? node.WithAddress(sender) : null;
    }

    private void EndResolve(Timestamp now, long id, Node node, Lookup lookup) =>
        FetchNode(now, lookup.TryGetCandidate(node.Id, out Node? found) ? found : null, (_, last) => Put(new ResolveDone(id, last)));

    /// <summary>Asks for a node's record and makes a node of it; null if there is nobody to ask or no answer.</summary>
    protected virtual void FetchNode(Timestamp now, Node? node, Action<Timestamp, Node?> done)
    {
        if (node?.UdpEndPoint is null)
        {
            done(now, null);
            return;
        }

        FetchRecord(now, node, (t, record) => done(t, record is null ? null : ToNode(record, node)));
    }

    private void HandleTableOutput(Timestamp now, TableOutput output)
    {
        switch (output.Kind)
        {
            case TableOutputKind.Check:
                CheckLiveness(now, output.Check);
                break;
            case TableOutputKind.NodeAdded:
                Put(new NodeAdded(output.Node));
                break;
            case TableOutputKind.NodeRemoved:
                Put(new NodeRemoved(output.Node));
                break;
        }
    }

    private void CheckLiveness(Timestamp now, LivenessCheck check) => SendPing(now, check.Node, (t, reply) =>
    {
        if (reply is null)
        {
            Table.CheckFailed(t, check);
        }
        else if (reply.RecordSequence > check.Node.Sequence)
        {
            FetchRecord(t, check.Node, (t2, record) => Pass(t2, check, record));
        }
        else
        {
            Pass(t, check, null);
        }
    });

    private void Pass(Timestamp now, LivenessCheck check, NodeRecord? record)
    {
        Table.CheckPassed(now, check, record is null ? null : ToNode(record, check.Node));
        if (check.Entry.IsInBucket && check.Entry.LivenessChecks > NodeProven.Checks)
        {
            Put(new NodeProven(check.Entry.Node));
        }
    }

    protected static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null || b < a ? b : a;
}
