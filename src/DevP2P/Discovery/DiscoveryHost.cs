using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using DevP2P.Crypto;
using DevP2P.Discovery.Core;
using DevP2P.Discovery.V4;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>
/// The pump around <see cref="Discv4"/>: the only owner of a UDP socket and of a clock. One loop feeds the machine with packets,
/// commands and time, and sends what it hands out.
/// </summary>
/// <remarks>
/// <para>
/// A datagram's way: the receiving task checks size, rate, hash and whether it was seen (nothing is allocated until then); the
/// loop asks the machine whether the packet could matter; a worker recovers the signature; the loop hands the packet to the
/// machine. Packets of one endpoint go to one worker, so that they stay in order. Every queue is bounded: what does not fit is
/// dropped and counted.
/// </para>
/// <para>Commands are posted from any thread; everything that touches the machine runs in the loop.</para>
/// </remarks>
internal sealed class DiscoveryHost : IAsyncDisposable
{
    /// <summary>How many datagrams are under way between the socket and the machine.</summary>
    private const int MaxDatagrams = 2048;

    /// <summary>How many of them wait for one worker.</summary>
    private const int MaxPerWorker = 512;

    /// <summary>The socket's buffer: about a thousand packets, a burst while the process is busy elsewhere.</summary>
    private const int ReceiveBufferSize = 1 << 20;

    private readonly Socket _socket;
    private readonly EndPoint _anyEndPoint;
    private readonly Discv4 _machine;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _start;
    private readonly SourceLimiter _limiter;
    private readonly Channel<object> _events = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Channel<Datagram>[] _workers;
    private readonly CancellationTokenSource _stop = new();
    private readonly Action<Discv4, Timestamp, Output> _handle;
    private readonly ITimer _timer;
    private readonly Task _running;
    private readonly ConcurrentQueue<Datagram> _free = new();
    private Counts _counts;
    private int _datagrams;
    private int _tickPosted;
    private int _isDisposed;

    /// <param name="socket">Bound; owned from now on.</param>
    /// <param name="makeMachine">Makes the machine at the given time.</param>
    /// <param name="handle">Takes the machine's outputs, except datagrams. Called in the loop, the first time maybe before this returns.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    public DiscoveryHost(Socket socket, Func<Timestamp, Discv4> makeMachine, Action<Discv4, Timestamp, Output> handle, TimeProvider time, ILogger logger)
    {
        (_socket, _handle, _time, _logger) = (socket, handle, time, logger);
        _start = time.GetTimestamp();
        _limiter = new SourceLimiter(RandomSource.System);
        _machine = makeMachine(Now);
        _anyEndPoint = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        socket.ReceiveBufferSize = ReceiveBufferSize;
        _workers = new Channel<Datagram>[Math.Clamp(Environment.ProcessorCount - 1, 1, 4)];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = Channel.CreateBounded<Datagram>(new BoundedChannelOptions(MaxPerWorker) { SingleReader = true, SingleWriter = true });
        }

        _timer = time.CreateTimer(_ => PostTick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _running = Task.WhenAll([Task.Run(ReceiveAsync), Task.Run(LoopAsync), .. _workers.Select(w => Task.Run(() => RecoverAsync(w.Reader)))]);
        PostTick();
    }

    /// <summary>Where the socket is bound to.</summary>
    public IPEndPoint LocalEndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    public DiscoveryCounters Counters => new(
        Volatile.Read(ref _counts.Received),
        Volatile.Read(ref _counts.Malformed),
        Volatile.Read(ref _counts.OverRate),
        Volatile.Read(ref _counts.Repeated),
        Volatile.Read(ref _counts.Unwanted),
        Volatile.Read(ref _counts.Overflowed),
        Volatile.Read(ref _counts.BadSignatures),
        Volatile.Read(ref _counts.Handled),
        Volatile.Read(ref _counts.Sent));

    private Timestamp Now => new(_time.GetElapsedTime(_start), _time.GetUtcNow());

    /// <summary>Runs a command in the loop, with the machine. Safe for concurrent calls.</summary>
    /// <returns>False if the host has ended; then the command will not run.</returns>
    public bool Post(Action<Discv4, Timestamp> command) => _events.Writer.TryWrite(command);

    /// <summary>Ends everything and waits for it. Commands that were posted before still run.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _events.Writer.TryComplete();
            foreach (Channel<Datagram> worker in _workers)
            {
                worker.Writer.TryComplete();
            }

            await _stop.CancelAsync().ConfigureAwait(false);
            await _timer.DisposeAsync().ConfigureAwait(false);
        }

        await _running.ConfigureAwait(false);
        _socket.Dispose();
        _stop.Dispose();
    }

    private void PostTick()
    {
        if (Interlocked.Exchange(ref _tickPosted, 1) == 0)
        {
            _events.Writer.TryWrite(Tick.Instance);
        }
    }

    private async Task ReceiveAsync()
    {
        Datagram datagram = Rent();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                datagram.Address.Size = datagram.Address.Buffer.Length;
                datagram.Length = await _socket.ReceiveFromAsync(datagram.Buffer, SocketFlags.None, datagram.Address, _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.MessageSize or SocketError.NetworkReset)
            {
                // Windows reports here that an earlier datagram was not delivered, or that this one was too long.
                continue;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                if (!_stop.IsCancellationRequested)
                {
                    DiscoveryLog.ReceiveFailed(_logger, e);
                }

                return;
            }

            if (Accept(datagram))
            {
                Interlocked.Increment(ref _datagrams);
                _events.Writer.TryWrite(datagram);
                datagram = Rent();
            }
        }
    }

    /// <summary>The cheap checks, cheapest first.</summary>
    private bool Accept(Datagram datagram)
    {
        _counts.Received++;
        if (datagram.Length is < Codec.MinPacketSize or > Codec.MaxPacketSize)
        {
            _counts.Malformed++;
        }
        else if (!_limiter.TryTake(_time.GetElapsedTime(_start), datagram.Address))
        {
            _counts.OverRate++;
        }
        else if (Volatile.Read(ref _datagrams) >= MaxDatagrams)
        {
            Interlocked.Increment(ref _counts.Overflowed);
        }
        else if (Codec.Check(datagram.Bytes) != DecodeError.None)
        {
            _counts.Malformed++;
        }
        else if (IsRequest(Codec.GetType(datagram.Bytes)) && !_limiter.TryTakeRequest(datagram.Address, Codec.GetHash(datagram.Bytes)))
        {
            _counts.Repeated++;
        }
        else
        {
            datagram.EndPointHash = _limiter.HashEndPoint(datagram.Address);
            return true;
        }

        return false;
    }

    private static bool IsRequest(PacketType type) => type is PacketType.Ping or PacketType.FindNode or PacketType.RecordRequest;

    private async Task RecoverAsync(ChannelReader<Datagram> datagrams)
    {
        await foreach (Datagram datagram in datagrams.ReadAllAsync().ConfigureAwait(false))
        {
            if (Codec.TryRecoverSender(datagram.Bytes, out PublicKey? sender))
            {
                datagram.Sender = sender;
                _events.Writer.TryWrite(datagram);
            }
            else
            {
                Interlocked.Increment(ref _counts.BadSignatures);
                Release(datagram);
            }
        }
    }

    private async Task LoopAsync()
    {
        await foreach (object item in _events.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                Timestamp now = Now;
                Handle(now, item);
                Drain(now);
            }
#pragma warning disable CA1031 // One bad event must not end discovery; the machine's tests are there to make this dead code.
            catch (Exception e)
#pragma warning restore CA1031
            {
                DiscoveryLog.Defect(_logger, e);
            }

            ScheduleTick();
        }
    }

    private void Handle(Timestamp now, object item)
    {
        switch (item)
        {
            case Datagram { Sender: { } sender } datagram:
                _counts.Handled++;
                (IPEndPoint from, Packet packet, PacketHash hash) = (datagram.From!, datagram.Packet!, Codec.GetHash(datagram.Bytes));
                Release(datagram);
                _machine.HandlePacket(now, from, sender, hash, packet);
                break;
            case Datagram datagram:
                Forward(now, datagram);
                break;
            case Action<Discv4, Timestamp> command:
                command(_machine, now);
                break;
            case Tick:
                Volatile.Write(ref _tickPosted, 0);
                _machine.HandleTimeout(now);
                break;
        }
    }

    /// <summary>Hands a datagram to the worker of its endpoint, if its packet could matter.</summary>
    private void Forward(Timestamp now, Datagram datagram)
    {
        if (!Codec.TryReadContent(datagram.Bytes, out Packet? packet))
        {
            Interlocked.Increment(ref _counts.Malformed);
        }
        else if (!_machine.IsWorthRecovering(now, datagram.From = (IPEndPoint)_anyEndPoint.Create(datagram.Address), packet))
        {
            _counts.Unwanted++;
        }
        else
        {
            datagram.Packet = packet;
            if (_workers[datagram.EndPointHash % (uint)_workers.Length].Writer.TryWrite(datagram))
            {
                return;
            }

            Interlocked.Increment(ref _counts.Overflowed);
        }

        Release(datagram);
    }

    private Datagram Rent() => _free.TryDequeue(out Datagram? datagram) ? datagram : new Datagram(_socket.AddressFamily);

    /// <summary>A datagram's way has ended. At most <see cref="MaxDatagrams"/> and one are ever made.</summary>
    private void Release(Datagram datagram)
    {
        (datagram.From, datagram.Packet, datagram.Sender) = (null, null, null);
        _free.Enqueue(datagram);
        Interlocked.Decrement(ref _datagrams);
    }

    private void Drain(Timestamp now)
    {
        while (_machine.TryDequeue(out Output? output))
        {
            if (output is Transmit transmit)
            {
                Send(transmit);
            }
            else
            {
                _handle(_machine, now, output);
            }
        }
    }

    private void Send(Transmit transmit)
    {
        try
        {
            _socket.SendTo(transmit.Datagram.Span, SocketFlags.None, transmit.To);
            _counts.Sent++;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or ArgumentException)
        {
            // Unreachable, or of an address family that the socket does not have: as good as lost on the way.
            DiscoveryLog.SendFailed(_logger, transmit.To, e.Message);
        }
    }

    private void ScheduleTick()
    {
        if (_machine.NextTimeout is not { } next)
        {
            return;
        }

        TimeSpan now = Now.Monotonic;
        if (next <= now)
        {
            PostTick();
            return;
        }

        TimeSpan delay = next - now;
        try
        {
            // Timers are cut to whole milliseconds; waking up too early would mean waking up twice.
            _timer.Change(TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(delay.TotalMilliseconds), int.MaxValue)), Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // Stopping.
        }
    }

    private struct Counts
    {
        public long Received;
        public long Malformed;
        public long OverRate;
        public long Repeated;
        public long Unwanted;
        public long Overflowed;
        public long BadSignatures;
        public long Handled;
        public long Sent;
    }

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }

    /// <summary>A datagram on its way from the socket to the machine.</summary>
    private sealed class Datagram(AddressFamily family)
    {
        // One byte more than a packet may have shows that one is too long.
        public byte[] Buffer { get; } = new byte[Codec.MaxPacketSize + 1];

        public SocketAddress Address { get; } = new(family);

        public int Length { get; set; }

        public ReadOnlySpan<byte> Bytes => Buffer.AsSpan(0, Length);

        public ulong EndPointHash { get; set; }

        public IPEndPoint? From { get; set; }

        public Packet? Packet { get; set; }

        /// <summary>Null until the signature has been recovered.</summary>
        public PublicKey? Sender { get; set; }
    }
}
