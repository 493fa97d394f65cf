using System.Collections.Concurrent;
using DevP2P.Buffers;
using DevP2P.Crypto;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Rlpx;

/// <summary>Connections whose frames are hashed together have nothing else in common.</summary>
public sealed class SideBySideTests : IDisposable
{
    private const int Connections = 6;
    private const int Messages = 12;

    private readonly ConcurrentQueue<IThreadPoolWorkItem> _scheduled = new();
    private readonly MacQueue _queue;
    private readonly MemoryBudget _memory = new(long.MaxValue);
    private readonly List<RlpxConnection> _open = [];

    public SideBySideTests() => _queue = new MacQueue(_scheduled.Enqueue);

    [Theory]
    [InlineData(5_000)]
    [InlineData(16 * 1024)]
    [InlineData(200_000)]
    public async Task Every_message_arrives_as_it_was_sent(int size)
    {
        (RlpxConnection Sender, RlpxConnection Receiver)[] pairs = await ConnectAsync();
        Task[] sending = [.. pairs.Select((pair, i) => SendAsync(pair.Sender, i, size))];
        Task<int>[] receiving = [.. pairs.Select((pair, i) => ReceiveAsync(pair.Receiver, i, size))];

        await RunUntilAsync(Task.WhenAll([.. sending, .. receiving]));
        Assert.All(receiving, static task => Assert.Equal(Messages, task.Result));
    }

    [Fact]
    [Trait("Threat", "T15")]
    public async Task A_forged_frame_ends_its_own_connection_and_no_other()
    {
        const int Size = 16 * 1024;
        (RlpxConnection Sender, RlpxConnection Receiver)[] pairs = await ConnectAsync(forged: 2);
        Task[] sending = [.. pairs.Select((pair, i) => SendAsync(pair.Sender, i, Size))];
        Task<int>[] receiving = [.. pairs.Select((pair, i) => ReceiveAsync(pair.Receiver, i, Size))];

        await RunUntilAsync(Task.WhenAll(receiving.Where(static (_, i) => i != 2)));
        await RunUntilAsync(receiving[2].ContinueWith(static _ => { }, TaskScheduler.Default));
        Assert.Contains("MAC", (await Assert.ThrowsAsync<P2PException>(() => receiving[2])).Message, StringComparison.OrdinalIgnoreCase);
        Assert.All(receiving.Where(static (_, i) => i != 2), static task => Assert.Equal(Messages, task.Result));
    }

    [Fact]
    public async Task Pieces_are_hashed_together()
    {
        Assert.SkipUnless(KeccakPermutation4.IsSupported, "there is no four-way permutation here");
        (RlpxConnection Sender, RlpxConnection Receiver)[] pairs = await ConnectAsync();
        Task[] sending = [.. pairs.Take(3).Select((pair, i) => SendAsync(pair.Sender, i, 16 * 1024))];
        Task<int>[] receiving = [.. pairs.Take(3).Select((pair, i) => ReceiveAsync(pair.Receiver, i, 16 * 1024))];

        // As long as nothing runs the scheduled work, nobody gets further; all three wait there, by one work item.
        await TestNet.UntilAsync(() => _queue.Count == 3, "all three wait");
        Assert.Single(_scheduled);
        Assert.All(receiving, static task => Assert.False(task.IsCompleted));
        await RunUntilAsync(Task.WhenAll([.. sending, .. receiving]));
    }

    public void Dispose()
    {
        foreach (RlpxConnection connection in _open)
        {
            connection.Dispose();
        }
    }

    private static async Task SendAsync(RlpxConnection connection, int seed, int size)
    {
        for (int i = 0; i < Messages; i++)
        {
            await connection.WriteAsync(16, Payload(seed, i, size), TestContext.Current.CancellationToken);
        }
    }

    private static async Task<int> ReceiveAsync(RlpxConnection connection, int seed, int size)
    {
        for (int i = 0; i < Messages; i++)
        {
            Message message = await connection.ReadAsync(TestContext.Current.CancellationToken);
            Assert.True(message.Payload.Span.SequenceEqual(Payload(seed, i, size)));
            message.Discard();
        }

        return Messages;
    }

    private static byte[] Payload(int seed, int index, int size)
    {
        byte[] payload = new byte[size - index];
        new Random((seed * 100) + index).NextBytes(payload);
        return payload;
    }

    private async Task RunUntilAsync(Task all)
    {
        await TestNet.UntilAsync(
            () =>
            {
                while (_scheduled.TryDequeue(out IThreadPoolWorkItem? item))
                {
                    item.Execute();
                }

                return all.IsCompleted;
            },
            "all is done");
        await all;
    }

    private async Task<(RlpxConnection Sender, RlpxConnection Receiver)[]> ConnectAsync(int forged = -1)
    {
        var pairs = new (RlpxConnection, RlpxConnection)[Connections];
        for (int i = 0; i < Connections; i++)
        {
            (Stream a, Stream b) = DuplexPipeStream.CreatePair();
            RlpxConnection sender = Open(i == forged ? new Forger(a) : a);
            RlpxConnection receiver = Open(b);
            PrivateKey key = PrivateKey.Generate();
            Task<PublicKey> accepting = receiver.HandshakeAsync(key, null, RandomSource.System, TestContext.Current.CancellationToken);
            await sender.HandshakeAsync(PrivateKey.Generate(), key.PublicKey, RandomSource.System, TestContext.Current.CancellationToken).WithinDeadline();
            await accepting.WithinDeadline();
            pairs[i] = (sender, receiver);
        }

        return pairs;
    }

    private RlpxConnection Open(Stream stream)
    {
        var connection = new RlpxConnection(stream, new PeerBudget(_memory, long.MaxValue), TimeProvider.System)
        {
            Macs = _queue,
            GetMaxPayloadSize = static _ => FrameCodec.MaxMessageSize,
            MaxFrameSize = FrameCodec.MaxMessageSize,
        };
        _open.Add(connection);
        return connection;
    }

    /// <summary>Changes one bit of what is written, deep in a large frame.</summary>
    private sealed class Forger(Stream inner) : ForwardingStream(inner)
    {
        private long _written;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            byte[] bytes = buffer.ToArray();
            long at = 50_000 - _written;
            if (at >= 0 && at < bytes.Length)
            {
                bytes[at] ^= 1;
            }

            _written += bytes.Length;
            return base.WriteAsync(bytes, cancellationToken);
        }
    }
}
