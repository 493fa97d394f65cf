using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Tests.Crypto;

namespace DevP2P.Tests.Discovery.V5;

/// <summary>Machines and scripted peers in one network with virtual time and real cryptography: everything happens in one order, every time.</summary>
internal sealed class V5Net(int seed = 1)
{
    private readonly SeededRandomSource _random = new(seed);
    private readonly PriorityQueue<(IPEndPoint From, IPEndPoint To, byte[] Datagram), (TimeSpan, long)> _wire = new();
    private readonly Dictionary<IPEndPoint, Action<IPEndPoint, byte[]>> _receivers = [];
    private readonly List<V5Machine> _machines = [];
    private long _order;

    /// <summary>Both clocks; UTC is a plausible present.</summary>
    public Timestamp Now { get; private set; } = new(TimeSpan.FromHours(100), DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));

    public TimeSpan Latency { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Which datagrams get lost.</summary>
    public Func<IPEndPoint, IPEndPoint, byte[], bool> IsLost { get; set; } = (_, _, _) => false;

    /// <summary>All datagrams that were sent.</summary>
    public List<(IPEndPoint From, IPEndPoint To, byte[] Datagram)> Sent { get; } = [];

    public V5Machine AddMachine(IPEndPoint? at = null, params Node[] bootstrap)
    {
        return AddMachine(NewKey(), at ?? NextEndPoint(), options => options with { BootstrapNodes = bootstrap });
    }

    /// <summary>A machine with a key that may have been somewhere before, and with other options.</summary>
    public V5Machine AddMachine(PrivateKey key, IPEndPoint at, Func<Discv5Options, Discv5Options>? configure = null)
    {
        var machine = new V5Machine(this, key, at, _random, configure ?? (static options => options));
        _machines.Add(machine);
        Attach(machine.EndPoint, machine.Receive);
        return machine;
    }

    /// <summary>A machine in another one's place, which knows nothing of what that one knew.</summary>
    public V5Machine Restart(V5Machine machine)
    {
        machine.Stop();
        V5Machine other = AddMachine(machine.Key, machine.EndPoint);
        return machine.IsPassive ? other.Listen() : other.Start();
    }

    public V5Peer AddPeer(IPEndPoint? at = null, PrivateKey? key = null, ulong sequence = 1)
    {
        var peer = new V5Peer(this, key ?? NewKey(), at ?? NextEndPoint(), sequence);
        Attach(peer.EndPoint, peer.Receive);
        return peer;
    }

    /// <summary>Whoever is at an endpoint from now on.</summary>
    public void Attach(IPEndPoint at, Action<IPEndPoint, byte[]> receiver) => _receivers[at] = receiver;

    public PrivateKey NewKey() => PrivateKey.Generate(_random);

    public int Next(int bound) => _random.Next(bound);

    public void Fill(Span<byte> bytes) => _random.Fill(bytes);

    /// <summary>An address in a /24 of its own.</summary>
    public IPEndPoint NextEndPoint() => new(new IPAddress([52, (byte)(_receivers.Count / 250), (byte)(1 + (_receivers.Count % 250)), 7]), 30303);

    public void Post(IPEndPoint from, IPEndPoint to, byte[] datagram)
    {
        Sent.Add((from, to, datagram));
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
        V5Machine? due = _machines.MinBy(machine => machine.Next);
        TimeSpan timer = due?.Next ?? TimeSpan.MaxValue;
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
            _receivers.GetValueOrDefault(to)?.Invoke(from, [.. datagram]);
        }
        else
        {
            due!.HandleTimeout();
        }

        return true;
    }
}

/// <summary>A machine with its endpoint and what it has handed out.</summary>
internal sealed class V5Machine
{
    private readonly V5Net _net;
    private readonly V4IdentityCrypto _crypto;
    private readonly Queue<Job> _jobs = [];

    public V5Machine(V5Net net, PrivateKey key, IPEndPoint at, RandomSource random, Func<Discv5Options, Discv5Options> configure)
    {
        (_net, EndPoint, Key) = (net, at, key);
        _crypto = new V4IdentityCrypto(key);
        var local = new LocalNode(key, net.Now.Utc);
        local.SetStaticAddress(at.Address);
        local.SetFallbackUdpPort(at.Port);
        Machine = new Discv5(configure(new Discv5Options { Local = local, Crypto = _crypto, Random = random }), net.Now);
    }

    public PrivateKey Key { get; }

    public IPEndPoint EndPoint { get; }

    public Discv5 Machine { get; }

    public Node Node => Machine.Local.Node;

    public bool IsRunning { get; private set; }

    public bool IsPassive { get; private set; }

    /// <summary>When it wants to be woken, as of the last call.</summary>
    public TimeSpan Next { get; private set; } = TimeSpan.MaxValue;

    /// <summary>What came out, except jobs.</summary>
    public List<Output> Outputs { get; } = [];

    public Node[] Seeds { get; set; } = [];

    /// <summary>Whether jobs wait for <see cref="RunJobs"/> instead of being computed at once.</summary>
    public bool HoldsJobs { get; set; }

    public int JobCount => _jobs.Count;

    /// <summary>Takes part with a table that stays empty, since it is never filled for the first time: nothing happens but what a test does.</summary>
    public V5Machine Listen()
    {
        IsRunning = IsPassive = true;
        return this;
    }

    /// <summary>Begins to fill the table.</summary>
    public V5Machine Start()
    {
        IsRunning = true;
        HandleTimeout();
        return this;
    }

    public V5Machine Stop()
    {
        IsRunning = false;
        Next = TimeSpan.MaxValue;
        return this;
    }

    public void HandleTimeout()
    {
        Machine.HandleTimeout(_net.Now);
        Drain();
    }

    public void Receive(IPEndPoint from, byte[] datagram)
    {
        if (IsRunning)
        {
            Machine.HandleDatagram(_net.Now, CompactEndPoint.From(from), datagram);
            Drain();
        }
    }

    public void RunJobs()
    {
        while (_jobs.TryDequeue(out Job? job))
        {
            job.Run(_crypto);
            Machine.HandleJob(_net.Now, job);
        }

        Drain();
    }

    /// <summary>The output of a kind that a command leads to.</summary>
    public T Wait<T>(Func<T, bool> isIt, TimeSpan limit)
        where T : Output
    {
        Drain();
        T? Found() => Outputs.OfType<T>().FirstOrDefault(isIt);
        return _net.RunUntil(() => Found() is not null, limit) ? Found()! : throw new TimeoutException($"no {typeof(T).Name}");
    }

    /// <summary>Pings, and waits for what comes of it.</summary>
    public PingReply? Ping(Node node)
    {
        long id = Machine.StartPing(_net.Now, node);
        return Wait<PingDone>(done => done.Id == id, TimeSpan.FromSeconds(10)).Reply;
    }

    /// <summary>Asks for nodes, and waits for what comes of it.</summary>
    public IReadOnlyList<Node>? FindNode(Node node, params int[] distances)
    {
        long id = Machine.StartFindNode(_net.Now, node, distances);
        return Wait<FindNodeDone>(done => done.Id == id, TimeSpan.FromSeconds(20)).Nodes;
    }

    public void Drain()
    {
        bool hasMore;
        do
        {
            hasMore = false;
            while (Machine.Datagrams.TryDequeue(out OutgoingDatagram? datagram))
            {
                _net.Post(EndPoint, datagram.To.ToEndPoint(), datagram.Bytes.ToArray());
                Machine.Datagrams.Return(datagram);
            }

            while (Machine.TryDequeue(out Output? output))
            {
                hasMore = true;
                switch (output)
                {
                    case JobWanted wanted:
                        _jobs.Enqueue(wanted.Job);
                        break;
                    case SeedsWanted when !IsPassive:
                        Outputs.Add(output);
                        Machine.AddSeeds(_net.Now, Seeds);
                        break;
                    default:
                        Outputs.Add(output);
                        break;
                }
            }

            while (!HoldsJobs && _jobs.TryDequeue(out Job? job))
            {
                hasMore = true;
                job.Run(_crypto);
                Machine.HandleJob(_net.Now, job);
            }
        }
        while (hasMore);

        Next = IsRunning ? Machine.NextTimeout ?? TimeSpan.MaxValue : TimeSpan.MaxValue;
    }
}
