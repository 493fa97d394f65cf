using System.Net;
using System.Net.Sockets;
using DevP2P.Discovery;
using DevP2P.Discovery.Core;
using DevP2P.NetUtil;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace DevP2P.Tests.Discovery.Host;

/// <summary>Both ways to send and receive datagrams, on loopback.</summary>
public sealed class UdpPortTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public static TheoryData<bool, bool> Kinds => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Datagrams_come_in_order_with_their_sender_and_length(bool isNative, bool isIPv6)
    {
        using Socket sender = Bind(isIPv6);
        await using var taken = new Taken(Open(isNative, isIPv6));
        int[] lengths = [0, 1, 63, 100, 1280, 1281, 1500, 9];
        for (int round = 0; round < 20; round++)
        {
            foreach (int length in lengths)
            {
                byte[] datagram = new byte[length];
                Array.Fill(datagram, (byte)round);
                sender.SendTo(datagram, taken.Port.LocalEndPoint);
            }
        }

        List<(CompactEndPoint From, byte[] Bytes)> all = await taken.WaitAsync(20 * lengths.Length);
        for (int i = 0; i < all.Count; i++)
        {
            Assert.Equal(CompactEndPoint.From((IPEndPoint)sender.LocalEndPoint!), all[i].From);
            // One byte more than a packet may have shows that it is too long.
            int length = Math.Min(lengths[i % lengths.Length], Datagram.MaxSize + 1);
            Assert.Equal(Enumerable.Repeat((byte)(i / lengths.Length), length), all[i].Bytes);
        }
    }

    [Fact]
    public async Task Many_that_wait_are_taken_at_once()
    {
        Assert.SkipUnless(LinuxUdpPort.IsSupported, "has no calls for many datagrams");
        using Socket sender = Bind(isIPv6: false);
        UdpPort port = Open(isNative: true, isIPv6: false);
        for (int i = 0; i < LinuxUdpPort.ReceiveBatch + 1; i++)
        {
            sender.SendTo([(byte)i], port.LocalEndPoint);
        }

        await using var taken = new Taken(port);
        await taken.WaitAsync(LinuxUdpPort.ReceiveBatch + 1);

        Assert.Equal([LinuxUdpPort.ReceiveBatch, 1], taken.Counts);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task More_than_a_batch_is_sent_in_order_and_to_whom_it_is_for(bool isNative, bool isIPv6)
    {
        const int count = (2 * LinuxUdpPort.SendBatch) + 5;
        UdpPort port = Open(isNative, isIPv6);
        await using var first = new Taken(Open(isNative, isIPv6));
        await using var second = new Taken(Open(isNative, isIPv6));
        for (int i = 0; i < count; i++)
        {
            Taken to = i % 3 == 0 ? first : second;
            Assert.True(port.Send(CompactEndPoint.From(to.Port.LocalEndPoint), Enumerable.Repeat((byte)i, 1 + (i * 9)).ToArray()));
        }

        port.Flush();
        int toFirst = (count + 2) / 3;
        List<(CompactEndPoint From, byte[] Bytes)> atFirst = await first.WaitAsync(toFirst);
        List<(CompactEndPoint From, byte[] Bytes)> atSecond = await second.WaitAsync(count - toFirst);

        Assert.Equal(Enumerable.Range(0, count).Where(static i => i % 3 == 0).Select(static i => (1 + (i * 9), (byte)i)), atFirst.Select(static d => (d.Bytes.Length, d.Bytes[0])));
        Assert.Equal(Enumerable.Range(0, count).Where(static i => i % 3 != 0).Select(static i => (1 + (i * 9), (byte)i)), atSecond.Select(static d => (d.Bytes.Length, d.Bytes[0])));
        Assert.All(atFirst, d => Assert.Equal(CompactEndPoint.From(port.LocalEndPoint), d.From));
        port.Close();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_cannot_be_sent_costs_nothing_else(bool isNative)
    {
        UdpPort port = Open(isNative, isIPv6: false);
        await using var taken = new Taken(Open(isNative, isIPv6: false));
        CompactEndPoint good = CompactEndPoint.From(taken.Port.LocalEndPoint);
        // A broadcast without leave to broadcast is refused by the system.
        CompactEndPoint bad = CompactEndPoint.From(IPAddress.Broadcast, 9);
        foreach ((byte value, CompactEndPoint to) in ((byte, CompactEndPoint)[])[(1, good), (2, bad), (3, good), (4, bad), (5, bad), (6, good), (7, bad)])
        {
            port.Send(to, [value]);
        }

        port.Flush();
        port.Send(good, [8]);
        port.Flush();

        Assert.Equal([1, 3, 6, 8], (await taken.WaitAsync(4)).Select(static d => d.Bytes[0]));
        port.Close();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Closing_ends_the_wait_for_datagrams(bool isNative, bool isIPv6)
    {
        using Socket sender = Bind(isIPv6);
        for (int i = 0; i < 20; i++)
        {
            UdpPort port = Open(isNative, isIPv6);
            int taken = 0;
            Task receiving = port.ReceiveAsync((_, count) => Interlocked.Add(ref taken, count));
            if (i % 2 == 0)
            {
                // It waits again.
                sender.SendTo([1], port.LocalEndPoint);
                await Eventually(() => Volatile.Read(ref taken) == 1);
            }

            port.Close();
            await receiving.WaitAsync(s_patience);
            Assert.False(port.Send(CompactEndPoint.From(port.LocalEndPoint), [1]) && !isNative);
            port.Flush();
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_host_works_on_either(bool isNative)
    {
        var pump = new EchoPump();
        List<UdpPort> ports = [];
        var host = new DiscoveryHost(
            [Bind(isIPv6: false), Bind(isIPv6: true)],
            socket =>
            {
                UdpPort port = Open(isNative, socket);
                ports.Add(port);
                return port;
            },
            TimeProvider.System, NullLogger.Instance);
        await using (host)
        {
            pump.Host = host;
            host.Attach(pump);
            Assert.True(host is { HasIPv4: true, HasIPv6: true });
            foreach (UdpPort port in ports)
            {
                using Socket client = Bind(port.Family == AddressFamily.InterNetworkV6);
                client.ReceiveTimeout = (int)s_patience.TotalMilliseconds;
                for (int i = 0; i < 100; i++)
                {
                    client.SendTo([(byte)i, 1], port.LocalEndPoint);
                }

                byte[] buffer = new byte[10];
                for (int i = 0; i < 100; i++)
                {
                    Assert.Equal(2, client.Receive(buffer));
                    Assert.Equal(i, buffer[0]);
                }
            }

            // A command's datagrams are sent, too, and time passes.
            await using var taken = new Taken(Open(isNative, isIPv6: false));
            host.Post(_ => host.Send(CompactEndPoint.From(taken.Port.LocalEndPoint), [42]));
            Assert.Equal([42], (await taken.WaitAsync(1))[0].Bytes);
            await Eventually(() => pump.Ticks > 2);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Commands_run_while_datagrams_pour_in(bool isNative)
    {
        var pump = new EchoPump { IsSilent = true };
        await using var host = new DiscoveryHost([Bind(isIPv6: false)], socket => Open(isNative, socket), TimeProvider.System, NullLogger.Instance);
        pump.Host = host;
        host.Attach(pump);
        using var stop = new CancellationTokenSource();
        IPEndPoint to = host.LocalEndPoint;
        Task flood = Task.Factory.StartNew(
            () =>
            {
                using Socket client = Bind(isIPv6: false);
                while (!stop.IsCancellationRequested)
                {
                    client.SendTo(new byte[100], to);
                }
            },
            TaskCreationOptions.LongRunning);
        await Eventually(() => pump.Count > 1000);
        for (int i = 0; i < 100; i++)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Assert.True(host.Post(_ => done.SetResult()));
            await done.Task.WaitAsync(s_patience);
        }

        await stop.CancelAsync();
        await flood;
        Assert.Equal(1, pump.MostAtOnce);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_socket_that_dies_is_bound_again_where_it_was(bool isNative, bool isIPv6)
    {
        var pump = new EchoPump();
        List<Socket> sockets = [];
        await using var host = new DiscoveryHost(
            [Bind(isIPv6)],
            socket =>
            {
                sockets.Add(socket);
                return Open(isNative, socket);
            },
            TimeProvider.System, NullLogger.Instance);
        pump.Host = host;
        host.Attach(pump);
        using Socket client = Bind(isIPv6);
        IPEndPoint at = host.LocalEndPoint;
        await Eventually(() => Echoes(client, at));
        for (int i = 1; i < 4; i++)
        {
            sockets[^1].Dispose();
            await Eventually(() => sockets.Count == i + 1 && Echoes(client, at));
        }
    }

    [Fact]
    public async Task While_it_cannot_be_bound_again_it_is_tried_ever_more_seldom_and_the_end_waits_for_nothing()
    {
        var clock = new FakeTimeProvider();
        Socket first = Bind(isIPv6: false);
        int bindings = 0;
        var host = new DiscoveryHost(
            [first],
            socket =>
            {
                if (++bindings == 1)
                {
                    return Open(isNative: false, socket);
                }

                socket.Dispose();
                throw new SocketException((int)SocketError.NetworkDown);
            },
            clock, NullLogger.Instance);
        await using (host)
        {
            first.Dispose();
            TimeSpan waited = TimeSpan.Zero;
            List<TimeSpan> tries = [];
            await Eventually(() =>
            {
                int before = Volatile.Read(ref bindings);
                clock.Advance(TimeSpan.FromMilliseconds(100));
                waited += TimeSpan.FromMilliseconds(100);
                Thread.Sleep(1);
                if (Volatile.Read(ref bindings) > before)
                {
                    tries.Add(waited);
                }

                return tries.Count == 5;
            });
            Assert.True(tries[4] - tries[3] > tries[1] - tries[0], string.Join(", ", tries));
        }
    }

    private static bool Echoes(Socket client, IPEndPoint at)
    {
        client.ReceiveTimeout = 50;
        byte[] buffer = new byte[10];
        try
        {
            client.SendTo([7, 1], at);
            return client.Receive(buffer) == 2;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Socket Bind(bool isIPv6)
    {
        var socket = new Socket(isIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(isIPv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, 0));
        return socket;
    }

    private static UdpPort Open(bool isNative, bool isIPv6) => Open(isNative, Bind(isIPv6));

    private static UdpPort Open(bool isNative, Socket socket)
    {
        Assert.SkipUnless(!isNative || LinuxUdpPort.IsSupported, "has no calls for many datagrams");
        socket.ReceiveBufferSize = 1 << 20;
        return isNative ? new LinuxUdpPort(socket, NullLogger.Instance) : new ManagedUdpPort(socket, NullLogger.Instance);
    }

    private static async Task Eventually(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (!condition())
        {
            await Task.Delay(5, patience.Token);
        }
    }

    /// <summary>What a port has received.</summary>
    private sealed class Taken : IAsyncDisposable
    {
        private readonly List<(CompactEndPoint From, byte[] Bytes)> _all = [];
        private readonly Task _receiving;

        public Taken(UdpPort port)
        {
            Port = port;
            _receiving = port.ReceiveAsync(Take);
        }

        public UdpPort Port { get; }

        public List<int> Counts { get; } = [];

        public async Task<List<(CompactEndPoint From, byte[] Bytes)>> WaitAsync(int count)
        {
            await Eventually(() =>
            {
                lock (_all)
                {
                    return _all.Count >= count;
                }
            });
            return _all;
        }

        public async ValueTask DisposeAsync()
        {
            Port.Close();
            await _receiving.WaitAsync(s_patience);
        }

        private void Take(UdpPort port, int count)
        {
            lock (_all)
            {
                Counts.Add(count);
                for (int i = 0; i < count; i++)
                {
                    var datagram = new Datagram();
                    port.Read(i, datagram);
                    _all.Add((datagram.From, datagram.Bytes.ToArray()));
                }
            }
        }
    }

    /// <summary>Sends back what it gets.</summary>
    private sealed class EchoPump : ProtocolPump
    {
        private int _inside;

        public DiscoveryHost? Host { get; set; }

        public bool IsSilent { get; init; }

        public int Count { get; private set; }

        public int Ticks { get; private set; }

        public int MostAtOnce { get; private set; }

        public override TimeSpan? NextTimeout => Host?.Now.Monotonic + TimeSpan.FromMilliseconds(1);

        public override bool IsMine(Datagram datagram) => true;

        public override bool Accept(TimeSpan now, Datagram datagram) => true;

        public override void CountOverflow()
        {
        }

        public override void Handle(Timestamp now, Datagram datagram)
        {
            MostAtOnce = Math.Max(MostAtOnce, Interlocked.Increment(ref _inside));
            Count++;
            if (!IsSilent)
            {
                Host!.Send(datagram.From, datagram.Bytes);
            }

            Host!.Release(datagram);

            Interlocked.Decrement(ref _inside);
        }

        public override void HandleTimeout(Timestamp now) => Ticks++;

        public override void Drain(Timestamp now)
        {
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
