using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <content>Commands, and what <see cref="DiscoveryMachine"/> asks for.</content>
internal sealed partial class Discv4
{
    protected override SearchTarget SelfTarget => TargetOf(Local.PublicKey);

    /// <summary>Asks a node for its record.</summary>
    /// <returns>The id that <see cref="RecordDone"/> will have.</returns>
    /// <remarks>Go: <c>UDPv4.RequestENR</c>.</remarks>
    public long RequestRecord(Timestamp now, Node node)
    {
        long id = NextId();
        FetchRecord(now, node, (_, record) => Put(new RecordDone(id, record)));
        Settle(now);
        return id;
    }

    /// <summary>Looks for the nodes closest to a target. With an empty table, that is filled first.</summary>
    /// <param name="now">The time.</param>
    /// <param name="target">64 bytes: a public key, or anything else; what counts is their hash.</param>
    /// <returns>The id that <see cref="LookupDone"/> will have.</returns>
    /// <remarks>Go: <c>UDPv4.LookupPubkey</c>.</remarks>
    public long StartLookup(Timestamp now, ReadOnlySpan<byte> target)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(target.Length, FindNode.TargetSize);
        return StartLookup(now, ToTarget(target.ToArray()));
    }

    protected override SearchTarget ChooseTarget()
    {
        byte[] target = new byte[FindNode.TargetSize];
        _options.Random.Fill(target);
        return ToTarget(target);
    }

    protected override SearchTarget TargetOf(Node node) => TargetOf(node.PublicKey);

    protected override Output PingEnded(long id, PingReply? reply) => new PingDone(id, reply);

    protected override void SendPing(Timestamp now, Node node, Action<Timestamp, PingReply?> done)
    {
        if (node.SharedUdpEndPoint is not { } to)
        {
            Later(now, t => done(t, null));
            return;
        }

        SendPing(now, node.Id, to, attempts: 1, (t, pong) =>
            done(t, pong is null ? null : new PingReply(t - now, pong.To.ToUdp(), pong.RecordSequence)));
    }

    protected override void Ask(Timestamp now, Search search, Node node) =>
        Find(now, node, search.Target, (t, nodes) => AskEnded(t, search, node, nodes));

    private static SearchTarget TargetOf(PublicKey key) => new(key.NodeId, key.Bytes.ToArray());

    private static SearchTarget ToTarget(byte[] key)
    {
        Span<byte> hash = stackalloc byte[NodeId.Size];
        Keccak256.Hash(key, hash);
        return new SearchTarget(new NodeId(hash), key);
    }
}
