using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>T06: base-protocol pings cost nothing lasting, whether their sender reads the pongs or not.</summary>
[Collection(ProcessWideCollection.Name)]
[Trait("Threat", "T06")]
public sealed class PingFloodTests
{
    private const int PingsPerSend = 500;
    private long _seen;

    [Fact]
    public Task Ten_times_the_pings_leave_everything_flat() => FloodAsync(20_000, 200_000);

    [Fact]
    [Trait("Category", "Soak")]
    public Task A_million_pings_leave_everything_flat() => FloodAsync(100_000, 1_000_000);

    [Fact]
    public async Task A_sender_that_never_reads_is_bounded_and_then_dropped()
    {
        var clock = new StepClock();
        await using Server server = await TestNet.StartAsync(TestNet.Options(Counting()) with { TimeProvider = clock });
        await using HostilePeer flooder = await HostilePeer.ConnectAsync(server.Self, receiveBuffer: 4096);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        Peer peer = server.Peers.Single();

        // Until the system's buffers are full of pongs that nobody reads.
        const int Limit = 2 * RlpxConnection.MaxPendingBytes;
        for (int sent = 0; peer.PendingBytes() < Limit - 128; sent += PingsPerSend)
        {
            Assert.True(sent < 5_000_000, "the pongs never pile up");
            await SendPingsAsync(flooder, PingsPerSend);
        }

        await ProcessState.AssertFlatAsync(server, 20_000, 200_000, count => SendPingsAsync(flooder, count));
        Assert.InRange(peer.PendingBytes(), 1, Limit + 128);
        Assert.Equal(1, server.PeerCount);

        clock.AdvanceSeconds((int)RlpxConnection.FrameWriteTimeout.TotalSeconds + 2);
        await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer that never reads is dropped");
        Assert.Equal(1, server.GetCounters().Dropped["network error"]);
    }

    private async Task FloodAsync(int first, int then)
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options(Counting()));
        await using HostilePeer flooder = await HostilePeer.ConnectAsync(server.Self);
        long pongs = 0;
        Task reading = Task.Run(async () =>
        {
            while (await flooder.ReadAsync() is { } frame)
            {
                Interlocked.Add(ref pongs, frame.Code == BaseProtocol.PongCode ? 1 : 0);
            }
        });

        await ProcessState.AssertFlatAsync(server, first, then, count => SendPingsAsync(flooder, count));
        Assert.NotEqual(0, Interlocked.Read(ref pongs));
        Assert.Equal(1, server.PeerCount);

        flooder.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Both);
        await reading.WithinDeadline();
    }

    /// <summary>Sends pings and waits until the server has read all of them.</summary>
    private async Task SendPingsAsync(HostilePeer flooder, int count)
    {
        for (int sent = 0; sent < count; sent += PingsPerSend)
        {
            await flooder.SendAsync(flooder.Frames(PingsPerSend, BaseProtocol.PingCode, BaseProtocol.EmptyList.Span)).WithinDeadline();
        }

        long seen = Interlocked.Read(ref _seen);
        await flooder.SendAsync(flooder.Frame(BaseProtocol.Length, [0xC0])).WithinDeadline();
        await TestNet.UntilAsync(() => Interlocked.Read(ref _seen) > seen, "the server has read all pings");
    }

    private Protocol Counting() => TestNet.Sink() with
    {
        RunAsync = async (_, stream, cancellation) =>
        {
            while (true)
            {
                await stream.ReadAsync(cancellation);
                Interlocked.Increment(ref _seen);
            }
        },
    };
}
