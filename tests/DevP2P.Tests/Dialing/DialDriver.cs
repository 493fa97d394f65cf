using System.Collections.Concurrent;
using System.Net;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using Xunit;

namespace DevP2P.Tests.Dialing;

/// <summary>
/// Pumps a <see cref="DialScheduler"/> in virtual time, as the server does, and checks after every step what must always
/// hold. Its own books are kept apart from the scheduler's.
/// </summary>
internal sealed class DialDriver
{
    private static readonly DateTimeOffset Epoch = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly ConcurrentDictionary<int, NodeId> Ids = [];

    private readonly int _maxDialed;
    private readonly int _maxActive;
    private readonly Dictionary<int, Queue<Node>> _offers = [];
    private readonly HashSet<int> _openQuestions = [];
    private readonly Dictionary<int, TimeSpan> _hungrySince = [];
    private readonly Dictionary<NodeId, TimeSpan> _lastDial = [];
    private int _taken;

    public DialDriver(int maxDialed = 4, int maxActive = 5, string? netRestrict = null, int seed = 0, Func<NodeId, DialStanding>? standing = null)
    {
        (_maxDialed, _maxActive) = (maxDialed, maxActive);
        NetList? list = netRestrict is null ? null : NetList.Parse(netRestrict);
        Scheduler = new DialScheduler(new DialSchedulerOptions(Id(SelfNumber), maxDialed, maxActive, list, standing), new SeededSource(seed));
    }

    public const int SelfNumber = 0xFFFFFF;

    public DialScheduler Scheduler { get; }

    public TimeSpan Now { get; private set; } = TimeSpan.FromDays(1);

    public Dictionary<NodeId, DialRequest> Active { get; } = [];

    /// <summary>Connected peers: whether we dialed them, and the source of a dynamic dial.</summary>
    public Dictionary<NodeId, (bool IsDialed, int? SourceId)> Peers { get; } = [];

    public HashSet<NodeId> Inbound { get; } = [];

    /// <summary>Every dial that was started.</summary>
    public List<(TimeSpan At, DialRequest Request)> Dials { get; } = [];

    public List<DialRefusal> Refusals { get; } = [];

    /// <summary>The dials since the last call.</summary>
    public List<DialRequest> TakeDials()
    {
        Settle();
        List<DialRequest> fresh = [.. Dials[_taken..].Select(d => d.Request)];
        _taken = Dials.Count;
        return fresh;
    }

    /// <summary>Set where the test itself allows a quick redial.</summary>
    public bool AllowQuickRedial { get; set; }

    /// <summary>A node; unless told otherwise, in a /24 of its own.</summary>
    public static Node NodeOf(int number, string? address = null, int port = 30303)
    {
        byte[] key = new byte[64];
        BitConverter.TryWriteBytes(key, number);
        IPAddress ip = address is null ? new IPAddress([(byte)(44 + (number >> 16)), (byte)(number >> 8), (byte)number, 7]) : IPAddress.Parse(address);
        return Node.Create(PublicKey.FromValidated(key), ip, port, port);
    }

    public static Node WithoutAddress(int number) => Node.Create(NodeOf(number).PublicKey!, null, 0, 0);

    public static NodeId Id(int number) => Ids.GetOrAdd(number, static n => NodeOf(n).Id);

    public static Node[] Range(int first, int count) => [.. Enumerable.Range(first, count).Select(n => NodeOf(n))];

    public int AddSource(bool allowLan = false)
    {
        int id = Scheduler.AddSource(allowLan);
        _offers.Add(id, new Queue<Node>());
        return id;
    }

    public void RemoveSource(int id)
    {
        Scheduler.RemoveSource(id);
        _offers.Remove(id);
        _openQuestions.Remove(id);
    }

    public void Discover(int source, params Node[] nodes)
    {
        foreach (Node node in nodes)
        {
            _offers[source].Enqueue(node);
        }

        Settle();
    }

    public DialRefusal AddStatic(Node node)
    {
        DialRefusal refusal = Scheduler.AddStatic(Now, node);
        Settle();
        return refusal;
    }

    public void Connect(int number, bool isDialed)
    {
        Active.TryGetValue(Id(number), out DialRequest request);
        Peers.Add(Id(number), (isDialed, isDialed ? request.SourceId : null));
        Scheduler.PeerAdded(Now, Id(number), isDialed);
        Settle();
    }

    public void Drop(int number)
    {
        Assert.True(Peers.Remove(Id(number)));
        Scheduler.PeerRemoved(Now, Id(number));
        Settle();
    }

    public void BeginInbound(int number)
    {
        Inbound.Add(Id(number));
        Scheduler.InboundPending(Now, Id(number));
        Settle();
    }

    public void EndInbound(int number)
    {
        Inbound.Remove(Id(number));
        Scheduler.InboundCompleted(Now, Id(number));
        Settle();
    }

    public void Succeed(int number)
    {
        NodeId id = Id(number);
        DialRequest request = Active[id];
        Peers.Add(id, (true, request.SourceId));
        Scheduler.PeerAdded(Now, id, isDialed: true);
        Active.Remove(id);
        Assert.True(Scheduler.DialFinished(Now, Attempt(request, succeeded: true)));
        Settle();
    }

    public void Fail(int number) => Fail(Id(number));

    public void Fail(NodeId id)
    {
        Active.Remove(id, out DialRequest request);
        Assert.True(Scheduler.DialFinished(Now, Attempt(request, succeeded: false)));
        Settle();
    }

    /// <summary>Lets time pass, stopping at every moment at which the scheduler wants to be woken.</summary>
    public void Advance(TimeSpan time)
    {
        TimeSpan end = Now + time;
        Settle();
        while (Scheduler.NextTimeout is TimeSpan next && next <= end)
        {
            // A moment that does not lie ahead would make the pump spin.
            Assert.True(next > Now, $"NextTimeout {next} is not after {Now}");
            Now = next;
            Scheduler.HandleTimeout(Now);
            Settle();
        }

        Now = end;
        Scheduler.HandleTimeout(Now);
        Settle();
    }

    public void AdvanceSeconds(double seconds) => Advance(TimeSpan.FromSeconds(seconds));

    /// <summary>How many active dials and dialed peers came from a source.</summary>
    public int Held(int source) =>
        Active.Where(a => a.Value.SourceId == source).Select(a => a.Key)
            .Union(Peers.Where(p => p.Value.SourceId == source).Select(p => p.Key)).Count();

    public static DialAttempt Attempt(DialRequest request, bool succeeded) => new()
    {
        Node = request.Node,
        Stage = succeeded ? DialStage.Admitted : DialStage.Connect,
        Succeeded = succeeded,
        Reason = succeeded ? "" : "Connection refused",
        StartedAt = Epoch,
        Duration = TimeSpan.FromSeconds(1),
        IsStatic = request.IsStatic,
    };

    public void Settle()
    {
        bool progress;
        do
        {
            progress = false;
            while (Scheduler.TryStartDial(Now, out DialRequest request))
            {
                OnDial(request);
                progress = true;
            }

            while (Scheduler.TryGetWantedSource(Now, out int source))
            {
                Assert.True(_openQuestions.Add(source), "a source is asked again before it has answered");
                _hungrySince.TryAdd(source, Now);
            }

            foreach (int source in _openQuestions.ToArray())
            {
                if (_offers[source].TryDequeue(out Node? node))
                {
                    _openQuestions.Remove(source);
                    Refusals.Add(Scheduler.OfferCandidate(Now, source, node));
                    if (Refusals[^1] is DialRefusal.None)
                    {
                        _hungrySince.Remove(source);
                    }

                    progress = true;
                }
            }
        }
        while (progress);
        Assert.Equal(Active.Count, Scheduler.ActiveDials);
        Assert.Equal(Peers.Values.Count(p => p.IsDialed), Scheduler.DialedPeers);
    }

    private void OnDial(DialRequest request)
    {
        NodeId id = request.Node.Id;
        Assert.True(Active.TryAdd(id, request), "two dials to one node at once");
        Assert.False(Peers.ContainsKey(id), "a dial to a connected node");
        Assert.DoesNotContain(id, Inbound);
        Assert.NotEqual(Id(SelfNumber), id);
        Assert.True(Active.Count <= _maxActive, "too many active dials");
        if (_lastDial.TryGetValue(id, out TimeSpan last) && !AllowQuickRedial)
        {
            Assert.True(Now - last >= TimeSpan.FromSeconds(35), $"dialed again after {Now - last}");
        }

        if (request.SourceId is int source)
        {
            int dialed = Peers.Values.Count(p => p.IsDialed);
            Assert.True(Active.Values.Count(a => !a.IsStatic) <= 2 * (_maxDialed - dialed), "more than two dials per free slot");
            if (_offers.Keys.Any(other => other != source && !IsQuiet(other)))
            {
                Assert.True(2 * Held(source) <= _maxDialed + 1, "a source holds more than its share");
            }
        }

        _lastDial[id] = Now;
        Dials.Add((Now, request));
    }

    private bool IsQuiet(int source) =>
        _hungrySince.TryGetValue(source, out TimeSpan since) && Now - since >= TimeSpan.FromMinutes(5);

    private sealed class SeededSource(int seed) : RandomSource
    {
        private readonly Random _random = new(seed);

        public override void Fill(Span<byte> destination) => _random.NextBytes(destination);
    }
}
