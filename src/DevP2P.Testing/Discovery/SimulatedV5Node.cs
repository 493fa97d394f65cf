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
    /// <param name="part">The part of the network that it belongs to.</param>
    /// <param name="now">The time.</param>
    public SimulatedV5Node(
        int index, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, SimulationPart part, Timestamp now)
        : this(index, PrivateKey.Generate(random), options, random, bootstrap, part, now)
    {
    }

    private SimulatedV5Node(
        int index, PrivateKey key, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, SimulationPart part, Timestamp now)
        : base(index, key, part, now)
    {
        _crypto = options.RealCryptography ? new V4IdentityCrypto(key) : new SimulatedCrypto(Id);
        _machine = new Discv5(
            new Discv5Options
            {
                Local = CreateLocalNode(key, EndPoint, now),
                Crypto = _crypto,
                Random = random,
                BootstrapNodes = bootstrap,
                Records = part.Records,
                Outputs = part.Outputs,
            },
            now);
    }

    public override DiscoveryMachine Machine => _machine;

    public override ulong Receive(Timestamp now, SimulatedNode sender, object content)
    {
        byte[] datagram = (byte[])content;
        // The machine decrypts in place.
        ulong digest = TraceHash.Digest(datagram);
        _machine.HandleDatagram(now, CompactEndPoint.From(sender.EndPoint), datagram);
        return digest;
    }

    public override long StartLookup(Timestamp now, ReadOnlySpan<byte> random, out NodeId target)
    {
        target = new NodeId(random[..NodeId.Size]);
        return _machine.StartLookup(now, target);
    }

    /// <remarks>Cryptography takes no virtual time.</remarks>
    public override void Take(Timestamp now, Output output)
    {
        if (output is JobWanted wanted)
        {
            wanted.Job.Run(_crypto);
            _machine.HandleJob(now, wanted.Job);
            SendWaiting(now);
        }
    }

    public override void SendWaiting(Timestamp now)
    {
        while (_machine.Datagrams.TryDequeue(out OutgoingDatagram? datagram))
        {
            Part.Send(now, this, Wire.GetNode(datagram.To), datagram.Bytes.Length, datagram.Bytes.ToArray());
            _machine.Datagrams.Return(datagram);
        }
    }
}
