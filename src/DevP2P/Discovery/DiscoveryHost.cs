using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using Microsoft.Extensions.Logging;

namespace DevP2P.Discovery;

/// <summary>
/// The only owner of the UDP sockets and of a clock. One loop feeds the machines of all protocols on these sockets with datagrams,
/// commands and time, and sends what they hand out.
/// </summary>
/// <remarks>
/// <para>
/// A datagram's way: a receiving task finds out whose it is and lets that protocol do its cheap tests (nothing is allocated until
/// then); the loop hands it on. The number of datagrams under way is bounded: what does not fit is dropped and counted.
/// </para>
/// <para>Commands are posted from any thread; everything that touches a machine runs in the loop.</para>
/// </remarks>
internal sealed class DiscoveryHost : IAsyncDisposable
{
    /// <summary>How many datagrams are under way between the sockets and the machines.</summary>
    private const int MaxDatagrams = 2048;

    private readonly Socket[] _sockets;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _start;
    private readonly Channel<object> _events = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _timer;
    private readonly Lock _accepting = new();
    private readonly ConcurrentQueue<Datagram> _free4 = new();
    private readonly ConcurrentQueue<Datagram> _free6 = new();
    private readonly SocketAddress _to4 = new(AddressFamily.InterNetwork);
    private readonly SocketAddress _to6 = new(AddressFamily.InterNetworkV6);
    private readonly Socket? _socket4;
    private readonly Socket? _socket6;
    private readonly Task _running;
    private ProtocolPump[] _pumps = [];
    private int _datagrams;
    private int _tickPosted;
    private int _isDisposed;

    /// <param name="sockets">Bound, at most one for each address family; owned from now on.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    public DiscoveryHost(Socket[] sockets, TimeProvider time, ILogger logger)
    {
        (_sockets, _time, _logger) = (sockets, time, logger);
        _socket4 = Array.Find(sockets, static s => s.AddressFamily == AddressFamily.InterNetwork);
        _socket6 = Array.Find(sockets, static s => s.AddressFamily == AddressFamily.InterNetworkV6);
        LocalEndPoint = (IPEndPoint)sockets[0].LocalEndPoint!;
        _start = time.GetTimestamp();
        _timer = time.CreateTimer(_ => PostTick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _running = Task.WhenAll([Task.Run(LoopAsync), .. sockets.Select(s => Task.Run(() => ReceiveAsync(s)))]);
    }

    /// <summary>Where the first socket is bound to; with two, that is the one of IPv6.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>Whether there is a socket of IPv4.</summary>
    public bool HasIPv4 => _socket4 is not null;

    /// <summary>Whether there is a socket of IPv6.</summary>
    public bool HasIPv6 => _socket6 is not null;

    /// <summary>The time.</summary>
    public Timestamp Now => new(_time.GetElapsedTime(_start), _time.GetUtcNow());

    /// <summary>Adds a protocol. Of those that take a datagram for theirs, the one that was added last gets it.</summary>
    public void Attach(ProtocolPump pump)
    {
        lock (_accepting)
        {
            _pumps = [pump, .. _pumps];
        }

        PostTick();
    }

    /// <summary>Removes a protocol, and waits until its machine is not touched any more.</summary>
    public async Task DetachAsync(ProtocolPump pump)
    {
        lock (_accepting)
        {
            _pumps = [.. _pumps.Where(p => p != pump)];
        }

        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Post(_ => done.SetResult()))
        {
            await done.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Runs a command in the loop. Safe for concurrent calls.</summary>
    /// <returns>False if the host has ended; then the command will not run.</returns>
    public bool Post(Action<Timestamp> command) => _events.Writer.TryWrite(command);

    /// <summary>Hands a datagram to its protocol once more. Safe for concurrent calls.</summary>
    public void Post(Datagram datagram) => _events.Writer.TryWrite(datagram);

    /// <summary>A datagram's way has ended. Safe for concurrent calls. At most <see cref="MaxDatagrams"/> and some are ever made.</summary>
    public void Release(Datagram datagram)
    {
        (datagram.EndPoint, datagram.Packet, datagram.Sender) = (null, null, null);
        (datagram.Address.Family == AddressFamily.InterNetwork ? _free4 : _free6).Enqueue(datagram);
        Interlocked.Decrement(ref _datagrams);
    }

    /// <summary>Sends a datagram. In the loop. What cannot be sent is as good as lost on the way.</summary>
    /// <returns>False if it could not be sent.</returns>
    public bool Send(in CompactEndPoint to, ReadOnlySpan<byte> datagram)
    {
        Socket? socket = to.IsIPv4 ? _socket4 : _socket6;
        if (socket is null)
        {
            return false;
        }

        SocketAddress address = to.IsIPv4 ? _to4 : _to6;
        to.CopyTo(address);
        try
        {
            socket.SendTo(datagram, SocketFlags.None, address);
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            if (_logger.IsEnabled(LogLevel.Trace))
            {
                DiscoveryLog.SendFailed(_logger, to.ToEndPoint(), e.Message);
            }

            return false;
        }
    }

    /// <summary>Ends everything and waits for it. Commands that were posted before still run.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _events.Writer.TryComplete();
            await _stop.CancelAsync().ConfigureAwait(false);
            await _timer.DisposeAsync().ConfigureAwait(false);
        }

        await _running.ConfigureAwait(false);
        foreach (Socket socket in _sockets)
        {
            socket.Dispose();
        }

        _stop.Dispose();
    }

    private void PostTick()
    {
        if (Interlocked.Exchange(ref _tickPosted, 1) == 0)
        {
            _events.Writer.TryWrite(Tick.Instance);
        }
    }

    private async Task ReceiveAsync(Socket socket)
    {
        Datagram datagram = Rent(socket.AddressFamily);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                datagram.Address.Size = datagram.Address.Buffer.Length;
                datagram.Length = await socket.ReceiveFromAsync(datagram.Buffer, SocketFlags.None, datagram.Address, _stop.Token).ConfigureAwait(false);
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

            datagram.From = CompactEndPoint.From(datagram.Address);
            if (Accept(datagram))
            {
                Interlocked.Increment(ref _datagrams);
                _events.Writer.TryWrite(datagram);
                datagram = Rent(socket.AddressFamily);
            }
        }
    }

    /// <summary>The cheap tests. The sockets share what the protocols count.</summary>
    private bool Accept(Datagram datagram)
    {
        lock (_accepting)
        {
            foreach (ProtocolPump pump in _pumps)
            {
                if (pump.IsMine(datagram))
                {
                    datagram.Pump = pump;
                    if (Volatile.Read(ref _datagrams) < MaxDatagrams)
                    {
                        return pump.Accept(_time.GetElapsedTime(_start), datagram);
                    }

                    pump.CountOverflow();
                    return false;
                }
            }

            return false;
        }
    }

    private async Task LoopAsync()
    {
        await foreach (object item in _events.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            ProtocolPump[] pumps = Volatile.Read(ref _pumps);
            try
            {
                Timestamp now = Now;
                Handle(now, item, pumps);
                foreach (ProtocolPump pump in pumps)
                {
                    pump.Drain(now);
                }
            }
#pragma warning disable CA1031 // One bad event must not end discovery; the machines' tests are there to make this dead code.
            catch (Exception e)
#pragma warning restore CA1031
            {
                DiscoveryLog.Defect(_logger, e);
            }

            ScheduleTick(pumps);
        }
    }

    private void Handle(Timestamp now, object item, ProtocolPump[] pumps)
    {
        switch (item)
        {
            case Datagram datagram when Array.IndexOf(pumps, datagram.Pump) >= 0:
                datagram.Pump!.Handle(now, datagram);
                break;
            case Datagram datagram:
                Release(datagram);
                break;
            case Action<Timestamp> command:
                command(now);
                break;
            case Tick:
                Volatile.Write(ref _tickPosted, 0);
                foreach (ProtocolPump pump in pumps)
                {
                    pump.HandleTimeout(now);
                }

                break;
        }
    }

    private Datagram Rent(AddressFamily family) =>
        (family == AddressFamily.InterNetwork ? _free4 : _free6).TryDequeue(out Datagram? datagram) ? datagram : new Datagram(family);

    private void ScheduleTick(ProtocolPump[] pumps)
    {
        TimeSpan? next = null;
        foreach (ProtocolPump pump in pumps)
        {
            next = next is null || pump.NextTimeout < next ? pump.NextTimeout : next;
        }

        if (next is not { } due)
        {
            return;
        }

        TimeSpan now = Now.Monotonic;
        if (due <= now)
        {
            PostTick();
            return;
        }

        TimeSpan delay = due - now;
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

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }
}
