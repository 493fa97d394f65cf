using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>One machine with its place in the network.</summary>
/// <param name="index">Which node it is.</param>
/// <param name="key">Its key.</param>
/// <param name="now">The time.</param>
internal abstract class SimulatedNode(int index, PrivateKey key, Timestamp now)
{
    public int Index => index;

    public PublicKey PublicKey { get; } = key.PublicKey;

    public NodeId Id => PublicKey.NodeId;

    public IPEndPoint EndPoint { get; } = Wire.GetEndPoint(index);

    public abstract DiscoveryMachine Machine { get; }

    public TimeSpan JoinedAt { get; } = now.Monotonic;

    public bool IsLive { get; set; } = true;

    /// <summary>Where it is in the list of live nodes.</summary>
    public int Place { get; set; }

    /// <summary>When the earliest timer event that is under way will wake it, in ticks.</summary>
    public long WakesAt { get; set; } = long.MaxValue;

    public bool IsInitialized { get; set; }

    /// <summary>Takes a datagram, as its host would.</summary>
    /// <param name="now">The time.</param>
    /// <param name="sender">Who has sent it.</param>
    /// <param name="datagram">The datagram; the receiver's from now on.</param>
    public abstract void Receive(Timestamp now, SimulatedNode sender, Memory<byte> datagram);

    /// <summary>Starts a lookup of a random target.</summary>
    /// <param name="now">The time.</param>
    /// <param name="random">64 random bytes.</param>
    /// <param name="target">The target.</param>
    public abstract long StartLookup(Timestamp now, ReadOnlySpan<byte> random, out NodeId target);

    /// <summary>Takes an output of its own machine that only its protocol has.</summary>
    /// <param name="now">The time.</param>
    /// <param name="output">The output.</param>
    /// <param name="network">Takes datagrams.</param>
    public abstract void Take(Timestamp now, Output output, DiscoverySimulation network);

    /// <summary>Sends the datagrams that wait elsewhere than among the outputs.</summary>
    public abstract void SendWaiting(DiscoverySimulation network);

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
