using System.Threading.Channels;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V5;

namespace DevP2P.Discovery;

/// <summary>
/// Between the host and a <see cref="Discv5"/>: finds out by one AES block whether a datagram is for it, limits the rate, and lets
/// workers do the machine's jobs.
/// </summary>
internal sealed class Discv5Pump : ProtocolPump
{
    /// <summary>What an address may send at once, and a second: a session's packets cost little, but nobody may crowd out the others.</summary>
    private const int Burst = 2048;
    private const int Rate = 8192;

    /// <summary>The names of <see cref="MessageType"/>.</summary>
    private static readonly string[] s_types = ["unknown", "ping", "pong", "findnode", "nodes", "talkreq", "talkresp"];

    private readonly DiscoveryHost _host;
    private readonly Discv5 _machine;
    private readonly SessionCrypto _crypto;
    private readonly Action<Timestamp, Output> _handle;
    private readonly AesBlock _mask;
    private readonly AddressLimiter _limiter = new(Burst, Rate, places: 8192, RandomSource.System);

    // Not bounded here: the machine bounds how many jobs there are.
    private readonly Channel<Job> _jobs = Channel.CreateUnbounded<Job>();
    private readonly Task _running;
    private long _received;
    private long _overRate;
    private long _overflowed;

    /// <param name="host">Receives and sends.</param>
    /// <param name="machine">The machine; from now on touched in the host's loop only.</param>
    /// <param name="crypto">The machine's.</param>
    /// <param name="handle">Takes the machine's outputs, except datagrams and jobs. Called in the loop.</param>
    public Discv5Pump(DiscoveryHost host, Discv5 machine, SessionCrypto crypto, Action<Timestamp, Output> handle)
    {
        (_host, _machine, _crypto, _handle) = (host, machine, crypto, handle);
        _mask = PacketCodec.CreateMask(crypto.Self);
        int workers = Math.Clamp(Environment.ProcessorCount - 1, 1, 4);
        _running = Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Task.Run(WorkAsync)));
    }

    public override TimeSpan? NextTimeout => _machine.NextTimeout;

    public DiscoveryV5Counters Counters
    {
        get
        {
            // Read while the loop counts: each number is right at some moment.
            Discv5Counts counts = _machine.Counts;
            return new DiscoveryV5Counters(
                Volatile.Read(ref _received), Volatile.Read(ref _overRate), Volatile.Read(ref _overflowed), counts.Malformed, counts.Unwanted, counts.Handled,
                counts.ChallengesSent, counts.ChallengesWithheld, counts.HandshakesAccepted, counts.HandshakesRejected, counts.Sent);
        }
    }

    /// <summary>
    /// What became of the packets. A handshake counts as such, beside the message in it, of those of others. Whose message cannot be read or is
    /// not wanted is of no known type.
    /// </summary>
    public IEnumerable<PacketCount> Packets
    {
        get
        {
            Discv5Counts counts = _machine.Counts;
            List<PacketCount> packets =
            [
                new("unknown", IsSent: false, "over_rate", Volatile.Read(ref _overRate)),
                new("unknown", IsSent: false, "overflowed", Volatile.Read(ref _overflowed)),
                new("unknown", IsSent: false, "malformed", counts.Malformed),
                new("unknown", IsSent: false, "unwanted", counts.Unwanted),
                new("handshake", IsSent: false, "handled", counts.HandshakesAccepted),
                new("handshake", IsSent: false, "rejected", counts.HandshakesRejected),
                new("whoareyou", IsSent: true, "sent", counts.ChallengesSent),
                new("whoareyou", IsSent: true, "withheld", counts.ChallengesWithheld),
            ];
            long handshakes = counts.Sent - counts.ChallengesSent;
            for (int type = 1; type < s_types.Length; type++)
            {
                packets.Add(new(s_types[type], IsSent: false, "handled", counts.HandledByType[type]));
                packets.Add(new(s_types[type], IsSent: true, "sent", counts.SentByType[type]));
                handshakes -= counts.SentByType[type];
            }

            packets.Add(new("handshake", IsSent: true, "sent", Math.Max(0, handshakes)));
            return packets.Where(static p => p.Count > 0);
        }
    }

    /// <summary>How many of the machine's jobs wait for a worker.</summary>
    public int Waiting => _jobs.Reader.Count;

    public override bool IsMine(Datagram datagram) => PacketCodec.Check(_mask, datagram.Bytes) == PacketError.None;

    public override bool Accept(TimeSpan now, Datagram datagram)
    {
        _received++;
        bool isAllowed = _limiter.TryTake(now, datagram.From);
        _overRate += isAllowed ? 0 : 1;
        return isAllowed;
    }

    public override void CountOverflow()
    {
        _received++;
        _overflowed++;
    }

    public override void Handle(Timestamp now, Datagram datagram)
    {
        _machine.HandleDatagram(now, datagram.From, datagram.Bytes);
        _host.Release(datagram);
    }

    public override void HandleTimeout(Timestamp now) => _machine.HandleTimeout(now);

    public override void Drain(Timestamp now)
    {
        while (_machine.Datagrams.TryDequeue(out OutgoingDatagram? datagram))
        {
            _host.Send(datagram.To, datagram.Bytes);
            _machine.Datagrams.Return(datagram);
        }

        while (_machine.TryDequeue(out Output? output))
        {
            if (output is JobWanted wanted)
            {
                _jobs.Writer.TryWrite(wanted.Job);
            }
            else
            {
                _handle(now, output);
            }
        }

        // Taking an output may have led to an answer.
        while (_machine.Datagrams.TryDequeue(out OutgoingDatagram? datagram))
        {
            _host.Send(datagram.To, datagram.Bytes);
            _machine.Datagrams.Return(datagram);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _jobs.Writer.TryComplete();
        await _running.ConfigureAwait(false);
    }

    private async Task WorkAsync()
    {
        await foreach (Job job in _jobs.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            job.Run(_crypto);
            _host.Post(now => _machine.HandleJob(now, job));
        }
    }
}
