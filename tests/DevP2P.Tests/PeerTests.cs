using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Rlp;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests;

public sealed class PeerTests
{
    public static TheoryData<Func<Exception>, DisconnectReason> HandlerEndings => new()
    {
        { () => new ProtocolViolationException("bad"), DisconnectReason.ProtocolError },
        { () => new RlpException(RlpError.EndOfInput), DisconnectReason.ProtocolError },
        { () => new PeerDisconnectedException(DisconnectReason.UselessPeer), DisconnectReason.UselessPeer },
        { () => new InvalidOperationException("a defect"), DisconnectReason.SubprotocolError },
    };

    [Theory]
    [MemberData(nameof(HandlerEndings))]
    [Trait("Threat", "T14")]
    public async Task A_handler_that_throws_ends_its_peer_with_a_reason_and_nothing_else(Func<Exception> exception, DisconnectReason expected)
    {
        var throwNow = new TaskCompletionSource();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bool first = true;
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (_, stream, cancellation) =>
            {
                if (Interlocked.Exchange(ref first, false))
                {
                    begun.SetResult();
                    await throwNow.Task.WaitAsync(cancellation);
                    throw exception();
                }

                await stream.ReadAsync(cancellation);
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(protocol));
        await using RlpxProbe victim = await ConnectAsync(server);
        // A peer is there a moment before its handler runs, and the handlers of two may begin in either order.
        await begun.Task.WithinDeadline();
        await using RlpxProbe bystander = await ConnectAsync(server);
        throwNow.SetResult();

        PeerDisconnectedException end = await Assert.ThrowsAsync<PeerDisconnectedException>(() => victim.ReadAsync().WithinDeadline());

        Assert.Equal(expected, end.Reason);
        Assert.True(end.IsRemote);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "only the victim is gone");
        await bystander.PingAsync().WithinDeadline();
    }

    [Fact]
    public async Task A_handler_that_returns_ends_the_peer_with_quitting()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink() with { RunAsync = (_, _, _) => Task.CompletedTask }));
        await using RlpxProbe probe = await ConnectAsync(server);

        PeerDisconnectedException end = await Assert.ThrowsAsync<PeerDisconnectedException>(() => probe.ReadAsync().WithinDeadline());
        Assert.Equal(DisconnectReason.Quitting, end.Reason);
    }

    [Theory]
    [InlineData(16 + 8)]
    [InlineData(1_000_000)]
    [InlineData(ulong.MaxValue)]
    public async Task A_message_code_out_of_range_is_a_breach_of_protocol(ulong code)
    {
        await using Server server = await TestNet.StartAsync();
        await using RlpxProbe probe = await ConnectAsync(server);
        await probe.WriteAsync(code, new byte[] { 0xC0 });

        PeerDisconnectedException end = await Assert.ThrowsAsync<PeerDisconnectedException>(() => probe.ReadAsync().WithinDeadline());
        Assert.Equal(DisconnectReason.ProtocolError, end.Reason);
    }

    [Fact]
    public async Task Writing_a_code_beyond_the_protocols_length_throws()
    {
        var failure = new TaskCompletionSource<Exception>();
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (_, stream, _) =>
            {
                failure.SetResult((await Record.ExceptionAsync(async () => await stream.WriteAsync(8, new byte[] { 0xC0 })))!);
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(protocol));
        await using RlpxProbe probe = await ConnectAsync(server);
        Assert.IsType<ProtocolViolationException>(await failure.Task.WithinDeadline());
    }

    [Fact]
    [Trait("Threat", "T12")]
    public async Task A_message_above_the_protocols_own_limit_is_refused_unseen()
    {
        await using Server server = await TestNet.StartAsync(TestNet.Options(TestNet.Sink() with { MaxMessageSize = 1000 }));
        await using RlpxProbe probe = await ConnectAsync(server);
        await probe.WriteAsync(16, new byte[1000]);
        await probe.PingAsync().WithinDeadline();
        await probe.WriteAsync(16, new byte[1001]);

        PeerDisconnectedException end = await Assert.ThrowsAsync<PeerDisconnectedException>(() => probe.ReadAsync().WithinDeadline());
        Assert.Equal(DisconnectReason.ProtocolError, end.Reason);
    }

    [Fact]
    public async Task Base_protocol_messages_are_answered_or_ignored()
    {
        await using Server server = await TestNet.StartAsync();
        await using RlpxProbe probe = await ConnectAsync(server);
        for (int i = 0; i < 50; i++)
        {
            await probe.PingAsync().WithinDeadline();
        }

        await probe.WriteAsync(4, new byte[] { 0xC0 }); // unused
        await probe.WriteAsync(0, new byte[] { 0xC0 }); // a second Hello
        await probe.PingAsync().WithinDeadline();
        Assert.Equal(1, server.PeerCount);
    }

    [Theory]
    [InlineData("c104", DisconnectReason.TooManyPeers)]
    [InlineData("04", DisconnectReason.TooManyPeers)]
    [InlineData("c110", DisconnectReason.SubprotocolError)]
    [InlineData("c180", DisconnectReason.Requested)]
    [InlineData("c0", DisconnectReason.Requested)]
    [InlineData("c20405", DisconnectReason.TooManyPeers)]
    [InlineData("", DisconnectReason.Invalid)]
    [InlineData("c3820100", DisconnectReason.Invalid)]
    [InlineData("88ffffffffffffffff", DisconnectReason.Invalid)]
    [InlineData("c9880101010101010101", DisconnectReason.Invalid)]
    [InlineData("c17f", (DisconnectReason)0x7F)]
    [Trait("Threat", "T07")]
    public void A_disconnect_reason_is_one_byte_bare_or_in_a_list(string payload, DisconnectReason expected)
    {
        DisconnectReason reason = BaseProtocol.DecodeDisconnect(Convert.FromHexString(payload));
        Assert.Equal(expected, reason);
        Assert.NotEmpty(reason.ToText());
    }

    [Fact]
    public async Task Protocols_are_matched_by_name_and_highest_version_with_offsets_in_order_of_names()
    {
        Protocol[] protocols = [TestNet.Sink("b", 1, 3), TestNet.Sink("a", 1, 5), TestNet.Sink("a", 3, 7), TestNet.Sink("a", 2, 1), TestNet.Sink("c", 9, 2)];
        MatchedProtocol[] matched = ProtocolMatcher.Match(protocols, [new("b", 1), new("a", 1), new("a", 3), new("A", 2), new("c", 8), new("zz", 1)]);

        Assert.Equal(["a/3@16", "b/1@23"], matched.Select(m => $"{m.Protocol.Capability}@{m.Offset}"));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task Info_shows_unknown_handshake_or_what_the_protocol_says()
    {
        Protocol[] protocols =
        [
            TestNet.Sink("silent"),
            TestNet.Sink("early") with { PeerInfo = _ => null },
            TestNet.Sink("open") with { PeerInfo = id => id.ToString() },
        ];
        await using Server server = await TestNet.StartAsync(TestNet.Options(protocols));
        await using RlpxProbe probe = await ConnectAsync(server, [.. protocols.Select(p => p.Capability)]);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");

        PeerInfo info = server.GetPeersInfo().Single();

        Assert.Equal("unknown", info.Protocols["silent"]);
        Assert.Equal("handshake", info.Protocols["early"]);
        Assert.Equal(info.Id, info.Protocols["open"]);
        Assert.True(info.Network.Inbound);
        Assert.Equal(["silent/1", "early/1", "open/1"], info.Capabilities);
        Assert.Matches("^Peer [0-9a-f]{16} 127.0.0.1:[0-9]+$", server.Peers.Single().ToString());
    }

    [Fact]
    public void A_peer_for_tests_has_no_connection_and_closes_its_pipe()
    {
        (MessagePipe a, MessagePipe b) = MessagePipe.CreatePair();
        NodeId id = PrivateKey.Generate().PublicKey.NodeId;
        Peer peer = Peer.CreateForTest(id, "a name with more than twenty characters", [new("eth", 68)], a);

        peer.Disconnect(DisconnectReason.TooManyPeers);

        Assert.Equal("a name with more tha...", peer.Name);
        Assert.Equal(id, peer.Id);
        Assert.Throws<MessagePipeClosedException>(() => b.ReadAsync().GetAwaiter().GetResult());
    }

    [Theory]
    [InlineData("04", DisconnectReason.TooManyPeers)]
    [InlineData("80", DisconnectReason.Requested)]
    [InlineData("c110", DisconnectReason.SubprotocolError)]
    [InlineData("02c104", DisconnectReason.TooManyPeers)]
    public async Task A_disconnect_is_understood_whether_it_is_compressed_or_not(string onWire, DisconnectReason expected)
    {
        byte[] bytes = Convert.FromHexString(onWire);
        await using Server server = await TestNet.StartAsync();
        using PeerEventSubscription events = server.SubscribeEvents();
        await using RlpxProbe probe = await ConnectAsync(server);
        if (bytes.Length == 3)
        {
            await probe.WriteAsync(1, bytes.AsMemory(1));
        }
        else
        {
            await probe.WriteUncompressedAsync(1, bytes);
        }

        await foreach (PeerEvent item in events)
        {
            if (item.Type == PeerEventType.Drop)
            {
                Assert.Equal(expected, item.Reason);
                Assert.True(item.IsRemote);
                return;
            }
        }
    }

    [Fact]
    public async Task A_peer_of_version_4_is_spoken_to_without_compression()
    {
        var echoed = new byte[1000];
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (_, stream, cancellation) =>
            {
                Message message = await stream.ReadAsync(cancellation);
                await stream.WriteAsync(1, message.Payload, cancellation);
                await stream.ReadAsync(cancellation);
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(protocol));
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(server.ListenEndPoints[0]);
        PrivateKey key = PrivateKey.Generate();
        var budget = new DevP2P.Buffers.MemoryBudget(long.MaxValue);
        using var connection = new RlpxConnection(client.GetStream(), new DevP2P.Buffers.PeerBudget(budget, long.MaxValue), TimeProvider.System);
        await connection.HandshakeAsync(key, server.Self.PublicKey, RandomSource.System, default).WithinDeadline();
        await connection.WriteAsync(0, RlpEncoding.Encode(new Hello(4, "old", [new("sink", 1)], 0, key.PublicKey)), default);
        Assert.Equal(0ul, (await connection.ReadAsync(default).AsTask().WithinDeadline()).Code);

        connection.GetMaxPayloadSize = _ => 10_000;
        connection.MaxFrameSize = 12_000;
        await connection.WriteAsync(16, echoed, default);
        Message back = await connection.ReadAsync(default).AsTask().WithinDeadline();

        // We read without decompressing, so it was not compressed.
        Assert.Equal(17ul, back.Code);
        Assert.Equal(echoed, back.Payload.ToArray());
        back.Discard();
    }

    [Fact]
    [Trait("Threat", "T14")]
    public async Task A_throwing_callback_on_the_cancellation_token_leaves_no_ghost()
    {
        Protocol protocol = TestNet.Sink() with
        {
            RunAsync = async (_, stream, cancellation) =>
            {
                using CancellationTokenRegistration registration = cancellation.Register(() => throw new InvalidOperationException("a defect"));
                await stream.ReadAsync(CancellationToken.None);
            },
        };
        await using Server server = await TestNet.StartAsync(TestNet.Options(protocol));
        await using RlpxProbe probe = await ConnectAsync(server);
        await TestNet.UntilAsync(() => server.PeerCount == 1, "the peer is there");

        server.Peers.Single().Disconnect();

        await TestNet.UntilAsync(() => server.PeerCount == 0, "the peer is gone");
        await server.StopAsync().WithinDeadline();
    }

    internal static Task<RlpxProbe> ConnectAsync(Server server, IReadOnlyList<Capability>? capabilities = null, PrivateKey? key = null) =>
        RlpxProbe.ConnectAsync(
            server.Self, key ?? PrivateKey.Generate(), capabilities ?? [.. server.Options.Protocols.Select(p => p.Capability)],
            cancellationToken: TestContext.Current.CancellationToken);
}
