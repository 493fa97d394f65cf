using System.Buffers.Binary;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.LegacyV5;

/// <summary>
/// What other nodes register here: issues tickets, checks them when they are used, keeps the entries and gives them to those who
/// ask. Not safe for concurrent calls. Times are of the monotonic clock and never go back.
/// </summary>
/// <remarks>
/// <para>Go: <c>topicTable</c>.</para>
/// <para>
/// Issuing a ticket costs no memory: its serial number is a hash, with a secret, of all that the ticket says, of the node and of
/// its address. So a ticket serves nobody else, whoever hoards tickets fills nothing, and a used one is refused because its window
/// is over or because it is the last one that the node has used.
/// </para>
/// </remarks>
internal sealed partial class TopicTable
{
    private const int SecretSize = 32;

    private static readonly NodeId NoTopics = Topic.HashOf([]);

    private readonly RandomSource _random;
    private readonly byte[] _secret = new byte[SecretSize];
    private readonly long _clockOffset;

    /// <param name="now">The time: pongs tell others a time of the wall clock, which is this one's for good.</param>
    /// <param name="random">The source.</param>
    public TopicTable(Timestamp now, RandomSource random)
    {
        _random = random;
        _random.Fill(_secret);
        _clockOffset = now.Utc.ToUnixTimeSeconds() - Seconds(now.Monotonic);
        _nextCollection = now.Monotonic + TopicLimits.CollectionInterval;
    }

    /// <summary>Makes the ticket that answers a ping.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">Who has sent it, with the address that it came from.</param>
    /// <param name="topics">The ping's, at most <see cref="TopicLimits.MaxTopicsPerPing"/>.</param>
    public Ticket GetTicket(TimeSpan now, Node node, IReadOnlyList<Topic> topics)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(topics.Count, TopicLimits.MaxTopicsPerPing);
        CollectGarbage(now);
        uint[] waits = topics.Count == 0 ? [] : new uint[topics.Count];
        for (int i = 0; i < waits.Length; i++)
        {
            waits[i] = (uint)GetWait(now, topics[i]).TotalSeconds;
        }

        ulong expiration = (ulong)(_clockOffset + Seconds(now) + Seconds(TopicLimits.PongLifetime));
        NodeId hash = topics.Count == 0 ? NoTopics : Topic.HashOf(topics);
        return new Ticket(expiration, hash, ComputeSerial(node, expiration, hash, waits), waits);
    }

    /// <summary>How long a ticket for a topic has to wait that is issued now.</summary>
    public TimeSpan GetWait(TimeSpan now, Topic topic) =>
        _topics.TryGetValue(topic, out TopicEntries? entries) ? entries.Wait.GetWait(now) : TopicLimits.MinWait;

    /// <summary>
    /// Whether we have issued a ticket to a node at its present address. Costs one hash: the pong's signature need not be checked
    /// for those that fail, and can hardly be wrong for those that pass.
    /// </summary>
    public bool IsIssued(Node node, Ticket ticket) =>
        ticket.WaitPeriods.Length <= TopicLimits.MaxTopicsPerPing
        && ComputeSerial(node, ticket.Expiration, ticket.TopicHash, ticket.WaitPeriods) == ticket.Serial;

    /// <summary>Registers a node for a topic.</summary>
    /// <param name="now">The time.</param>
    /// <param name="node">Who wants to be registered, with the address that the packet came from.</param>
    /// <param name="ticket">From the pong in the packet, whose signature was found to be ours.</param>
    /// <param name="topics">The topics that the packet names.</param>
    /// <param name="index">Which of them is meant; others may send any number.</param>
    public TicketUse UseTicket(TimeSpan now, Node node, Ticket ticket, IReadOnlyList<Topic> topics, int index)
    {
        CollectGarbage(now);
        if ((uint)index >= (uint)topics.Count || ticket.WaitPeriods.Length != topics.Count
            || !IsIssued(node, ticket) || Topic.HashOf(topics) != ticket.TopicHash)
        {
            return TicketUse.Invalid;
        }

        // As the ticket is one of ours, its numbers are too, and nothing overflows.
        long issuedAt = (long)ticket.Expiration - Seconds(TopicLimits.PongLifetime) - _clockOffset;
        long age = Seconds(now) - issuedAt - ticket.WaitPeriods[index];
        if (age is < -1 or > TopicLimits.TicketWindow + 1)
        {
            return TicketUse.OutsideWindow;
        }

        return Register(now, node, new UsedTicket(ticket.Serial, issuedAt, 1UL << index), topics[index]);
    }

    private static long Seconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerSecond;

    private uint ComputeSerial(Node node, ulong expiration, in NodeId topicHash, ReadOnlySpan<uint> waits)
    {
        Span<byte> fixedPart = stackalloc byte[SecretSize + (2 * NodeId.Size) + 16 + sizeof(ulong)];
        _secret.CopyTo(fixedPart);
        node.Id.CopyTo(fixedPart[SecretSize..]);
        topicHash.CopyTo(fixedPart[(SecretSize + NodeId.Size)..]);
        Span<byte> rest = fixedPart[(SecretSize + (2 * NodeId.Size))..];
        BinaryPrimitives.WriteUInt128BigEndian(rest, node.UdpEndPoint is { } endPoint ? CompactEndPoint.From(endPoint).Address : 0);
        BinaryPrimitives.WriteUInt64BigEndian(rest[16..], expiration);
        Span<byte> waitPart = stackalloc byte[sizeof(uint) * TopicLimits.MaxTopicsPerPing];
        for (int i = 0; i < waits.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(waitPart[(sizeof(uint) * i)..], waits[i]);
        }

        Span<byte> digest = stackalloc byte[Keccak256.DigestSize];
        Keccak256.Hash(fixedPart, waitPart[..(sizeof(uint) * waits.Length)], digest);
        return BinaryPrimitives.ReadUInt32BigEndian(digest);
    }
}
