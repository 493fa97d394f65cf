namespace DevP2P.Discovery;

/// <summary>What became of a packet that came in.</summary>
internal enum PacketVerdict
{
    Handled,
    Malformed,
    OverRate,
    Repeated,
    Unwanted,
    Overflowed,
    BadSignature,
}

/// <summary>Counts packets by type and verdict. Safe for concurrent use; each number is right at some moment.</summary>
/// <param name="types">The names of the types by their values; the first one is for packets whose type nobody has found out.</param>
internal sealed class PacketCounts(string[] types)
{
    private const int Verdicts = (int)PacketVerdict.BadSignature + 1;

    private readonly long[] _received = new long[Verdicts * types.Length];
    private readonly long[] _sent = new long[types.Length];

    /// <summary>A packet came in whose type is not known.</summary>
    public void CountReceived(PacketVerdict verdict) => CountReceived(verdict, 0);

    /// <summary>A packet came in.</summary>
    public void CountReceived(PacketVerdict verdict, int type) => Interlocked.Increment(ref _received[((int)verdict * types.Length) + type]);

    /// <summary>A packet was sent.</summary>
    public void CountSent(int type) => Interlocked.Increment(ref _sent[type]);

    /// <summary>All numbers that are not zero.</summary>
    public IEnumerable<PacketCount> Read()
    {
        for (int i = 0; i < _received.Length; i++)
        {
            if (Volatile.Read(ref _received[i]) is not 0 and long count)
            {
                yield return new PacketCount(types[i % types.Length], IsSent: false, ToText((PacketVerdict)(i / types.Length)), count);
            }
        }

        for (int i = 0; i < _sent.Length; i++)
        {
            if (Volatile.Read(ref _sent[i]) is not 0 and long count)
            {
                yield return new PacketCount(types[i], IsSent: true, "sent", count);
            }
        }
    }

    public DiscoveryCounters ToCounters(long received) => new(
        received,
        Sum(PacketVerdict.Malformed),
        Sum(PacketVerdict.OverRate),
        Sum(PacketVerdict.Repeated),
        Sum(PacketVerdict.Unwanted),
        Sum(PacketVerdict.Overflowed),
        Sum(PacketVerdict.BadSignature),
        Sum(PacketVerdict.Handled),
        Sum(_sent));

    private static string ToText(PacketVerdict verdict) => verdict switch
    {
        PacketVerdict.Handled => "handled",
        PacketVerdict.Malformed => "malformed",
        PacketVerdict.OverRate => "over_rate",
        PacketVerdict.Repeated => "repeated",
        PacketVerdict.Unwanted => "unwanted",
        PacketVerdict.Overflowed => "overflowed",
        _ => "bad_signature",
    };

    private long Sum(PacketVerdict verdict) => Sum(_received.AsSpan((int)verdict * types.Length, types.Length));

    private static long Sum(ReadOnlySpan<long> counts)
    {
        long sum = 0;
        foreach (ref readonly long count in counts)
        {
            sum += Volatile.Read(in count);
        }

        return sum;
    }
}

/// <summary>How many packets there were of a kind.</summary>
/// <param name="Type">"ping" and so on; "unknown" if it was not found out.</param>
/// <param name="IsSent">Whether they were ours.</param>
/// <param name="Verdict">What became of them.</param>
/// <param name="Count">How many.</param>
internal readonly record struct PacketCount(string Type, bool IsSent, string Verdict, long Count);
