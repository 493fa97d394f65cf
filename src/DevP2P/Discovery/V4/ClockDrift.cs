using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Discovery.V4;

/// <summary>
/// Finds out from the expirations of other nodes' packets whether our clock is wrong (T17). A packet that was just signed
/// expires <see cref="Discv4Limits.PacketLifetime"/> after its sender's present.
/// </summary>
/// <remarks>
/// Some implementations give their packets a longer life (@ethereumjs/devp2p: 60 s), which looks as if our clock were slow.
/// But whoever answers our pings, which live for 20 s, sees that we are not: of such a node, an expiration that is too late
/// says nothing. Each node counts once, and outside the LAN each address, so that one host cannot outvote the others.
/// Replayed packets look as if our clock were fast; they, too, count once per node and address.
/// </remarks>
internal sealed class ClockDrift
{
    /// <summary>A difference that matters. Go: <c>driftThreshold</c>.</summary>
    public static readonly TimeSpan Threshold = TimeSpan.FromSeconds(10);

    /// <summary>At most so often the same is said again. Go: <c>ntpWarningCooldown</c>.</summary>
    public static readonly TimeSpan Cooldown = TimeSpan.FromMinutes(10);

    /// <summary>How many nodes must have been heard.</summary>
    public const int MinSamples = 8;

    /// <summary>Packets that come sooner after a sample are not looked at: the clock does not change that fast.</summary>
    public static readonly TimeSpan SampleInterval = TimeSpan.FromSeconds(1);

    /// <summary>The same once there are as many samples as are kept.</summary>
    public static readonly TimeSpan FullSampleInterval = TimeSpan.FromSeconds(5);

    private const int MaxSamples = 32;

    private readonly List<Sample> _samples = [];
    private TimeSpan? _lastReport;
    private TimeSpan? _lastSample;

    /// <summary>Whether <see cref="Add"/> would look at a packet now: the cheap question first.</summary>
    public bool IsDue(TimeSpan now) => !(now - _lastSample < (_samples.Count < MaxSamples ? SampleInterval : FullSampleInterval));

    /// <summary>A packet with a valid signature has come.</summary>
    /// <param name="now">The time.</param>
    /// <param name="sender">Who signed it.</param>
    /// <param name="address">Where it came from.</param>
    /// <param name="expiration">Its expiration.</param>
    /// <param name="answersUs">Whether its sender has found a packet of ours valid lately.</param>
    /// <returns>
    /// By how much our clock is ahead of the others' (negative: behind), when that is worth a report; otherwise null.
    /// </returns>
    public TimeSpan? Add(Timestamp now, NodeId sender, IPAddress address, ulong expiration, bool answersUs)
    {
        if (!IsDue(now.Monotonic))
        {
            return null;
        }

        _lastSample = now.Monotonic;
        long seconds = (long)Math.Min(expiration, (ulong)DateTimeOffset.MaxValue.ToUnixTimeSeconds());
        TimeSpan offset = now.Utc + Discv4Limits.PacketLifetime - DateTimeOffset.FromUnixTimeSeconds(seconds);
        var sample = new Sample(ToNumber(address), Distance.Leading(sender, default), offset);
        Forget(sample, AddressRules.IsLan(address));
        if (answersUs && offset < -Discv4Limits.PacketLifetime)
        {
            return null;
        }

        if (_samples.Count == MaxSamples)
        {
            _samples.RemoveAt(0);
        }

        _samples.Add(sample);
        return Report(now.Monotonic);
    }

    /// <summary>Drops the samples that a new one replaces.</summary>
    private void Forget(in Sample replacement, bool isLan)
    {
        Span<Sample> samples = CollectionsMarshal.AsSpan(_samples);
        int kept = 0;
        for (int i = 0; i < samples.Length; i++)
        {
            ref readonly Sample sample = ref samples[i];
            if (sample.Id == replacement.Id || (sample.Address == replacement.Address && !isLan))
            {
                continue;
            }

            if (kept != i)
            {
                samples[kept] = sample;
            }

            kept++;
        }

        CollectionsMarshal.SetCount(_samples, kept);
    }

    private TimeSpan? Report(TimeSpan now)
    {
        if (_samples.Count < MinSamples || now - _lastReport < Cooldown || !CanMedianMatter())
        {
            return null;
        }

        TimeSpan median = _samples.Select(s => s.Offset).Order().ElementAt(_samples.Count / 2);
        if (median.Duration() <= Threshold)
        {
            return null;
        }

        _lastReport = now;
        // What was heard so far may be from before the clock was set right.
        _samples.Clear();
        return median;
    }

    /// <summary>Whether at least half of the samples are beyond the threshold, without which the median is not. Sorting takes long.</summary>
    private bool CanMedianMatter()
    {
        int beyond = 0;
        foreach (ref readonly Sample sample in CollectionsMarshal.AsSpan(_samples))
        {
            beyond += sample.Offset.Duration() > Threshold ? 1 : 0;
        }

        return 2 * beyond >= _samples.Count;
    }

    private static UInt128 ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out int length);
        UInt128 number = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return length == bytes.Length ? number : number >> 96;
    }

    /// <summary>Small, because all of them are looked at for every new one.</summary>
    /// <param name="Address">Where it was heard from.</param>
    /// <param name="Id">The first bytes of the node's id.</param>
    /// <param name="Offset">By how much our clock is ahead of its.</param>
    private readonly record struct Sample(UInt128 Address, ulong Id, TimeSpan Offset);
}
