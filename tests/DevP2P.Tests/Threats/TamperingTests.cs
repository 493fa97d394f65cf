using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using DevP2P.Nodes;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>T15: somebody in between changes what two honest nodes say. The connection ends, and no altered byte reaches a handler.</summary>
[Trait("Threat", "T15")]
public sealed class TamperingTests
{
    private static readonly byte[] Secret = [0xC3, 1, 2, 3];

    public static TheoryData<string, bool> Tricks
    {
        get
        {
            var tricks = new TheoryData<string, bool>();
            foreach (string trick in new[] { "flip in the header", "flip in the header's MAC", "flip in the body", "flip in the MAC", "truncate", "replay", "prepend", "drop", "reflect", "swap" })
            {
                tricks.Add(trick, true);
                tricks.Add(trick, false);
            }

            return tricks;
        }
    }

    [Theory]
    [MemberData(nameof(Tricks))]
    public async Task A_man_in_the_middle_can_end_the_connection_and_nothing_else(string trick, bool towardsListener)
    {
        var heard = new ConcurrentQueue<byte[]>();
        var talk = new ConcurrentDictionary<bool, TaskCompletionSource<IMessageStream>>();
        talk[true] = new TaskCompletionSource<IMessageStream>();
        talk[false] = new TaskCompletionSource<IMessageStream>();
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (peer, stream, cancellation) =>
            {
                talk[peer.IsInbound].SetResult(stream);
                while (true)
                {
                    Message message = await stream.ReadAsync(cancellation);
                    heard.Enqueue(message.Payload.ToArray());
                }
            },
        };
        await using Server listener = await TestNet.StartAsync(TestNet.Options(protocol));
        await using Server dialer = await TestNet.StartAsync(TestNet.Options(protocol) with { ListenAddress = null });
        await using var middle = new Relay(listener.Self.TcpEndPoint!);
        Node throughMiddle = Node.Create(listener.Self.PublicKey, IPAddress.Loopback, middle.Port, 0);
        Assert.True((await dialer.AddPeerAsync(throughMiddle).WithinDeadline()).Succeeded);
        IMessageStream speaker = await talk[!towardsListener].Task.WithinDeadline();
        IMessageStream counterpart = await talk[towardsListener].Task.WithinDeadline();
        await speaker.WriteAsync(1, Secret);
        await TestNet.UntilAsync(() => heard.Count == 1, "an honest middle passes everything on");
        Server victim = towardsListener ? listener : dialer;
        Assert.Equal(1, victim.PeerCount);

        Relay.Direction direction = towardsListener ? middle.Forward : middle.Backward;
        Arm(trick, direction, towardsListener ? middle.Backward : middle.Forward);
        await counterpart.WriteAsync(3, Secret); // for "reflect": something that goes the other way
        await TestNet.UntilAsync(() => heard.Count == 2, "the other direction still works");
        for (int i = 0; i < 2; i++)
        {
            int chunks = direction.Chunks;
            await Record.ExceptionAsync(async () => await speaker.WriteAsync(2, Secret));
            await TestNet.UntilAsync(() => direction.Chunks > chunks || victim.PeerCount == 0, "it came to the middle");
        }

        // A replay begins with the message itself; nothing else of what was altered is heard.
        await TestNet.UntilAsync(() => victim.PeerCount == 0, "the victim ends the connection");
        Assert.Equal("network error", Assert.Single(victim.GetCounters().Dropped).Key);
        Assert.Equal(trick == "replay" ? 3 : 2, heard.Count);
        Assert.All(heard, payload => Assert.Equal(Secret, payload));
    }

    [Fact]
    public async Task Every_byte_of_a_frame_is_protected()
    {
        long heard = 0;
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (_, stream, cancellation) =>
            {
                while (true)
                {
                    Message message = await stream.ReadAsync(cancellation);
                    Interlocked.Increment(ref heard);
                    Assert.Equal(Secret, message.Payload.ToArray());
                }
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(protocol) with { TimeProvider = new StepClock() });
        int length = FrameCodec.WireSize(1 + 2 + Secret.Length);
        for (int at = 0; at < length; at++)
        {
            Interlocked.Exchange(ref heard, 0);
            await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
            byte[] first = peer.Frame(16, Secret);
            byte[] second = peer.Frame(16, Secret);
            Assert.Equal(length, second.Length);
            second[at] ^= (byte)(1 << (at % 8));
            await peer.SendAsync(first);
            await TestNet.UntilAsync(() => Interlocked.Read(ref heard) == 1, "the honest frame arrives");
            await peer.SendAsync(second);

            Assert.True(await peer.ReadReasonAsync() is null, "a broken connection ends without a farewell");
            await TestNet.UntilAsync(() => server.PeerCount == 0, $"a flipped bit in byte {at} ends the connection");
            Assert.Equal(1, Interlocked.Read(ref heard));
        }

        Assert.Equal(length, server.GetCounters().Dropped["network error"]);
    }

    private static void Arm(string trick, Relay.Direction direction, Relay.Direction opposite)
    {
        byte[]? held = null;
        direction.Tamper = trick switch
        {
            "flip in the header" => chunk => Flip(chunk, 1),
            "flip in the header's MAC" => chunk => Flip(chunk, 31),
            "flip in the body" => chunk => Flip(chunk, 33),
            "flip in the MAC" => chunk => Flip(chunk, chunk.Length - 1),
            "truncate" => chunk => (chunk[..^5], End: true),
            "replay" => chunk => ([.. chunk, .. chunk[..]], End: false),
            "prepend" => chunk => ([.. new byte[64], .. chunk], End: false),
            "drop" => Drop,
            "swap" => Swap,
            "reflect" => chunk => ([.. opposite.Last, .. chunk], End: false),
            _ => throw new ArgumentOutOfRangeException(nameof(trick)),
        };

        (byte[], bool) Drop(byte[] chunk)
        {
            bool isFirst = held is null;
            held = chunk;
            return (isFirst ? [] : chunk, false);
        }

        (byte[], bool) Swap(byte[] chunk)
        {
            byte[] before = held ?? [];
            held ??= chunk;
            return (before.Length == 0 ? [] : [.. chunk, .. before], false);
        }
    }

    private static (byte[] Chunk, bool End) Flip(byte[] chunk, int at)
    {
        chunk[at] ^= 0x40;
        return (chunk, false);
    }

    /// <summary>Carries bytes between two ends, and may change them on the way.</summary>
    private sealed class Relay : IAsyncDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly Task _work;

        public Relay(IPEndPoint target)
        {
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen();
            _work = RunAsync(target);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

        public Direction Forward { get; } = new();

        public Direction Backward { get; } = new();

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _work.WithinDeadline();
        }

        private async Task RunAsync(IPEndPoint target)
        {
            try
            {
                using Socket client = await _listener.AcceptAsync();
                using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await server.ConnectAsync(target);
                client.NoDelay = true;
                await Task.WhenAny(Forward.CarryAsync(client, server), Backward.CarryAsync(server, client));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        internal sealed class Direction
        {
            public Func<byte[], (byte[] Chunk, bool End)>? Tamper { get; set; }

            /// <summary>What went this way last.</summary>
            public byte[] Last { get; private set; } = [];

            public int Chunks { get; private set; }

            public async Task CarryAsync(Socket from, Socket to)
            {
                byte[] buffer = new byte[65536];
                try
                {
                    int count;
                    while ((count = await from.ReceiveAsync(buffer)) > 0)
                    {
                        byte[] chunk = buffer[..count];
                        Last = chunk;
                        (chunk, bool end) = Tamper?.Invoke([.. chunk]) ?? (chunk, false);
                        await to.SendAsync(chunk);
                        Chunks++;
                        if (end)
                        {
                            return;
                        }
                    }
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    // One side is gone: so is the connection.
                }
            }
        }
    }
}
