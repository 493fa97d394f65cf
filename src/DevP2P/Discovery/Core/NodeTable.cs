using System.Diagnostics.CodeAnalysis;
using System.Net;
using DevP2P.Crypto;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>
/// The node table: known nodes in buckets by their distance from us, of which the table itself decides whom to check for
/// liveness and whom to drop. A state machine without I/O that knows no protocol: pings are its outputs, what came of them its
/// inputs. Not safe for concurrent calls.
/// </summary>
/// <remarks>
/// <para>Go: <c>discover.Table</c>.</para>
/// <para>
/// Facts: <see cref="AddSeed"/>, <see cref="AddFound"/>, <see cref="AddInbound"/>, <see cref="QueryEnded"/>,
/// <see cref="CheckPassed"/>, <see cref="CheckFailed"/>, <see cref="Remove"/>, <see cref="MarkInitialized"/>,
/// <see cref="HandleTimeout"/>. Outputs: <see cref="TryDequeue"/>, <see cref="NextTimeout"/>. Getters: the rest. After any
/// fact, the owner drains <see cref="TryDequeue"/>.
/// </para>
/// <para>
/// Bounded: 17 buckets of 16 entries and 10 replacements, allocated as they fill. Nothing is looked up outside of it.
/// </para>
/// </remarks>
internal sealed partial class NodeTable
{
    /// <summary>
    /// One bucket for each of the 16 greatest logarithmic distances, and one for all below, where hardly any node ever is.
    /// </summary>
    public const int BucketCount = 17;

    /// <summary>Queries in a row without a useful answer after which a node is dropped.</summary>
    public const int MaxFailedQueries = 5;

    /// <summary>A bucket with fewer entries keeps nodes however many queries fail, so that small networks do not fall apart.</summary>
    public const int MinEntriesToDrop = Bucket.Capacity / 4;

    /// <summary>What a failed liveness check divides the number of passed ones by. At zero the node is dropped.</summary>
    public const int FailedCheckDivisor = 3;

    private readonly NodeId _self;
    private readonly RandomSource _random;
    private readonly NetList? _netRestrict;
    private readonly Revalidation _revalidation;
    private readonly Bucket?[] _buckets = new Bucket?[BucketCount];
    private readonly DistinctNetworks _networks = DistinctNetworks.ForTable();
    private readonly Queue<TableOutput> _outputs = [];

    /// <param name="self">Our own id; never stored.</param>
    /// <param name="random">Chooses nodes and times.</param>
    /// <param name="netRestrict">If not null, only nodes in these networks are stored.</param>
    public NodeTable(NodeId self, RandomSource random, NetList? netRestrict = null)
    {
        (_self, _random, _netRestrict) = (self, random, netRestrict);
        _revalidation = new Revalidation(random);
    }

    /// <summary>How many entries there are, without replacements.</summary>
    public int Count { get; private set; }

    /// <summary>How many entries were ever added, other than by taking the place of one that was removed.</summary>
    public long Added { get; private set; }

    /// <summary>Whether nodes that contact us may enter.</summary>
    public bool IsInitialized { get; private set; }

    /// <summary>How many liveness checks are running.</summary>
    public int ActiveChecks => _revalidation.ActiveChecks;

    /// <summary>When <see cref="HandleTimeout"/> is due, on the monotonic clock; null while the table is empty.</summary>
    public TimeSpan? NextTimeout => _revalidation.NextTimeout;

    /// <summary>The bucket of a node; its entries' ids have <see cref="Distance.Log"/> index + 240 from us, those of bucket 0 at most 240.</summary>
    public int GetBucketIndex(in NodeId id) => GetBucketIndex(Distance.Log(_self, id));

    /// <summary>The bucket of the nodes at a logarithmic distance from us.</summary>
    public static int GetBucketIndex(int distance) => Math.Max(0, distance - (Distance.Max - BucketCount + 1));

    /// <summary>The least and the greatest logarithmic distance from us of a bucket's nodes.</summary>
    public static (int Min, int Max) GetDistances(int bucketIndex) =>
        (bucketIndex == 0 ? 1 : bucketIndex + Distance.Max - BucketCount + 1, bucketIndex + Distance.Max - BucketCount + 1);

    /// <summary>The first filling has ended: nodes that contact us may enter from now on (threat T03).</summary>
    public void MarkInitialized() => IsInitialized = true;

    /// <summary>Offers a node from the database, or one that the operator named.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node.</param>
    /// <param name="isOperatorNamed">True for bootstrap nodes: they may have any address (threat T18). The network limits hold for them, too.</param>
    public TableAddResult AddSeed(Timestamp now, Node node, bool isOperatorNamed) =>
        Add(now, node, new Source(node.Address, isOperatorNamed, IsNodeItself: false));

    /// <summary>Offers a node that another one told us of.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node, of which nothing is proven.</param>
    /// <param name="sender">Where the other one's packet came from: only a LAN host may name LAN addresses (threat T18).</param>
    public TableAddResult AddFound(Timestamp now, Node node, IPAddress sender) =>
        Add(now, node, new Source(sender, IsOperatorNamed: false, IsNodeItself: false));

    /// <summary>Offers a node that has contacted us and proved its endpoint.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node at the endpoint that it proved.</param>
    public TableAddResult AddInbound(Timestamp now, Node node) =>
        IsInitialized
            ? Add(now, node, new Source(node.Address, IsOperatorNamed: false, IsNodeItself: true))
            : TableAddResult.NotInitialized;

    /// <summary>
    /// A query to a node has ended. After <see cref="MaxFailedQueries"/> in a row without a useful answer the node is dropped,
    /// unless its bucket has few others.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="id">The node; it need not be in the table.</param>
    /// <param name="isUseful">True if the answer had at least one node in it.</param>
    public void QueryEnded(Timestamp now, NodeId id, bool isUseful)
    {
        if (!TryFind(id, out Bucket? bucket, out int index))
        {
            return;
        }

        TableEntry entry = bucket[index];
        // Not beyond the maximum: a node that was kept may not overflow, and still goes at the next failure.
        entry.FailedQueries = isUseful ? 0 : Math.Min(entry.FailedQueries + 1, MaxFailedQueries);
        if (entry.FailedQueries == MaxFailedQueries && bucket.Entries.Length >= MinEntriesToDrop)
        {
            RemoveAt(now, bucket, index);
        }
    }

    /// <summary>Removes a node, whatever it is; a replacement takes its place.</summary>
    /// <returns>False if it is not in the table.</returns>
    public bool Remove(Timestamp now, NodeId id)
    {
        bool isFound = TryFind(id, out Bucket? bucket, out int index);
        if (isFound)
        {
            RemoveAt(now, bucket!, index);
        }

        return isFound;
    }

    /// <summary>The next output.</summary>
    public bool TryDequeue(out TableOutput output) => _outputs.TryDequeue(out output);

    private TableAddResult Add(Timestamp now, Node node, in Source source)
    {
        NodeId id = node.Id;
        if (id == _self)
        {
            return TableAddResult.Self;
        }

        // First what is cheap and most often true: the node is known.
        int bucketIndex = GetBucketIndex(id);
        Bucket? bucket = _buckets[bucketIndex];
        if (bucket?.IndexOf(id) is >= 0 and int index)
        {
            return Update(now, bucket, index, node, source);
        }

        if (node.Address is null || node.UdpPort == 0)
        {
            return TableAddResult.NoEndPoint;
        }

        if (!IsAllowed(node.Address, source))
        {
            return TableAddResult.AddressNotAllowed;
        }

        bucket ??= _buckets[bucketIndex] = new Bucket();
        if (!TryAddNetwork(bucket, node.Address))
        {
            return TableAddResult.NetworkLimit;
        }

        bool isReplacement = bucket.IsFull;
        TableEntry? entry = bucket.MakeRoom();
        if (entry is not null)
        {
            // In a large network most answers name nodes for buckets that are full.
            RemoveNetwork(bucket, entry.Node.Address!);
            entry.Reuse(node, now.Monotonic);
        }

        bucket.Add(entry ??= new TableEntry(node, now.Monotonic));
        if (isReplacement)
        {
            return TableAddResult.AddedAsReplacement;
        }

        Added++;
        OnAdded(now, entry);
        return TableAddResult.Added;
    }

    private TableAddResult Update(Timestamp now, Bucket bucket, int index, Node node, in Source source)
    {
        Node known = bucket.GetNode(index);
        if (ReferenceEquals(known, node))
        {
            return TableAddResult.Known;
        }

        bool isNewer = node.Sequence > known.Sequence;
        if (isNewer && !source.IsNodeItself && known.UdpEndPoint is { } at)
        {
            // A node of both families, whose record names the one first that it is not known at, has not moved.
            node = node.AtUdpEndPoint(at) ?? node;
        }

        bool isMoved = !IsSameEndPoint(known, node);

        // Of others' words only a newer, signed record counts. The node itself may always move; but as long as it stays where
        // it is, packets without a record do not take away the record that we have.
        bool hasNews = isNewer || (source.IsNodeItself && (isMoved || (known.Sequence == 0 && !known.Equals(node))));
        if (!hasNews || !TryMove(bucket, known, node, source))
        {
            return TableAddResult.Known;
        }

        TableEntry entry = bucket[index];
        bucket.Update(index, node, isLive: entry.IsLive && !isMoved);
        if (isMoved && entry.IsInBucket)
        {
            Revalidation.Move(now.Monotonic, entry, _revalidation.Fast);
        }

        return TableAddResult.Updated;
    }

    /// <summary>Counts a known node in its new network instead of its old one, if its new endpoint is acceptable.</summary>
    private bool TryMove(Bucket bucket, Node known, Node node, in Source source)
    {
        if (node.Address is null || node.UdpPort == 0)
        {
            return false;
        }

        // An address that the node has already is not judged again: the operator may have named it.
        if (node.Address.Equals(known.Address))
        {
            return true;
        }

        if (!IsAllowed(node.Address, source))
        {
            return false;
        }

        RemoveNetwork(bucket, known.Address!);
        if (TryAddNetwork(bucket, node.Address))
        {
            return true;
        }

        bool isBack = TryAddNetwork(bucket, known.Address!);
        System.Diagnostics.Debug.Assert(isBack, "what was just taken back fits");
        return false;
    }

    private void RemoveAt(Timestamp now, Bucket bucket, int index)
    {
        TableEntry removed = bucket.RemoveAt(index, _random, out TableEntry? promoted);
        RemoveNetwork(bucket, removed.Node.Address!);
        if (removed.List is { } list)
        {
            list.Remove(removed);
            Count--;
            _outputs.Enqueue(new TableOutput(TableOutputKind.NodeRemoved, removed, removed.Node));
        }

        if (promoted is not null)
        {
            OnAdded(now, promoted);
        }
    }

    private void OnAdded(Timestamp now, TableEntry entry)
    {
        entry.AddedToBucket = now.Monotonic;
        _revalidation.Fast.Add(now.Monotonic, entry);
        Count++;
        _outputs.Enqueue(new TableOutput(TableOutputKind.NodeAdded, entry, entry.Node));
    }

    private bool IsAllowed(IPAddress address, in Source source) =>
        (_netRestrict is null || _netRestrict.Contains(address))
        && (source.IsOperatorNamed || AddressRules.CheckRelayAddress(source.Address!, address) is null);

    private bool TryAddNetwork(Bucket bucket, IPAddress address)
    {
        if (!_networks.TryAdd(address))
        {
            return false;
        }

        if (bucket.Networks.TryAdd(address))
        {
            return true;
        }

        _networks.Remove(address);
        return false;
    }

    private void RemoveNetwork(Bucket bucket, IPAddress address)
    {
        _networks.Remove(address);
        bucket.Networks.Remove(address);
    }

    private bool TryFind(in NodeId id, [NotNullWhen(true)] out Bucket? bucket, out int index)
    {
        bucket = _buckets[GetBucketIndex(id)];
        index = bucket?.IndexOf(id) ?? -1;
        return index >= 0;
    }

    private static bool IsSameEndPoint(Node a, Node b) => a.UdpPort == b.UdpPort && Equals(a.Address, b.Address);

    /// <summary>Who says something of a node.</summary>
    /// <param name="Address">Where that one is; of a seed and of the node itself the node's own address.</param>
    /// <param name="IsOperatorNamed">Whether it is the operator.</param>
    /// <param name="IsNodeItself">Whether it is the node itself.</param>
    private readonly record struct Source(IPAddress? Address, bool IsOperatorNamed, bool IsNodeItself);
}
