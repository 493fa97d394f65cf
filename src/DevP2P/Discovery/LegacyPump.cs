using System.Net;
using System.Threading.Channels;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.LegacyV5;
using DevP2P.NetUtil;

namespace DevP2P.Discovery;

/// <summary>
/// Between the host and a <see cref="LegacyDiscovery"/>: takes what begins with the protocol's prefix; checks size, rate, type and
/// whether a datagram was seen; asks the machine whether the packet could matter; lets a worker recover the signature; then hands
/// the packet to the machine. Packets of one endpoint go to one worker, so that they stay in order. Every queue is bounded: what
/// does not fit is dropped and counted.
/// </summary>
internal sealed class LegacyPump : ProtocolPump
{
    /// <summary>How many datagrams wait for one worker.</summary>
    private const int MaxPerWorker = 512;

    private readonly DiscoveryHost _host;
    private readonly LegacyDiscovery _machine;
    private readonly Action<Timestamp, Output> _handle;
    private readonly SourceLimiter _limiter = new(RandomSource.System);
    private readonly Channel<Datagram>[] _workers;
    private readonly Task _running;
    private long _received;

    /// <param name="host">Receives and sends.</param>
    /// <param name="machine">The machine; from now on touched in the host's loop only.</param>
    /// <param name="handle">Takes the machine's outputs, except datagrams. Called in the loop.</param>
    public LegacyPump(DiscoveryHost host, LegacyDiscovery machine, Action<Timestamp, Output> handle)
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
    public PacketCounts Packets { get; } = new(
        ["unknown", "ping", "pong", "findnode", "neighbors", "findnodehash", "topicregister", "topicquery", "topicnodes"]);

    /// <summary>How many wait for their signatures to be recovered.</summary>
    public int Waiting => _workers.Sum(static w => w.Reader.Count);

    public override bool IsMine(Datagram datagram) => Codec.HasPrefix(datagram.Bytes);

    /// <summary>Cheapest first.</summary>
    public override bool Accept(TimeSpan now, Datagram datagram)
    {
        _received++;
        if (Codec.Check(datagram.Bytes) != DecodeError.None)
        {
            Packets.CountReceived(PacketVerdict.Malformed);
        }
        else if (!_limiter.TryTake(now, datagram.From))
        {
            Packets.CountReceived(PacketVerdict.OverRate, (int)Codec.GetType(datagram.Bytes));
        }
        else if (!IsAnswer(Codec.GetType(datagram.Bytes)) && !_limiter.TryTakeRequest(datagram.From, Codec.GetHash(datagram.Bytes)))
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
        if (datagram.Sender is { } sender)
        {
            Packets.CountReceived(PacketVerdict.Handled, (int)Codec.GetType(datagram.Bytes));
            _machine.HandlePacket(now, datagram.EndPoint!, sender, (Packet)datagram.Packet!, datagram.Bytes);
            _host.Release(datagram);
        }
        else if (!TryForward(now, datagram))
        {
            _host.Release(datagram);
        }
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

    /// <summary>Two equal answers may answer two questions.</summary>
    private static bool IsAnswer(PacketType type) => type is PacketType.Pong or PacketType.Neighbors or PacketType.TopicNodes;

    /// <summary>Hands a datagram to the worker of its endpoint, if its packet could matter.</summary>
    private bool TryForward(Timestamp now, Datagram datagram)
    {
        if (!Codec.TryReadContent(datagram.Bytes, out Packet? packet))
        {
            Packets.CountReceived(PacketVerdict.Malformed, (int)Codec.GetType(datagram.Bytes));
            return false;
        }

        IPEndPoint from = datagram.From.ToEndPoint();
        if (!_machine.IsWorthRecovering(now, from, packet))
        {
            Packets.CountReceived(PacketVerdict.Unwanted, (int)Codec.GetType(datagram.Bytes));
            return false;
        }

        (datagram.EndPoint, datagram.Packet) = (from, packet);
        if (_workers[_limiter.HashEndPoint(datagram.From) % (uint)_workers.Length].Writer.TryWrite(datagram))
        {
            return true;
        }

        Packets.CountReceived(PacketVerdict.Overflowed, (int)Codec.GetType(datagram.Bytes));
        return false;
    }

    private async Task RecoverAsync(ChannelReader<Datagram> datagrams)
    {
        await foreach (Datagram datagram in datagrams.ReadAllAsync().ConfigureAwait(false))
        {
            if (Codec.TryRecoverSender(datagram.Bytes, out PublicKey? sender))
            {
                if (datagram.Packet is TopicRegister register && Codec.TryRecoverSender(register.Pong.Span, out PublicKey? signer))
                {
                    register.PongSigner = signer;
                }

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
