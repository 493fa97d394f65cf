using System.Threading.Channels;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;

namespace DevP2P.Discovery;

/// <summary>
/// A search for nodes that advertise a topic, made by <see cref="TopicDiscovery.SearchTopic"/>. It runs while it is enumerated, which
/// can be done once; a topic is searched for by one enumeration at a time. Nodes come as they are found, each once, and again when
/// its address or port has changed: found means that a third node names it, not that it was reached. Who reads too slowly loses
/// the oldest of 1,024. The enumeration has no end of its own: it ends when it is cancelled or disposed of, or when discovery stops.
/// Safe for concurrent use.
/// </summary>
public sealed class TopicSearch : IAsyncEnumerable<Node>
{
    /// <summary>The time between two lookups of a search, unless set.</summary>
    public static readonly TimeSpan DefaultPeriod = TimeSpan.FromSeconds(5);

    /// <summary>The shortest time between two lookups of a search.</summary>
    public static readonly TimeSpan MinPeriod = TopicLimits.MinSearchPeriod;

    /// <summary>How many nodes wait to be read.</summary>
    private const int Capacity = 1024;

    private readonly TopicDiscovery _discovery;
    private readonly IProgress<bool>? _lookups;
    private readonly Channel<Node> _found = Channel.CreateBounded<Node>(new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest });
    private long _period = DefaultPeriod.Ticks;
    private long _lookupCount;
    private volatile bool _isConverged;
    private int _isEnumerated;

    internal TopicSearch(TopicDiscovery discovery, Topic name, IProgress<bool>? lookups) => (_discovery, Name, _lookups) = (discovery, name, lookups);

    /// <summary>The topic.</summary>
    public string Topic => Name.ToString();

    /// <summary>
    /// How often the network is looked at: short at first, long when enough was found. Can be changed at any time; a shorter one counts
    /// at once. At least <see cref="MinPeriod"/>. Default: <see cref="DefaultPeriod"/>.
    /// </summary>
    /// <remarks>Go: what is sent to <c>setPeriod</c> of <c>Network.SearchTopic</c>.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">It is too short.</exception>
    public TimeSpan Period
    {
        get => TimeSpan.FromTicks(Volatile.Read(ref _period));
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, MinPeriod);
            Volatile.Write(ref _period, value.Ticks);
            _discovery.SetPeriod(this);
        }
    }

    /// <summary>Whether it was certain, at the last lookup, how far around the topic's hash it is advertised.</summary>
    /// <remarks>Go: what is read from <c>lookup</c> of <c>Network.SearchTopic</c>.</remarks>
    public bool IsConverged => _isConverged;

    /// <summary>How many lookups have ended.</summary>
    public long LookupCount => Volatile.Read(ref _lookupCount);

    internal Topic Name { get; }

    /// <summary>Runs the search.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidOperationException">
    /// Discovery has not been started, this search has been enumerated before, its topic is being searched for by another one, or there
    /// are too many searches. Thrown by the first step.
    /// </exception>
    /// <exception cref="ObjectDisposedException">Discovery was stopped before.</exception>
    public async IAsyncEnumerator<Node> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _isEnumerated, 1) != 0)
        {
            throw new InvalidOperationException("a search is enumerated once; make a new one");
        }

        CancellationToken stopped = _discovery.Begin(this);
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopped);
            while (await NextAsync(either.Token).ConfigureAwait(false) is { } node)
            {
                yield return node;
            }

            cancellationToken.ThrowIfCancellationRequested();
        }
        finally
        {
            _discovery.End(this);
        }
    }

    /// <summary>In discovery's loop.</summary>
    internal void Found(Node node) => _found.Writer.TryWrite(node);

    /// <summary>In discovery's loop.</summary>
    internal void LookupEnded(bool isConverged)
    {
        _isConverged = isConverged;
        Interlocked.Increment(ref _lookupCount);
        _lookups?.Report(isConverged);
    }

    private async Task<Node?> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _found.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
