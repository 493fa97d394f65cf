using System.Diagnostics.Metrics;
using System.Net.Sockets;
using System.Security.Cryptography;
using DevP2P.Crypto;
using DevP2P.Diagnostics;
using DevP2P.Nodes;
using Xunit;
using Names = DevP2P.Diagnostics.DevP2PDiagnostics;

namespace DevP2P.Tests.Diagnostics;

/// <summary>The instruments, as a listener sees them, of servers that are alive.</summary>
public sealed class MetricsTests
{
    private static readonly Capability s_sink = new("sink", 1);
    private readonly MeterScope _scope = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Instruments_show_what_has_happened_between_two_servers()
    {
        var writing = new TaskCompletionSource<IMessageStream>();
        Server writer = await StartAsync(Handler(async (stream, cancellation) =>
        {
            writing.SetResult(stream);
            await Task.Delay(Timeout.Infinite, cancellation);
        }));
        Server idle = await StartAsync(Handler((_, cancellation) => Task.Delay(Timeout.Infinite, cancellation)));
        using var measurements = new Measurements(_scope);

        Assert.True((await idle.AddPeerAsync(writer.Self, Cancellation).WithinDeadline()).Succeeded);
        IMessageStream stream = await writing.Task.WithinDeadline();
        byte[] payload = RandomNumberGenerator.GetBytes(1000);
        await stream.WriteAsync(0, payload, Cancellation);
        await stream.WriteAsync(0, payload, Cancellation);
        Assert.Equal(new BroadcastResult(1, 0), await writer.BroadcastAsync(s_sink, 0, payload, cancellationToken: Cancellation));
        writer.SetLimits(writer.Limits with { UploadBytesPerSecond = 1024, MaxPeers = 30 });
        await stream.WriteAsync(0, RandomNumberGenerator.GetBytes(60_000), Cancellation);
        Assert.Equal(new BroadcastResult(0, 1), await writer.BroadcastAsync(s_sink, 0, payload, cancellationToken: Cancellation));
        Task waiting = stream.WriteAsync(0, payload, Cancellation).AsTask();
        await TestNet.UntilAsync(() => writer.UploadGate.Waiting == 1 && idle.PeerOf(writer).QueueLength == 4, "four have come and one waits");

        Dictionary<(string, string), long> now = measurements.Observe();
        Assert.Equal(1, now[(Names.PeerConnected, "devp2p.direction=inbound")]);
        Assert.Equal(1, now[(Names.PeerConnected, "devp2p.direction=outbound")]);
        Assert.Equal(30 + 25, now[(Names.PeerLimit, "")]);
        Assert.Equal(2, now[(Names.PeersAdded, "")]);
        Assert.Equal(1, now[(Names.ConnectionsAccepted, "")]);
        Assert.Equal(1, now[(Names.DialAttempts, "devp2p.stage=admitted devp2p.reason=connected devp2p.side=local")]);
        Assert.Equal(0, now[(Names.DialsActive, "")]);
        Assert.Equal(0, now[(Names.HandshakesActive, "devp2p.direction=inbound")]);
        Assert.Equal(0, now[(Names.HandshakesActive, "devp2p.direction=outbound")]);
        foreach (string direction in new[] { "receive", "transmit" })
        {
            Assert.Equal(4, now[(Names.ProtocolMessages, $"devp2p.protocol=sink/1 network.io.direction={direction}")]);
            Assert.Equal(63_000, now[(Names.ProtocolPayload, $"devp2p.protocol=sink/1 network.io.direction={direction}")]);
            Assert.Equal(
                writer.GetTraffic().Single(static t => t.Protocol == "sink/1").WireBytesOut,
                now[(Names.ProtocolWire, $"devp2p.protocol=sink/1 network.io.direction={direction}")]);
            Assert.True(now[(Names.ProtocolMessages, $"devp2p.protocol=p2p/5 network.io.direction={direction}")] >= 2);
        }

        Assert.Equal(4, now[(Names.MessageQueueLength, "")]);
        Assert.InRange(now[(Names.MessageBufferUsed, "")], 63_000, 300_000);
        Assert.Equal(2 * writer.Options.MaxBufferedBytes, now[(Names.MessageBufferLimit, "")]);
        Assert.True(now[(Names.BufferPoolLent, "")] >= 4);
        Assert.True(now[(Names.BufferPoolKept, "")] >= 0);
        Assert.Equal(1, now[(Names.BroadcastMessages, "devp2p.outcome=sent")]);
        Assert.Equal(1, now[(Names.BroadcastMessages, "devp2p.outcome=skipped")]);
        Assert.Equal(1, now[(Names.BandwidthWaiting, "network.io.direction=transmit")]);
        Assert.Equal(0, now[(Names.BandwidthWaiting, "network.io.direction=receive")]);
        Assert.Equal(
            [(Names.HandshakeDuration, "devp2p.direction=inbound devp2p.outcome=admitted"), (Names.HandshakeDuration, "devp2p.direction=outbound devp2p.outcome=admitted")],
            measurements.Recorded.Select(static r => (r.Name, r.Tags)).Order());
        Assert.All(measurements.Recorded, static r => Assert.InRange(r.Value, double.Epsilon, TestNet.Deadline.TotalSeconds));

        writer.PeerOf(idle).Disconnect(DisconnectReason.UselessPeer);
        await TestNet.UntilAsync(() => writer.PeerCount + idle.PeerCount == 0, "both are gone");
        await Assert.ThrowsAsync<PeerDisconnectedException>(() => waiting.WithinDeadline());
        now = measurements.Observe();
        Assert.Equal(1, now[(Names.PeersDropped, "devp2p.reason=useless peer devp2p.side=local")]);
        Assert.Equal(1, now[(Names.PeersDropped, "devp2p.reason=useless peer devp2p.side=remote")]);
        Assert.Equal(0, now[(Names.PeerConnected, "devp2p.direction=inbound")]);
        Assert.Equal(0, now[(Names.MessageBufferUsed, "")]);
        await writer.DisposeAsync();
        await idle.DisposeAsync();
    }

    [Fact]
    public async Task Refusals_and_failed_dials_show_with_stage_reason_and_side()
    {
        await using Server server = await StartAsync(TestNet.Sink("one"));
        await using Server stranger = await StartAsync(TestNet.Sink("another"));
        using var measurements = new Measurements(_scope);
        var closed = new TcpListener(System.Net.IPAddress.Loopback, 0);
        closed.Start();
        int port = ((System.Net.IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();

        Assert.False((await stranger.AddPeerAsync(server.Self, Cancellation).WithinDeadline()).Succeeded);
        Node nobody = Node.Create(PrivateKey.Generate().PublicKey, System.Net.IPAddress.Loopback, port, port);
        Assert.False((await stranger.AddPeerAsync(nobody, Cancellation).WithinDeadline()).Succeeded);
        await TestNet.UntilAsync(() => server.GetCounters().Refused.Count == 1, "it is refused");

        Dictionary<(string, string), long> now = measurements.Observe();
        Assert.Equal(2, now.Where(static m => m.Key.Item1 == Names.ConnectionsRefused && m.Key.Item2.StartsWith("devp2p.reason=useless peer ", StringComparison.Ordinal)).Sum(static m => m.Value));
        Assert.Equal(1, now[(Names.ConnectionsRefused, "devp2p.reason=dial failed: connect devp2p.side=local")]);
        Assert.Equal(1, now[(Names.DialAttempts, "devp2p.stage=connect devp2p.reason=failed devp2p.side=local")]);
        (_, string tags) = Assert.Single(now.Keys, static k => k.Item1 == Names.DialAttempts && k.Item2.StartsWith("devp2p.stage=protocol_handshake", StringComparison.Ordinal));
        Assert.StartsWith("devp2p.stage=protocol_handshake devp2p.reason=useless peer devp2p.side=", tags, StringComparison.Ordinal);
        Assert.Equal(2, measurements.Recorded.Count(static r => r.Tags.EndsWith("devp2p.outcome=refused", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Discovery_shows_tables_and_packets_by_type_and_verdict()
    {
        ServerOptions options = TestNet.Options() with { NoDiscovery = false, DiscoveryV5 = true, LegacyTopicDiscovery = true, NoDial = true, MeterScope = _scope };
        await using Server first = await TestNet.StartAsync(options);
        await using Server second = await TestNet.StartAsync(options with
        {
            PrivateKey = PrivateKey.Generate(), BootstrapNodes = [first.Self], BootstrapNodesV5 = [first.Self],
        });
        using var measurements = new Measurements(_scope);
        using (var socket = new UdpClient(AddressFamily.InterNetwork))
        {
            await socket.SendAsync(new byte[10], new(System.Net.IPAddress.Loopback, first.Self.UdpPort), Cancellation);
        }

        Dictionary<(string, string), long> now = [];
        await TestNet.UntilAsync(
            () =>
            {
                now = measurements.Observe();
                return new[] { "v4", "v5", "legacy" }.All(v => now[(Names.TableNodes, $"devp2p.discovery.version={v}")] == 2)
                    && now.ContainsKey(Packet("v4", "unknown", "receive", "malformed"));
            },
            "all tables have both");

        Assert.Equal(1, now[Packet("v4", "unknown", "receive", "malformed")]);
        foreach ((string version, string[] types) in new[]
        {
            ("v4", new[] { "ping", "pong", "findnode", "neighbors" }), ("v5", ["ping", "pong", "findnode", "nodes"]), ("legacy", ["ping", "pong"]),
        })
        {
            foreach (string type in types)
            {
                await TestNet.UntilAsync(
                    () =>
                    {
                        now = measurements.Observe();
                        return now.GetValueOrDefault(Packet(version, type, "receive", "handled")) > 0
                            && (version == "v5" || now.GetValueOrDefault(Packet(version, type, "transmit", "sent")) > 0);
                    },
                    $"{version} has seen {type}");
            }

            Assert.InRange(now[(Names.DiscoveryQueueLength, $"devp2p.discovery.version={version}")], 0, 100);
        }

        Assert.True(now[Packet("v5", "whoareyou", "transmit", "sent")] > 0);
        Assert.True(now[Packet("v5", "handshake", "receive", "handled")] > 0);
        Assert.True(now[Packet("v5", "handshake", "transmit", "sent")] > 0);

        // The same as the counters that there were before.
        await TestNet.UntilAsync(
            () => measurements.Observe().Where(static m => m.Key.Name == Names.DiscoveryPackets && m.Key.Tags.Contains("=v4 ", StringComparison.Ordinal)
                    && m.Key.Tags.EndsWith("handled", StringComparison.Ordinal)).Sum(static m => m.Value)
                == first.DiscoveryV4!.Counters.Handled + second.DiscoveryV4!.Counters.Handled,
            "the sums are the same");

        static (string, string) Packet(string version, string type, string direction, string verdict) => (Names.DiscoveryPackets,
            $"devp2p.discovery.version={version} devp2p.packet.type={type} network.io.direction={direction} devp2p.packet.verdict={verdict}");
    }

    [Fact]
    public async Task What_a_stopped_server_has_counted_stays_and_the_meter_goes_with_the_last()
    {
        Server first = await StartAsync(TestNet.Sink());
        Server second = await StartAsync(TestNet.Sink());
        using var measurements = new Measurements(_scope);
        Assert.True((await second.AddPeerAsync(first.Self, Cancellation).WithinDeadline()).Succeeded);
        await TestNet.UntilAsync(() => first.PeerCount == 1, "it is a peer");
        Assert.Equal(2, measurements.Observe()[(Names.PeersAdded, "")]);

        await second.DisposeAsync();
        await second.StopAsync();
        await TestNet.UntilAsync(() => first.PeerCount == 0, "it has gone");
        Dictionary<(string Name, string Tags), long> now = measurements.Observe();
        Assert.Equal(2, now[(Names.PeersAdded, "")]);
        Assert.Equal(2, now.Where(static m => m.Key.Name == Names.PeersDropped).Sum(static m => m.Value));
        Assert.Equal(25, now[(Names.PeerLimit, "")]);
        Assert.Empty(measurements.Completed);

        // Another one counts on from there.
        Server third = await StartAsync(TestNet.Sink());
        Assert.True((await third.AddPeerAsync(first.Self, Cancellation).WithinDeadline()).Succeeded);
        await TestNet.UntilAsync(() => measurements.Observe()[(Names.PeersAdded, "")] == 4, "both are counted");
        await third.DisposeAsync();
        await first.DisposeAsync();

        Assert.Empty(measurements.Observe());
        Assert.Equal(Instruments.All.Select(static i => i.Name).Order(), measurements.Completed.Order());
        Assert.Null(_scope.Meter);

        await using Server fourth = await StartAsync(TestNet.Sink());
        using var anew = new Measurements(_scope);
        Assert.Equal(0, anew.Observe()[(Names.PeersAdded, "")]);
    }

    [Fact]
    public async Task Every_instrument_is_published_as_it_is_described_and_reads_its_tags()
    {
        ServerOptions options = TestNet.Options() with { NoDiscovery = false, DiscoveryV5 = true, LegacyTopicDiscovery = true, NoDial = true, MeterScope = _scope };
        await using Server server = await TestNet.StartAsync(options);
        using var measurements = new Measurements(_scope);

        Assert.Equal(Instruments.All.Select(static i => i.Name).Order(), measurements.Published.Keys.Order());
        foreach (InstrumentInfo expected in Instruments.All)
        {
            Instrument actual = measurements.Published[expected.Name];
            Assert.Equal((expected.Unit, expected.Description), (actual.Unit, actual.Description));
            Assert.Equal(
                expected.Kind switch
                {
                    InstrumentKind.Counter => typeof(ObservableCounter<long>),
                    InstrumentKind.Histogram => typeof(Histogram<double>),
                    _ => typeof(ObservableUpDownCounter<long>),
                },
                actual.GetType());
        }

        Assert.Equal((DevP2PDiagnostics.MeterName, ServerOptions.ThisVersion), (_scope.Meter!.Name, _scope.Meter.Version));
        Assert.NotEmpty(Instruments.All);
        foreach (((string name, string tags), _) in measurements.Observe())
        {
            string[] keys = Instruments.All.Single(i => i.Name == name).Tags;
            Assert.Equal(keys, tags.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(static t => t.Contains('=', StringComparison.Ordinal)).Select(static t => t.Split('=')[0]));
        }
    }

    [Fact]
    public async Task Reasons_that_nobody_knows_are_one()
    {
        await using Server server = await StartAsync(TestNet.Sink());
        using var measurements = new Measurements(_scope);
        for (int reason = 100; reason < 103; reason++)
        {
            int before = reason - 100;
            await using Threats.HostilePeer peer = await Threats.HostilePeer.ConnectAsync(server.Self);
            await TestNet.UntilAsync(() => server.PeerCount == 1, "it is a peer");
            server.Peers.Single().Stop(new PeerDrop((DisconnectReason)reason, "hostile", IsRemote: true));
            await TestNet.UntilAsync(() => server.GetCounters().Dropped.Values.Sum() == before + 1, "it is gone");
        }

        Assert.Equal(3, server.GetCounters().Dropped.Count);
        Assert.Equal(3, measurements.Observe()[(Names.PeersDropped, "devp2p.reason=unknown disconnect reason devp2p.side=remote")]);
    }

    private static Protocol Handler(Func<IMessageStream, CancellationToken, Task> run) => TestNet.Sink() with { RunAsync = (_, stream, cancellation) => run(stream, cancellation) };

    private Task<Server> StartAsync(Protocol protocol) => TestNet.StartAsync(TestNet.Options(protocol) with { MeterScope = _scope });
}
