using System.Text.Json;
using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Rlpx;
using Xunit;

namespace DevP2P.Tests;

public sealed class ServerMessagingTests
{
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

        PeerEvent received = (await events.TakeAsync(2))[1];

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
}
