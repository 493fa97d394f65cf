using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>T11, for peers: whoever is silent, does not read, or does not let go, is out in time. On a clock that the tests move.</summary>
[Trait("Threat", "T11")]
public sealed class DeadlineTests
{
    private readonly StepClock _clock = new();

    [Fact]
    public async Task Thirty_seconds_of_silence_are_a_read_timeout()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = _clock });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        Task<DisconnectReason?> reading = peer.ReadReasonAsync();
        _clock.AdvanceSeconds(29);
        Assert.False(reading.IsCompleted);
        Assert.Empty(server.GetCounters().Dropped);

        // The farewell has a second of this clock: it stands still until that has been used.
        int timers = _clock.TimersCreated;
        await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => _clock.TimersCreated > timers, "the peer is given up");
        Assert.Equal(DisconnectReason.ReadTimeout, await reading.WithinDeadline());
        await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => server.PeerCount == 0, "the peer is dropped");
        Assert.Equal(1, server.GetCounters().Dropped["read timeout"]);
    }

    [Fact]
    public async Task The_deadline_of_the_handshakes_is_over_when_a_peer_is_added()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = _clock, MaxPeers = 50 });
        using PeerEventSubscription events = server.SubscribeEvents();
        await using IAsyncEnumerator<PeerEvent> next = events.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        for (int i = 0; i < 30; i++)
        {
            Task<HostilePeer> connecting = Task.Run(() => HostilePeer.ConnectAsync(server.Self));
            Assert.True(await next.MoveNextAsync().AsTask().WithinDeadline());
            Assert.Equal(PeerEventType.Add, next.Current.Type);
            _clock.Advance(RlpxConnection.HandshakeTimeout + TimeSpan.FromSeconds(1));

            await using HostilePeer peer = await connecting.WithinDeadline();
            await peer.PingAsync().WithinDeadline();
            server.Peers.Single().Disconnect();
            while (next.Current.Type != PeerEventType.Drop)
            {
                await _clock.AdvanceUntilAsync(RlpxConnection.DrainTimeout, () => server.PeerCount == 0, "it is gone");
                Assert.True(await next.MoveNextAsync().AsTask().WithinDeadline());
            }
        }
    }

    [Fact]
    public async Task A_frame_that_drips_in_is_a_read_timeout()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = _clock });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        await peer.SendAsync(peer.Header(100_000));
        Task<DisconnectReason?> reading = peer.ReadReasonAsync();
        for (int i = 0; i < 29; i++)
        {
            await peer.SendAsync(new byte[1]);
            _clock.AdvanceSeconds(1);
        }

        Assert.False(reading.IsCompleted);
        int timers = _clock.TimersCreated;
        TimeSpan more = await _clock.AdvanceUntilAsync(
            TimeSpan.FromMilliseconds(500),
            () =>
            {
                if (_clock.TimersCreated > timers)
                {
                    return true;
                }

                // On and on; in the end nobody is there to take it.
                _ = peer.SendAsync(new byte[1]).ContinueWith(static t => t.Exception, TaskScheduler.Default);
                return false;
            },
            "the peer is given up");
        Assert.InRange(more, TimeSpan.Zero, TimeSpan.FromSeconds(16));
        // The farewell has a second of this clock, which stands still now.
        Assert.Equal(DisconnectReason.ReadTimeout, await reading.WithinDeadline());
    }

    [Fact]
    public async Task A_ping_goes_out_every_15_seconds_and_an_answer_keeps_the_peer()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = _clock });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        for (int i = 0; i < 8; i++)
        {
            // The answer to our own ping comes first: theirs has not been sent yet.
            _clock.AdvanceSeconds(13);
            await peer.SendAsync(peer.Frame(BaseProtocol.PingCode, BaseProtocol.EmptyList.Span));
            Assert.Equal(BaseProtocol.PongCode, (await peer.ReadAsync().WithinDeadline())!.Value.Code);

            _clock.AdvanceSeconds(2);
            Assert.Equal(BaseProtocol.PingCode, (await peer.ReadAsync().WithinDeadline())!.Value.Code);
            await peer.SendAsync(peer.Frame(BaseProtocol.PongCode, BaseProtocol.EmptyList.Span));
            await peer.PingAsync();
        }

        Assert.Equal(1, server.PeerCount);
    }

    [Fact]
    public async Task A_peer_that_never_reads_is_dropped_after_20_seconds()
    {
        long written = 0;
        Exception? failure = null;
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(Flooding(() => Interlocked.Increment(ref written), e => failure = e)) with { TimeProvider = _clock });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self, receiveBuffer: 4096);
        await UntilStuckAsync(() => Interlocked.Read(ref written));
        Assert.InRange(server.Peers.Single().PendingBytes(), 1, RlpxConnection.MaxPendingBytes + 40_000);
        _clock.AdvanceSeconds(19);
        Assert.Empty(server.GetCounters().Dropped);

        await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => server.PeerCount == 0, "the peer is dropped");
        Assert.Equal(1, server.GetCounters().Dropped["network error"]);
        Assert.IsType<PeerDisconnectedException>(failure);
    }

    [Fact]
    public async Task A_farewell_to_who_never_reads_takes_one_second_to_write_and_two_to_drain()
    {
        long written = 0;
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(Flooding(() => Interlocked.Increment(ref written), static _ => { })) with { TimeProvider = _clock });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self, receiveBuffer: 4096);
        await UntilStuckAsync(() => Interlocked.Read(ref written));
        int timers = _clock.TimersCreated;
        server.Peers.Single().Disconnect();

        await _clock.UntilTimersCreatedAsync(timers + 1);
        _clock.Advance(RlpxConnection.DisconnectWriteTimeout + TimeSpan.FromMilliseconds(10));
        await _clock.UntilTimersCreatedAsync(timers + 2);
        Assert.Equal(1, server.PeerCount);
        _clock.Advance(RlpxConnection.DrainTimeout + TimeSpan.FromMilliseconds(10));
        await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is dropped");
    }

    [Fact]
    public async Task The_reason_is_followed_by_a_half_close_and_two_seconds_of_draining()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { TimeProvider = _clock });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        int timers = _clock.TimersCreated;
        server.Peers.Single().Disconnect(DisconnectReason.UselessPeer);

        (ulong code, byte[] payload) = (await peer.ReadAsync().WithinDeadline())!.Value;
        Assert.Equal(BaseProtocol.DisconnectCode, code);
        Assert.Equal(DisconnectReason.UselessPeer, BaseProtocol.DecodeDisconnect(payload));
        Assert.Null(await peer.ReadAsync().WithinDeadline());
        Assert.False(peer.WasReset);
        await peer.SendAsync(new byte[8 * 1024 * 1024]).WithinDeadline(); // read away, or this would wait or fail
        Assert.Equal(1, server.PeerCount);

        await _clock.UntilTimersCreatedAsync(timers + 2);
        _clock.Advance(RlpxConnection.DrainTimeout + TimeSpan.FromMilliseconds(10));
        await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is dropped");
    }

    [Fact]
    public async Task A_refusal_survives_all_that_the_other_side_has_sent_before_it_reads()
    {
        await using Server full = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = 1, TimeProvider = _clock });
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(full.Self);
        await peer.SendAsync(peer.Frame(BaseProtocol.HelloCode, peer.HelloPayload(new Capability("sink", 1))));
        await peer.SendAsync(new byte[8 * 1024 * 1024]).WithinDeadline();

        Assert.Equal(DisconnectReason.TooManyPeers, await peer.ReadReasonAsync());
        Assert.False(peer.WasReset);
        await TestNet.UntilAsync(() => full.PendingConnections() == 0, "it is closed");
    }

    [Fact]
    public async Task A_refusal_does_not_drain_for_longer_than_two_seconds()
    {
        await using Server full = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = 1, TimeProvider = _clock });
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(full.Self);
        Assert.Equal(BaseProtocol.DisconnectCode, (await peer.ReadAsync().WithinDeadline())!.Value.Code);
        Assert.Null(await peer.ReadAsync().WithinDeadline());
        Assert.Equal(1, full.PendingConnections());

        await _clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => full.PendingConnections() == 0, "it is closed");
    }

    [Fact]
    public async Task The_reason_reaches_a_peer_whose_messages_nobody_reads()
    {
        Protocol idle = TestNet.Sink() with { RunAsync = static (_, _, cancellation) => Task.Delay(Timeout.Infinite, cancellation) };
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(idle) with { TimeProvider = _clock, MaxBufferedBytesPerPeer = 64 * 1024 });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        byte[] message = new byte[50_000];
        new Random(1).NextBytes(message);
        byte[] messages = peer.Frames(1000, 16, message);
        Task sending = Task.Run(() => peer.SendAsync(messages));
        await TestNet.UntilAsync(() => server.ChargedBytes() > 60_000, "the peer's share is used");
        server.Peers.Single().Disconnect(DisconnectReason.TooManyPeers);

        await sending.WithinDeadline();
        Assert.Equal(DisconnectReason.TooManyPeers, await peer.ReadReasonAsync());
        await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is gone");
        Assert.Equal(0, server.ChargedBytes());
    }

    private static Protocol Flooding(Action written, Action<Exception> failed) => TestNet.Sink() with
    {
        RunAsync = async (_, stream, cancellation) =>
        {
            byte[] message = new byte[32 * 1024];
            new Random(2).NextBytes(message);
            try
            {
                while (true)
                {
                    await stream.WriteAsync(0, message, cancellation);
                    written();
                }
            }
            catch (Exception e)
            {
                failed(e is OperationCanceledException ? new PeerDisconnectedException() : e);
                throw;
            }
        },
    };

    private static async Task UntilStuckAsync(Func<long> written)
    {
        long last = 0;
        int same = 0;
        await TestNet.UntilAsync(
            () =>
            {
                same = last > 0 && written() == last ? same + 1 : 0;
                last = written();
                return same >= 30;
            },
            "the writer is stuck");
    }
}
