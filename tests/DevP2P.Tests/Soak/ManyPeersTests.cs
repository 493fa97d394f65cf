using System.Net.Sockets;
using DevP2P.Rlpx;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests.Soak;

/// <summary>
/// Many peers on one server, each exchanging messages; nine of ten are cut at random moments and in every way that a connection
/// can end. Nothing remains of them, and the counters add up.
/// </summary>
[Collection(ProcessWideCollection.Name)]
public sealed class ManyPeersTests
{
    private const int Ways = 6;
    private static readonly Capability Echo = new("echo", 1);

    [Fact]
    public Task A_hundred_peers_ten_times_over_leave_nothing() => RunAsync(100, 9);

    [Fact]
    [Trait("Category", "Soak")]
    public Task A_thousand_peers_three_times_over_leave_nothing() => RunAsync(1_000, 2);

    private static async Task RunAsync(int peers, int moreRounds)
    {
        var protocol = new Protocol
        {
            Name = Echo.Name,
            Version = Echo.Version,
            Length = 1,
            RunAsync = static async (_, stream, cancellation) =>
            {
                while (true)
                {
                    Message message = await stream.ReadAsync(cancellation);
                    await stream.WriteAsync(0, message.Payload, cancellation);
                }
            },
        };
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(protocol) with { MaxPeers = peers, MaxPendingPeers = peers, NoDial = true });
        int round = 0;
        await ProcessState.AssertFlatAsync(server, 1, moreRounds, async rounds =>
        {
            for (int end = round + rounds; round < end; round++)
            {
                await RoundAsync(server, peers, round);
            }
        });
        ServerCounters counters = server.GetCounters();
        Assert.Equal((long)peers * round, counters.Accepted);
        Assert.Equal(counters.Accepted, counters.Added + counters.Refused.Values.Sum());
        Assert.Equal(counters.Added, counters.Dropped.Values.Sum());
    }

    private static async Task RoundAsync(Server server, int count, int seed)
    {
        int descriptors = ProcessState.CountDescriptors();
        ServerCounters start = server.GetCounters();
        var peers = new HostilePeer[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
            peers[i] = await HostilePeer.ConnectAsync(server.Self, Echo));
        await TestNet.UntilAsync(() => server.PeerCount == count, "all are connected");
        Assert.Equal(count, server.GetCounters().Added - start.Added);

        // Every tenth survives, and talks on until all the others are gone.
        using var othersGone = new CancellationTokenSource();
        Task[] survivors = [.. peers.Where((_, i) => i % 10 == 0).Select((p, i) => Task.Run(() => TalkAsync(p, new Random(seed + i), othersGone.Token)))];
        Task[] victims = [.. peers.Where((_, i) => i % 10 != 0).Select((p, i) => Task.Run(() => TalkAndCutAsync(p, new Random((seed * 10_007) + i))))];
        await Task.WhenAll(victims).WithinDeadline();
        await TestNet.UntilAsync(() => server.PeerCount == survivors.Length, "those that were cut are gone");
        ServerCounters middle = server.GetCounters();
        Assert.Equal(count - survivors.Length, middle.Dropped.Values.Sum() - start.Dropped.Values.Sum());
        await othersGone.CancelAsync();
        await Task.WhenAll(survivors).WithinDeadline();
        if (OperatingSystem.IsLinux())
        {
            Assert.InRange(ProcessState.CountDescriptors() - descriptors - (2 * survivors.Length), -10, 10);
        }

        foreach (HostilePeer peer in peers)
        {
            await peer.DisposeAsync();
        }

        await TestNet.UntilAsync(() => server.PeerCount == 0 && server.RunningTasks() == 1, "all are gone");
        Assert.Equal(0, server.ChargedBytes());
    }

    /// <summary>One exchange after the other; what comes back is what was sent.</summary>
    private static async Task TalkAsync(HostilePeer peer, Random random, CancellationToken until)
    {
        do
        {
            await EchoAsync(peer, random);
        }
        while (!until.IsCancellationRequested);
    }

    private static async Task EchoAsync(HostilePeer peer, Random random)
    {
        // Up to 8 KiB, now and then up to 200 KB.
        byte[] payload = new byte[random.Next(random.Next(20) == 0 ? 200_000 : 8 * 1024)];
        random.NextBytes(payload);
        await peer.SendAsync(peer.Frame(BaseProtocol.Length, payload));
        while (await peer.ReadAsync().WithinDeadline() is { } answer)
        {
            if (answer.Code == BaseProtocol.PingCode)
            {
                await peer.SendAsync(peer.Frame(BaseProtocol.PongCode, BaseProtocol.EmptyList.Span));
                continue;
            }

            Assert.Equal(BaseProtocol.Length, answer.Code);
            Assert.True(payload.AsSpan().SequenceEqual(answer.Payload), "another payload came back");
            return;
        }

        Assert.Fail("the connection ended");
    }

    private static async Task TalkAndCutAsync(HostilePeer peer, Random random)
    {
        for (int left = random.Next(12); left > 0; left--)
        {
            await EchoAsync(peer, random);
        }

        byte[] large = new byte[100_000];
        random.NextBytes(large);
        switch (random.Next(Ways))
        {
            case 0: // abruptly
                peer.Reset();
                break;
            case 1: // in the middle of an answer
                await peer.SendAsync(peer.Frame(BaseProtocol.Length, large));
                await peer.DisposeAsync();
                break;
            case 2: // in the middle of a frame
                await peer.SendAsync(peer.Frame(BaseProtocol.Length, large).AsMemory(0, random.Next(1, large.Length)));
                peer.Reset();
                break;
            case 3: // half-closed
                peer.Socket.Shutdown(SocketShutdown.Send);
                Assert.Null(await peer.ReadReasonAsync());
                break;
            case 4: // politely
                await peer.SendAsync(peer.Frame(BaseProtocol.DisconnectCode, [0xC1, (byte)DisconnectReason.Quitting]));
                Assert.Null(await peer.ReadReasonAsync());
                break;
            default: // with a breach of protocol
                await peer.SendAsync(peer.Frame(99, [0xC0]));
                Assert.Equal(DisconnectReason.ProtocolError, await peer.ReadReasonAsync());
                break;
        }

        await peer.DisposeAsync();
    }
}
