using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Discovery.Core;

/// <summary>What a refresh needs next.</summary>
internal enum RefreshStep : byte
{
    /// <summary>Nothing: no refresh is running, or its step has been handed out and has not ended.</summary>
    None,

    /// <summary>Hand in the seeds: <see cref="TableRefresh.SeedsLoaded"/>.</summary>
    LoadSeeds,

    /// <summary>Look up our own id, then <see cref="TableRefresh.LookupEnded"/>.</summary>
    LookUpSelf,

    /// <summary>Look up a random id, then <see cref="TableRefresh.LookupEnded"/>.</summary>
    LookUpRandom,
}

/// <summary>
/// Fills a table and keeps it full: at the start, soon again for as long as that brings much, then every 15 to 30 minutes, and
/// whenever the table is empty, it puts seeds into the table, looks up our own id and then random ones, for as long as that brings
/// much. The first refresh initializes the table. Sans-IO; not safe for concurrent calls.
/// </summary>
/// <remarks>
/// <para>Go: <c>Table.doRefresh</c>, <c>loadSeedNodes</c>, <c>nextRefreshTime</c>.</para>
/// <para>
/// Other than in Go, a node that knows its network asks less of it: of the packets of a calm network most are lookups' and their
/// endpoint proofs', and those after the first minutes add nearly nothing to any table.
/// </para>
/// <para>
/// After any event of the table's owner, and at <see cref="NextTimeout"/>, the owner calls <see cref="TryGetStep"/> until it
/// returns false. Each step ends with one call of <see cref="SeedsLoaded"/> or <see cref="LookupEnded"/>.
/// </para>
/// </remarks>
internal sealed class TableRefresh
{
    /// <summary>The longest time between two refreshes in the long run; the shortest is half of it.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(30);

    /// <summary>
    /// The longest time between the first two refreshes; four times as long with each one until <see cref="Interval"/>, which it is
    /// at once when an early refresh brings little (<see cref="LittleDivisor"/>). Nodes that start together have nobody to name to one
    /// another yet, and a network of go-ethereum's that is born like this can stay half known for half an hour.
    /// </summary>
    public static readonly TimeSpan FirstInterval = TimeSpan.FromSeconds(20);

    /// <summary>The shortest time from the end of a refresh to the next one when the table is empty or the owner asks for one.</summary>
    public static readonly TimeSpan MinInterval = TimeSpan.FromSeconds(10);

    /// <summary>How many nodes from the database a refresh takes.</summary>
    public const int MaxSeeds = 30;

    /// <summary>How many random ids a refresh looks up at most; after the first one only while the lookup before brings much.</summary>
    public const int RandomLookups = 3;

    /// <summary>How many an early one looks up, until they come every <see cref="Interval"/>, if the lookup of our own id brings much.</summary>
    public const int EarlyRandomLookups = 1;

    /// <summary>
    /// A lookup, or a refresh, brings little if fewer than one in so many of the table's entries were added meanwhile, whoever named
    /// them. With fewer entries than that, none counts as bringing little: the network may just be coming into being.
    /// </summary>
    public const int LittleDivisor = 16;

    private readonly NodeTable _table;
    private readonly RandomSource _random;
    private RefreshStep _step;
    private bool _isHandedOut;
    private int _lookupsLeft;
    private TimeSpan _due;
    private TimeSpan _interval;
    private TimeSpan? _lastEnd;
    private bool _isEarly;

    // What the table had ever added when the refresh, and its current lookup, began.
    private long _addedBefore;
    private long _addedBeforeLookup;

    /// <summary>The first refresh is due at once.</summary>
    public TableRefresh(Timestamp now, NodeTable table, RandomSource random)
    {
        (_table, _random, _due) = (table, random, now.Monotonic);
    }

    /// <summary>Whether a refresh is running.</summary>
    public bool IsRunning => _step != RefreshStep.None;

    /// <summary>
    /// When <see cref="TryGetStep"/> has something to say, on the monotonic clock; null while a refresh waits for the end of a
    /// step.
    /// </summary>
    public TimeSpan? NextTimeout =>
        IsRunning ? null
        : _table.Count > 0 || _lastEnd is not TimeSpan last || _due < last + MinInterval ? _due
        : last + MinInterval;

    /// <summary>Asks for a refresh soon: because nothing can be found, or on the operator's word.</summary>
    public void Request(Timestamp now)
    {
        TimeSpan earliest = _lastEnd is TimeSpan last && last + MinInterval > now.Monotonic ? last + MinInterval : now.Monotonic;
        _due = earliest < _due ? earliest : _due;
    }

    /// <summary>What is to be done now. Each step is handed out once.</summary>
    public bool TryGetStep(Timestamp now, out RefreshStep step)
    {
        if (NextTimeout <= now.Monotonic)
        {
            _isEarly = _lastEnd is not null && _interval * 4 <= Interval && _table.Count > 0;
            (_step, _isHandedOut, _lookupsLeft) = (RefreshStep.LoadSeeds, false, _isEarly ? EarlyRandomLookups : RandomLookups);
            _addedBefore = _table.Added;
        }

        step = _isHandedOut ? RefreshStep.None : _step;
        _isHandedOut = true;
        return step != RefreshStep.None;
    }

    /// <summary>The seeds for <see cref="RefreshStep.LoadSeeds"/>. They enter the table by its rules.</summary>
    /// <param name="now">The time.</param>
    /// <param name="proven">Nodes from the database, best first; of more than <see cref="MaxSeeds"/> only the first are taken.</param>
    /// <param name="named">The operator's bootstrap nodes, host names resolved. Those without an address are passed over.</param>
    public void SeedsLoaded(Timestamp now, ReadOnlySpan<Node> proven, ReadOnlySpan<Node> named)
    {
        if (_step != RefreshStep.LoadSeeds)
        {
            return;
        }

        foreach (Node node in proven[..Math.Min(proven.Length, MaxSeeds)])
        {
            _table.AddSeed(now, node, isOperatorNamed: false);
        }

        foreach (Node node in named)
        {
            _table.AddSeed(now, node, isOperatorNamed: true);
        }

        (_step, _isHandedOut, _addedBeforeLookup) = (RefreshStep.LookUpSelf, false, _table.Added);
    }

    /// <summary>The lookup of a step has ended, whatever it found.</summary>
    public void LookupEnded(Timestamp now)
    {
        if (_step is not (RefreshStep.LookUpSelf or RefreshStep.LookUpRandom))
        {
            return;
        }

        bool goesOn = !IsLittleSince(_addedBeforeLookup) || (_step == RefreshStep.LookUpSelf && !_isEarly);
        (_step, _isHandedOut, _addedBeforeLookup) = (RefreshStep.LookUpRandom, false, _table.Added);
        if (_lookupsLeft-- > 0 && goesOn)
        {
            return;
        }

        _step = RefreshStep.None;
        _interval = _lastEnd is null ? FirstInterval
            : IsLittleSince(_addedBefore) || _interval * 4 > Interval ? Interval
            : _interval * 4;
        (_lastEnd, _due) = (now.Monotonic, now.Monotonic + (_interval / 2) + RandomDelay.Below(_random, _interval / 2));
        _table.MarkInitialized();
    }

    /// <summary>Whether what was added to the table since a moment is little.</summary>
    private bool IsLittleSince(long added) => _table.Count >= LittleDivisor && (_table.Added - added) * LittleDivisor < _table.Count;
}
