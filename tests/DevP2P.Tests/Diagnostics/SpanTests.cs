using System.Collections.Concurrent;
using System.Diagnostics;
using DevP2P.Crypto;
using DevP2P.Diagnostics;
using DevP2P.Dialing;
using DevP2P.Nodes;
using Xunit;
using Names = DevP2P.Diagnostics.DevP2PDiagnostics;

namespace DevP2P.Tests.Diagnostics;

/// <summary>The spans of dials and handshakes, as a listener sees them.</summary>
public sealed class SpanTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_dial_has_its_handshake_as_child_and_an_inbound_handshake_stands_alone()
    {
        using var spans = new Spans();
        var handler = new TaskCompletionSource<Activity?>();
        Server dialer;
        using (Activity app = new Activity("start of the application").Start())
        {
            dialer = await TestNet.StartAsync(TestNet.Options(TestNet.Sink() with
            {
                RunAsync = (_, _, cancellation) =>
                {
                    handler.TrySetResult(Activity.Current);
                    return Task.Delay(Timeout.Infinite, cancellation);
                },
            }));
        }

        await using Server server = await TestNet.StartAsync();
        Assert.True((await dialer.AddPeerAsync(server.Self, Cancellation).WithinDeadline()).Succeeded);
        Activity dial = await spans.FirstAsync(Names.DialSpan, server);
        Activity outbound = await spans.FirstAsync(Names.HandshakeSpan, server);
        Activity inbound = await spans.FirstAsync(Names.HandshakeSpan, dialer);

        Assert.Equal((ActivityKind.Client, ActivityStatusCode.Unset), (dial.Kind, dial.Status));
        Assert.Null(dial.ParentId);
        Assert.Equal(true, dial.GetTagItem(Names.StaticTag));
        Assert.Equal(dial.SpanId, outbound.ParentSpanId);
        Assert.Equal((ActivityKind.Client, "outbound"), (outbound.Kind, outbound.GetTagItem(Names.DirectionTag)));
        Assert.Equal("127.0.0.1", outbound.GetTagItem("network.peer.address"));
        Assert.Equal(server.Self.TcpPort, outbound.GetTagItem("network.peer.port"));
        Assert.Null(inbound.ParentId);
        Assert.Equal((ActivityKind.Server, "inbound"), (inbound.Kind, inbound.GetTagItem(Names.DirectionTag)));
        Assert.All([dial, outbound, inbound], static s => Assert.Equal(("admitted", "admitted"), (s.GetTagItem(Names.StageTag), s.GetTagItem(Names.OutcomeTag))));

        // What the peer does is not part of the dial.
        Assert.NotEqual(Names.ActivitySourceName, (await handler.Task.WithinDeadline())?.Source.Name);
        await dialer.DisposeAsync();
    }

    [Fact]
    public async Task A_refusal_is_an_error_with_stage_outcome_and_side()
    {
        using var spans = new Spans();
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink("one")));
        await using Server stranger = await TestNet.StartAsync(TestNet.Options(TestNet.Sink("another")));

        Assert.False((await stranger.AddPeerAsync(server.Self, Cancellation).WithinDeadline()).Succeeded);
        Activity dial = await spans.FirstAsync(Names.DialSpan, server);
        Activity inbound = await spans.FirstAsync(Names.HandshakeSpan, stranger);

        Assert.All([dial, inbound], static s =>
        {
            Assert.Equal(ActivityStatusCode.Error, s.Status);
            Assert.Equal(("protocol_handshake", "useless peer"), (s.GetTagItem(Names.StageTag), s.GetTagItem(Names.OutcomeTag)));
            Assert.Contains(s.GetTagItem(Names.SideTag), new[] { "local", "remote" });
        });
    }

    [Fact]
    public async Task Without_a_listener_nothing_is_allocated()
    {
        Node node = Node.Create(PrivateKey.Generate().PublicKey, System.Net.IPAddress.Loopback, 1, 1);
        var result = new ConnectionResult { Stage = DialStage.Connect };
        var scope = new MeterScope();
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { MeterScope = scope });
        Measure(10);

        Assert.Equal(0, Measure(1000));

        long Measure(int count)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < count; i++)
            {
                using (Activity? dial = DevP2P.Diagnostics.Spans.StartDial(node, isStatic: false))
                using (Activity? handshake = DevP2P.Diagnostics.Spans.StartHandshake(i % 2 == 0, node.Id, null))
                {
                    DevP2P.Diagnostics.Spans.Finish(handshake, node.Id, result);
                    DevP2P.Diagnostics.Spans.Finish(dial, node.Id, result);
                }

                scope.RecordHandshake(TimeSpan.FromSeconds(1), isInbound: true, "admitted");
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    /// <summary>Collects the spans of all servers of the process.</summary>
    private sealed class Spans : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _ended = new();
        private readonly ActivityListener _listener;

        public Spans()
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = static source => source.Name == Names.ActivitySourceName,
                Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = _ended.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        /// <summary>The first one with this name and this other node.</summary>
        public async Task<Activity> FirstAsync(string name, Server node)
        {
            Activity? found = null;
            await TestNet.UntilAsync(
                () => (found = _ended.FirstOrDefault(s => s.OperationName == name && Equals(s.GetTagItem(Names.NodeIdTag), node.Self.Id.ToString()))) is not null,
                $"{name} has ended");
            return found!;
        }

        public void Dispose() => _listener.Dispose();
    }
}
