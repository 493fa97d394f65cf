using System.IO.Pipelines;
using Xunit;

namespace DevP2P.Tests;

/// <summary>A handler may go on on the thread that has read its message: whatever it does there, nobody else waits for it.</summary>
public sealed class HandlerThreadTests
{
    private const ulong Blocking = 16;
    private const ulong Echoing = 24;

    private static readonly Protocol Echo = TestNet.Sink("echo") with
    {
        RunAsync = static async (_, stream, cancellation) =>
        {
            while (true)
            {
                Message message = await stream.ReadAsync(cancellation);
                await stream.WriteAsync(message.Code, message.Payload, cancellation);
            }
        },
    };

    [Fact]
    public async Task A_handler_that_blocks_its_thread_holds_up_neither_the_peer_nor_other_protocols()
    {
        using var release = new ManualResetEventSlim();
        var isBlocked = new TaskCompletionSource();
        Protocol blocking = TestNet.Sink("block") with
        {
            RunAsync = async (_, stream, cancellation) =>
            {
                // The first may be here before anybody waits for it.
                Message message = await stream.ReadAsync(cancellation);
                await stream.WriteAsync(message.Code, message.Payload, cancellation);
                message = await stream.ReadAsync(cancellation);
                isBlocked.SetResult();
                Assert.True(release.Wait(TestNet.Deadline, cancellation));
                while (true)
                {
                    await stream.WriteAsync(message.Code, message.Payload, cancellation);
                    message = await stream.ReadAsync(cancellation);
                }
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(blocking, Echo));
        await using RlpxProbe probe = await PeerTests.ConnectAsync(server);
        await probe.WriteAsync(Blocking, new byte[] { 0 });
        Assert.Equal((Blocking, (byte)0), await ReadAsync(probe));
        await probe.WriteAsync(Blocking, new byte[] { 1 });
        await isBlocked.Task.WithinDeadline();

        for (byte i = 0; i < 10; i++)
        {
            await probe.WriteAsync(Blocking + 1, new byte[] { i });
            await probe.WriteAsync(Echoing, new byte[] { i });
            Assert.Equal((Echoing, i), await ReadAsync(probe));
            await probe.PingAsync().WithinDeadline();
        }

        release.Set();
        Assert.Equal((Blocking, (byte)1), await ReadAsync(probe));
        for (byte i = 0; i < 10; i++)
        {
            Assert.Equal((Blocking + 1, i), await ReadAsync(probe));
        }
    }

    [Fact]
    public async Task A_handler_may_block_until_its_next_message_comes()
    {
        Protocol synchronous = TestNet.Sink("sync") with
        {
            RunAsync = static (_, stream, cancellation) =>
            {
                while (true)
                {
                    Message message = stream.ReadAsync(cancellation).AsTask().GetAwaiter().GetResult();
                    stream.WriteAsync(message.Code, message.Payload, cancellation).AsTask().GetAwaiter().GetResult();
                }
            },
        };
        Protocol sometimes = Echo with
        {
            // The first reads go on wherever they are called from, the others block there.
            RunAsync = async (peer, stream, cancellation) =>
            {
                for (int i = 0; i < 3; i++)
                {
                    Message message = await stream.ReadAsync(cancellation);
                    await stream.WriteAsync(message.Code, message.Payload, cancellation);
                }

                await synchronous.RunAsync(peer, stream, cancellation);
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(synchronous, sometimes));
        await using RlpxProbe probe = await PeerTests.ConnectAsync(server);
        for (byte i = 0; i < 20; i++)
        {
            foreach (ulong code in new[] { 16ul, 24ul })
            {
                await probe.WriteAsync(code, new[] { i });
                Assert.Equal((code, i), await ReadAsync(probe));
            }
        }
    }

    [Fact]
    public async Task Handlers_run_on_threads_of_the_pool()
    {
        Protocol where = Echo with
        {
            RunAsync = static async (_, stream, cancellation) =>
            {
                while (true)
                {
                    Message message = await stream.ReadAsync(cancellation);
                    byte[] isOnPool = [Thread.CurrentThread.IsThreadPoolThread ? (byte)1 : (byte)0];
                    await stream.WriteAsync(message.Code, isOnPool, cancellation);
                }
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(where));
        await using RlpxProbe probe = await PeerTests.ConnectAsync(server);
        for (int i = 0; i < 20; i++)
        {
            await probe.WriteAsync(16, new byte[] { 0 });
            Assert.Equal((16ul, (byte)1), await ReadAsync(probe));
        }
    }

    [Fact]
    public async Task A_handler_never_runs_in_the_call_of_who_writes_to_a_stream_of_the_applications()
    {
        const int Rounds = 500;
        // Whoever writes into this one runs what waits for it.
        (Stream near, Stream far) = DuplexPipeStream.CreatePair(new(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false));
        using var isWriting = new ThreadLocal<bool>();
        int insideOfWriter = 0;
        var done = new TaskCompletionSource();
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (peer, stream, cancellation) =>
            {
                for (int i = 0; peer.IsInbound || i < Rounds; i++)
                {
                    if (!peer.IsInbound)
                    {
                        isWriting.Value = true;
                        ValueTask writing = stream.WriteAsync(1, new byte[1], cancellation);
                        isWriting.Value = false;
                        await writing;
                    }

                    await stream.ReadAsync(cancellation);
                    if (peer.IsInbound)
                    {
                        Interlocked.Add(ref insideOfWriter, isWriting.Value ? 1 : 0);
                        await stream.WriteAsync(2, default, cancellation);
                    }
                }

                done.SetResult();
                await stream.ReadAsync(cancellation);
            },
        };
        await using Server a = await TestNet.StartAsync(TestNet.Options(protocol) with { ListenAddress = null });
        await using Server b = await TestNet.StartAsync(TestNet.Options(protocol) with { ListenAddress = null });
        Task<ConnectionResult> accepting = a.SetupConnectionAsync(near, ConnectionFlags.Inbound);
        Assert.NotNull((await b.SetupConnectionAsync(far, ConnectionFlags.StaticDialed, a.Self).WithinDeadline()).Peer);
        Assert.NotNull((await accepting.WithinDeadline()).Peer);
        await done.Task.WithinDeadline();
        Assert.Equal(0, insideOfWriter);
    }

    private static async Task<(ulong Code, byte Payload)> ReadAsync(RlpxProbe probe)
    {
        Message message = await probe.ReadAsync(TestContext.Current.CancellationToken).WithinDeadline();
        (ulong, byte) seen = (message.Code, message.Payload.Span[0]);
        message.Discard();
        return seen;
    }
}
