using DevP2P.Cli.Demo;
using DevP2P.Crypto;
using DevP2P.Nodes;
using DevP2P.Rlp;
using Xunit;

namespace DevP2P.Tests.Cli;

public sealed class GossipProtocolTests : IDisposable
{
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(20));
    private readonly GossipProtocol _gossip = new(NewId());
    private readonly NodeId _origin = NewId();

    public void Dispose() => _deadline.Dispose();

    [Fact]
    public async Task What_is_new_goes_to_all_others_and_what_is_known_to_nobody()
    {
        using var first = new Link(_gossip, _deadline.Token);
        using var second = new Link(_gossip, _deadline.Token);
        byte[] message = Encode(_origin, 0);
        await first.End.WriteAsync(0, message, _deadline.Token);
        Message forwarded = await second.End.ReadAsync(_deadline.Token);
        Assert.Equal(message, forwarded.Payload.ToArray());
        await second.End.WriteAsync(0, message, _deadline.Token);
        await second.End.WriteAsync(0, Encode(_origin, 1), _deadline.Token);

        // The next thing that the first one hears is the second message: not its own, and not the copy.
        Assert.Equal(Encode(_origin, 1), (await first.End.ReadAsync(_deadline.Token)).Payload.ToArray());
        Assert.Equal((2L, 1L, 2UL), (_gossip.Delivered, _gossip.Duplicates, _gossip.DeliveredFrom(_origin)));
    }

    [Fact]
    public async Task Numbers_may_come_in_any_order_and_count_once()
    {
        using var link = new Link(_gossip, _deadline.Token);
        using var other = new Link(_gossip, _deadline.Token);
        foreach (ulong number in (ulong[])[3, 1, 0, 1, 2, 3, 4])
        {
            await link.End.WriteAsync(0, Encode(_origin, number), _deadline.Token);
        }

        for (int i = 0; i < 5; i++)
        {
            await other.End.ReadAsync(_deadline.Token);
        }

        Assert.Equal((5UL, 5L, 2L), (_gossip.DeliveredFrom(_origin), _gossip.Delivered, _gossip.Duplicates));
    }

    [Fact]
    public async Task A_malformed_message_is_a_breach_of_protocol()
    {
        using var link = new Link(_gossip, _deadline.Token);
        await link.End.WriteAsync(0, new byte[] { 0xc1, 0x01 }, _deadline.Token);
        await Assert.ThrowsAsync<ProtocolViolationException>(() => link.Running);
        Assert.Equal(0, _gossip.Links);
    }

    private static NodeId NewId() => PrivateKey.Generate().PublicKey.NodeId;

    private static byte[] Encode(NodeId origin, ulong number) => RlpEncoding.Encode(new object[] { origin.ToArray(), number, 1UL, new byte[10] });

    private sealed class Link : IDisposable
    {
        public Link(GossipProtocol gossip, CancellationToken cancellationToken)
        {
            (End, MessagePipe near) = MessagePipe.CreatePair(capacity: 16);
            Running = gossip.RunAsync(NewId(), near, cancellationToken);
        }

        public MessagePipe End { get; }

        public Task Running { get; }

        public void Dispose() => End.Dispose();
    }
}
