using System.Buffers.Binary;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>A node that speaks discovery v4.</summary>
internal sealed class SimulatedV4Node : SimulatedNode
{
    private readonly Discv4 _machine;
    private readonly bool _hidesRecords;
    private long _signed;

    /// <param name="index">Which node it is.</param>
    /// <param name="options">The run's.</param>
    /// <param name="random">Its own source.</param>
    /// <param name="bootstrap">Whom it knows.</param>
    /// <param name="now">The time.</param>
    /// <param name="known">All nodes, so that each is one object in all tables.</param>
    /// <param name="outputs">Where the outputs of all nodes wait; drained after each event.</param>
    public SimulatedV4Node(
        int index, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, Timestamp now, KnownNodes known, Queue<Output> outputs)
        : this(index, PrivateKey.Generate(random), options, random, bootstrap, now, known, outputs)
    {
    }

    private SimulatedV4Node(
        int index, PrivateKey key, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, Timestamp now, KnownNodes known, Queue<Output> outputs)
        : base(index, key, now)
    {
        _hidesRecords = !options.NodeRecords;
        Announced = Node.Create(PublicKey, EndPoint.Address, EndPoint.Port, EndPoint.Port);
        _machine = new Discv4(
            new Discv4Options
            {
                Local = CreateLocalNode(key, EndPoint, now),
                Sign = Sign,
                Random = random,
                BootstrapNodes = bootstrap,
                KnownNodes = known,
                Outputs = outputs,
            },
            now);
    }

    public override DiscoveryMachine Machine => _machine;

    /// <summary>The node as packets describe it.</summary>
    public Node Announced { get; }

    /// <remarks>What a host would find out is known already: who has sent it, and that its hash is good.</remarks>
    public override void Receive(Timestamp now, SimulatedNode sender, Memory<byte> datagram)
    {
        if (!Codec.TryReadContent(datagram.Span, out Packet? packet) || !_machine.IsWorthRecovering(now, sender.EndPoint, packet))
        {
            return;
        }

        if (packet is Pong pong && _hidesRecords)
        {
            // As from a node that has no record.
            packet = new Pong(pong.To, pong.PingHash, pong.Expiration!.Value, recordSequence: null);
        }

        _machine.HandlePacket(now, sender.EndPoint, sender.PublicKey, Codec.GetHash(datagram.Span), packet);
    }

    public override long StartLookup(Timestamp now, ReadOnlySpan<byte> random, out NodeId target)
    {
        Span<byte> hash = stackalloc byte[NodeId.Size];
        Keccak256.Hash(random, hash);
        target = new NodeId(hash);
        return _machine.StartLookup(now, random);
    }

    public override void Take(Timestamp now, Output output, DiscoverySimulation network)
    {
        if (output is Transmit transmit)
        {
            network.Send(this, Wire.GetNode(transmit.To), transmit.Datagram);
        }
    }

    public override void SendWaiting(DiscoverySimulation network)
    {
        // Datagrams are outputs.
    }

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
