using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.NetUtil;
using DevP2P.Nodes;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests;

public sealed class ServerTests
{
    [Fact]
    public async Task Two_servers_connect_exchange_messages_and_part()
    {
        var received = new TaskCompletionSource<string>();
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (peer, stream, cancellation) =>
            {
                await stream.SendItemsAsync(0, peer.IsInbound ? "from the listener" : "from the dialer");
                Message message = await stream.ReadAsync(cancellation);
                if (peer.IsInbound)
                {
                    received.SetResult(message.GetReader().ReadList().ReadString());
                }

                await stream.ReadAsync(cancellation);
            },
        };
        await using Server a = await TestNet.StartAsync(TestNet.Options(protocol));
        await using Server b = await TestNet.StartAsync(TestNet.Options(protocol) with { ListenAddress = null });
        using PeerEventSubscription events = a.SubscribeEvents();

        DialAttempt attempt = await b.AddPeerAsync(a.Self).WithinDeadline();

        Assert.True(attempt.Succeeded, attempt.Reason);
        Assert.Equal(DialStage.Admitted, attempt.Stage);
        Assert.Equal("from the dialer", await received.Task.WithinDeadline());
        Assert.True(b.PeerOf(a).IsStatic);
        Assert.True(a.PeerOf(b).IsInbound);
        Assert.Equal("already connected", (await b.AddPeerAsync(a.Self).WithinDeadline()).Reason);

        await b.StopAsync().WithinDeadline();
        List<PeerEvent> seen = await TakeAsync(events, 2);
        Assert.Equal([PeerEventType.Add, PeerEventType.Drop], seen.Select(e => e.Type));
        Assert.Equal("client quitting", seen[1].Error);
        Assert.True(seen[1].IsRemote);
        Assert.Empty(a.Peers);
    }

    [Fact]
    public async Task Stop_tells_every_peer_and_leaves_nothing()
    {
        Server server = await TestNet.StartAsync();
        await using RlpxProbe probe = await PeerTests.ConnectAsync(server);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        Task<PeerDisconnectedException> end = Assert.ThrowsAsync<PeerDisconnectedException>(() => probe.ReadAsync());

        await Task.WhenAll(server.StopAsync(), server.StopAsync()).WithinDeadline();

        Assert.Equal(DisconnectReason.Quitting, (await end.WithinDeadline()).Reason);
        Assert.Equal(0, server.PeerCount);
        await Assert.ThrowsAsync<InvalidOperationException>(() => server.StartAsync());
        await Assert.ThrowsAnyAsync<IOException>(() => PeerTests.ConnectAsync(server));
    }

    [Fact]
    [Trait("Threat", "T01")]
    public async Task Inbound_peers_never_take_the_slots_that_are_kept_for_dialing()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = 6, DialRatio = 3 });
        var probes = new List<RlpxProbe>();
        for (int i = 0; i < 4; i++)
        {
            probes.Add(await PeerTests.ConnectAsync(server));
            await TestNet.UntilAsync(() => server.PeerCount == i + 1, "the peer is there");
        }

        await AssertRefusedAsync(server, DisconnectReason.TooManyPeers);

        // The side that is kept free still works.
        await using Server other = await TestNet.StartAsync();
        Assert.True((await server.AddPeerAsync(other.Self).WithinDeadline()).Succeeded);
        await DisposeAsync(probes);
    }

    [Fact]
    public async Task A_trusted_node_gets_in_when_all_slots_are_taken()
    {
        PrivateKey friend = PrivateKey.Generate();
        Node friendNode = Node.Create(friend.PublicKey, IPAddress.Loopback, 1, 1);
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = 2 });
        await using RlpxProbe first = await PeerTests.ConnectAsync(server);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        await AssertRefusedAsync(server, DisconnectReason.TooManyPeers, friend);

        server.AddTrustedPeer(friendNode);
        await using RlpxProbe second = await PeerTests.ConnectAsync(server, key: friend);
        await TestNet.UntilAsync(() => server.PeerCount == 2, "the trusted peer is there");
        Peer peer = server.Peers.Single(p => p.Id == friendNode.Id);
        Assert.True(peer.IsTrusted);

        server.RemoveTrustedPeer(friendNode);
        await TestNet.UntilAsync(() => !peer.IsTrusted, "the trust is gone, the peer not");
        Assert.Equal(2, server.PeerCount);
    }

    [Fact]
    public async Task Refusals_have_their_reason_on_the_wire_and_in_a_counter()
    {
        PrivateKey twin = PrivateKey.Generate();
        await using Server server = await TestNet.StartAsync();
        await using RlpxProbe first = await PeerTests.ConnectAsync(server, key: twin);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");

        await AssertRefusedAsync(server, DisconnectReason.AlreadyConnected, twin);
        await AssertRefusedAsync(server, DisconnectReason.Self, server.Options.PrivateKey);
        await AssertRefusedAsync(server, DisconnectReason.UselessPeer, capabilities: [new("other", 1), new("sink", 2)]);

        await TestNet.UntilAsync(() => server.GetCounters().Refused.Values.Sum() == 3, "all are counted");
        IReadOnlyDictionary<string, long> refused = server.GetCounters().Refused;
        Assert.Equal(1, refused["already connected"]);
        Assert.Equal(1, refused["connected to self"]);
        Assert.Equal(1, refused["useless peer"]);
    }

    [Fact]
    public async Task A_dial_that_is_refused_says_so_and_is_in_the_history()
    {
        await using Server full = await TestNet.StartAsync(TestNet.Options() with { MaxPeers = 1 });
        await using Server server = await TestNet.StartAsync();

        DialAttempt attempt = await server.AddPeerAsync(full.Self).WithinDeadline();

        Assert.False(attempt.Succeeded);
        Assert.Equal(DialStage.ProtocolHandshake, attempt.Stage);
        Assert.Equal(DisconnectReason.TooManyPeers, attempt.DisconnectReason);
        Assert.Equal("too many peers", attempt.Reason);
        Assert.Equal([attempt], server.GetDialHistory(full.Self.Id));
        Assert.NotNull((await server.GetStaticNodesAsync()).Single().NextAttempt);
    }

    [Fact]
    public async Task Waiting_for_a_node_ends_when_it_connects_to_us()
    {
        PrivateKey key = PrivateKey.Generate();
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { Dialer = new EndlessDialer() });
        Task<DialAttempt> waiting = server.AddPeerAsync(Node.Create(key.PublicKey, IPAddress.Loopback, 1, 0));
        await TestNet.UntilAsync(() => server.GetCounters().Dialed == 1, "the dial is under way");

        await using RlpxProbe probe = await PeerTests.ConnectAsync(server, key: key);

        Assert.True((await waiting.WithinDeadline()).Succeeded);
    }

    [Fact]
    public async Task A_dial_to_somebody_else_fails_in_the_encryption_handshake()
    {
        await using Server server = await TestNet.StartAsync();
        await using Server other = await TestNet.StartAsync();
        Node impostor = Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, other.Self.TcpPort, 0);

        DialAttempt attempt = await server.AddPeerAsync(impostor).WithinDeadline();

        Assert.False(attempt.Succeeded);
        Assert.Equal(DialStage.EncryptionHandshake, attempt.Stage);
        await TestNet.UntilAsync(() => other.GetCounters().Refused.ContainsKey("encryption handshake failed"), "the other side counted it");
    }

    [Fact]
    public async Task A_dial_to_a_closed_port_fails_at_connect_and_is_scheduled_again()
    {
        await using Server server = await TestNet.StartAsync();
        using var reserved = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        reserved.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)reserved.LocalEndPoint!).Port;

        DialAttempt attempt = await server.AddPeerAsync(Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, port, 0)).WithinDeadline();

        Assert.Equal(DialStage.Connect, attempt.Stage);
        Assert.NotEmpty(attempt.Reason);
        Assert.NotNull((await server.GetStaticNodesAsync()).Single().NextAttempt);
    }

    [Fact]
    public async Task A_removed_peer_does_not_come_back_until_it_is_added_again()
    {
        PrivateKey key = PrivateKey.Generate();
        await using Server server = await TestNet.StartAsync();
        await using RlpxProbe probe = await PeerTests.ConnectAsync(server, key: key);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");

        server.RemovePeer(key.PublicKey.NodeId);
        PeerDisconnectedException end = await Assert.ThrowsAsync<PeerDisconnectedException>(() => probe.ReadAsync().WithinDeadline());
        Assert.Equal(DisconnectReason.Requested, end.Reason);
        await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is gone");
        await AssertRefusedAsync(server, DisconnectReason.Requested, key);

        server.AddPeer(Node.Create(key.PublicKey, IPAddress.Loopback, 1, 0));
        await TestNet.UntilAsync(() => server.GetCounters().Dialed == 1, "it is dialed");
        await TestNet.UntilAsync(() => server.GetDialHistory(key.PublicKey.NodeId).Count == 1, "in vain");
        await using RlpxProbe again = await PeerTests.ConnectAsync(server, key: key);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "it may come again");
    }

    [Fact]
    public async Task Net_restrict_keeps_others_out_and_in()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { NetRestrict = NetList.Parse("10.0.0.0/8") });
        await Assert.ThrowsAnyAsync<Exception>(() => PeerTests.ConnectAsync(server));
        Assert.Equal(1, server.GetCounters().Refused["not in net restrict list"]);

        await using Server other = await TestNet.StartAsync();
        DialAttempt attempt = await server.AddPeerAsync(other.Self).WithinDeadline();
        Assert.False(attempt.Succeeded);
        Assert.Equal(0, server.GetCounters().Dialed);
    }

    [Fact]
    public async Task A_stream_from_anywhere_becomes_a_peer()
    {
        await using Server a = await TestNet.StartAsync(TestNet.Options() with { ListenAddress = null });
        await using Server b = await TestNet.StartAsync(TestNet.Options() with { ListenAddress = null });
        (Stream near, Stream far) = DuplexPipeStream.CreatePair();

        Task<ConnectionResult> accepting = a.SetupConnectionAsync(near, ConnectionFlags.Inbound);
        ConnectionResult dialed = await b.SetupConnectionAsync(far, ConnectionFlags.StaticDialed, a.Self).WithinDeadline();

        Assert.NotNull(dialed.Peer);
        Assert.Equal(b.Self.Id, (await accepting.WithinDeadline()).Peer?.Id);
        await Assert.ThrowsAsync<ArgumentException>(() => b.SetupConnectionAsync(far, ConnectionFlags.DynamicDialed));
    }

    [Fact]
    [Trait("Threat", "T14")]
    public async Task What_the_application_brings_may_throw_without_harm()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink() with { DialCandidates = new ThrowingCandidates() }) with
        {
            Dialer = new ThrowingStreamDialer(),
        });

        DialAttempt attempt = await server.AddPeerAsync(Node.Create(PrivateKey.Generate().PublicKey, IPAddress.Loopback, 1, 0)).WithinDeadline();

        Assert.False(attempt.Succeeded);
        Assert.Equal(DialStage.EncryptionHandshake, attempt.Stage);
        Assert.Equal("not this one", attempt.Reason);
        await using RlpxProbe probe = await PeerTests.ConnectAsync(server);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the server goes on");
        await Assert.ThrowsAsync<ArgumentException>(() => server.SetupConnectionAsync(Stream.Null, ConnectionFlags.Trusted));
        await Assert.ThrowsAsync<InvalidOperationException>(() => new Server(TestNet.Options()).SetupConnectionAsync(Stream.Null, ConnectionFlags.Inbound));
    }

    [Fact]
    public async Task Messages_of_every_size_arrive_whole_and_in_order()
    {
        int[] sizes = [0, 1, 15, 16, 17, 1000, 65_535, 65_536, 65_537, 1_000_000, 5_000_000, FrameCodec.MaxMessageSize - 1, 3];
        var done = new TaskCompletionSource();
        byte[] random = new byte[FrameCodec.MaxMessageSize];
        new Random(11).NextBytes(random);
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (peer, stream, cancellation) =>
            {
                if (!peer.IsInbound)
                {
                    for (int i = 0; i < sizes.Length; i++)
                    {
                        // The largest only fits if it compresses: random data grows a little.
                        byte[] payload = i % 2 == 0 ? new byte[sizes[i]] : random[..sizes[i]];
                        await stream.WriteAsync((ulong)(i % 8), payload, cancellation);
                    }

                    await done.Task.WaitAsync(cancellation);
                    return;
                }

                for (int i = 0; i < sizes.Length; i++)
                {
                    Message message = await stream.ReadAsync(cancellation);
                    Assert.Equal((ulong)(i % 8), message.Code);
                    Assert.Equal(sizes[i], message.Size);
                    Assert.True(message.Payload.Span.SequenceEqual(i % 2 == 0 ? new byte[sizes[i]] : random.AsSpan(0, sizes[i])));
                }

                done.SetResult();
            },
        };
        sizes[^2] = FrameCodec.MaxMessageSize - 1;
        await using Server a = await TestNet.StartAsync(TestNet.Options(protocol));
        await using Server b = await TestNet.StartAsync(TestNet.Options(protocol) with { ListenAddress = null });
        if (sizes.ToList().IndexOf(FrameCodec.MaxMessageSize - 1) % 2 == 1)
        {
            Array.Clear(random);
        }

        Assert.True((await b.AddPeerAsync(a.Self).WithinDeadline()).Succeeded);
        await done.Task.WithinDeadline();
    }

    [Fact]
    public async Task Many_writers_at_once_lose_and_mix_nothing()
    {
        const int Writers = 8, Each = 500;
        var sums = new TaskCompletionSource<int[]>();
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (peer, stream, cancellation) =>
            {
                if (!peer.IsInbound)
                {
                    await Task.WhenAll(Enumerable.Range(0, Writers).Select(w => Task.Run(async () =>
                    {
                        for (int i = 0; i < Each; i++)
                        {
                            await stream.SendItemsAsync((ulong)w, i);
                        }
                    })));
                    await stream.ReadAsync(cancellation);
                }

                int[] next = new int[Writers];
                for (int i = 0; i < Writers * Each; i++)
                {
                    Message message = await stream.ReadAsync(cancellation);
                    Assert.Equal((ulong)next[message.Code]++, message.GetReader().ReadList().ReadUInt64());
                }

                sums.SetResult(next);
            },
        };
        await using Server a = await TestNet.StartAsync(TestNet.Options(protocol));
        await using Server b = await TestNet.StartAsync(TestNet.Options(protocol) with { ListenAddress = null });
        await b.AddPeerAsync(a.Self).WithinDeadline();
        Assert.All(await sums.Task.WithinDeadline(), n => Assert.Equal(Each, n));
    }

    [Fact]
    public async Task Message_events_are_published_when_enabled()
    {
        Protocol protocol = TestNet.Sink();
        await using Server a = await TestNet.StartAsync(TestNet.Options(protocol) with { EnableMessageEvents = true });
        using PeerEventSubscription events = a.SubscribeEvents();
        await using RlpxProbe probe = await PeerTests.ConnectAsync(a);
        await probe.WriteAsync(16 + 5, new byte[] { 0xC2, 1, 2 });

        PeerEvent received = (await TakeAsync(events, 2))[1];

        Assert.Equal(PeerEventType.MessageReceived, received.Type);
        string json = JsonSerializer.Serialize(received, P2PJson.PeerEvent);
        JsonElement element = JsonDocument.Parse(json).RootElement;
        Assert.Equal("msgrecv", element.GetProperty("type").GetString());
        Assert.Equal(received.Peer.ToString(), element.GetProperty("peer").GetString());
        Assert.Equal("sink", element.GetProperty("protocol").GetString());
        Assert.Equal(5, element.GetProperty("msg_code").GetInt32());
        Assert.Equal(3, element.GetProperty("msg_size").GetInt32());
        Assert.False(element.TryGetProperty("error", out _));
    }

    [Fact]
    public async Task A_slow_subscriber_learns_what_it_missed()
    {
        var peers = new List<NodeId> { PrivateKey.Generate().PublicKey.NodeId };
        var hub = new PeerEventHub(() => peers);
        using PeerEventSubscription subscription = hub.Subscribe();
        for (int i = 0; i < PeerEventSubscription.Capacity + 5; i++)
        {
            hub.Publish(new PeerEvent { Type = PeerEventType.Add, MessageCode = (ulong)i });
        }

        hub.Complete();
        List<PeerEvent> seen = [];
        await foreach (PeerEvent item in subscription)
        {
            seen.Add(item);
        }

        Assert.Equal(PeerEventType.Lagged, seen[0].Type);
        Assert.Equal(5, seen[0].Missed);
        Assert.Equal(peers, seen[0].Peers);
        Assert.Equal(5ul, seen[1].MessageCode);
        Assert.Equal(PeerEventSubscription.Capacity + 1, seen.Count);
    }

    [Fact]
    public async Task Node_info_has_the_fields_of_go_ethereum()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink() with { NodeInfo = () => "here" }) with { Name = "n" });
        JsonElement info = JsonDocument.Parse(JsonSerializer.Serialize(server.GetNodeInfo(), P2PJson.NodeInfo)).RootElement;

        Assert.Equal(
            ["id", "name", "enode", "enr", "ip", "ports", "listenAddr", "protocols"], info.EnumerateObject().Select(p => p.Name));
        Assert.Equal(64, info.GetProperty("id").GetString()!.Length);
        Assert.Equal(server.Self.ToString(), info.GetProperty("enode").GetString());
        Assert.Equal("127.0.0.1", info.GetProperty("ip").GetString());
        Assert.Equal(server.ListenEndPoints[0].Port, info.GetProperty("ports").GetProperty("listener").GetInt32());
        Assert.Equal("here", info.GetProperty("protocols").GetProperty("sink").GetString());

        await using RlpxProbe probe = await PeerTests.ConnectAsync(server);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        JsonElement peer = JsonDocument.Parse(JsonSerializer.Serialize(server.GetPeersInfo(), P2PJson.PeerInfos)).RootElement[0];
        Assert.Equal(["enode", "id", "name", "caps", "network", "protocols"], peer.EnumerateObject().Select(p => p.Name));
        Assert.Equal(
            ["localAddress", "remoteAddress", "inbound", "trusted", "static"],
            peer.GetProperty("network").EnumerateObject().Select(p => p.Name));
    }

    [Theory]
    [InlineData("127.0.0.1:0", "127.0.0.1")]
    [InlineData("[::1]:0", "::1")]
    [InlineData(":0", "127.0.0.1")]
    public async Task Listens_on_either_family_or_both(string address, string connectTo)
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { ListenAddress = address });
        Node node = Node.Create(server.Options.PrivateKey.PublicKey, IPAddress.Parse(connectTo), server.ListenEndPoints[0].Port, 0);
        await using RlpxProbe probe = await RlpxProbe.ConnectAsync(node, PrivateKey.Generate(), [new("sink", 1)]);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");
        Assert.StartsWith(connectTo.Contains(':') ? "[::1]" : "127.0.0.1", server.Peers.Single().RemoteEndPoint!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_say_what_would_be_right()
    {
        Throws(TestNet.Options() with { MaxPeers = 0 }, "MaxPeers");
        Throws(TestNet.Options() with { DialRatio = 0 }, "DialRatio");
        Throws(TestNet.Options() with { MaxPendingPeers = 0 }, "MaxPendingPeers");
        Throws(TestNet.Options() with { ListenAddress = "30303" }, "127.0.0.1:30303");
        Throws(TestNet.Options() with { ListenAddress = "::1" }, "[::1]:30303");
        Throws(TestNet.Options() with { Nat = "upnp" }, "none");
        Throws(TestNet.Options() with { MaxBufferedBytesPerPeer = 0 }, "MaxBufferedBytesPerPeer");
        Throws(TestNet.Options() with { MaxBufferedBytes = 1 }, "MaxBufferedBytes");
        Throws(TestNet.Options(TestNet.Sink(), TestNet.Sink()), "twice");
        Throws(TestNet.Options(TestNet.Sink("")), "empty");

        static void Throws(ServerOptions options, string part) =>
            Assert.Contains(part, Assert.Throws<ArgumentException>(() => new Server(options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_port_is_an_error_with_the_address_in_it()
    {
        await using Server first = await TestNet.StartAsync();
        var second = new Server(TestNet.Options() with { ListenAddress = first.ListenEndPoints[0].ToString() });
        P2PException error = await Assert.ThrowsAsync<P2PException>(() => second.StartAsync());
        Assert.Contains(first.ListenEndPoints[0].ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Candidates_of_a_protocol_are_dialed()
    {
        await using Server target = await TestNet.StartAsync();
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink() with { DialCandidates = Candidates(target.Self) }));

        // The candidate is on loopback, which must not be believed when it comes from others (T18).
        await TestNet.UntilAsync(() => s_offered, "the candidate was asked for");
        Assert.Equal(0, server.GetCounters().Dialed);
        Assert.Empty(target.Peers);
    }

    private static volatile bool s_offered;

    private static async IAsyncEnumerable<Node> Candidates(Node node)
    {
        yield return node;
        s_offered = true;
        await Task.CompletedTask;
    }

    private sealed class ThrowingCandidates : IAsyncEnumerable<Node>
    {
        public IAsyncEnumerator<Node> GetAsyncEnumerator(CancellationToken cancellationToken = default) => throw new InvalidOperationException();
    }

    private sealed class ThrowingStreamDialer : IDialer
    {
        public ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken) =>
            new(new DialedConnection(new ThrowingStream()));
    }

    private sealed class ThrowingStream : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException("not this one");

        public override void Close() => throw new NotSupportedException("nor that one");
    }

    private sealed class EndlessDialer : IDialer
    {
        public async ValueTask<DialedConnection> ConnectAsync(Node node, IReadOnlyList<IPEndPoint> endPoints, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException();
        }
    }

    private static async Task AssertRefusedAsync(
        Server server, DisconnectReason reason, PrivateKey? key = null, IReadOnlyList<Capability>? capabilities = null)
    {
        PeerDisconnectedException refusal = await Assert.ThrowsAsync<PeerDisconnectedException>(async () =>
        {
            await using RlpxProbe probe = await PeerTests.ConnectAsync(server, capabilities, key);
            await probe.ReadAsync().WithinDeadline();
        });
        Assert.Equal(reason, refusal.Reason);
        Assert.True(refusal.IsRemote);
    }

    private static async Task<List<PeerEvent>> TakeAsync(PeerEventSubscription events, int count)
    {
        using var timeout = new CancellationTokenSource(TestNet.Deadline);
        List<PeerEvent> seen = [];
        await foreach (PeerEvent item in events.WithCancellation(timeout.Token))
        {
            seen.Add(item);
            if (seen.Count == count)
            {
                break;
            }
        }

        return seen;
    }

    private static async Task DisposeAsync(IEnumerable<RlpxProbe> probes)
    {
        foreach (RlpxProbe probe in probes)
        {
            await probe.DisposeAsync();
        }
    }
}
