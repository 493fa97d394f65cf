using System.Security.Cryptography;
using DevP2P.Nodes;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Diagnostics;

/// <summary>Traffic: both sides count the same, it is what went over the stream, and nothing is lost when peers leave.</summary>
public sealed class TrafficTests
{
    private static readonly Capability s_sink = new("sink", 1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Both_sides_count_what_went_over_the_stream_also_after_it_is_closed()
    {
        var writing = new TaskCompletionSource<IMessageStream>();
        Protocol chat = TestNet.Sink("chat", 2) with
        {
            RunAsync = async (_, stream, cancellation) =>
            {
                writing.TrySetResult(stream);
                await Task.Delay(Timeout.Infinite, cancellation);
            },
        };
        await using Server sender = await TestNet.StartAsync(TestNet.Options(TestNet.Sink(), chat));
        await using Server receiver = await TestNet.StartAsync(TestNet.Options(TestNet.Sink(), TestNet.Sink("chat", 2)));
        (Stream a, Stream b) = DuplexPipeStream.CreatePair();
        await using var counted = new CountingStream(a);
        Task<ConnectionResult> accepting = receiver.SetupConnectionAsync(b, ConnectionFlags.Inbound, cancellationToken: Cancellation);
        ConnectionResult dialed = await sender.SetupConnectionAsync(counted, ConnectionFlags.StaticDialed, receiver.Self, cancellationToken: Cancellation).WithinDeadline();
        Peer there = (await accepting.WithinDeadline()).Peer!;
        Peer here = dialed.Peer!;
        IMessageStream stream = await writing.Task.WithinDeadline();

        long payload = 0;
        byte[] compressible = new byte[50_000];
        foreach (int size in new[] { 0, 1, 127, 128, 129, 5000, 70_000 })
        {
            await stream.WriteAsync(3, RandomNumberGenerator.GetBytes(size), Cancellation);
            payload += size;
        }

        await stream.WriteAsync(3, compressible, Cancellation);
        payload += compressible.Length;
        await TestNet.UntilAsync(() => Of(receiver, "chat/2").MessagesIn == 8, "all has come");
        BroadcastResult broadcast = await sender.BroadcastAsync(s_sink, 1, compressible, cancellationToken: Cancellation);
        await TestNet.UntilAsync(() => Of(receiver, "sink/1").MessagesIn == 1, "the broadcast has come");

        Assert.Equal(new BroadcastResult(1, 0), broadcast);
        Assert.Equal(["chat/2", "p2p/5", "sink/1"], sender.GetTraffic().Select(static t => t.Protocol));
        ProtocolTraffic chats = Of(sender, "chat/2");
        Assert.Equal((8, payload), (chats.MessagesOut, chats.BytesOut));
        Assert.True(chats.WireBytesOut < payload - 40_000, "nothing was compressed");
        Assert.Equal((1, compressible.Length), (Of(sender, "sink/1").MessagesOut, Of(sender, "sink/1").BytesOut));
        AssertMirrored(sender, receiver);
        Assert.Equal(counted.WrittenAfterFirst, sender.GetTraffic().Sum(static t => t.WireBytesOut));
        Assert.Equal((counted.WrittenAfterFirst, 10), (here.GetTraffic().BytesOut, here.GetTraffic().MessagesOut));
        Assert.Equal(here.GetTraffic().BytesOut, there.GetTraffic().BytesIn);
        Assert.Equal(here.GetTraffic().MessagesIn, there.GetTraffic().MessagesOut);

        // And the disconnect, which is the last that is said.
        here.Disconnect();
        await TestNet.UntilAsync(() => sender.PeerCount + receiver.PeerCount == 0, "both are gone");
        Assert.Equal(chats, Of(sender, "chat/2"));
        Assert.Equal(2, Of(sender, "p2p/5").MessagesOut);
        AssertMirrored(sender, receiver);
        Assert.Equal(counted.WrittenAfterFirst, sender.GetTraffic().Sum(static t => t.WireBytesOut));
        Assert.Equal(counted.WrittenAfterFirst, here.GetTraffic().BytesOut);
    }

    // Four are framed at once, the fifth alone.
    [Fact]
    public async Task A_broadcast_counts_for_every_peer()
    {
        await using Server sender = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = 20 });
        List<Server> receivers = [];
        try
        {
            for (int i = 0; i < 5; i++)
            {
                receivers.Add(await TestNet.StartAsync());
                Assert.True((await receivers[i].AddPeerAsync(sender.Self, Cancellation).WithinDeadline()).Succeeded);
            }

            await TestNet.UntilAsync(() => sender.PeerCount == 5, "all are peers");
            Assert.Equal(new BroadcastResult(5, 0), await sender.BroadcastAsync(s_sink, 1, new byte[5000], cancellationToken: Cancellation));
            await TestNet.UntilAsync(() => receivers.All(static r => Of(r, "sink/1").MessagesIn == 1), "it has come to all");

            ProtocolTraffic sent = Of(sender, "sink/1");
            Assert.Equal((5, 25_000), (sent.MessagesOut, sent.BytesOut));
            Assert.Equal(receivers.Sum(static r => Of(r, "sink/1").WireBytesIn), sent.WireBytesOut);
            Assert.All(receivers, r => Assert.Equal(r.PeerOf(sender).GetTraffic().BytesIn, sender.PeerOf(r).GetTraffic().BytesOut));
        }
        finally
        {
            foreach (Server receiver in receivers)
            {
                await receiver.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task Connections_that_are_refused_count_too()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink("one")));
        await using Server other = await TestNet.StartAsync(TestNet.Options(TestNet.Sink("another")));

        Assert.False((await other.AddPeerAsync(server.Self, Cancellation).WithinDeadline()).Succeeded);
        await TestNet.UntilAsync(() => server.GetCounters().Refused.Count == 1, "it is refused");

        // A Hello each; who finds out first says why.
        ProtocolTraffic traffic = Of(server, "p2p/5");
        Assert.Equal(1, traffic.MessagesIn);
        Assert.InRange(traffic.MessagesOut, 1, 2);
        Assert.True(traffic.WireBytesIn > traffic.BytesIn);
        Assert.Equal(0, Of(server, "one/1").MessagesIn);
    }

    [Fact]
    public async Task Nothing_is_lost_or_counted_twice_while_connections_end()
    {
        const int Connections = 2000;
        var totals = new TrafficTotals(["chat/2"]);
        using var stop = new CancellationTokenSource();
        var isWatching = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task watching = Task.Run(() =>
        {
            long last = 0;
            while (!stop.IsCancellationRequested)
            {
                long now = totals.Snapshot().Sum(static t => t.MessagesIn + t.WireBytesOut);
                Assert.True(now >= last, $"{now} after {last}");
                last = now;
                isWatching.TrySetResult();
            }
        });
        await isWatching.Task.WithinDeadline();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < Connections / 4; i++)
            {
                var connection = new ConnectionTraffic();
                totals.Add(connection);
                connection.CountSent(0, 10, 20);
                connection.AddProtocol("chat/2", 16);
                connection.CountReceived(15, 1, 2);
                connection.CountReceived(16, 100, 150);
                totals.Fold(connection);
                totals.Fold(connection);
            }
        })));
        await TestNet.UntilAsync(() => totals.Snapshot().Count == 2, "the snapshot is there");
        await stop.CancelAsync();

        await watching.WithinDeadline();
        Assert.Equal(
            [
                new ProtocolTraffic { Protocol = "chat/2", MessagesIn = Connections, BytesIn = 100 * Connections, WireBytesIn = 150 * Connections },
                new ProtocolTraffic
                {
                    Protocol = "p2p/5", MessagesIn = Connections, BytesIn = Connections, WireBytesIn = 2 * Connections,
                    MessagesOut = Connections, BytesOut = 10 * Connections, WireBytesOut = 20 * Connections,
                },
            ],
            totals.Snapshot());
    }

    [Fact]
    public void A_peer_without_a_connection_has_no_traffic() =>
        Assert.Equal(new PeerTraffic(), Peer.CreateForTest(default(NodeId), "nobody", []).GetTraffic());

    private static ProtocolTraffic Of(Server server, string protocol) => server.GetTraffic().Single(t => t.Protocol == protocol);

    private static void AssertMirrored(Server a, Server b) => Assert.Equal(
        a.GetTraffic(),
        b.GetTraffic().Select(static t => new ProtocolTraffic
        {
            Protocol = t.Protocol,
            MessagesIn = t.MessagesOut,
            MessagesOut = t.MessagesIn,
            BytesIn = t.BytesOut,
            BytesOut = t.BytesIn,
            WireBytesIn = t.WireBytesOut,
            WireBytesOut = t.WireBytesIn,
        }));

    /// <summary>Counts what is written, but for the first write: the handshake, which is no message.</summary>
    private sealed class CountingStream(Stream inner) : ForwardingStream(inner)
    {
        private long _written;
        private bool _hasWritten;

        public long WrittenAfterFirst => Interlocked.Read(ref _written);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Interlocked.Add(ref _written, _hasWritten ? buffer.Length : 0);
            _hasWritten = true;
            return base.WriteAsync(buffer, cancellationToken);
        }
    }
}
