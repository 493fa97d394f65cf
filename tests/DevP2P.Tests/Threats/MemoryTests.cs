using DevP2P.Buffers;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>T12: what is announced costs nothing, what arrives is charged, and who does not fit waits without hurting others.</summary>
[Collection(ProcessWideCollection.Name)]
[Trait("Threat", "T12")]
public sealed class MemoryTests
{
    private const int MiB = 1024 * 1024;

    [Fact]
    public async Task Announcing_16_MiB_from_every_peer_costs_nothing()
    {
        const int Peers = 100;
        ProcessState.FillPools();
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = Peers, NoDial = true });
        List<HostilePeer> peers = await ConnectManyAsync(server, Peers);
        byte[] beginning = new byte[1000];
        foreach (HostilePeer peer in peers)
        {
            await peer.SendAsync(peer.Header(1000));
            await peer.SendAsync(beginning);
        }

        await TestNet.UntilAsync(() => server.ChargedBytes() >= Peers * 1000, "all small frames have begun");
        ProcessState before = ProcessState.Capture(server);
        foreach (HostilePeer peer in peers)
        {
            await peer.DisposeAsync();
        }

        await TestNet.UntilAsync(() => server.PeerCount == 0, "they are gone");
        peers = await ConnectManyAsync(server, Peers);
        foreach (HostilePeer peer in peers)
        {
            await peer.SendAsync(peer.Header(FrameCodec.MaxMessageSize));
            await peer.SendAsync(beginning);
        }

        await TestNet.UntilAsync(() => server.ChargedBytes() >= Peers * 1000, "all large frames have begun");
        ProcessState after = ProcessState.Capture(server);
        before.AssertFlat(after);
        Assert.InRange(server.ChargedBytes(), 1, Peers * 4096);
        Assert.Equal(Peers, server.PeerCount);
        foreach (HostilePeer peer in peers)
        {
            await peer.DisposeAsync();
        }

        await TestNet.UntilAsync(() => server.PeerCount == 0, "they are gone");
        Assert.Equal(0, server.ChargedBytes());
    }

    [Fact]
    public async Task A_handler_that_does_not_read_stops_its_sender_and_nobody_else()
    {
        const int Messages = 100;
        var gate = new TaskCompletionSource();
        long read = 0;
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(Gated(gate, () => Interlocked.Increment(ref read))) with { MaxBufferedBytesPerPeer = 4 * MiB });
        await using HostilePeer sender = await HostilePeer.ConnectAsync(server.Self);
        await using HostilePeer other = await HostilePeer.ConnectAsync(server.Self);
        byte[] data = [0x10, .. HalfCompressible()];
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < Messages; i++)
            {
                await sender.SendAsync(sender.RawFrame(data));
            }
        });

        await TestNet.UntilAsync(() => server.ChargedBytes() > 2.5 * MiB, "the peer's share is used");
        await UntilStillAsync(server.ChargedBytes);
        await other.SendAsync(other.Frame(17, [0xC0]));
        Assert.Equal(17ul, (await other.ReadAsync().WithinDeadline())!.Value.Code);
        await other.PingAsync();
        Assert.InRange(server.ChargedBytes(), 2 * MiB, 6 * MiB);
        Assert.False(sending.IsCompleted, "50 MiB went somewhere");

        gate.SetResult();
        await sending.WithinDeadline();
        await TestNet.UntilAsync(() => Interlocked.Read(ref read) == Messages, "everything arrives in the end");
        Assert.InRange(server.ChargedBytes(), 0, 3 * MiB);
    }

    [Fact]
    public async Task Tiny_messages_hold_little_more_than_they_are_charged()
    {
        const int Messages = 200_000;
        ProcessState.FillPools();
        var gate = new TaskCompletionSource();
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(Gated(gate, static () => { })) with { MaxBufferedBytesPerPeer = 4 * MiB });
        await using HostilePeer sender = await HostilePeer.ConnectAsync(server.Self);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        byte[] frames = sender.Frames(Messages, 16, [0x80]);
        ProcessState before = ProcessState.Capture(server);
        Task sending = Task.Run(() => sender.SendAsync(frames));

        await UntilStillAsync(server.ChargedBytes);
        ProcessState full = ProcessState.Capture(server);
        Assert.InRange(server.ChargedBytes(), MiB, 4 * MiB);

        sender.Reset();
        gate.SetResult();
        await sending.WithinDeadline().ContinueWith(static _ => { }, TaskScheduler.Default);
        await TestNet.UntilAsync(() => server.PeerCount == 0 && server.ChargedBytes() == 0, "all is given back");

        // The runtime empties its own pools at times of its own, also between two measurements: so against the lower of those before and after.
        ProcessState after = ProcessState.Capture(server);
        Assert.InRange(full.Heap - Math.Min(before.Heap, after.Heap), 0, 12 * MiB);
        GC.KeepAlive(frames);
    }

    [Fact]
    public async Task When_all_memory_is_taken_small_messages_pass_and_large_ones_wait()
    {
        const int Greedy = 3;
        var gate = new TaskCompletionSource();
        await using Server server = await TestNet.StartAsync(TestNet.Options(Gated(gate, static () => { })) with
        {
            MaxBufferedBytes = ServerOptions.MinBufferedBytes,
            MaxBufferedBytesPerPeer = 16 * MiB,
        });
        await using HostilePeer other = await HostilePeer.ConnectAsync(server.Self);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        Peer peerOfOther = server.Peers.Single();
        var greedy = new List<HostilePeer>();
        for (int i = 0; i < Greedy; i++)
        {
            HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
            greedy.Add(peer);
            byte[] frames = peer.Frames(20, 16, new byte[MiB]);
            _ = Task.Run(() => peer.SendAsync(frames));
        }

        await TestNet.UntilAsync(() => server.ChargedBytes() > ServerOptions.MinBufferedBytes - (2 * MiB), "the memory is taken");
        await UntilStillAsync(server.ChargedBytes);
        for (int i = 0; i < 100; i++)
        {
            peerOfOther.PretendBurst();
            await other.SendAsync(other.Frame(17, new byte[500]));
            Assert.Equal(500, (await other.ReadAsync().WithinDeadline())!.Value.Payload.Length);
        }

        byte[] large = other.Frame(17, Random(3 * MiB));
        Task sending = Task.Run(() => other.SendAsync(large));
        Task<(ulong Code, byte[] Payload)?> answer = other.ReadAsync();
        await UntilStillAsync(server.ChargedBytes);
        Assert.InRange(server.ChargedBytes(), 0, ServerOptions.MinBufferedBytes + (20 * MemoryBudget.GuaranteedPerPeer));
        Assert.False(answer.IsCompleted);

        gate.SetResult();
        Assert.Equal(3 * MiB, (await answer.WithinDeadline())!.Value.Payload.Length);
        await sending.WithinDeadline();
        foreach (HostilePeer peer in greedy)
        {
            await peer.DisposeAsync();
        }

        await TestNet.UntilAsync(() => server.PeerCount == 1 && server.ChargedBytes() < 100_000, "all is given back");
    }

    [Fact]
    public async Task A_message_that_is_too_large_to_send_leaves_no_block_behind()
    {
        long lent = BufferPool.Shared.Lent;
        var failure = new TaskCompletionSource<Exception?>();
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (_, stream, cancellation) =>
            {
                failure.SetResult(await Record.ExceptionAsync(async () => await stream.WriteAsync(0, Random(FrameCodec.MaxMessageSize), cancellation)));
                await stream.ReadAsync(cancellation);
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(protocol));
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        Assert.IsType<ArgumentException>(await failure.Task.WithinDeadline());
        peer.Reset();
        await TestNet.UntilAsync(() => server.PeerCount == 0, "it has ended");
        Assert.InRange(BufferPool.Shared.Lent, 0, lent);
    }

    [Fact]
    public void Who_fits_into_the_memory_of_all_is_never_refused_because_of_who_does_not()
    {
        var budget = new MemoryBudget(1000);
        Assert.True(budget.TryCharge(500, guaranteed: false));
        using var stop = new CancellationTokenSource();
        var greedy = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Assert.False(budget.TryCharge(600, guaranteed: false));
            }
        });
        greedy.Start();
        int refused = 0;
        for (int i = 0; i < 1_000_000; i++)
        {
            if (budget.TryCharge(400, guaranteed: false))
            {
                budget.Release(400);
            }
            else
            {
                refused++;
            }
        }

        stop.Cancel();
        greedy.Join();
        Assert.Equal(0, refused);
        Assert.Equal(500, budget.Used);
    }

    [Fact]
    public async Task A_peer_that_is_cut_in_mid_frame_gives_its_memory_back()
    {
        await using Server server = await TestNet.StartAsync();
        long lent = BufferPool.Shared.Lent;
        for (int size = 0; size <= 3 * MiB; size = (size * 4) + 50)
        {
            HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
            await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
            await peer.SendAsync(peer.Header(FrameCodec.MaxMessageSize));
            await peer.SendAsync(new byte[size]);
            await TestNet.UntilAsync(() => server.ChargedBytes() >= size, "the bytes are charged");
            peer.Reset();
            await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is gone");
        }

        Assert.Equal(0, server.ChargedBytes());
        Assert.Equal(lent, BufferPool.Shared.Lent);
    }

    [Fact]
    public async Task A_frame_that_exceeds_every_protocols_limit_is_refused_by_its_header()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink() with { MaxMessageSize = 10_000 }));
        await using HostilePeer modest = await HostilePeer.ConnectAsync(server.Self);
        await modest.SendAsync(modest.Frame(16, Random(10_000)));
        await modest.PingAsync();

        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await peer.SendAsync(peer.Header(20_000));
        Assert.Equal(DisconnectReason.ProtocolError, await peer.ReadReasonAsync());
    }

    /// <summary>Answers code 1 at once with the same payload; at the first code 0 it waits for the gate, then counts.</summary>
    private static Protocol Gated(TaskCompletionSource gate, Action count) => TestNet.Sink() with
    {
        RunAsync = async (_, stream, cancellation) =>
        {
            while (true)
            {
                Message message = await stream.ReadAsync(cancellation);
                if (message.Code == 1)
                {
                    await stream.WriteAsync(1, message.Payload, cancellation);
                    continue;
                }

                await gate.Task.WaitAsync(cancellation);
                count();
            }
        },
    };

    private static async Task<List<HostilePeer>> ConnectManyAsync(Server server, int count)
    {
        var peers = new List<HostilePeer>();
        for (int i = 0; i < count; i++)
        {
            peers.Add(await HostilePeer.ConnectAsync(server.Self));
        }

        await TestNet.UntilAsync(() => server.PeerCount == count, "all are there");
        return peers;
    }

    /// <summary>1 MiB that takes 512 KiB on the wire, compressed.</summary>
    private static byte[] HalfCompressible()
    {
        byte[] payload = new byte[MiB];
        Random(MiB / 2).CopyTo(payload, 0);
        return Snappier.Snappy.CompressToArray(payload);
    }

    /// <summary>Waits until a number has stopped changing for half a second.</summary>
    private static async Task UntilStillAsync(Func<long> number)
    {
        long last = number();
        int same = 0;
        await TestNet.UntilAsync(
            () =>
            {
                same = number() == last ? same + 1 : 0;
                last = number();
                return same >= 50;
            },
            "nothing changes any more");
    }

    private static byte[] Random(int size)
    {
        byte[] bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }
}
