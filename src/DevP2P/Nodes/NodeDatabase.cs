using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace DevP2P.Nodes;

/// <summary>
/// What a node remembers of other nodes, across restarts if it has a file. All of it is in bounded memory: reading never waits
/// for a disk, and what is recorded here follows to a SQLite file in the background, about a second later. A process that is
/// killed loses that second and no more. Safe for concurrent use.
/// </summary>
/// <remarks>
/// <para>Go: <c>enode.DB</c>; <see cref="Open"/> is <c>OpenDB</c>. Trouble with the file never reaches the network code: it is
/// logged, counted, and what could not be written is kept and tried again.</para>
/// <para>Unlike Go's, a file that cannot be read, or is of a newer version, is renamed and not deleted; only an answered ping,
/// a call to <see cref="RecordNode"/>, and never a ping from outside makes an entry; there are bounds on all nodes and on those
/// of one network; nodes that proved useful as peers stay longest (threat T03).</para>
/// </remarks>
internal sealed partial class NodeDatabase : IAsyncDisposable
{
    /// <summary>The most addresses that are remembered of one node; the one that answered longest ago goes first.</summary>
    public const int MaxAddressesPerNode = 4;

    /// <summary>The greatest number of values that <see cref="SetMeta"/> keeps.</summary>
    public const int MaxMetaEntries = 256;

    /// <summary>The greatest size of such a value in bytes.</summary>
    public const int MaxMetaSize = 64 * 1024;

    /// <summary>The most seeds (or useful nodes) of one IPv4 /24 or IPv6 /48 in one draw; the local network is exempt.</summary>
    public const int MaxSeedsPerNetwork = 2;

    /// <summary>A node that did not answer a ping for this long is dropped.</summary>
    /// <remarks>Go: <c>dbNodeExpiration</c>.</remarks>
    public static readonly TimeSpan NodeExpiration = TimeSpan.FromHours(24);

    /// <summary>A node that proved useful is kept for this long after it last did.</summary>
    public static readonly TimeSpan UsefulExpiration = TimeSpan.FromDays(30);

    /// <summary>
    /// How often silent nodes are dropped: first this long after a node answered in this run. While nobody answers nothing is
    /// dropped: then the network is away, not the nodes.
    /// </summary>
    /// <remarks>Go: <c>dbCleanupCycle</c>, <c>ensureExpirer</c>.</remarks>
    public static readonly TimeSpan ExpirationCycle = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private readonly NodeDatabaseOptions _options;
    private readonly ILogger _logger;
    private readonly Dictionary<NodeId, NodeDatabaseEntry> _nodes;
    private readonly Dictionary<ulong, int> _networks = [];
    private readonly Dictionary<NodeId, NodeDatabaseLocal> _local;
    private readonly Dictionary<string, byte[]> _meta;
    private long? _expirationTimer;
    private long _evicted;
    private long _refused;
    private long _expired;

    private NodeDatabase(string? path, NodeDatabaseOptions options, IReadOnlyList<string> schema)
    {
        _options = options;
        _schema = schema;
        _logger = options.LoggerFactory.CreateLogger<NodeDatabase>();
        NodeDatabaseContents contents = new();
        if (path is not null)
        {
            try
            {
                _file = NodeDatabaseFile.Open(path, schema, options.TimeProvider, _logger, out contents);
                Path = path;
            }
            catch (Exception e) when (NodeDatabaseFile.IsFileProblem(e))
            {
                NodeDatabaseLog.DatabaseUnusable(_logger, path, NodeDatabaseFile.Explain(e));
                contents = new NodeDatabaseContents();
            }
        }

        _nodes = contents.Nodes;
        _local = contents.Local;
        _meta = contents.Meta;
        _bans = new NodeDatabaseRows<NodeDatabaseBan>(contents.Bans, MaxBans);
        _standings = new NodeDatabaseRows<NodeDatabaseStanding>(contents.Standings, MaxStandings);
        foreach (NodeDatabaseEntry entry in _nodes.Values)
        {
            Count(entry.Network, 1);
        }

        if (_file is not null)
        {
            _timer = options.TimeProvider.CreateTimer(static self => ((NodeDatabase)self!).Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _writer = Task.Run(WriteLoopAsync);
        }

        lock (_gate)
        {
            MakeRoom(_options.MaxNodes);
        }
    }

    /// <summary>The file, or null when everything is in memory only.</summary>
    public string? Path { get; }

    /// <summary>Nodes that are remembered.</summary>
    public int NodeCount
    {
        get
        {
            lock (_gate)
            {
                return _nodes.Count;
            }
        }
    }

    /// <summary>
    /// Opens or creates a database; blocks for as long as the disk takes. Never fails for what is wrong with the file: a
    /// corrupt one and one of a newer version are renamed (<c>.corrupt-</c> or <c>.newer-</c> and the UTC time are added) and a
    /// new one is started; one that cannot be used, or that another process uses, is left alone, and then <see cref="Path"/>
    /// is null and everything stays in memory. The log says which.
    /// </summary>
    /// <param name="path">The file; null or empty for memory only, without any background task.</param>
    /// <param name="options">How to keep it.</param>
    /// <exception cref="ArgumentOutOfRangeException">A limit in the options is less than 1.</exception>
    /// <remarks>Go: <c>enode.OpenDB</c>.</remarks>
    public static NodeDatabase Open(string? path, NodeDatabaseOptions? options = null) => OpenWith(path, options, NodeDatabaseFile.Schema);

    internal static NodeDatabase OpenWith(string? path, NodeDatabaseOptions? options, IReadOnlyList<string> schema)
    {
        options ??= new NodeDatabaseOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxNodes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxNodesPerNetwork, 1);
        return new NodeDatabase(string.IsNullOrEmpty(path) ? null : System.IO.Path.GetFullPath(path), options, schema);
    }

    /// <summary>What is known of a node, or null.</summary>
    /// <remarks>Go: <c>DB.Node</c>, <c>NodeSeq</c>, <c>LastPingReceived</c>, <c>LastPongReceived</c>, <c>FindFails</c>.</remarks>
    public NodeDatabaseEntry? Find(NodeId id)
    {
        lock (_gate)
        {
            return _nodes.GetValueOrDefault(id);
        }
    }

    /// <summary>All nodes, in no order: for a start, to take over the endpoint proofs that still hold.</summary>
    public IReadOnlyList<NodeDatabaseEntry> GetNodes()
    {
        lock (_gate)
        {
            return [.. _nodes.Values];
        }
    }

    /// <summary>
    /// Nodes to start from: a uniform random sample of those with an endpoint that answered at their present address within
    /// <paramref name="maxAge"/>, at most <see cref="MaxSeedsPerNetwork"/> of one network.
    /// </summary>
    /// <param name="count">How many at most; go-ethereum takes 30.</param>
    /// <param name="maxAge">go-ethereum: 5 days.</param>
    /// <remarks>Go: <c>DB.QuerySeeds</c>.</remarks>
    public IReadOnlyList<NodeDatabaseEntry> GetSeeds(int count, TimeSpan maxAge)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        DateTimeOffset oldest = Now() - maxAge;
        NodeDatabaseEntry[] candidates;
        lock (_gate)
        {
            candidates = [.. _nodes.Values];
        }

        List<NodeDatabaseEntry> seeds = [];
        Dictionary<ulong, int> networks = [];
        for (int left = candidates.Length; left > 0 && seeds.Count < count; left--)
        {
            int drawn = _options.Random.Next(left);
            NodeDatabaseEntry entry = candidates[drawn];
            candidates[drawn] = candidates[left - 1];
            if (entry.Node?.Address is { } address && entry.FindContact(address)?.LastPong >= oldest && TakeShare(networks, entry.Network))
            {
                seeds.Add(entry);
            }
        }

        return seeds;
    }

    /// <summary>
    /// Nodes with an endpoint that proved useful as peers within <see cref="UsefulExpiration"/>, the best first, at most
    /// <see cref="MaxSeedsPerNetwork"/> of one network: to dial after a start, whatever discovery says (threat T03).
    /// </summary>
    /// <param name="count">How many at most.</param>
    public IReadOnlyList<NodeDatabaseEntry> GetUsefulNodes(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        DateTimeOffset oldest = Now() - UsefulExpiration;
        List<NodeDatabaseEntry> useful = [];
        lock (_gate)
        {
            useful.AddRange(_nodes.Values.Where(entry => entry.Node?.Address is not null && entry.IsUsefulSince(oldest)));
        }

        Dictionary<ulong, int> networks = [];
        return [.. useful
            .OrderByDescending(static entry => entry.UsefulScore)
            .ThenByDescending(static entry => entry.UsefulAt)
            .Where(entry => TakeShare(networks, entry.Network))
            .Take(count)];
    }

    /// <summary>The sequence number of an own node's last record that was stored, or 0.</summary>
    /// <remarks>
    /// Go: <c>DB.localSeq</c>. That a lost database does not lead to numbers used before is the care of <see cref="LocalNode"/>.
    /// </remarks>
    public ulong GetLocalSequence(NodeId ownId)
    {
        lock (_gate)
        {
            return _local.GetValueOrDefault(ownId).Sequence;
        }
    }

    /// <summary>An own node's last record that was stored, or null when there is none or it is damaged.</summary>
    public NodeRecord? GetLocalRecord(NodeId ownId)
    {
        ReadOnlyMemory<byte> encoded;
        lock (_gate)
        {
            encoded = _local.GetValueOrDefault(ownId).Record;
        }

        return NodeRecord.TryDecode(encoded.Span, out NodeRecord? record, out _) && record.NodeId == ownId ? record : null;
    }

    /// <summary>A value that <see cref="SetMeta"/> stored, or null. A copy.</summary>
    public byte[]? GetMeta(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        lock (_gate)
        {
            return _meta.TryGetValue(key, out byte[]? value) ? [.. value] : null;
        }
    }

    /// <summary>Figures since the opening.</summary>
    public NodeDatabaseStatistics GetStatistics()
    {
        lock (_gate)
        {
            return new NodeDatabaseStatistics
            {
                Nodes = _nodes.Count,
                Pending = _rewrite ? _nodes.Count : _dirtyNodes.Count,
                Evicted = _evicted,
                Refused = _refused,
                Expired = _expired,
                Coalesced = _coalesced,
                Written = _written,
                WriteFailures = _writeFailures,
            };
        }
    }

    private static bool TakeShare(Dictionary<ulong, int> networks, ulong network) =>
        network == 0 || ++CollectionsMarshal.GetValueRefOrAddDefault(networks, network, out _) <= MaxSeedsPerNetwork;

    /// <summary>The time in whole milliseconds, as the file keeps it.</summary>
    private DateTimeOffset Now() => DateTimeOffset.FromUnixTimeMilliseconds(_options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds());
}
