using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>One machine with its place in the network.</summary>
/// <param name="index">Which node it is.</param>
/// <param name="key">Its key.</param>
/// <param name="part">The part of the network that it belongs to.</param>
/// <param name="now">The time.</param>
internal abstract class SimulatedNode(int index, PrivateKey key, SimulationPart part, Timestamp now)
{
    private long _order;

    public int Index => index;

    public PublicKey PublicKey { get; } = key.PublicKey;

    public NodeId Id => PublicKey.NodeId;

    public IPEndPoint EndPoint { get; } = Wire.GetEndPoint(index);

    public abstract DiscoveryMachine Machine { get; }

    /// <summary>The node as packets describe it, where it is one object for all; null where each packet makes its own.</summary>
    public virtual Node? Announced => null;

    public SimulationPart Part => part;

    public TimeSpan JoinedAt { get; } = now.Monotonic;

    public bool IsLive { get; set; } = true;

    /// <summary>Where it is in the list of live nodes.</summary>
    public int Place { get; set; }

    /// <summary>When its machine's next timeout is due, in ticks.</summary>
    public long TimeoutAt { get; set; } = long.MaxValue;

    /// <summary>When the earliest timer event that is under way will wake it, in ticks.</summary>
    public long WakesAt { get; set; } = long.MaxValue;

    public bool IsInitialized { get; set; }

    /// <summary>How many datagrams it has sent.</summary>
    public long Sent { get; set; }

    /// <summary>What has happened to it.</summary>
    public ref TraceHash Trace => ref _trace;

    private TraceHash _trace;

    /// <summary>When an event of its making happens. Of one moment, those of the first node come first, in the order of their making.</summary>
    public EventTime At(long ticks) => new(ticks, ((long)index << 40) | _order++);

    /// <summary>Takes a datagram, as its host would.</summary>
    /// <param name="now">The time.</param>
    /// <param name="sender">Who has sent it.</param>
    /// <param name="content">The datagram; the receiver's from now on.</param>
    /// <returns>What stands for it in the trace.</returns>
    public abstract ulong Receive(Timestamp now, SimulatedNode sender, object content);

    /// <summary>Starts a lookup of a random target.</summary>
    /// <param name="now">The time.</param>
    /// <param name="random">64 random bytes.</param>
    /// <param name="target">The target.</param>
    public abstract long StartLookup(Timestamp now, ReadOnlySpan<byte> random, out NodeId target);

    /// <summary>Takes an output of its own machine that only its protocol has.</summary>
    /// <param name="now">The time.</param>
    /// <param name="output">The output.</param>
    public abstract void Take(Timestamp now, Output output);

    /// <summary>Sends the datagrams that wait elsewhere than among the outputs.</summary>
    public abstract void SendWaiting(Timestamp now);

    /// <summary>The local node of one that knows where it is.</summary>
    protected static LocalNode CreateLocalNode(PrivateKey key, IPEndPoint endPoint, Timestamp now)
    {
        var local = new LocalNode(key, now.Utc);
        local.SetStaticAddress(endPoint.Address);
        local.SetFallbackUdpPort(endPoint.Port);
        local.Set(NodeRecordKey.Tcp, (ulong)endPoint.Port);
        return local;
    }
}
