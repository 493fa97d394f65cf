using System.Net;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;
using DevP2P.Tests.Discovery.Core;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>
/// One node as it is - discovery machine, node database on disk, dial scheduler, wired as the server does - among honest nodes
/// in a /24 each and one attacker who has ten thousand keys and every address of two /24s. In virtual time, always the same.
/// </summary>
/// <remarks>
/// The attacker answers everything at once, names none but his own, always has room for a peer, and announces with each pong a
/// newer record that moves the node to a random address of his. Honest nodes have been infected: a quarter of the nodes that
/// they name are his, those closest to the target.
/// </remarks>
internal sealed class EclipseWorld : IAsyncDisposable
{
    public const int Identities = 10_000;
    public const int MaxDialed = 16;

    private const int FirstPort = 10_000;
    private const int HonestNodes = 300;

    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(3);
    private static readonly IPEndPoint Self = new(IPAddress.Parse("52.0.0.7"), 30303);

    // Making a key is slow, so all runs have the same ones.
    private static readonly Lazy<Actor[]> Attackers = new(() => MakeActors(11, Identities, static i => new IPEndPoint(AttackerAddress(i), FirstPort + i)));
    private static readonly Lazy<Actor[]> AttackersById = new(() => OrderById(Attackers.Value));
    private static readonly Lazy<Actor[]> Honest = new(() => OrderById(MakeActors(12, HonestNodes, static i => new IPEndPoint(TableNodes.AddressOf(1000 + i), 30303))));

    private readonly SeededRandomSource _random = new(5);
    private readonly PrivateKey _key;
    private readonly string _path;
    private readonly Clock _clock;
    private readonly PriorityQueue<Action, (TimeSpan At, long Order)> _events = new();
    private readonly Dictionary<IPAddress, Actor> _honest = Honest.Value.ToDictionary(a => a.Node.Address!);
    private readonly Dictionary<Actor, TimeSpan> _pinged = [];
    private readonly List<Output> _done = [];
    private int _incarnation;
    private long _order;
    private ulong _sequence;
    private long _walk;
    private int _discovery;

    public EclipseWorld(string path)
    {
        (_path, _key) = (path, PrivateKey.Generate(_random));
        _clock = new Clock(this);
        Start();
    }

    public Timestamp Now { get; private set; } = TableNodes.Start;

    public Discv4 Machine { get; private set; } = null!;

    public NodeDatabase Database { get; private set; } = null!;

    public DialScheduler Dials { get; private set; } = null!;

    /// <summary>A second source of candidates, honest and slow; null once it has ended.</summary>
    public int? OtherSource { get; private set; }

    /// <summary>Active dials and dialed peers.</summary>
    public Dictionary<NodeId, (Node Node, int? Source)> Held { get; } = [];

    /// <summary>The seeds of the last refresh.</summary>
    public IReadOnlyList<Node> Seeds { get; private set; } = [];

    public bool IsInitialized { get; private set; }

    /// <summary>Whether honest nodes know nodes of the attacker.</summary>
    public bool IsInfected { get; set; }

    public static bool IsAttackers(Node node) => node.Address!.GetAddressBytes() is [8, 8, 0 or 1, _];

    /// <summary>Nothing is left running by the node, and what it remembers is on disk; then it starts again.</summary>
    public async Task RestartAsync()
    {
        Assert.True(await Database.FlushAsync());
        await Database.DisposeAsync();
        _incarnation++;
        Held.Clear();
        _pinged.Clear();
        Start();
    }

    public async ValueTask DisposeAsync() => await Database.DisposeAsync();

    public void EndOtherSource()
    {
        Dials.RemoveSource(OtherSource!.Value);
        OtherSource = null;
        Settle();
    }

    /// <summary>The attacker pings with some of his keys.</summary>
    public void Attack(int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            Actor actor = Attackers.Value[i % Identities];
            Receive(actor, actor.Node.UdpEndPoint!, NewPing(actor));
        }
    }

    /// <summary>How many of some honest nodes a lookup finds.</summary>
    public int CountFound(int wanted)
    {
        int found = 0;
        foreach (Actor actor in Honest.Value.Take(wanted))
        {
            long id = Machine.StartLookup(Now, actor.Node.PublicKey.Bytes);
            Settle();
            Run(TimeSpan.FromSeconds(30));
            LookupDone done = _done.OfType<LookupDone>().Single(d => d.Id == id);
            Assert.InRange(done.Closest.Count(IsAttackers), 0, 2 * Lookup.MaxPerNetwork);
            found += done.Closest.Any(n => n.Id == actor.Node.Id) ? 1 : 0;
        }

        _done.Clear();
        return found;
    }

    /// <summary>Lets time pass; looks at everything now and then.</summary>
    public void Run(TimeSpan duration, Action? look = null)
    {
        TimeSpan end = Now.Monotonic + duration;
        TimeSpan nextLook = Now.Monotonic + LookInterval;
        while (true)
        {
            TimeSpan wire = _events.TryPeek(out _, out (TimeSpan At, long) first) ? first.At : TimeSpan.MaxValue;
            TimeSpan machine = Machine.NextTimeout ?? TimeSpan.MaxValue;
            TimeSpan dials = Dials.NextTimeout ?? TimeSpan.MaxValue;
            TimeSpan next = new[] { wire, machine, dials, nextLook, end }.Min();
            Now += next > Now.Monotonic ? next - Now.Monotonic : TimeSpan.Zero;
            if (next == wire)
            {
                _events.Dequeue()();
            }
            else if (next == machine)
            {
                Machine.HandleTimeout(Now);
            }
            else if (next == dials)
            {
                Dials.HandleTimeout(Now.Monotonic);
            }
            else if (next == nextLook)
            {
                look?.Invoke();
                nextLook += LookInterval;
            }
            else
            {
                return;
            }

            Settle();
        }
    }

    private static Actor[] MakeActors(int seed, int count, Func<int, IPEndPoint> at)
    {
        var random = new SeededRandomSource(seed);
        return [.. Enumerable.Range(0, count).Select(i => new Actor(PrivateKey.Generate(random), at(i)))];
    }

    private static Actor[] OrderById(Actor[] actors) =>
        [.. actors.OrderBy(a => a.Node.Id, Comparer<NodeId>.Create(static (a, b) => Distance.Compare(default, a, b)))];

    private static IPAddress AttackerAddress(int number) => new([8, 8, (byte)(number & 1), (byte)(1 + ((number >> 1) % 254))]);

    private void Start()
    {
        IsInitialized = false;
        Database = NodeDatabase.Open(_path, new NodeDatabaseOptions { TimeProvider = _clock, Random = _random });
        var local = new LocalNode(_key, Now.Utc);
        local.SetStaticAddress(Self.Address);
        local.SetFallbackUdpPort(Self.Port);
        // Who has signed a packet is told together with it here, so that nobody need sign.
        Machine = new Discv4(
            new Discv4Options { Local = local, Encode = Discv4Options.EncodeWith((_, signature) => signature.Clear()), Random = _random, BootstrapNodes = [Honest.Value[0].Node] }, Now);
        foreach (NodeDatabaseEntry entry in Database.GetNodes())
        {
            foreach (NodeDatabaseContact contact in entry.Contacts.Where(c => c.LastPong is not null))
            {
                Machine.RestoreContact(Now, entry.Id, contact.Address, contact.LastPong!.Value, contact.LastPingReceived);
            }
        }

        Dials = new DialScheduler(new DialSchedulerOptions(local.Id, MaxDialed, 50), _random);
        _walk = Machine.OpenWalk();
        _discovery = Dials.AddSource();
        OtherSource = Dials.AddSource();
        Machine.HandleTimeout(Now);
        Settle();
    }

    private void Settle()
    {
        bool isBusy = true;
        while (isBusy)
        {
            isBusy = false;
            while (Machine.TryDequeue(out Output? output))
            {
                Handle(output);
                isBusy = true;
            }

            while (Dials.TryStartDial(Now.Monotonic, out DialRequest request))
            {
                Dial(request);
                isBusy = true;
            }

            while (Dials.TryGetWantedSource(Now.Monotonic, out int source))
            {
                isBusy = true;
                if (source == _discovery)
                {
                    Machine.WantRandomNode(Now, _walk);
                }
                else
                {
                    Later(TimeSpan.FromSeconds(20), () => Dials.OfferCandidate(Now.Monotonic, source, Pick(Honest.Value).Node));
                }
            }
        }
    }

    /// <summary>What the database would give back to begin with.</summary>
    public Node[] DrawSeeds() =>
        [.. Database.GetSeeds(TableRefresh.MaxSeeds, TimeSpan.FromDays(5)).Select(static e => e.ToNode()).OfType<Node>()];

    /// <summary>As the server does it.</summary>
    private void Handle(Output output)
    {
        switch (output)
        {
            case Transmit { Type: PacketType.Ping or PacketType.FindNode or PacketType.RecordRequest } transmit:
                Later(Latency, () => Deliver(transmit.To, transmit.Datagram.Span));
                break;
            case SeedsWanted:
                Seeds = DrawSeeds();
                Machine.AddSeeds(Now, [.. Seeds]);
                break;
            case EndpointVerified verified:
                Database.RecordPong(verified.Id, verified.EndPoint.Address);
                break;
            case PingReceived ping:
                Database.RecordPingReceived(ping.Id, ping.Address);
                break;
            case FindFailures failures:
                Database.RecordFindFailures(failures.Id, failures.Address, failures.Count);
                break;
            case NodeProven proven:
                Database.RecordNode(proven.Node);
                break;
            case RandomNode random:
                Dials.OfferCandidate(Now.Monotonic, _discovery, random.Node);
                break;
            case Initialized:
                IsInitialized = true;
                break;
            case LookupDone:
                _done.Add(output);
                break;
        }
    }

    /// <summary>The attacker lets everybody in and never goes; of the honest nodes half are full, and peers come and go.</summary>
    private void Dial(DialRequest request)
    {
        NodeId id = request.Node.Id;
        Held.Add(id, (request.Node, request.SourceId));
        bool isIn = IsAttackers(request.Node) || _random.Next(2) == 0;
        Later(TimeSpan.FromSeconds(1), () =>
        {
            if (isIn)
            {
                Dials.PeerAdded(Now.Monotonic, id, isDialed: true);
            }
            else
            {
                Held.Remove(id);
            }

            Dials.DialFinished(Now.Monotonic, new DialAttempt
            {
                Node = request.Node,
                Stage = isIn ? DialStage.Admitted : DialStage.Connect,
                Succeeded = isIn,
                Reason = "",
                StartedAt = Now.Utc,
                Duration = TimeSpan.FromSeconds(1),
                IsStatic = false,
            });
            if (isIn && !IsAttackers(request.Node))
            {
                Later(TimeSpan.FromMinutes(5 + _random.Next(25)), () =>
                {
                    Held.Remove(id);
                    Dials.PeerRemoved(Now.Monotonic, id);
                });
            }
        });
    }

    /// <summary>A packet of the node has arrived.</summary>
    private void Deliver(IPEndPoint to, ReadOnlySpan<byte> datagram)
    {
        Actor? actor = to.Address.GetAddressBytes() is [8, 8, 0 or 1, _]
            ? Attackers.Value.ElementAtOrDefault(to.Port - FirstPort)
            : _honest.GetValueOrDefault(to.Address);
        if (actor is null || !Codec.TryReadContent(datagram, out Packet? packet))
        {
            return;
        }

        PacketHash hash = Codec.GetHash(datagram);
        bool isAttacker = IsAttackers(actor.Node);
        switch (packet)
        {
            case Ping:
                Answer(actor, to, new Pong(new Endpoint(Self, 0), hash, Expiration, isAttacker ? ++_sequence : null));
                if (!_pinged.TryGetValue(actor, out TimeSpan last) || Now.Monotonic - last > TimeSpan.FromHours(6))
                {
                    _pinged[actor] = Now.Monotonic;
                    Answer(actor, to, NewPing(actor));
                }

                break;
            case FindNode find:
                byte[] id = new byte[NodeId.Size];
                Keccak256.Hash(find.Target.Span, id);
                var target = new NodeId(id);
                Node[] nodes = isAttacker ? Closest(AttackersById.Value, target, 16)
                    : IsInfected ? [.. Closest(Honest.Value, target, 12), .. Closest(AttackersById.Value, target, 4)]
                    : Closest(Honest.Value, target, 16);
                foreach (Node[] part in nodes.Chunk(Neighbors.MaxPerPacket))
                {
                    Answer(actor, to, new Neighbors([.. part.Select(n => new Neighbor(new Endpoint(n.UdpEndPoint!, n.TcpPort), n.PublicKey.Bytes.ToArray()))], Expiration));
                }

                break;
            case RecordRequest when isAttacker:
                var builder = new NodeRecordBuilder { Sequence = ++_sequence };
                builder.SetAddress(AttackerAddress(_random.Next(508))).SetUdpPort(actor.Node.UdpPort).SetTcpPort(actor.Node.UdpPort);
                Answer(actor, to, new RecordResponse(hash, builder.Sign(actor.Key).Encoded));
                break;
        }
    }

    private void Answer(Actor actor, IPEndPoint from, Packet packet) => Later(Latency, () => Receive(actor, from, packet));

    private void Receive(Actor actor, IPEndPoint from, Packet packet)
    {
        byte[] hash = new byte[PacketHash.Size];
        BitConverter.TryWriteBytes(hash, ++_order);
        if (Machine.IsWorthRecovering(Now, from, packet))
        {
            Machine.HandlePacket(Now, from, actor.Node.PublicKey, new PacketHash(hash), packet);
        }

        Settle();
    }

    private Ping NewPing(Actor actor) => new(4, new Endpoint(actor.Node.UdpEndPoint!, actor.Node.TcpPort), new Endpoint(Self, 0), Expiration, null);

    private ulong Expiration => (ulong)Now.Utc.ToUnixTimeSeconds() + 20;

    /// <summary>Of actors in the order of their ids, those closest to a target (nearly: of the 64 around it in this order).</summary>
    private static Node[] Closest(Actor[] actors, NodeId target, int count)
    {
        int place = 0;
        for (int step = 1 << 14; step > 0; step /= 2)
        {
            place += place + step <= actors.Length && Distance.Compare(default, actors[place + step - 1].Node.Id, target) < 0 ? step : 0;
        }

        int first = Math.Clamp(place - (2 * count), 0, actors.Length);
        return [.. actors[first..Math.Min(first + (4 * count), actors.Length)]
            .Select(static a => a.Node)
            .Order(Comparer<Node>.Create((a, b) => Distance.Compare(target, a.Id, b.Id)))
            .Take(count)];
    }

    private Actor Pick(Actor[] actors) => actors[_random.Next(actors.Length)];

    private void Later(TimeSpan delay, Action action)
    {
        int incarnation = _incarnation;
        _events.Enqueue(
            () =>
            {
                if (incarnation == _incarnation)
                {
                    action();
                }
            },
            (Now.Monotonic + delay, ++_order));
    }

    private sealed class Actor(PrivateKey key, IPEndPoint at)
    {
        public PrivateKey Key => key;

        public Node Node { get; } = Node.Create(key.PublicKey, at.Address, at.Port, at.Port);
    }

    /// <summary>The world's time; only the writing to disk follows the real one.</summary>
    private sealed class Clock(EclipseWorld world) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => world.Now.Utc;

        public override long GetTimestamp() => world.Now.Monotonic.Ticks;
    }
}
