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
/// The loop is whoever holds its lock: a socket's receiver for the datagrams that have come, or a task for commands and timers. So a
/// datagram is handled where it was received, without waking up another thread (docs/decisions/0002-udp-batches.md).
/// </para>
/// <para>
/// A datagram's way: whose it is, that protocol's cheap tests (nothing is allocated until then), its machine. The number of datagrams
/// that wait for workers on this way is bounded: what does not fit is dropped and counted.
/// </para>
/// <para>Commands are posted from any thread; everything that touches a machine runs in the loop.</para>
/// </remarks>
internal sealed class DiscoveryHost : IAsyncDisposable
{
    /// <summary>How many datagrams are under way between the sockets and the machines.</summary>
    private const int MaxDatagrams = 2048;

    /// <summary>How many events are handled before others may have the loop.</summary>
    private const int MaxEventsAtOnce = 256;

    /// <summary>How long after a socket has died it is bound again; then each time twice as long.</summary>
    internal static readonly TimeSpan FirstBindDelay = TimeSpan.FromMilliseconds(200);

    /// <summary>How long at most.</summary>
    internal static readonly TimeSpan MaxBindDelay = TimeSpan.FromSeconds(30);

    private readonly UdpPort[] _ports;
    private readonly Func<IPEndPoint, UdpPort> _bind;
    private readonly CancellationTokenSource _closing = new();
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _start;

    // Read in the loop only; but who waits for the next one waits outside.
    private readonly Channel<object> _events = Channel.CreateUnbounded<object>();
    private readonly Lock _loop = new();
    private readonly ITimer _timer;
    private readonly ConcurrentQueue<Datagram> _free = new();
    private readonly Task _running;
    private UdpPort? _port4;
    private UdpPort? _port6;
    private ProtocolPump[] _pumps = [];
    private TimeSpan? _timerDue;
    private int _datagrams;
    private int _tickPosted;
    private int _isDisposed;

    /// <param name="sockets">Bound, at most one for each address family; owned from now on.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    public DiscoveryHost(Socket[] sockets, TimeProvider time, ILogger logger)
        : this(sockets, socket => UdpPort.Open(socket, logger), time, logger)
    {
    }

    /// <summary>For tests, which run both kinds of ports.</summary>
    internal DiscoveryHost(Socket[] sockets, Func<Socket, UdpPort> open, TimeProvider time, ILogger logger)
    {
        UdpPort[] ports = [.. sockets.Select(open)];
        (_ports, _time, _logger) = (ports, time, logger);
        _bind = endPoint => open(UdpSockets.BindOne(endPoint));
        _port4 = Array.Find(ports, static p => p.Family == AddressFamily.InterNetwork);
        _port6 = Array.Find(ports, static p => p.Family == AddressFamily.InterNetworkV6);
        LocalEndPoint = ports[0].LocalEndPoint;
        _start = time.GetTimestamp();
        _timer = time.CreateTimer(_ => PostTick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _running = Task.WhenAll([Task.Run(LoopAsync), .. Enumerable.Range(0, ports.Length).Select(i => Task.Run(() => ReceiveAsync(i)))]);
    }

    /// <summary>Where the first socket is bound to; with two, that is the one of IPv6.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>Whether there is a socket of IPv4.</summary>
    public bool HasIPv4 => _port4 is not null;

    /// <summary>Whether there is a socket of IPv6.</summary>
    public bool HasIPv6 => _port6 is not null;

    /// <summary>The time.</summary>
    public Timestamp Now => new(_time.GetElapsedTime(_start), _time.GetUtcNow());

    /// <summary>Adds a protocol. Of those that take a datagram for theirs, the one that was added last gets it.</summary>
    public void Attach(ProtocolPump pump)
    {
        lock (_loop)
        {
            _pumps = [pump, .. _pumps];
        }

        PostTick();
    }

    /// <summary>Removes a protocol, and waits until its machine is not touched any more.</summary>
    public async Task DetachAsync(ProtocolPump pump)
    {
        lock (_loop)
        {
            _pumps = [.. _pumps.Where(p => p != pump)];
        }

        // After the commands that were posted before.
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Post(_ => done.SetResult()))
        {
            await done.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Runs a command in the loop. Safe for concurrent calls.</summary>
    /// <returns>False if the host has ended; then the command will not run.</returns>
    public bool Post(Action<Timestamp> command) => _events.Writer.TryWrite(command);

    /// <summary>Reads something of a machine, in the loop: waits until whoever is in it leaves. Safe for concurrent calls.</summary>
    public T Read<T>(Func<Timestamp, T> read)
    {
        lock (_loop)
        {
            return read(Now);
        }
    }

    /// <summary>Hands a datagram to its protocol once more. Safe for concurrent calls.</summary>
    public void Post(Datagram datagram) => _events.Writer.TryWrite(datagram);

    /// <summary>A datagram's way has ended. Safe for concurrent calls. At most <see cref="MaxDatagrams"/> and some are ever made.</summary>
    public void Release(Datagram datagram)
    {
        (datagram.EndPoint, datagram.Packet, datagram.Sender) = (null, null, null);
        _free.Enqueue(datagram);
        Interlocked.Decrement(ref _datagrams);
    }

    /// <summary>Sends a datagram, at the latest when the loop is left. In the loop. What cannot be sent is as good as lost on the way.</summary>
    /// <returns>False if it is known already that it could not be sent.</returns>
    public bool Send(in CompactEndPoint to, ReadOnlySpan<byte> datagram) => (to.IsIPv4 ? _port4 : _port6)?.Send(to, datagram) ?? false;

    /// <summary>Ends everything and waits for it. Commands that were posted before still run.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _events.Writer.TryComplete();
            await _timer.DisposeAsync().ConfigureAwait(false);
            await _closing.CancelAsync().ConfigureAwait(false);
            lock (_loop)
            {
                foreach (UdpPort port in _ports)
                {
                    port.Close();
                }
            }
        }

        await _running.ConfigureAwait(false);
    }

    private void PostTick()
    {
        if (Interlocked.Exchange(ref _tickPosted, 1) == 0)
        {
            _events.Writer.TryWrite(Tick.Instance);
        }
    }

    /// <summary>Receives until the end. When a socket dies, another one takes its place: nothing else changes, what is lost meanwhile is lost on the way.</summary>
    private async Task ReceiveAsync(int index)
    {
        TimeSpan delay = FirstBindDelay;
        while (true)
        {
            long began = _time.GetTimestamp();
            await _ports[index].ReceiveAsync(Take).ConfigureAwait(false);
            delay = _time.GetElapsedTime(began) > MaxBindDelay ? FirstBindDelay : delay;
            do
            {
                try
                {
                    await Task.Delay(delay, _time, _closing.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    return;
                }

                delay = 2 * delay < MaxBindDelay ? 2 * delay : MaxBindDelay;
            }
            while (!BindAgain(index, delay));
        }
    }

    private bool BindAgain(int index, TimeSpan retry)
    {
        IPEndPoint endPoint = _ports[index].LocalEndPoint;
        _ports[index].Close();
        UdpPort port;
        try
        {
            port = _bind(endPoint);
        }
        catch (SocketException e)
        {
            DiscoveryLog.BindFailed(_logger, endPoint, e.Message, retry);
            return false;
        }

        lock (_loop)
        {
            if (_closing.IsCancellationRequested)
            {
                port.Close();
                return false;
            }

            _ports[index] = port;
            (_port4, _port6) = port.Family == AddressFamily.InterNetwork ? (port, _port6) : (_port4, port);
        }

        DiscoveryLog.BoundAgain(_logger, endPoint);
        return true;
    }

    /// <summary>Takes the datagrams that have come, in their receiver's thread.</summary>
    private void Take(UdpPort port, int count)
    {
        lock (_loop)
        {
            Timestamp now = Now;
            for (int i = 0; i < count; i++)
            {
                Datagram datagram = _free.TryDequeue(out Datagram? free) ? free : new Datagram();
                port.Read(i, datagram);
                Interlocked.Increment(ref _datagrams);
                if (Accept(now, datagram))
                {
                    Run(now, datagram);
                }
                else
                {
                    Release(datagram);
                }
            }

            // A flood of datagrams must not keep the loop from what else has happened.
            RunEvents(now);
            Leave();
        }
    }

    /// <summary>The cheap tests.</summary>
    private bool Accept(Timestamp now, Datagram datagram)
    {
        foreach (ProtocolPump pump in _pumps)
        {
            if (pump.IsMine(datagram))
            {
                datagram.Pump = pump;
                if (Volatile.Read(ref _datagrams) <= MaxDatagrams)
                {
                    return pump.Accept(now.Monotonic, datagram);
                }

                pump.CountOverflow();
                return false;
            }
        }

        return false;
    }

    private async Task LoopAsync()
    {
        while (await _events.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            lock (_loop)
            {
                RunEvents(Now);
                Leave();
            }
        }
    }

    private void RunEvents(Timestamp now)
    {
        for (int i = 0; i < MaxEventsAtOnce && _events.Reader.TryRead(out object? item); i++)
        {
            Run(now, item);
        }
    }

    private void Run(Timestamp now, object item)
    {
        try
        {
            Handle(now, item);
            foreach (ProtocolPump pump in _pumps)
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
    }

    private void Handle(Timestamp now, object item)
    {
        switch (item)
        {
            case Datagram datagram when Array.IndexOf(_pumps, datagram.Pump) >= 0:
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
                _timerDue = null;
                foreach (ProtocolPump pump in _pumps)
                {
                    pump.HandleTimeout(now);
                }

                break;
        }
    }

    /// <summary>The last thing that is done in the loop: what waits is sent, and the timer set.</summary>
    private void Leave()
    {
        _port4?.Flush();
        _port6?.Flush();
        ScheduleTick();
    }

    private void ScheduleTick()
    {
        TimeSpan? next = null;
        foreach (ProtocolPump pump in _pumps)
        {
            next = next is null || pump.NextTimeout < next ? pump.NextTimeout : next;
        }

        // A timer that is set for an earlier moment costs less than setting it anew for every datagram.
        if (next is not { } due || _timerDue <= due)
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
            _timerDue = due;
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
