using System.Net;
using System.Net.Sockets;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;
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
        List<PeerEvent> seen = await events.TakeAsync(2);
        Assert.Equal([PeerEventType.Add, PeerEventType.Drop], seen.Select(e => e.Type));
        Assert.Equal("client quitting", seen[1].Error);
        Assert.True(seen[1].IsRemote);
        Assert.Empty(a.Peers);
    }

    [Fact]
    public async Task A_list_of_protocols_that_changes_later_changes_neither_the_hello_nor_what_is_matched()
    {
        List<Protocol> protocols = [TestNet.Sink("b"), TestNet.Sink("a")];
        await using Server server = await TestNet.StartAsync(TestNet.Options() with { Protocols = protocols });
        protocols[1] = TestNet.Sink("0");

        await using RlpxProbe probe = await RlpxProbe.ConnectAsync(server.Self, PrivateKey.Generate(), [new("a", 1), new("b", 1), new("0", 1)]);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");

        Assert.Equal([new Capability("a", 1), new Capability("b", 1)], probe.RemoteHello.Capabilities);
        Assert.Equal(probe.RemoteHello.Capabilities, server.Peers.Single().RunningProtocols);
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
    public async Task A_candidate_on_loopback_is_not_dialed()
    {
        await using Server target = await TestNet.StartAsync();
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink() with { DialCandidates = Candidates(target.Self) }));

        // Such an address must not be believed when it comes from others (T18).
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
}
