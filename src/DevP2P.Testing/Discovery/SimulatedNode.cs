using System.Buffers.Binary;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>One machine with its place in the network.</summary>
internal sealed class SimulatedNode
{
    private long _signed;

    /// <param name="index">Which node it is.</param>
    /// <param name="seed">The run's.</param>
    /// <param name="bootstrap">Whom it knows.</param>
    /// <param name="now">The time.</param>
    /// <param name="known">All nodes, so that each is one object in all tables.</param>
    /// <param name="outputs">Where the outputs of all nodes wait; drained after each event.</param>
    public SimulatedNode(
        int index, int seed, IReadOnlyList<Node> bootstrap, Timestamp now, KnownNodes? known = null, Queue<Output>? outputs = null)
    {
        var random = new SimulationRandom(seed, index);
        PrivateKey key = PrivateKey.Generate(random);
        Index = index;
        PublicKey = key.PublicKey;
        JoinedAt = now.Monotonic;
        EndPoint = Wire.GetEndPoint(index);
        var local = new LocalNode(key, now.Utc);
        local.SetStaticAddress(EndPoint.Address);
        local.SetFallbackUdpPort(EndPoint.Port);
        local.Set(NodeRecordKey.Tcp, (ulong)EndPoint.Port);
        var options = new Discv4Options
        {
            Local = local,
            Sign = Sign,
            Random = random,
            BootstrapNodes = bootstrap,
            KnownNodes = known,
            Outputs = outputs,
        };
        Machine = new Discv4(options, now);
        Announced = Node.Create(PublicKey, EndPoint.Address, EndPoint.Port, EndPoint.Port);
    }

    public int Index { get; }

    public PublicKey PublicKey { get; }

    public NodeId Id => PublicKey.NodeId;

    public IPEndPoint EndPoint { get; }

    public Discv4 Machine { get; }

    /// <summary>The node as packets describe it.</summary>
    public Node Announced { get; }

    public TimeSpan JoinedAt { get; }

    public bool IsLive { get; set; } = true;

    /// <summary>Where it is in the list of live nodes.</summary>
    public int Place { get; set; }

    /// <summary>When the earliest timer event that is under way will wake it, in ticks.</summary>
    public long WakesAt { get; set; } = long.MaxValue;

    public bool IsInitialized { get; set; }

    /// <summary>
    /// Instead of a signature, which takes longer to make and to check than all the rest together: who and the how-manieth. Nobody
    /// reads it, as the simulator knows who sent what; but it makes all packets different from each other.
    /// </summary>
    private void Sign(ReadOnlySpan<byte> hash, Span<byte> signature)
    {
        signature.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(signature, Index);
        BinaryPrimitives.WriteInt64LittleEndian(signature[4..], ++_signed);
    }
}
