using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using DevP2P.Dialing;
using DevP2P.Nodes;
using DevP2P.Rlp;
using DevP2P.Rlpx;
using DevP2P.Tests.Threats;
using Xunit;

namespace DevP2P.Tests;

/// <summary><see cref="Server.BroadcastAsync"/>: everyone gets what was sent, in order, and nobody is waited for.</summary>
public sealed class BroadcastTests
{
    private const int Peers = 9;
    private static readonly Capability s_sink = new("sink", 1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Peers come in fours and ones, messages around the size of a hash's block and far beyond, and single writes in between.
    [Fact]
    public async Task Everyone_gets_every_message_in_order_among_those_that_are_sent_to_one()
    {
        var streams = new ConcurrentDictionary<NodeId, IMessageStream>();
        await using Server sender = await TestNet.StartAsync(TestNet.Options(Protocol(async (peer, stream, cancellation) =>
        {
            streams[peer.Id] = stream;
            await Task.Delay(Timeout.Infinite, cancellation);
        })) with { MaxPeers = 2 * Peers });
        var received = new ConcurrentDictionary<NodeId, ConcurrentQueue<(ulong Code, string Digest)>>();
        var receivers = new List<Server>();
        try
        {
            for (int i = 0; i < Peers; i++)
            {
                var own = new ConcurrentQueue<(ulong, string)>();
                Server receiver = await TestNet.StartAsync(TestNet.Options(Protocol(async (_, stream, cancellation) =>
                {
                    while (true)
                    {
                        Message message = await stream.ReadAsync(cancellation);
                        own.Enqueue((message.Code, Digest(message.Payload.Span)));
                    }
                })));
                receivers.Add(receiver);
                received[receiver.Self.Id] = own;
                Assert.True((await receiver.AddPeerAsync(sender.Self, Cancellation).WithinDeadline()).Succeeded);
            }

            await TestNet.UntilAsync(() => streams.Count == Peers, "all are connected");
            var expected = received.Keys.ToDictionary(id => id, _ => new List<(ulong, string)>());
            var random = new Random(1);
            foreach (int size in new[] { 0, 1, 100, 104, 120, 136, 137, 1000, 5000, 70_000, 300_000 })
            {
                byte[] payload = new byte[size];
                random.NextBytes(payload.AsSpan(0, size / 2));
                ulong code = (ulong)random.Next(8);
                Assert.Equal(new BroadcastResult(Peers, 0), await sender.BroadcastAsync(s_sink, code, payload, cancellationToken: Cancellation));
                expected.Values.ToList().ForEach(list => list.Add((code, Digest(payload))));

                // One more to some, so that they are at different places in their hashes.
                byte[] single = new byte[random.Next(300)];
                foreach ((NodeId id, IMessageStream stream) in streams.Where(_ => random.Next(2) == 0))
                {
                    await stream.WriteAsync(7, single, Cancellation);
                    expected[id].Add((7, Digest(single)));
                }

                await TestNet.UntilAsync(() => received.All(r => r.Value.Count == expected[r.Key].Count), "all have come");
            }

            Assert.All(received, r => Assert.Equal(expected[r.Key], r.Value));

            // Some only.
            NodeId chosen = receivers[3].Self.Id;
            Assert.Equal(new BroadcastResult(1, 0), await sender.BroadcastAsync(s_sink, 0, new byte[] { 1 }, peer => peer.Id == chosen, cancellationToken: Cancellation));
            await TestNet.UntilAsync(() => received[chosen].Count == expected[chosen].Count + 1, "it has come to the chosen one");
            Assert.Equal(new BroadcastResult(0, 0), await sender.BroadcastAsync(s_sink, 0, new byte[] { 1 }, _ => false, cancellationToken: Cancellation));
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
    public async Task Old_peers_without_compression_get_it_too()
    {
        await using Server sender = await TestNet.StartAsync();
        await using HostilePeer old = await HostilePeer.ConnectEncryptedAsync(sender.Self);
        await old.SendAsync(old.Frame(BaseProtocol.HelloCode, RlpEncoding.Encode(new Hello(4, "old", [s_sink], 0, old.Key))));
        await old.ReadHelloAsync();
        old.UsesSnappy = false;
        await using HostilePeer modern = await HostilePeer.ConnectAsync(sender.Self);
        await TestNet.UntilAsync(() => sender.PeerCount == 2, "both are connected");
        byte[] payload = RandomNumberGenerator.GetBytes(3000);

        Assert.Equal(new BroadcastResult(2, 0), await sender.BroadcastAsync(s_sink, 5, payload, cancellationToken: Cancellation));

        Assert.Equal(payload, (await old.ReadAsync().WithinDeadline())!.Value.Payload);
        Assert.Equal(payload, (await modern.ReadAsync().WithinDeadline())!.Value.Payload);
    }

    [Theory]
    [InlineData(SlowPeerPolicy.Skip)]
    [InlineData(SlowPeerPolicy.Disconnect)]
    public async Task Who_does_not_read_is_not_waited_for(SlowPeerPolicy policy)
    {
        await using Server sender = await TestNet.StartAsync();
        await using HostilePeer slow = await HostilePeer.ConnectAsync(sender.Self, receiveBuffer: 4096);
        int count = 0;
        await using Server reader = await TestNet.StartAsync(TestNet.Options(Protocol(async (_, stream, cancellation) =>
        {
            while (true)
            {
                await stream.ReadAsync(cancellation);
                Interlocked.Increment(ref count);
            }
        })));
        await reader.AddPeerAsync(sender.Self, Cancellation).WithinDeadline();
        await TestNet.UntilAsync(() => sender.PeerCount == 2, "both are connected");
        byte[] payload = RandomNumberGenerator.GetBytes(100_000);

        // Until the kernel's buffers on the way to the slow one are full, and messages wait here: not for a moment only.
        int sent = 0;
        int slowInRow = 0;
        while (slowInRow < (policy == SlowPeerPolicy.Disconnect ? 1 : 20))
        {
            BroadcastResult result = await sender.BroadcastAsync(s_sink, 0, payload, slow: policy, cancellationToken: Cancellation);
            sent++;
            slowInRow = result.Slow > 0 ? slowInRow + 1 : 0;
            await TestNet.UntilAsync(() => Volatile.Read(ref count) == sent, "who reads has it");
            Assert.InRange(sent, 1, 1000);
        }

        if (policy == SlowPeerPolicy.Disconnect)
        {
            await TestNet.UntilAsync(() => sender.PeerCount == 1, "the slow one is gone");
        }
        else
        {
            // It is still there, and whoever reads was served all the time.
            Assert.Equal(2, sender.PeerCount);
        }
    }

    /// <summary>No socket does; an application's stream may.</summary>
    [Fact]
    public async Task A_stream_that_blocks_its_writer_keeps_nobody_else_waiting()
    {
        await using Server blocked = await TestNet.StartAsync();
        using var dialer = new BlockingDialer();
        await using Server sender = await TestNet.StartAsync(TestNet.Options() with { Dialer = dialer });
        Assert.True((await sender.AddPeerAsync(blocked.Self, Cancellation).WithinDeadline()).Succeeded);
        var others = new List<HostilePeer>();
        try
        {
            for (int i = 0; i < 4; i++)
            {
                others.Add(await HostilePeer.ConnectAsync(sender.Self));
            }

            await TestNet.UntilAsync(() => sender.PeerCount == 5, "all are connected");
            dialer.Open.Reset();

            Task<BroadcastResult> broadcast = Task.Run(async () => await sender.BroadcastAsync(s_sink, 3, new byte[] { 7 }, cancellationToken: Cancellation), Cancellation);
            Assert.Equal(new BroadcastResult(5, 0), await broadcast.WithinDeadline());
            foreach (HostilePeer other in others)
            {
                Assert.Equal([7], (await other.ReadAsync().WithinDeadline())!.Value.Payload);
                await other.PingAsync();
            }

            dialer.Open.Set();
            await TestNet.UntilAsync(() => blocked.GetTraffic().Single(static t => t.Protocol == "sink/1").MessagesIn == 1, "it has come there as well");
        }
        finally
        {
            dialer.Open.Set();
            foreach (HostilePeer other in others)
            {
                await other.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task What_cannot_be_sent_is_said_at_once()
    {
        await using Server sender = await TestNet.StartAsync();
        await using HostilePeer peer = await HostilePeer.ConnectAsync(sender.Self);
        await TestNet.UntilAsync(() => sender.PeerCount == 1, "it is connected");

        Assert.Throws<ArgumentException>("protocol", () => { _ = sender.BroadcastAsync(new Capability("sink", 2), 0, default); });
        Assert.Throws<ArgumentException>("code", () => { _ = sender.BroadcastAsync(s_sink, 8, default); });
        Assert.Throws<ArgumentException>("payload", () => { _ = sender.BroadcastAsync(s_sink, 0, new byte[FrameCodec.MaxMessageSize + 1]); });
        // It fits, but not after compression.
        await Assert.ThrowsAsync<ArgumentException>(async () => await sender.BroadcastAsync(s_sink, 0, RandomNumberGenerator.GetBytes(FrameCodec.MaxMessageSize), cancellationToken: Cancellation));
        Assert.Throws<InvalidOperationException>(() => { _ = sender.BroadcastAsync(s_sink, 0, default, _ => throw new InvalidOperationException("the filter's")); });

        // Nothing is left locked, and the connection is intact.
        Assert.Equal(new BroadcastResult(1, 0), await sender.BroadcastAsync(s_sink, 1, new byte[] { 1, 2 }, cancellationToken: Cancellation));
        Assert.Equal([1, 2], (await peer.ReadAsync().WithinDeadline())!.Value.Payload);
    }

    [Fact]
    public async Task Several_at_once_and_single_writes_between_them_lose_nothing()
    {
        const int Each = 200;
        var counts = new ConcurrentDictionary<NodeId, int>();
        var streams = new ConcurrentBag<IMessageStream>();
        await using Server sender = await TestNet.StartAsync(TestNet.Options(Protocol(async (_, stream, cancellation) =>
        {
            streams.Add(stream);
            await Task.Delay(Timeout.Infinite, cancellation);
        })) with { MaxPeers = 10 });
        var receivers = new List<Server>();
        for (int i = 0; i < 5; i++)
        {
            Server? receiver = null;
            receiver = await TestNet.StartAsync(TestNet.Options(Protocol(async (_, stream, cancellation) =>
            {
                while (true)
                {
                    await stream.ReadAsync(cancellation);
                    counts.AddOrUpdate(receiver!.Self.Id, 1, static (_, n) => n + 1);
                }
            })));
            receivers.Add(receiver);
            await receiver.AddPeerAsync(sender.Self, Cancellation).WithinDeadline();
        }

        await TestNet.UntilAsync(() => streams.Count == 5, "all are connected");
        int sent = 0;
        byte[] payload = RandomNumberGenerator.GetBytes(500);
        Task[] broadcasts = [.. Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < Each; i++)
            {
                Interlocked.Add(ref sent, (await sender.BroadcastAsync(s_sink, 0, payload, cancellationToken: Cancellation)).Sent);
                await Task.Yield();
            }
        }))];
        Task[] singles = [.. streams.Select(stream => Task.Run(async () =>
        {
            for (int i = 0; i < Each; i++)
            {
                await stream.WriteAsync(1, payload, Cancellation);
                Interlocked.Increment(ref sent);
            }
        }))];
        await Task.WhenAll([.. broadcasts, .. singles]).WithinDeadline();

        Assert.InRange(sent, 5 * Each, 5 * 4 * Each);
        await TestNet.UntilAsync(() => counts.Values.Sum() == sent, "all have come");
        foreach (Server receiver in receivers)
        {
            await receiver.DisposeAsync();
        }
    }

    private static Protocol Protocol(Func<Peer, IMessageStream, CancellationToken, Task> run) => TestNet.Sink() with { RunAsync = run };

    private static string Digest(ReadOnlySpan<byte> payload) => Convert.ToHexString(SHA256.HashData(payload));

    private sealed class BlockingDialer : IDialer, IDisposable
    {
        private readonly TcpDialer _tcp = new();

        /// <summary>While this is not set, writes block.</summary>
        public ManualResetEventSlim Open { get; } = new(true);

        public async ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken) =>
            new(new BlockingStream((await _tcp.ConnectAsync(node, endPoints, cancellationToken)).Stream, Open));

        public void Dispose() => Open.Dispose();
    }

    private sealed class BlockingStream(Stream inner, ManualResetEventSlim open) : ForwardingStream(inner)
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            open.Wait(cancellationToken);
            return base.WriteAsync(buffer, cancellationToken);
        }
    }
}
