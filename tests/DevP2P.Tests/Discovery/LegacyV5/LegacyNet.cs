using System.Diagnostics.CodeAnalysis;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;

namespace DevP2P.Tests.Discovery.LegacyV5;

/// <summary>Machines and scripted peers in one network with virtual time: everything happens in one order, every time.</summary>
/// <param name="seed">What is random depends on it alone.</param>
/// <param name="fakeSignatures">
/// True for signatures that are just the sender's key, for tests whose subject is not the signatures: far faster. Scripted
/// peers cannot take part then.
/// </param>
internal sealed class LegacyNet(int seed = 1, bool fakeSignatures = false)
{
    private readonly Dictionary<string, PublicKey> _keys = [];
    private readonly SeededRandomSource _random = new(seed);
    private readonly PriorityQueue<(IPEndPoint From, IPEndPoint To, byte[] Datagram), (TimeSpan, long)> _wire = new();
    private readonly Dictionary<IPEndPoint, Action<IPEndPoint, byte[]>> _receivers = [];
    private readonly List<LegacyMachine> _machines = [];
    private long _order;

    /// <summary>Both clocks; UTC is a plausible present.</summary>
    public Timestamp Now { get; private set; } = new(TimeSpan.FromHours(100), DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));

    public TimeSpan Latency { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Which datagrams get lost.</summary>
    public Func<IPEndPoint, IPEndPoint, byte[], bool> IsLost { get; set; } = (_, _, _) => false;

    public int Sent { get; private set; }

    public LegacyMachine AddMachine(IPEndPoint? at = null, params Node[] bootstrap) => AddMachine(at, TimeSpan.Zero, bootstrap);

    /// <param name="at">Where it is; null for an address of its own.</param>
    /// <param name="clockError">How far its wall clock is ahead.</param>
    /// <param name="bootstrap">Whom it knows.</param>
    public LegacyMachine AddMachine(IPEndPoint? at, TimeSpan clockError, params Node[] bootstrap)
    {
        var machine = new LegacyMachine(this, NewKey(), at ?? NextEndPoint(), clockError, _random, bootstrap);
        _machines.Add(machine);
        _keys.Add(machine.Node.PublicKey.ToString(), machine.Node.PublicKey);
        _receivers.Add(machine.EndPoint, machine.Receive);
        return machine;
    }

    public LegacyPeer AddPeer(IPEndPoint? at = null, PrivateKey? key = null)
    {
        var peer = new LegacyPeer(this, key ?? NewKey(), at ?? NextEndPoint());
        _receivers.Add(peer.EndPoint, peer.Receive);
        return peer;
    }

    public PacketSigner SignWith(PrivateKey key) => fakeSignatures
        ? (_, signature) => key.PublicKey.Bytes.CopyTo(signature)
        : LegacyOptions.SignWith(key);

    public bool TryRecover(byte[] datagram, [NotNullWhen(true)] out PublicKey? sender)
    {
        if (fakeSignatures)
        {
            return _keys.TryGetValue(Convert.ToHexStringLower(datagram.AsSpan(Codec.PrefixSize, 64)), out sender);
        }

        return Codec.TryRecoverSender(datagram, out sender);
    }

    public PrivateKey NewKey() => PrivateKey.Generate(_random);

    public int Next(int bound) => _random.Next(bound);

    public void Fill(Span<byte> bytes) => _random.Fill(bytes);

    /// <summary>An address in a /24 of its own.</summary>
    public IPEndPoint NextEndPoint() => new(new IPAddress([52, (byte)(_receivers.Count / 250), (byte)(1 + (_receivers.Count % 250)), 7]), 30303);

    public void Post(IPEndPoint from, IPEndPoint to, byte[] datagram)
    {
        Sent++;
        if (!IsLost(from, to, datagram))
        {
            _wire.Enqueue((from, to, datagram), (Now.Monotonic + Latency, _order++));
        }
    }

    /// <summary>Lets time pass.</summary>
    public void Run(TimeSpan duration)
    {
        TimeSpan end = Now.Monotonic + duration;
        while (Step(end))
        {
        }
    }

    /// <summary>Lets time pass until something is so, or the time is over.</summary>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        TimeSpan end = Now.Monotonic + limit;
        while (!condition() && Step(end))
        {
        }

        return condition();
    }

    private bool Step(TimeSpan end)
    {
        TimeSpan? wire = _wire.TryPeek(out _, out (TimeSpan At, long) next) ? next.At : null;
        LegacyMachine? due = null;
        TimeSpan timer = TimeSpan.MaxValue;
        foreach (LegacyMachine machine in _machines)
        {
            if (machine.Next < timer)
            {
                (due, timer) = (machine, machine.Next);
            }
        }

        TimeSpan at = wire < timer ? wire.Value : timer;
        if (at > end)
        {
            Now += end - Now.Monotonic;
            return false;
        }

        Now += at > Now.Monotonic ? at - Now.Monotonic : TimeSpan.Zero;
        if (wire is not null && wire <= timer)
        {
            (IPEndPoint from, IPEndPoint to, byte[] datagram) = _wire.Dequeue();
            _receivers.GetValueOrDefault(to)?.Invoke(from, datagram);
        }
        else
        {
            due!.HandleTimeout();
        }

        return true;
    }
}

/// <summary>A machine with its endpoint and what it has handed out.</summary>
internal sealed class LegacyMachine
{
    private readonly LegacyNet _net;
    private readonly TimeSpan _clockError;

    public LegacyMachine(LegacyNet net, PrivateKey key, IPEndPoint at, TimeSpan clockError, RandomSource random, Node[] bootstrap)
    {
        (_net, _clockError, EndPoint) = (net, clockError, at);
        var local = new LocalNode(key, net.Now.Utc);
        local.SetStaticAddress(at.Address);
        local.SetFallbackUdpPort(at.Port);
        local.Set("tcp", (ulong)at.Port);
        Machine = new LegacyDiscovery(
            new LegacyOptions { Local = local, Encode = LegacyOptions.EncodeWith(net.SignWith(key)), Random = random, BootstrapNodes = bootstrap }, Now);
    }

    public IPEndPoint EndPoint { get; }

    public LegacyDiscovery Machine { get; }

    public Node Node => Machine.Local.Node;

    public bool IsRunning { get; private set; }

    /// <summary>When it wants to be woken, as of the last call.</summary>
    public TimeSpan Next { get; private set; } = TimeSpan.MaxValue;

    /// <summary>What came out, except datagrams.</summary>
    public List<Output> Outputs { get; } = [];

    public Node[] Seeds { get; set; } = [];

    public long BytesIn { get; set; }

    public long BytesOut { get; set; }

    public Timestamp Now => _net.Now with { Utc = _net.Now.Utc + _clockError };

    /// <summary>Begins to fill the table.</summary>
    public LegacyMachine Start()
    {
        IsRunning = true;
        HandleTimeout();
        return this;
    }

    public LegacyMachine Stop()
    {
        IsRunning = false;
        Next = TimeSpan.MaxValue;
        return this;
    }

    public void HandleTimeout()
    {
        Machine.HandleTimeout(Now);
        Drain();
    }

    public void Receive(IPEndPoint from, byte[] datagram)
    {
        BytesIn += datagram.Length;
        if (IsRunning
            && Codec.Check(datagram) == DecodeError.None
            && Codec.TryReadContent(datagram, out Packet? packet)
            && Machine.IsWorthRecovering(Now, from, packet)
            && _net.TryRecover(datagram, out PublicKey? sender))
        {
            if (packet is TopicRegister register && _net.TryRecover(register.Pong.ToArray(), out PublicKey? signer))
            {
                register.PongSigner = signer;
            }

            Machine.HandlePacket(Now, from, sender, packet, datagram);
            Drain();
        }
    }

    /// <summary>The output of a kind that a command leads to.</summary>
    public T Wait<T>(Func<T, bool> isIt, TimeSpan limit)
        where T : Output
    {
        Drain();
        T? Found() => Outputs.OfType<T>().FirstOrDefault(isIt);
        return _net.RunUntil(() => Found() is not null, limit) ? Found()! : throw new TimeoutException($"no {typeof(T).Name}");
    }

    public void Drain()
    {
        while (Machine.TryDequeue(out Output? output))
        {
            switch (output)
            {
                case Transmit transmit:
                    BytesOut += transmit.Datagram.Length;
                    _net.Post(EndPoint, transmit.To, transmit.Datagram.ToArray());
                    break;
                case SeedsWanted:
                    Outputs.Add(output);
                    Machine.AddSeeds(Now, Seeds);
                    break;
                default:
                    Outputs.Add(output);
                    break;
            }
        }

        Next = IsRunning ? Machine.NextTimeout ?? TimeSpan.MaxValue : TimeSpan.MaxValue;
    }
}

/// <summary>A peer that does what the test says, and nothing by itself.</summary>
internal sealed class LegacyPeer(LegacyNet net, PrivateKey key, IPEndPoint at)
{
    public IPEndPoint EndPoint => at;

    public PrivateKey Key => key;

    public Node Node => Node.Create(key.PublicKey, at.Address, at.Port, at.Port);

    /// <summary>What has come.</summary>
    public List<(Packet Packet, PacketHash Hash, int Size)> Received { get; } = [];

    /// <summary>Whether pings are answered.</summary>
    public bool AnswersPings { get; set; } = true;

    /// <summary>Whether whoever pings is pinged.</summary>
    public bool PingsBack { get; set; } = true;

    /// <summary>What else to do with a packet.</summary>
    public Action<IPEndPoint, Packet, PacketHash>? OnPacket { get; set; }

    /// <summary>What is said of the topics of pings; by default that they wait for a minute.</summary>
    public Func<IReadOnlyList<Topic>, Ticket> MakeTicket { get; set; } =
        static topics => new Ticket(1, Topic.HashOf(topics), 1, [.. topics.Select(static _ => 60u)]);

    /// <summary>What its pings ask tickets for.</summary>
    public Topic[] Topics { get; set; } = [];

    public ulong Expiration => (ulong)net.Now.Utc.ToUnixTimeSeconds() + 20;

    public PacketHash Send(IPEndPoint to, Packet packet) => SendFrom(at, to, packet);

    /// <summary>Sends with a source address that may be forged.</summary>
    public PacketHash SendFrom(IPEndPoint from, IPEndPoint to, Packet packet)
    {
        byte[] datagram = Encode(packet, out PacketHash hash);
        net.Post(from, to, datagram);
        return hash;
    }

    public byte[] Encode(Packet packet, out PacketHash hash)
    {
        byte[] buffer = new byte[Codec.MaxPacketSize];
        return buffer[..Codec.Encode(packet, LegacyOptions.SignWith(key), buffer, out hash)];
    }

    public Ping NewPing(IPEndPoint to) => new(4, new Endpoint(at, at.Port), new Endpoint(to, to.Port), Expiration, Topics);

    public void Receive(IPEndPoint from, byte[] datagram)
    {
        if (!Codec.TryDecode(datagram, out Packet? packet, out _, out PacketHash hash, out _))
        {
            throw new InvalidOperationException("the machine sent what is no packet");
        }

        Received.Add((packet, hash, datagram.Length));
        if (packet is Ping ping)
        {
            if (AnswersPings)
            {
                Send(from, new Pong(new Endpoint(from, from.Port), hash, MakeTicket(ping.Topics)));
            }

            if (PingsBack)
            {
                Send(from, NewPing(from));
            }
        }

        OnPacket?.Invoke(from, packet, hash);
    }

    /// <summary>Pings, and answers the ping that comes back: then each has the other's endpoint proof.</summary>
    public void Bond(LegacyMachine machine)
    {
        PingsBack = false;
        Send(machine.EndPoint, NewPing(machine.EndPoint));
        net.Run(4 * net.Latency + TimeSpan.FromMilliseconds(1));
    }

    public IEnumerable<T> All<T>()
        where T : Packet => Received.Select(r => r.Packet).OfType<T>();
}
