using System.Buffers.Binary;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;
using DevP2P.Rlp;

namespace DevP2P.Testing.Discovery;

/// <summary>A node that speaks discovery v4.</summary>
internal sealed class SimulatedV4Node : SimulatedNode
{
    // Stands for the bytes of all datagrams: only their number counts.
    private static readonly byte[] s_blank = new byte[Codec.MaxPacketSize];

    private readonly Discv4 _machine;
    private readonly bool _hidesRecords;
    private readonly bool _isReal;
    private long _encoded;

    /// <param name="index">Which node it is.</param>
    /// <param name="options">The run's.</param>
    /// <param name="random">Its own source.</param>
    /// <param name="bootstrap">Whom it knows.</param>
    /// <param name="part">The part of the network that it belongs to.</param>
    /// <param name="now">The time.</param>
    /// <param name="known">All nodes, so that each is one object in all tables.</param>
    public SimulatedV4Node(
        int index, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, SimulationPart part, Timestamp now, KnownNodes known)
        : this(index, PrivateKey.Generate(random), options, random, bootstrap, part, now, known)
    {
    }

    private SimulatedV4Node(
        int index, PrivateKey key, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, SimulationPart part, Timestamp now, KnownNodes known)
        : base(index, key, part, now)
    {
        (_hidesRecords, _isReal) = (!options.NodeRecords, options.RealCryptography);
        Announced = Node.Create(PublicKey, EndPoint.Address, EndPoint.Port, EndPoint.Port);
        _machine = new Discv4(
            new Discv4Options
            {
                Local = CreateLocalNode(key, EndPoint, now),
                Encode = _isReal ? Discv4Options.EncodeWith(Discv4Options.SignWith(key)) : Encode,
                Random = random,
                BootstrapNodes = bootstrap,
                KnownNodes = known,
                Outputs = part.Outputs,
            },
            now);
    }

    public override DiscoveryMachine Machine => _machine;

    public override Node Announced { get; }

    public override ulong Receive(Timestamp now, SimulatedNode sender, object content)
    {
        var transmit = (Transmit)content;
        Packet? packet = transmit.Packet;
        PublicKey? key = sender.PublicKey;
        PacketHash hash = transmit.Hash;
        ReadOnlySpan<byte> datagram = transmit.Datagram.Span;
        if (_isReal && (Codec.Check(datagram) != DecodeError.None || !Codec.TryReadContent(datagram, out packet)))
        {
            return 0;
        }

        if (_machine.IsWorthRecovering(now, sender.EndPoint, packet) && (!_isReal || Codec.TryRecoverSender(datagram, out key)))
        {
            if (packet is Pong pong && _hidesRecords)
            {
                // As from a node that has no record.
                packet = new Pong(pong.To, pong.PingHash, pong.Expiration!.Value, recordSequence: null);
            }

            _machine.HandlePacket(now, sender.EndPoint, key!, hash, packet);
        }

        Span<byte> bytes = stackalloc byte[PacketHash.Size];
        hash.CopyTo(bytes);
        return TraceHash.Digest(bytes);
    }

    public override long StartLookup(Timestamp now, ReadOnlySpan<byte> random, out NodeId target)
    {
        Span<byte> hash = stackalloc byte[NodeId.Size];
        Keccak256.Hash(random, hash);
        target = new NodeId(hash);
        return _machine.StartLookup(now, random);
    }

    public override void Take(Timestamp now, Output output)
    {
        if (output is Transmit transmit)
        {
            Part.Send(now, this, Wire.GetNode(transmit.To), transmit.Datagram.Length, transmit);
        }
    }

    public override void SendWaiting(Timestamp now)
    {
        // Datagrams are outputs.
    }

    /// <summary>
    /// Instead of a signature and two hashes, which take longer than all the rest together: the digest of what the packet says, who
    /// says it and the how-manieth packet it is, which makes it different from all others.
    /// </summary>
    private PacketHash Encode(Packet packet, out ReadOnlyMemory<byte> datagram)
    {
        Span<byte> content = stackalloc byte[Codec.MaxPacketSize];
        var writer = new RlpWriter(content);
        packet.WriteTo(ref writer);
        Span<byte> hash = stackalloc byte[PacketHash.Size];
        hash.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(hash, TraceHash.Digest(writer.Written) + (ulong)packet.Type);
        BinaryPrimitives.WriteInt32LittleEndian(hash[8..], Index);
        BinaryPrimitives.WriteInt64LittleEndian(hash[16..], ++_encoded);
        datagram = s_blank.AsMemory(0, Codec.HeaderSize + 1 + writer.Written.Length);
        writer.Dispose();
        return new PacketHash(hash);
    }
}
