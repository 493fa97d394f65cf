using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.NetUtil;
using DevP2P.Nodes;

namespace DevP2P.Testing.Discovery;

/// <summary>A node that speaks discovery v5.1.</summary>
internal sealed class SimulatedV5Node : SimulatedNode
{
    private readonly Discv5 _machine;
    private readonly SessionCrypto _crypto;

    /// <param name="index">Which node it is.</param>
    /// <param name="options">The run's.</param>
    /// <param name="random">Its own source.</param>
    /// <param name="bootstrap">Whom it knows.</param>
    /// <param name="now">The time.</param>
    /// <param name="records">The records of all nodes, so that each is one object in all tables.</param>
    /// <param name="outputs">Where the outputs of all nodes wait; drained after each event.</param>
    public SimulatedV5Node(
        int index, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, Timestamp now, RecordCache records, Queue<Output> outputs)
        : this(index, PrivateKey.Generate(random), options, random, bootstrap, now, records, outputs)
    {
    }

    private SimulatedV5Node(
        int index, PrivateKey key, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, Timestamp now, RecordCache records, Queue<Output> outputs)
        : base(index, key, now)
    {
        _crypto = options.RealCryptography ? new V4IdentityCrypto(key) : new SimulatedCrypto(Id);
        _machine = new Discv5(
            new Discv5Options
            {
                Local = CreateLocalNode(key, EndPoint, now),
                Crypto = _crypto,
                Random = random,
                BootstrapNodes = bootstrap,
                Records = records,
                Outputs = outputs,
            },
            now);
    }

    public override DiscoveryMachine Machine => _machine;

    public override void Receive(Timestamp now, SimulatedNode sender, Memory<byte> datagram) =>
        _machine.HandleDatagram(now, CompactEndPoint.From(sender.EndPoint), datagram.Span);

    public override long StartLookup(Timestamp now, ReadOnlySpan<byte> random, out NodeId target)
    {
        target = new NodeId(random[..NodeId.Size]);
        return _machine.StartLookup(now, target);
    }

    /// <remarks>Cryptography takes no virtual time.</remarks>
    public override void Take(Timestamp now, Output output, DiscoverySimulation network)
    {
        if (output is JobWanted wanted)
        {
            wanted.Job.Run(_crypto);
            _machine.HandleJob(now, wanted.Job);
            SendWaiting(network);
        }
    }

    public override void SendWaiting(DiscoverySimulation network)
    {
        while (_machine.Datagrams.TryDequeue(out OutgoingDatagram? datagram))
        {
            network.Send(this, Wire.GetNode(datagram.To), datagram.Bytes.ToArray());
            _machine.Datagrams.Return(datagram);
        }
    }
}
