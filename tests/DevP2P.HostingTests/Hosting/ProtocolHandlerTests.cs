using System.Collections.Concurrent;
using DevP2P.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>Protocols whose handlers are made by the services.</summary>
public sealed class ProtocolHandlerTests
{
    [Fact]
    public async Task A_peers_handlers_share_a_scope_of_its_own_that_ends_with_it()
    {
        await using Server first = await TestNode.StartServerAsync(TestNode.Sink("one"), TestNode.Sink("two"));
        await using Server second = await TestNode.StartServerAsync(TestNode.Sink("one"), TestNode.Sink("two"));
        using IHost host = await TestNode.StartAsync(TestNode.Section(), more: AddTwo);
        var seen = host.Services.GetRequiredService<Seen>();
        host.Server().AddPeer(first.Self);
        host.Server().AddPeer(second.Self);
        await TestNode.UntilAsync(() => seen.Running.Count == 4, "both handlers of both peers run");

        Assert.Equal(2, seen.Running.Values.Distinct().Count());
        Assert.All(seen.Running.GroupBy(run => run.Key.Peer.Id), peer => Assert.Single(peer.Select(run => run.Value).Distinct()));

        await first.StopAsync();
        await TestNode.UntilAsync(() => seen.Disposed.Count == 1, "the scope of the peer that left is disposed");
        Assert.Equal(seen.Running.First(run => run.Key.Peer.Id == first.Self.Id).Value, seen.Disposed.Single());

        await host.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, seen.Disposed.Count);
    }

    [Fact]
    public async Task The_scope_outlives_the_handler_that_ends_first()
    {
        await using Server other = await TestNode.StartServerAsync(TestNode.Sink("one"), TestNode.Sink("two"));
        using IHost host = await TestNode.StartAsync(TestNode.Section(), more: AddTwo);
        var seen = host.Services.GetRequiredService<Seen>();
        seen.Hold = new TaskCompletionSource();
        host.Server().AddPeer(other.Self);
        await TestNode.UntilAsync(() => seen.Running.Count == 2, "both handlers run");

        await other.StopAsync();
        await TestNode.UntilAsync(() => seen.Ended == 1, "the first handler has ended, the second is held");
        Assert.Empty(seen.Disposed);

        seen.Hold.SetResult();
        await TestNode.UntilAsync(() => seen.Disposed.Count == 1, "the scope is disposed");
    }

    [Fact]
    public async Task What_handlers_and_protocols_say_of_themselves_is_shown()
    {
        await using Server other = await TestNode.StartServerAsync(TestNode.Sink("one"), TestNode.Sink("two"));
        using IHost host = await TestNode.StartAsync(TestNode.Section(), more: AddTwo);
        host.Server().AddPeer(other.Self);
        var seen = host.Services.GetRequiredService<Seen>();
        await TestNode.UntilAsync(() => seen.Running.Count == 2, "both handlers run");

        PeerInfo info = Assert.Single(host.Server().GetPeersInfo());
        Assert.Equal($"with {other.Self.Id}", info.Protocols["one"]);
        Assert.Equal("unknown", info.Protocols["two"]);
        NodeInfo node = host.Server().GetNodeInfo();
        Assert.Equal(1234, node.Protocols["one"]);
        Assert.Equal("unknown", node.Protocols["two"]);
        await other.StopAsync();
        await TestNode.UntilAsync(() => seen.Disposed.Count == 1, "the peer is gone");
        Assert.Null(host.Server().Options.Protocols[0].PeerInfo!(other.Self.Id));
        Assert.Equal((3UL, 99), (host.Server().Options.Protocols[0].Length, host.Server().Options.Protocols[0].MaxMessageSize));
    }

    [Fact]
    public async Task A_handler_that_cannot_be_made_costs_its_peer_only()
    {
        await using Server bad = await TestNode.StartServerAsync(TestNode.Sink("broken"));
        await using Server good = await TestNode.StartServerAsync(TestNode.Sink("one"));
        var log = new LogLines();
        using IHost host = await TestNode.StartAsync(TestNode.Section(), log, services =>
        {
            AddTwo(services);
            services.AddDevP2PProtocol<Broken>("broken", 1, 1);
        });
        host.Server().AddPeer(good.Self);
        await TestNode.UntilAsync(() => good.PeerCount == 1, "the good peer is connected");
        host.Server().AddPeer(bad.Self);
        await TestNode.UntilAsync(() => log.WithId(12).Any(), "the library has logged the handler's failure");
        Assert.Equal(good.Self.Id, (await SinglePeerAsync(host.Server())).Id);
    }

    [Fact]
    public async Task A_service_that_fails_at_its_disposal_is_logged()
    {
        await using Server other = await TestNode.StartServerAsync(TestNode.Sink("spiteful"));
        var log = new LogLines();
        using IHost host = await TestNode.StartAsync(TestNode.Section(), log, services => services.AddDevP2PProtocol<Spiteful>("spiteful", 1, 1));
        host.Server().AddPeer(other.Self);
        await TestNode.UntilAsync(() => host.Server().PeerCount == 1, "the peer is connected");
        await other.StopAsync();
        await TestNode.UntilAsync(() => log.WithId(1020).Any(), "the failure is logged");
        Assert.Contains(other.Self.Id.ToString(), log.WithId(1020).Single(), StringComparison.Ordinal);
    }

    private static async Task<Peer> SinglePeerAsync(Server server)
    {
        await TestNode.UntilAsync(() => server.PeerCount == 1, "one peer is left");
        return server.Peers.Single();
    }

    private static void AddTwo(IServiceCollection services) => services
        .AddSingleton<Seen>()
        .AddScoped<PerPeer>()
        .AddDevP2PProtocol<One>("one", 1, 3, options =>
        {
            options.MaxMessageSize = 99;
            options.NodeInfo = static provider => provider.GetRequiredService<Seen>().Number;
        })
        .AddDevP2PProtocol<Two>("two", 1, 1);

    /// <summary>What happened, for the tests.</summary>
    private sealed class Seen
    {
        private int _ended;

        public int Number => 1234;

        public ConcurrentDictionary<(Peer Peer, Type Handler), PerPeer> Running { get; } = [];

        public ConcurrentQueue<PerPeer> Disposed { get; } = [];

        public TaskCompletionSource? Hold { get; set; }

        public int Ended => _ended;

        public void End() => Interlocked.Increment(ref _ended);
    }

    private sealed class PerPeer(Seen seen) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            seen.Disposed.Enqueue(this);
            return ValueTask.CompletedTask;
        }
    }

    private sealed class One(PerPeer mine, Seen seen) : IProtocolHandler
    {
        private Peer? _peer;

        public async Task RunAsync(Peer peer, IMessageStream stream, CancellationToken cancellationToken)
        {
            _peer = peer;
            seen.Running[(peer, GetType())] = mine;
            try
            {
                await stream.ReadAsync(cancellationToken);
            }
            finally
            {
                seen.End();
            }
        }

        public object? GetPeerInfo() => $"with {_peer?.Id}";
    }

    private sealed class Two(PerPeer mine, Seen seen) : IProtocolHandler
    {
        public async Task RunAsync(Peer peer, IMessageStream stream, CancellationToken cancellationToken)
        {
            seen.Running[(peer, GetType())] = mine;
            try
            {
                await stream.ReadAsync(cancellationToken);
            }
            finally
            {
                await (seen.Hold?.Task ?? Task.CompletedTask);
                seen.End();
            }
        }
    }

    private sealed class Broken : IProtocolHandler
    {
        public Broken() => throw new NotSupportedException("there is no such thing");

        public Task RunAsync(Peer peer, IMessageStream stream, CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class Spiteful : IProtocolHandler, IDisposable
    {
        public Task RunAsync(Peer peer, IMessageStream stream, CancellationToken cancellationToken) => stream.ReadAsync(cancellationToken).AsTask();

        public void Dispose() => throw new NotSupportedException("not me");
    }
}
