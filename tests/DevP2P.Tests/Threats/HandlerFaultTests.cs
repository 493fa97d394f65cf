using System.Net;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DevP2P.Tests.Threats;

/// <summary>T14: whatever the application's code throws, and wherever: one peer ends with a reason, the process lives.</summary>
[Trait("Threat", "T14")]
public sealed class HandlerFaultTests
{
    public static TheoryData<string> Faults =>
    [
        "throws at once", "throws after a wait", "throws from a timer's thread", "returns no task", "returns a failed task", "returns a cancelled task",
        "throws out of memory", "throws what cannot be described", "throws an aggregate", "throws its own cancellation", "throws in its stop callback",
        "throws in its stop callback after a fault",
    ];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_faulty_handler_ends_its_peer_and_nothing_else(string fault)
    {
        bool isFirst = true;
        using var log = new CapturedLog();
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = (_, stream, cancellation) => Interlocked.Exchange(ref isFirst, false) ? Fail(fault, stream, cancellation) : SinkAsync(stream, cancellation),
        };
        Server server = await TestNet.StartAsync(TestNet.Options(protocol) with { LoggerFactory = log });
        await using HostilePeer victim = await HostilePeer.ConnectAsync(server.Self);
        // Its handler, too: on a busy machine that of the bystander could begin before it.
        await TestNet.UntilAsync(() => !Volatile.Read(ref isFirst), "the victim is there");
        await using HostilePeer bystander = await HostilePeer.ConnectAsync(server.Self);
        await TestNet.UntilAsync(() => server.GetCounters().Added == 2, "the bystander is there");
        await victim.SendAsync(victim.Frame(16, [0xC0]));

        DisconnectReason? reason = await victim.ReadReasonAsync();

        Assert.Equal(fault == "throws in its stop callback" ? DisconnectReason.UselessPeer : DisconnectReason.SubprotocolError, reason);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the victim is gone, and only it");
        await bystander.PingAsync();
        await bystander.DisposeAsync();
        await server.StopAsync().WithinDeadline();
        Assert.Equal(0, server.RunningTasks());
    }

    [Fact]
    public async Task A_logger_that_throws_does_not_keep_a_peer_alive()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink() with
        {
            RunAsync = (_, _, _) => throw new InvalidOperationException("a defect"),
        }) with { LoggerFactory = new BrokenLog() });
        await using HostilePeer victim = await HostilePeer.ConnectAsync(server.Self);

        Assert.Equal(DisconnectReason.SubprotocolError, await victim.ReadReasonAsync());
        await TestNet.UntilAsync(() => server.PeerCount == 0, "the victim is gone");
    }

    [Fact]
    public async Task A_handler_that_never_ends_is_given_up_on()
    {
        var never = new TaskCompletionSource();
        var clock = new StepClock();
        await using Server server = await TestNet.StartAsync(
            TestNet.Options(TestNet.Sink() with { RunAsync = (_, _, _) => never.Task }) with { TimeProvider = clock });
        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        server.Peers.Single().Disconnect(DisconnectReason.UselessPeer);

        Assert.Equal(DisconnectReason.UselessPeer, await peer.ReadReasonAsync());
        await clock.AdvanceUntilAsync(TimeSpan.FromMilliseconds(500), () => server.PeerCount == 0, "the peer is gone");
        never.SetResult();
    }

    [Fact]
    public async Task Sources_of_candidates_that_fail_leave_the_server_as_it_was()
    {
        Protocol[] protocols =
        [
            TestNet.Sink("start") with { DialCandidates = new BrokenSource(onStart: true, onMove: false, onDispose: false) },
            TestNet.Sink("move") with { DialCandidates = new BrokenSource(onStart: false, onMove: true, onDispose: false) },
            TestNet.Sink("dispose") with { DialCandidates = new BrokenSource(onStart: false, onMove: true, onDispose: true) },
            TestNet.Sink(),
        ];
        Server server = await TestNet.StartAsync(TestNet.Options(protocols));

        await using HostilePeer peer = await HostilePeer.ConnectAsync(server.Self);
        await peer.PingAsync();
        await peer.DisposeAsync();
        await server.StopAsync().WithinDeadline();
        Assert.Equal(0, server.PeerCount);
    }

    [Fact]
    public async Task A_stream_that_throws_is_a_failed_dial_and_not_more()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { Dialer = new BrokenDialer() });

        DialAttempt attempt = await server.AddPeerAsync(Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, 1, 0)).WithinDeadline();

        Assert.False(attempt.Succeeded);
        Assert.Equal(DialStage.EncryptionHandshake, attempt.Stage);
        await TestNet.UntilAsync(() => server.RunningTasks() == 1, "only the listener remains");
    }

    [Fact]
    public async Task A_stream_that_begins_to_throw_ends_its_peer()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { ListenAddress = null });
        await using Server other = await TestNet.StartAsync(TestNet.Options() with { ListenAddress = null });
        (Stream near, Stream far) = DuplexPipeStream.CreatePair();
        var fragile = new FragileStream(near);
        Task<ConnectionResult> accepting = server.SetupConnectionAsync(fragile, ConnectionFlags.Inbound);
        await other.SetupConnectionAsync(far, ConnectionFlags.StaticDialed, server.Self).WithinDeadline();
        Assert.NotNull((await accepting.WithinDeadline()).Peer);

        fragile.IsBroken = true;
        await far.WriteAsync(new byte[64]);
        await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is gone");
    }

    private static Task Fail(string fault, IMessageStream stream, CancellationToken cancellation)
    {
        switch (fault)
        {
            case "throws at once":
                throw new InvalidOperationException("a defect");
            case "returns no task":
                return null!;
            case "returns a failed task":
                return Task.FromException(new InvalidOperationException("a defect"));
            case "returns a cancelled task":
                return Task.FromCanceled(new CancellationToken(canceled: true));
            case "throws out of memory":
                throw new NoMemoryLeftException();
            case "throws what cannot be described":
                throw new IndescribableException();
            case "throws an aggregate":
                throw new AggregateException(new PeerDisconnectedException(DisconnectReason.TooManyPeers), new InvalidOperationException());
            case "throws its own cancellation":
                throw new OperationCanceledException("a defect");
            default:
                return FailLaterAsync(fault, stream, cancellation);
        }
    }

    private static async Task FailLaterAsync(string fault, IMessageStream stream, CancellationToken cancellation)
    {
        await stream.ReadAsync(cancellation);
        switch (fault)
        {
            case "throws from a timer's thread":
                var outcome = new TaskCompletionSource();
                await using (new Timer(_ => outcome.SetException(new InvalidOperationException("a defect")), null, 1, Timeout.Infinite))
                {
                    await outcome.Task;
                }

                break;
            case "throws in its stop callback":
                cancellation.Register(() => throw new InvalidOperationException("a defect"));
                throw new PeerDisconnectedException(DisconnectReason.UselessPeer);
            case "throws in its stop callback after a fault":
                cancellation.Register(() => throw new IndescribableException());
                throw new IndescribableException();
            default:
                throw new InvalidOperationException("a defect");
        }
    }

    private static async Task SinkAsync(IMessageStream stream, CancellationToken cancellation)
    {
        while (true)
        {
            await stream.ReadAsync(cancellation);
        }
    }

    private sealed class NoMemoryLeftException : OutOfMemoryException;

    private sealed class IndescribableException : Exception
    {
        public override string Message => throw new InvalidOperationException("no words for it");

        public override string ToString() => throw new InvalidOperationException("no words for it");
    }

    private sealed class BrokenLog : ILoggerFactory, ILogger
    {
        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            // The server's own lines pass; what fails is the line about the handler.
            if (exception is not null)
            {
                throw new IOException("the disk is full");
            }
        }

        public void Dispose()
        {
        }
    }

    private sealed class BrokenSource(bool onStart, bool onMove, bool onDispose) : IAsyncEnumerable<Node>, IAsyncEnumerator<Node>
    {
        public Node Current => null!;

        public IAsyncEnumerator<Node> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
            onStart ? throw new InvalidOperationException("a defect") : this;

        public ValueTask<bool> MoveNextAsync() => onMove ? throw new InvalidOperationException("a defect") : new(false);

        public ValueTask DisposeAsync() => onDispose ? throw new InvalidOperationException("a defect") : default;
    }

    private sealed class BrokenDialer : IDialer
    {
        public ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken) =>
            new(new DialedConnection(new FragileStream(Stream.Null) { IsBroken = true }));
    }

    /// <summary>An application's stream with exceptions that no stream should throw.</summary>
    private sealed class FragileStream(Stream inner) : ForwardingStream(inner)
    {
        public bool IsBroken { get; set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Check();
            int count = await base.ReadAsync(buffer, cancellationToken);
            Check();
            return count;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Check();
            return base.WriteAsync(buffer, cancellationToken);
        }

        private void Check()
        {
            if (IsBroken)
            {
                throw new InvalidOperationException("a stream with a defect");
            }
        }
    }
}
