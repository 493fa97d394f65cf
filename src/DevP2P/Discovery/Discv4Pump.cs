using System.Threading.Channels;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using DevP2P.NetUtil;

namespace DevP2P.Discovery;

/// <summary>
/// Between the host and a <see cref="Discv4"/>: checks size, rate, hash and whether a datagram was seen; asks the machine whether
/// the packet could matter; lets a worker recover the signature; then hands the packet to the machine. Packets of one endpoint go to
/// one worker, so that they stay in order. Every queue is bounded: what does not fit is dropped and counted.
/// </summary>
internal sealed class Discv4Pump : ProtocolPump
{
    /// <summary>How many datagrams wait for one worker.</summary>
    private const int MaxPerWorker = 512;

    private readonly DiscoveryHost _host;
    private readonly Discv4 _machine;
    private readonly Action<Timestamp, Output> _handle;
    private readonly SourceLimiter _limiter = new(RandomSource.System);
    private readonly Channel<Datagram>[] _workers;
    private readonly Task _running;
    private long _received;

    /// <param name="host">Receives and sends.</param>
    /// <param name="machine">The machine; from now on touched in the host's loop only.</param>
    /// <param name="handle">Takes the machine's outputs, except datagrams. Called in the loop.</param>
    public Discv4Pump(DiscoveryHost host, Discv4 machine, Action<Timestamp, Output> handle)
    {
        (_host, _machine, _handle) = (host, machine, handle);
        _workers = new Channel<Datagram>[Math.Clamp(Environment.ProcessorCount - 1, 1, 4)];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = Channel.CreateBounded<Datagram>(new BoundedChannelOptions(MaxPerWorker) { SingleReader = true, SingleWriter = true });
        }

        _running = Task.WhenAll(_workers.Select(w => Task.Run(() => RecoverAsync(w.Reader))));
    }

    public override TimeSpan? NextTimeout => _machine.NextTimeout;

    public DiscoveryCounters Counters => Packets.ToCounters(Volatile.Read(ref _received));

    /// <summary>What became of the packets.</summary>
    public PacketCounts Packets { get; } = new(["unknown", "ping", "pong", "findnode", "neighbors", "enrrequest", "enrresponse"]);

    /// <summary>How many wait for their signatures to be recovered.</summary>
    public int Waiting => _workers.Sum(static w => w.Reader.Count);

    /// <remarks>Whatever is nobody else's: what it is shows only after its hash has been computed.</remarks>
    public override bool IsMine(Datagram datagram) => true;

    /// <summary>Cheapest first.</summary>
    public override bool Accept(TimeSpan now, Datagram datagram)
    {
        _received++;
        if (datagram.Length is < Codec.MinPacketSize or > Codec.MaxPacketSize)
        {
            Packets.CountReceived(PacketVerdict.Malformed);
        }
        else if (!_limiter.TryTake(now, datagram.From))
        {
            Packets.CountReceived(PacketVerdict.OverRate);
        }
        else if (Codec.Check(datagram.Bytes) != DecodeError.None)
        {
            Packets.CountReceived(PacketVerdict.Malformed);
        }
        else if (IsRequest(Codec.GetType(datagram.Bytes)) && !_limiter.TryTakeRequest(datagram.From, Codec.GetHash(datagram.Bytes)))
        {
            Packets.CountReceived(PacketVerdict.Repeated, (int)Codec.GetType(datagram.Bytes));
        }
        else
        {
            return true;
        }

        return false;
    }

    public override void CountOverflow()
    {
        _received++;
        Packets.CountReceived(PacketVerdict.Overflowed);
    }

    public override void Handle(Timestamp now, Datagram datagram)
    {
        if (datagram.Sender is not { } sender)
        {
            Forward(now, datagram);
            return;
        }

        Packets.CountReceived(PacketVerdict.Handled, (int)Codec.GetType(datagram.Bytes));
        (System.Net.IPEndPoint from, Packet packet, PacketHash hash) = (datagram.EndPoint!, (Packet)datagram.Packet!, Codec.GetHash(datagram.Bytes));
        _host.Release(datagram);
        _machine.HandlePacket(now, from, sender, hash, packet);
    }

    public override void HandleTimeout(Timestamp now) => _machine.HandleTimeout(now);

    public override void Drain(Timestamp now)
    {
        while (_machine.TryDequeue(out Output? output))
        {
            if (output is Transmit transmit)
            {
                if (_host.Send(CompactEndPoint.From(transmit.To), transmit.Datagram.Span))
                {
                    Packets.CountSent((int)Codec.GetType(transmit.Datagram.Span));
                }
            }
            else
            {
                _handle(now, output);
            }
        }
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (Channel<Datagram> worker in _workers)
        {
            worker.Writer.TryComplete();
        }

        await _running.ConfigureAwait(false);
    }

    private static bool IsRequest(PacketType type) => type is PacketType.Ping or PacketType.FindNode or PacketType.RecordRequest;

    /// <summary>Hands a datagram to the worker of its endpoint, if its packet could matter.</summary>
    private void Forward(Timestamp now, Datagram datagram)
    {
        if (!Codec.TryReadContent(datagram.Bytes, out Packet? packet))
        {
            Packets.CountReceived(PacketVerdict.Malformed, (int)Codec.GetType(datagram.Bytes));
        }
        else if (!_machine.IsWorthRecovering(now, datagram.EndPoint = datagram.From.ToEndPoint(), packet))
        {
            Packets.CountReceived(PacketVerdict.Unwanted, (int)Codec.GetType(datagram.Bytes));
        }
        else
        {
            datagram.Packet = packet;
            if (_workers[_limiter.HashEndPoint(datagram.From) % (uint)_workers.Length].Writer.TryWrite(datagram))
            {
                return;
            }

            Packets.CountReceived(PacketVerdict.Overflowed, (int)Codec.GetType(datagram.Bytes));
        }

        _host.Release(datagram);
    }

    private async Task RecoverAsync(ChannelReader<Datagram> datagrams)
    {
        await foreach (Datagram datagram in datagrams.ReadAllAsync().ConfigureAwait(false))
        {
            if (Codec.TryRecoverSender(datagram.Bytes, out PublicKey? sender))
            {
                datagram.Sender = sender;
                _host.Post(datagram);
            }
            else
            {
                Packets.CountReceived(PacketVerdict.BadSignature, (int)Codec.GetType(datagram.Bytes));
                _host.Release(datagram);
            }
        }
    }
}
