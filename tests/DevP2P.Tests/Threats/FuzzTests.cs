using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>Seeded noise at every stage of a connection: nothing escapes, nothing remains, the server lives.</summary>
[Collection(ProcessWideCollection.Name)]
[Trait("Threat", "T13")]
[Trait("Threat", "T15")]
public sealed class FuzzTests
{
    private const int Connections = 60;

    [Fact]
    public Task Random_bytes_instead_of_an_auth() => NoiseAsync(async (server, random) =>
    {
        await using HostilePeer peer = await HostilePeer.ConnectTcpAsync(server.Self);
        await TrySendAsync(peer, Bytes(random, 4000));
    });

    [Fact]
    public Task Random_bytes_instead_of_a_hello() => NoiseAsync(async (server, random) =>
    {
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self);
        await TrySendAsync(peer, Bytes(random, 4000));
        await peer.ReadReasonAsync();
    });

    [Fact]
    public Task Random_frames_instead_of_a_hello() => NoiseAsync(async (server, random) =>
    {
        await using HostilePeer peer = await HostilePeer.ConnectEncryptedAsync(server.Self);
        await TrySendAsync(peer, peer.Frame((ulong)random.Next(3), Mutate(random, peer.HelloPayload(new Capability("sink", 1)))));
        peer.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await peer.ReadReasonAsync();
    });

    [Fact]
    public Task Random_bytes_between_frames() => NoiseAsync(async (server, random) =>
    {
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await TrySendAsync(peer, [.. peer.Frames(random.Next(5), 16, Bytes(random, 100)), .. Bytes(random, 4000)]);
        peer.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await peer.ReadReasonAsync();
    });

    [Fact]
    public Task Random_frame_data_with_good_MACs() => NoiseAsync(async (server, random) =>
    {
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        for (int i = 0; i < 20; i++)
        {
            await TrySendAsync(peer, peer.RawFrame(Bytes(random, 200)));
        }

        peer.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await peer.ReadReasonAsync();
    });

    [Fact]
    public Task Random_codes_and_payloads() => NoiseAsync(async (server, random) =>
    {
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        for (int i = 0; i < 50; i++)
        {
            // Mostly codes that exist, so that the connection gets somewhere.
            ulong code = random.Next(20) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(2, 24);
            await TrySendAsync(peer, peer.Frame(code, Bytes(random, random.Next(10) == 0 ? 200_000 : 300)));
        }

        peer.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await peer.ReadReasonAsync();
    });

    private static async Task NoiseAsync(Func<Server, Random, Task> attack)
    {
        using var log = new CapturedLog();
        Protocol decoding = TestNet.Sink() with
        {
            RunAsync = async (_, stream, cancellation) =>
            {
                while (true)
                {
                    Message message = await stream.ReadAsync(cancellation);
                    if (message.Code % 2 == 0)
                    {
                        var reader = new RlpReader(message.Payload.Span);
                        while (!reader.IsAtEnd)
                        {
                            reader.TrySkip();
                        }

                        await stream.WriteAsync(message.Code, message.Payload, cancellation);
                    }
                    else if (message.Code == 7)
                    {
                        message.GetReader().ReadList();
                    }
                }
            },
        };
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(decoding) with { LoggerFactory = log, MaxPeers = 200, NoDial = true });
        int seed = 0;
        await ProcessState.AssertFlatAsync(server, Connections / 10, Connections, async count =>
        {
            for (int end = seed + count; seed < end; seed++)
            {
                try
                {
                    await attack(server, new Random(seed));
                }
                catch (Exception e) when (e is IOException or PeerDisconnectedException)
                {
                    // Refused before the noise was all out.
                }
            }

            await TestNet.UntilAsync(
                () => server.PeerCount == 0 && server.PendingConnections() == 0 && server.RunningTasks() == 1, "all have gone");
            Assert.Equal(0, server.ChargedBytes());
            Assert.DoesNotContain(log.Lines, l => l.StartsWith("Error", StringComparison.Ordinal));
            log.Clear();
        });

        ServerCounters counters = server.GetCounters();
        Assert.Equal(seed, counters.Accepted);
        Assert.Equal(counters.Accepted, counters.Added + counters.Refused.Values.Sum());
        Assert.Equal(counters.Added, counters.Dropped.Values.Sum());

        await using HostilePeer good = await HostilePeer.ConnectAsync(server.Self);
        await good.PingAsync();
    }

    private static async Task TrySendAsync(HostilePeer peer, byte[] bytes)
    {
        try
        {
            await peer.SendAsync(bytes).WithinDeadline();
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Closed while we were talking.
        }
    }

    private static byte[] Bytes(Random random, int max)
    {
        byte[] bytes = new byte[random.Next(max)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Mutate(Random random, byte[] bytes)
    {
        for (int i = random.Next(4); i >= 0; i--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }

        return bytes[..random.Next(bytes.Length + 1)];
    }
}
