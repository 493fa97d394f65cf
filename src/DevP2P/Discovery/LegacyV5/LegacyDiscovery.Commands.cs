using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <content>Commands, and what <see cref="DiscoveryMachine"/> asks for.</content>
internal sealed partial class LegacyDiscovery
{
    protected override SearchTarget SelfTarget => new(Local.Id);

    /// <summary>Looks for the nodes closest to an id. With an empty table, that is filled first.</summary>
    /// <returns>The id that <see cref="LookupDone"/> will have.</returns>
    /// <remarks>Go: <c>Network.Lookup</c>.</remarks>
    public long StartLookup(Timestamp now, NodeId target) => StartLookup(now, new SearchTarget(target));

    /// <summary>Replaces the points of contact, and begins to fill the table from them.</summary>
    /// <remarks>Go: <c>Network.SetFallbackNodes</c>.</remarks>
    public void SetFallbackNodes(Timestamp now, IReadOnlyList<Node> nodes)
    {
        BootstrapNodes = nodes;
        Refresh(now);
    }

    /// <summary>Different nodes of the table in random order.</summary>
    /// <remarks>Go: <c>Network.ReadRandomNodes</c>.</remarks>
    public Node[] GetRandomNodes(int count)
    {
        var nodes = new Node[Math.Min(count, NodeTable.BucketCount * Bucket.Capacity)];
        return nodes[..Table.GetRandom(liveOnly: true, nodes)];
    }

    protected override SearchTarget ChooseTarget()
    {
        Span<byte> target = stackalloc byte[NodeId.Size];
        _options.Random.Fill(target);
        return new SearchTarget(new NodeId(target));
    }

    protected override SearchTarget TargetOf(Node node) => new(node.Id);

    protected override Output PingEnded(long id, PingReply? reply) => new PingDone(id, reply);

    /// <summary>Nodes of that age have no records.</summary>
    protected override void FetchRecord(Timestamp now, Node node, Action<Timestamp, NodeRecord?> done) => Later(now, t => done(t, null));

    /// <summary>Instead of a record a pong says that a node is where it is said to be.</summary>
    protected override void FetchNode(Timestamp now, Node? node, Action<Timestamp, Node?> done)
    {
        if (node?.UdpEndPoint is null)
        {
            done(now, null);
            return;
        }

        Verify(now, node, (t, remote) => done(t, remote?.Node));
    }
}
