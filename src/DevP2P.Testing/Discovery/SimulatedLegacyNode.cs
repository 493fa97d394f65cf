using System.Buffers.Binary;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using DevP2P.Rlp;

namespace DevP2P.Testing.Discovery;

/// <summary>A node that speaks the topic discovery of go-ethereum 1.8.</summary>
internal sealed class SimulatedLegacyNode : SimulatedNode
{
    // Stands for the bytes of all datagrams of which only the number counts.
    private static readonly byte[] s_blank = new byte[Codec.MaxPacketSize];

    private readonly LegacyDiscovery _machine;
    private readonly bool _isReal;
    private readonly HashSet<NodeId> _found = [];
    private long _encoded;

    /// <param name="index">Which node it is.</param>
    /// <param name="options">The run's.</param>
    /// <param name="random">Its own source.</param>
    /// <param name="bootstrap">Whom it knows.</param>
    /// <param name="part">The part of the network that it belongs to.</param>
    /// <param name="now">The time.</param>
    /// <param name="known">All nodes, so that each is one object in all tables.</param>
    public SimulatedLegacyNode(
        int index, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, SimulationPart part, Timestamp now, KnownNodes known)
        : this(index, PrivateKey.Generate(random), options, random, bootstrap, part, now, known)
    {
    }

    private SimulatedLegacyNode(
        int index, PrivateKey key, DiscoverySimulationOptions options, SimulationRandom random, IReadOnlyList<Node> bootstrap, SimulationPart part, Timestamp now, KnownNodes known)
        : base(index, key, part, now)
    {
        _isReal = options.RealCryptography;
        Announced = Node.Create(PublicKey, EndPoint.Address, EndPoint.Port, EndPoint.Port);
        _machine = new LegacyDiscovery(
            new LegacyOptions
            {
                Local = CreateLocalNode(key, EndPoint, now),
                Encode = _isReal ? LegacyOptions.EncodeWith(LegacyOptions.SignWith(key)) : Encode,
                Random = random,
                BootstrapNodes = bootstrap,
                KnownNodes = known,
                Outputs = part.Outputs,
            },
            now);
    }

    public override DiscoveryMachine Machine => _machine;

    public override Node Announced { get; }

    /// <summary>What it advertises; null for nothing.</summary>
    public Topic? Advertised { get; private set; }

    /// <summary>What it searches for; null for nothing.</summary>
    public Topic? Searched { get; private set; }

    /// <summary>The nodes that its search has found.</summary>
    public IReadOnlySet<NodeId> Found => _found;

    /// <summary>Registrations that it has sent.</summary>
    public int RegistrationsSent { get; private set; }

    /// <summary>Entries that it holds for others.</summary>
    public int Entries => _machine.Registrar.Count;

    /// <summary>Tickets that it holds.</summary>
    public int Tickets => _machine.Advertiser.TicketCount;

    public void Advertise(Timestamp now, Topic topic)
    {
        Advertised = topic;
        _machine.TryRegisterTopic(now, topic);
    }

    public void Search(Timestamp now, Topic topic, TimeSpan period)
    {
        Searched = topic;
        _machine.TrySearchTopic(now, topic, period);
    }

    public override ulong Receive(Timestamp now, SimulatedNode sender, object content)
    {
        var transmit = (Transmit)content;
        Packet? packet = transmit.Packet;
        PublicKey? key = sender.PublicKey;
        ReadOnlySpan<byte> datagram = transmit.Datagram.Span;
        if (_isReal && (Codec.Check(datagram) != DecodeError.None || !Codec.TryReadContent(datagram, out packet)))
        {
            return 0;
        }

        if (_machine.IsWorthRecovering(now, sender.EndPoint, packet) && (!_isReal || Codec.TryRecoverSender(datagram, out key)))
        {
            if (packet is TopicRegister register)
            {
                register.PongSigner = GetSigner(register.Pong.Span);
            }

            _machine.HandlePacket(now, sender.EndPoint, key!, packet, datagram);
        }

        Span<byte> bytes = stackalloc byte[PacketHash.Size];
        transmit.Hash.CopyTo(bytes);
        return TraceHash.Digest(bytes);
    }

    public override long StartLookup(Timestamp now, ReadOnlySpan<byte> random, out NodeId target)
    {
        target = new NodeId(random[..NodeId.Size]);
        return _machine.StartLookup(now, target);
    }

    public override void Take(Timestamp now, Output output)
    {
        switch (output)
        {
            case Transmit transmit:
                Part.Send(now, this, Wire.GetNode(transmit.To), transmit.Datagram.Length, transmit);
                break;
            case TopicNodeFound found:
                _found.Add(found.Node.Id);
                break;
            case TopicRegistrationSent:
                RegistrationsSent++;
                break;
        }
    }

    public override void SendWaiting(Timestamp now)
    {
        // Datagrams are outputs.
    }

    private PublicKey? GetSigner(ReadOnlySpan<byte> pong)
    {
        if (_isReal)
        {
            return Codec.TryRecoverSender(pong, out PublicKey? key) ? key : null;
        }

        return BinaryPrimitives.ReadInt32LittleEndian(pong[Codec.PrefixSize..]) == Index ? PublicKey : null;
    }

    /// <summary>
    /// Instead of a signature: the sender and the how-manieth packet it is, which makes it different from all others. Only packets
    /// whose bytes the machine wants to see have bytes, and only those have a true hash that the machine makes of their bytes.
    /// </summary>
    private PacketHash Encode(Packet packet, out ReadOnlyMemory<byte> datagram)
    {
        Span<byte> buffer = stackalloc byte[Codec.MaxPacketSize];
        var writer = new RlpWriter(buffer);
        packet.WriteTo(ref writer);
        int length = Codec.HeaderSize + 1 + writer.Written.Length;
        long number = ++_encoded;
        PacketHash hash;
        if (packet is Ping or Pong or TopicQuery)
        {
            byte[] bytes = new byte[length];
            Codec.Prefix.CopyTo(bytes);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(Codec.PrefixSize), Index);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(Codec.PrefixSize + sizeof(int)), number);
            bytes[Codec.HeaderSize] = (byte)packet.Type;
            writer.Written.CopyTo(bytes.AsSpan(Codec.HeaderSize + 1));
            datagram = bytes;
            hash = packet is Pong ? Digest(writer.Written, packet.Type, number) : Codec.GetHash(bytes);
        }
        else
        {
            datagram = s_blank.AsMemory(0, length);
            hash = Digest(writer.Written, packet.Type, number);
        }

        writer.Dispose();
        return hash;
    }

    private PacketHash Digest(ReadOnlySpan<byte> content, PacketType type, long number)
    {
        Span<byte> hash = stackalloc byte[PacketHash.Size];
        hash.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(hash, TraceHash.Digest(content) + (ulong)type);
        BinaryPrimitives.WriteInt32LittleEndian(hash[8..], Index);
        BinaryPrimitives.WriteInt64LittleEndian(hash[16..], number);
        return new PacketHash(hash);
    }
}
