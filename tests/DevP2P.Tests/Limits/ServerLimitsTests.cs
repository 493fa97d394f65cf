using System.Net;
using System.Security.Cryptography;
using DevP2P.Dialing;
using DevP2P.Nodes;
using DevP2P.Rlpx;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests.Limits;

/// <summary>Bandwidth and peer limits of a <see cref="Server"/>. The limited side's clock is the test's, and goes on only while somebody waits.</summary>
public sealed class ServerLimitsTests
{
    private const int Rate = 64 * 1024;
    private static readonly Capability s_sink = new("sink", 1);
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(100);
    private readonly StepClock _clock = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Over sockets; what counts is how much has been sent at which time of the limited side's clock.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Upload_keeps_to_the_limit_and_to_it_fully(bool ofThePeer)
    {
        const int Messages = 100;
        const int Size = 4096;
        var writing = new TaskCompletionSource<IMessageStream>();
        await using Server limited = await TestNet.StartAsync(TestNet.Options(Writer(writing)) with
        {
            TimeProvider = _clock,
            UploadBytesPerSecond = ofThePeer ? null : Rate,
            PeerUploadBytesPerSecond = ofThePeer ? Rate : null,
        });
        await using Server other = await TestNet.StartAsync();
        Peer peer = await ConnectAsync(other, limited);
        IMessageStream stream = await writing.Task.WithinDeadline();
        byte[] payload = RandomNumberGenerator.GetBytes(Size);

        DateTimeOffset start = _clock.GetUtcNow();
        Task sending = Task.Run(
            async () =>
            {
                for (int i = 0; i < Messages; i++)
                {
                    await stream.WriteAsync(0, payload, Cancellation);
                }
            },
            Cancellation);
        await StepWhileWaitingAsync(
            sending, peer, () => ofThePeer ? peer.Connection!.Upload!.Waiting : limited.UploadGate.Waiting,
            elapsed =>
            {
                long sent = Sent(limited).WireBytesOut;
                long allowed = Rate + (long)(Rate * elapsed.TotalSeconds);
                Assert.True(sent <= allowed, $"{sent} bytes in {elapsed}, {allowed} were allowed");
            });

        ProtocolTraffic traffic = Sent(limited);
        Assert.Equal(Messages, traffic.MessagesOut);
        TimeSpan needed = TimeSpan.FromSeconds((double)(traffic.WireBytesOut - Rate) / Rate);
        Assert.InRange(_clock.GetUtcNow() - start, needed, needed + (2 * s_step));
        await TestNet.UntilAsync(() => Sent(other).WireBytesIn == traffic.WireBytesOut, "all has come");
        Assert.Equal(1, limited.PeerCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Download_keeps_to_the_limit_and_a_peer_that_is_held_back_is_not_taken_for_dead(bool ofThePeer)
    {
        // Slower than the timeout of a read allows by far, if it counted.
        const int Slow = 1024;
        const int Size = 400_000;
        var writing = new TaskCompletionSource<IMessageStream>();
        var received = new TaskCompletionSource();
        await using Server limited = await TestNet.StartAsync(TestNet.Options(Reader(received)) with
        {
            TimeProvider = _clock,
            DownloadBytesPerSecond = ofThePeer ? null : Slow,
            PeerDownloadBytesPerSecond = ofThePeer ? Slow : null,
        });
        await using Server other = await TestNet.StartAsync(TestNet.Options(Writer(writing)));
        Peer peer = await ConnectAsync(other, limited);
        IMessageStream stream = await writing.Task.WithinDeadline();

        DateTimeOffset start = _clock.GetUtcNow();
        await stream.WriteAsync(0, RandomNumberGenerator.GetBytes(Size), Cancellation).AsTask().WithinDeadline();
        await StepWhileWaitingAsync(
            received.Task, peer, () => ofThePeer ? peer.Connection!.Download!.Waiting : limited.DownloadGate.Waiting, static _ => { }, TimeSpan.FromSeconds(1));

        // Each read is paid for before the next one; so the last is not, and the one before may have left a debt. Nor is what the bucket had.
        TimeSpan elapsed = _clock.GetUtcNow() - start;
        TimeSpan least = TimeSpan.FromSeconds((double)(Size - (2 * 64 * 1024) - Slow) / Slow);
        Assert.True(elapsed >= least, $"{Size} bytes in {elapsed}");
        Assert.True(least > 2 * RlpxConnection.FrameReadTimeout);
        Assert.Equal(1, limited.PeerCount);
        Assert.Equal(1, Sent(limited).MessagesIn);
    }

    [Fact]
    public async Task Pings_and_disconnects_do_not_wait_for_the_limit()
    {
        var writing = new TaskCompletionSource<IMessageStream>();
        await using Server limited = await TestNet.StartAsync(TestNet.Options(Writer(writing)) with { TimeProvider = _clock, PeerUploadBytesPerSecond = 1024 });
        await using Server other = await TestNet.StartAsync();
        Peer peer = await ConnectAsync(other, limited);
        IMessageStream stream = await writing.Task.WithinDeadline();

        // A debt of minutes, and behind it a message that waits.
        await stream.WriteAsync(0, RandomNumberGenerator.GetBytes(500_000), Cancellation).AsTask().WithinDeadline();
        Task waiting = stream.WriteAsync(0, new byte[1], Cancellation).AsTask();
        await TestNet.UntilAsync(() => peer.Connection!.Upload!.Waiting == 1 && Sent(other).MessagesIn == 1, "the first has come and the next one waits");
        long before = BaseIn(other);
        _clock.AdvanceSeconds(16);
        await TestNet.UntilAsync(() => BaseIn(other) > before, "a ping has come");
        Assert.False(waiting.IsCompleted);

        peer.Disconnect(DisconnectReason.UselessPeer);

        await TestNet.UntilAsync(() => other.GetCounters().Dropped.ContainsKey("remote: useless peer"), "the reason has come");
        await Assert.ThrowsAsync<PeerDisconnectedException>(() => waiting.WithinDeadline());
        Assert.Equal(1, Sent(other).MessagesIn);

        static long BaseIn(Server server) => server.GetTraffic().Single(static t => t.Protocol == "p2p/5").MessagesIn;
    }

    [Fact]
    public async Task Broadcasts_skip_who_is_held_back_and_do_not_disconnect_it()
    {
        await using Server limited = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = _clock, PeerUploadBytesPerSecond = 100_000 });
        await using Server other = await TestNet.StartAsync();
        await ConnectAsync(other, limited);
        byte[] payload = RandomNumberGenerator.GetBytes(90_000);

        Assert.Equal(new BroadcastResult(1, 0), await limited.BroadcastAsync(s_sink, 0, payload, cancellationToken: Cancellation));
        await TestNet.UntilAsync(() => Sent(other).MessagesIn == 1, "it has come");
        Assert.Equal(new BroadcastResult(0, 1), await limited.BroadcastAsync(s_sink, 0, payload, slow: SlowPeerPolicy.Disconnect, cancellationToken: Cancellation));
        _clock.AdvanceSeconds(1);

        Assert.Equal(new BroadcastResult(1, 0), await limited.BroadcastAsync(s_sink, 0, payload, cancellationToken: Cancellation));
        Assert.Equal(1, limited.PeerCount);
    }

    [Fact]
    public async Task Limits_change_while_peers_wait()
    {
        var writing = new TaskCompletionSource<IMessageStream>();
        await using Server server = await TestNet.StartAsync(TestNet.Options(Writer(writing)) with { TimeProvider = _clock });
        await using Server other = await TestNet.StartAsync();
        Peer peer = await ConnectAsync(other, server);
        IMessageStream stream = await writing.Task.WithinDeadline();
        Assert.Null(peer.Connection!.Upload);
        Assert.Null(peer.Connection.Download);

        server.SetLimits(server.Limits with { UploadBytesPerSecond = 2048, PeerUploadBytesPerSecond = 1024 });
        Assert.Equal(1024, server.Limits.PeerUploadBytesPerSecond);
        await stream.WriteAsync(0, RandomNumberGenerator.GetBytes(100_000), Cancellation).AsTask().WithinDeadline();
        Task waiting = stream.WriteAsync(0, new byte[1], Cancellation).AsTask();
        await TestNet.UntilAsync(() => peer.Connection.Upload!.Waiting == 1, "the next one waits for the peer's limit");
        server.SetLimits(server.Limits with { PeerUploadBytesPerSecond = null });
        await TestNet.UntilAsync(() => server.UploadGate.Waiting == 1, "it waits for the limit of all");
        Assert.False(waiting.IsCompleted);

        server.SetLimits(server.Limits with { UploadBytesPerSecond = null });

        await waiting.WithinDeadline();
        Assert.Null(peer.Connection.Upload);
        await TestNet.UntilAsync(() => Sent(other).MessagesIn == 2, "both have come");
    }

    [Fact]
    public async Task Fewer_peers_throw_nobody_out_and_let_nobody_in()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = 10, DialRatio = 3 });
        await using Server first = await TestNet.StartAsync();
        await using Server second = await TestNet.StartAsync();
        await ConnectAsync(first, server);

        server.SetLimits(server.Limits with { MaxPeers = 2, PeerUploadBytesPerSecond = 1 << 20 });

        // Of two slots one is for nodes that we dial.
        DialAttempt refused = await second.AddPeerAsync(server.Self, Cancellation).WithinDeadline();
        Assert.Equal(DisconnectReason.TooManyPeers, refused.DisconnectReason);
        Assert.Equal(1, server.PeerCount);
        Assert.Equal(10, server.Options.MaxPeers);
        Assert.Equal(2, server.Limits.MaxPeers);

        server.SetLimits(server.Limits with { MaxPeers = 10 });
        await using Server third = await TestNet.StartAsync();
        Peer peer = await ConnectAsync(third, server, 2);
        Assert.NotNull(peer.Connection!.Upload);
    }

    [Fact]
    public async Task More_peers_let_more_be_dialed()
    {
        List<Server> others = [];
        try
        {
            for (int i = 0; i < 3; i++)
            {
                others.Add(await TestNet.StartAsync());
            }

            // Each in a network of its own, as far as the scheduler knows.
            Protocol protocol = TestNet.Sink() with
            {
                DialCandidates = others.Select(static (s, i) => Node.Create(s.Self.PublicKey!, new IPAddress([20, 0, (byte)i, 1]), 30303, 30303)).ToAsyncEnumerable(),
            };
            await using Server server = await TestNet.StartAsync(
                TestNet.Options(protocol) with { MaxPeers = 3, DialRatio = 3, Dialer = new HereDialer(others) });
            // Two dials run for one slot, because most fail; here both may succeed.
            await TestNet.UntilAsync(() => server.PeerCount is 1 or 2, "one in three is dialed");

            server.SetLimits(server.Limits with { MaxPeers = 9 });

            await TestNet.UntilAsync(() => server.PeerCount == 3, "three in nine are dialed");
        }
        finally
        {
            foreach (Server other in others)
            {
                await other.DisposeAsync();
            }
        }
    }

    [Theory]
    [InlineData(0, null, null, nameof(ServerLimits.MaxPeers))]
    [InlineData(1, 1023L, null, nameof(ServerLimits.UploadBytesPerSecond))]
    [InlineData(1, null, -1L, nameof(ServerLimits.PeerDownloadBytesPerSecond))]
    public async Task Limits_that_cannot_work_are_refused_by_name(int maxPeers, long? up, long? peerDown, string name)
    {
        await using Server server = await TestNet.StartAsync();
        ServerLimits before = server.Limits;
        var limits = new ServerLimits { MaxPeers = maxPeers, UploadBytesPerSecond = up, PeerDownloadBytesPerSecond = peerDown };

        Assert.StartsWith(name + " must be at least", Assert.Throws<ArgumentException>(() => server.SetLimits(limits)).Message, StringComparison.Ordinal);

        Assert.Equal(before, server.Limits);
        Assert.StartsWith(
            name,
            Assert.Throws<ArgumentException>(() => new Server(TestNet.Options() with { MaxPeers = maxPeers, UploadBytesPerSecond = up, PeerDownloadBytesPerSecond = peerDown })).Message,
            StringComparison.Ordinal);
    }

    private static ProtocolTraffic Sent(Server server) => server.GetTraffic().Single(static t => t.Protocol == "sink/1");

    private static Protocol Writer(TaskCompletionSource<IMessageStream> ready) => TestNet.Sink() with
    {
        RunAsync = async (_, stream, cancellation) =>
        {
            ready.TrySetResult(stream);
            await Task.Delay(Timeout.Infinite, cancellation);
        },
    };

    private static Protocol Reader(TaskCompletionSource received) => TestNet.Sink() with
    {
        RunAsync = async (_, stream, cancellation) =>
        {
            await stream.ReadAsync(cancellation);
            received.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
        },
    };

    /// <returns>The other as the accepting server sees it.</returns>
    private static async Task<Peer> ConnectAsync(Server other, Server server, int peers = 1)
    {
        DialAttempt attempt = await other.AddPeerAsync(server.Self, Cancellation).WithinDeadline();
        Assert.True(attempt.Succeeded, attempt.Reason);
        await TestNet.UntilAsync(() => server.PeerCount == peers, "it is a peer");
        return server.PeerOf(other);
    }

    /// <summary>Lets time pass only while somebody waits for it, and no ping is just being written, so that a busy machine changes nothing.</summary>
    private async Task StepWhileWaitingAsync(Task done, Peer peer, Func<int> waiting, Action<TimeSpan> check, TimeSpan? step = null)
    {
        DateTimeOffset start = _clock.GetUtcNow();
        DateTime deadline = DateTime.UtcNow + TestNet.Deadline;
        while (!done.IsCompleted)
        {
            Assert.True(DateTime.UtcNow < deadline, $"not done after {_clock.GetUtcNow() - start}");
            check(_clock.GetUtcNow() - start);
            bool isWriting = peer.Connection!.IsWriteOverdue(_clock.GetTimestamp() + (2 * RlpxConnection.FrameWriteTimeout.Ticks));
            if (waiting() > 0 && !isWriting)
            {
                _clock.Advance(step ?? s_step);
            }

            await Task.Yield();
        }

        await done;
    }
}
