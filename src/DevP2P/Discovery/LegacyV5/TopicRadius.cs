using System.Buffers.Binary;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>
/// How far around a topic's hash it is advertised. Nodes are samples: inside the radius, where it is busy, or outside. Says where to
/// look next, to learn more or to do what the radius is for. Not safe for concurrent calls.
/// </summary>
/// <remarks>
/// <para>Go: <c>topicRadius</c>.</para>
/// <para>
/// Distances are the first 64 bits of the exclusive or, in buckets of an eighth of a bit, the farthest first. Unlike Go's, this
/// counts a node once, with its latest answer, few of one network, and a lookup as one in vain only after it has ended.
/// </para>
/// </remarks>
internal sealed partial class TopicRadius
{
    /// <summary>The radius that has all nodes in it.</summary>
    public const ulong Max = ulong.MaxValue;

    /// <summary>Answers to what a lookup has led to come within so long, or not at all.</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(6);

    /// <summary>A lookup that has not ended by then never does.</summary>
    private static readonly TimeSpan LookupTime = TimeSpan.FromMinutes(2);

    private readonly Topic _topic;
    private readonly RandomSource _random;
    private readonly ulong _center;
    private readonly Dictionary<NodeId, Sample> _samples = [];
    private readonly DistinctNetworks _networks = new(TopicLimits.MaxRadiusSamplesPerNetwork, ipv6PrefixLength: 48);
    private readonly Dictionary<NodeId, Attempt> _attempts = [];
    private readonly Dictionary<int, TimeSpan> _vain = [];

    public TopicRadius(Topic topic, RandomSource random)
    {
        (_topic, _random) = (topic, random);
        _center = Leading(topic.ComputeHash());
    }

    /// <summary>Nodes closer to the topic than this are inside, as far as is known; all, as long as little is known.</summary>
    public ulong Radius { get; private set; } = Max;

    /// <summary>As many samples as make a radius are closer than this.</summary>
    public ulong MinRadius { get; private set; } = Max;

    /// <summary>Whether no more lookups are needed to know the radius.</summary>
    public bool IsConverged { get; private set; }

    /// <summary>How many nodes are known.</summary>
    public int SampleCount => _samples.Count;

    /// <summary>Whether what a node has said is still known.</summary>
    public bool HasSample(TimeSpan now, NodeId node) =>
        _samples.TryGetValue(node, out Sample sample) && now - sample.At < TopicLimits.RadiusTimeConstant;

    /// <summary>Takes what a node has said.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">The node; its former answer no longer counts.</param>
    /// <param name="inside">How much it is inside, 0 to 1.</param>
    public void AddSample(TimeSpan now, Node node, double inside)
    {
        int bucket = GetBucket(Leading(node.Id) ^ _center);
        bool isKnown = _samples.TryGetValue(node.Id, out Sample old);
        if (isKnown)
        {
            _samples[node.Id] = old with { Inside = inside, At = now };
        }
        else if (node.Address is { } address && _networks.TryAdd(address))
        {
            MakeRoom();
            _samples.Add(node.Id, new Sample(bucket, inside, now, address));
        }
        else
        {
            return;
        }

        // What was already known is no reason to go on looking there.
        if (!isKnown || now - old.At >= TopicLimits.RadiusTimeConstant)
        {
            foreach ((NodeId target, Attempt attempt) in _attempts)
            {
                if (attempt.Bucket == bucket)
                {
                    _attempts.Remove(target);
                }
            }
        }
    }

    /// <summary>The next lookup for the topic.</summary>
    /// <param name="now">The time.</param>
    /// <param name="isForRadius">Whether it may be one for the radius, if that is not certain.</param>
    public TopicLookup NextLookup(TimeSpan now, bool isForRadius)
    {
        int? bucket = Estimate(now);
        if (isForRadius && bucket is int chosen)
        {
            NodeId target = ToTarget(ChooseDistance(chosen));
            _attempts[target] = new Attempt(chosen, now + LookupTime);
            return new TopicLookup(_topic, target, IsForRadius: true);
        }

        // Evenly inside, and less and less for another half of the radius: the rim is where others may see it elsewhere.
        ulong margin = Math.Min(Radius / 2, Max - Radius);
        ulong sum = TopicRandom.Below(_random, Radius) + TopicRandom.Below(_random, 2 * margin);
        return new TopicLookup(_topic, ToTarget(sum > margin ? sum - margin : margin - sum), IsForRadius: false);
    }

    /// <summary>A lookup of <see cref="NextLookup"/> has ended, and the nodes that it found are being asked.</summary>
    public void LookupEnded(TimeSpan now, NodeId target)
    {
        if (_attempts.TryGetValue(target, out Attempt attempt))
        {
            _attempts[target] = attempt with { VainAt = now + AnswerTime };
        }
    }

    /// <summary>The first 64 bits of an id.</summary>
    private static ulong Leading(NodeId id) => Distance.Leading(id, default);

    private void MakeRoom()
    {
        if (_samples.Count >= TopicLimits.MaxRadiusSamples)
        {
            (NodeId oldest, Sample sample) = _samples.MinBy(pair => pair.Value.At);
            _samples.Remove(oldest);
            _networks.Remove(sample.Address);
        }
    }

    private NodeId ToTarget(ulong distance)
    {
        Span<byte> target = stackalloc byte[NodeId.Size];
        _random.Fill(target);
        BinaryPrimitives.WriteUInt64BigEndian(target, _center ^ distance);
        return new NodeId(target);
    }

    private ulong ChooseDistance(int bucket)
    {
        ulong min = DistanceAt(bucket + 1);
        return min + TopicRandom.Below(_random, DistanceAt(bucket) - min);
    }

    private readonly record struct Sample(int Bucket, double Inside, TimeSpan At, System.Net.IPAddress Address);

    /// <summary>A lookup for the radius that has brought nothing new in its bucket yet.</summary>
    private readonly record struct Attempt(int Bucket, TimeSpan VainAt);
}
