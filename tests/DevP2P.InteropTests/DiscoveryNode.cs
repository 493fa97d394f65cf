using System.Diagnostics;
using System.Net;
using System.Text.Json;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.InteropTests;

/// <summary>A node of discovery v4 on loopback, ours or a foreign one: what tests need that mix them.</summary>
internal abstract class DiscoveryNode : IAsyncDisposable
{
    /// <summary>The kind of node that is not foreign; the others are called by their version.</summary>
    public const string Ours = "ours";

    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Where it is, for others to bootstrap from.</summary>
    public abstract string Enode { get; }

    public Node Node => Node.Parse(Enode);

    /// <summary>Starts a node of that kind, which knows nobody but the one that it bootstraps from.</summary>
    public static async Task<DiscoveryNode> StartAnyAsync(string kind, DiscoveryNode? bootstrap = null) =>
        kind == Ours ? await OurDiscovery.StartAsync(bootstrap) : await TheirDiscovery.StartAsync(kind, bootstrap);

    /// <summary>Waits until it has found the other one, and has had an answer from it.</summary>
    public abstract Task FindsAsync(DiscoveryNode other);

    /// <summary>
    /// Pings whom it bootstrapped from. On a busy machine a node may once be too slow for a liveness check; then it is out of
    /// the other one's table, and only its own ping brings it back.
    /// </summary>
    public virtual void Announce()
    {
    }

    public abstract ValueTask DisposeAsync();

    protected static async Task EventuallyAsync(Func<Task<bool>> isTrue, Func<string> complaint)
    {
        long start = Stopwatch.GetTimestamp();
        while (!await isTrue())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Limit, complaint());
            await Task.Delay(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken);
        }
    }
}

/// <summary><see cref="DiscoveryV4"/> without a server.</summary>
internal sealed class OurDiscovery : DiscoveryNode
{
    private OurDiscovery(DiscoveryV4 discovery) => Discovery = discovery;

    public DiscoveryV4 Discovery { get; }

    public override string Enode => Discovery.Self.ToString();

    public static async Task<OurDiscovery> StartAsync(DiscoveryNode? bootstrap = null)
    {
        var discovery = new DiscoveryV4(new DiscoveryV4Options
        {
            PrivateKey = PrivateKey.Generate(),
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            BootstrapNodes = bootstrap is null ? [] : [bootstrap.Node],
        });
        await discovery.StartAsync(TestContext.Current.CancellationToken);
        return new OurDiscovery(discovery);
    }

    public override Task FindsAsync(DiscoveryNode other) => EventuallyAsync(
        async () =>
        {
            bool isFound = (await LookupAsync(other)).Contains(other.Node.Id);
            if (!isFound)
            {
                other.Announce();
            }
            return isFound;
        },
        () => $"{other.Enode} not found, {Discovery.Counters}");

    /// <summary>Waits until it has exactly one node in its table.</summary>
    public Task KnowsOneAsync() =>
        EventuallyAsync(() => Task.FromResult(Discovery.NodeCount == 1), () => $"{Discovery.NodeCount} nodes");

    /// <summary>Pings until there is an answer.</summary>
    public async Task<DiscoveryPing> PingAsync(DiscoveryNode other)
    {
        DiscoveryPing? ping = null;
        await EventuallyAsync(
            async () => (ping = await Discovery.PingAsync(other.Node, TestContext.Current.CancellationToken)) is not null,
            () => $"no pong from {other.Enode}");
        return ping!;
    }

    /// <summary>The ids of the nodes that a lookup of the other one's key ends with: those that have answered a query.</summary>
    public async Task<IEnumerable<NodeId>> LookupAsync(DiscoveryNode other) =>
        (await Discovery.LookupAsync(other.Node.PublicKey, TestContext.Current.CancellationToken).WaitAsync(Limit)).Select(n => n.Id);

    public override ValueTask DisposeAsync() => Discovery.DisposeAsync();
}

/// <summary>The foreign peer's discovery; it connects to nobody.</summary>
internal sealed class TheirDiscovery : DiscoveryNode
{
    private readonly Dictionary<string, JsonElement> _found = [];
    private readonly DiscoveryNode? _bootstrap;

    private TheirDiscovery(JsPeer peer, DiscoveryNode? bootstrap) => (Peer, _bootstrap) = (peer, bootstrap);

    public JsPeer Peer { get; }

    public override string Enode => Peer.Enode;

    /// <param name="version">Which one.</param>
    /// <param name="bootstrap">Whom it asks for others.</param>
    /// <param name="asksAgain">
    /// Whether it asks all that it knows for others, again and again. It must when it bootstraps from us: its first query
    /// comes before its endpoint proof and goes unanswered.
    /// </param>
    public static async Task<TheirDiscovery> StartAsync(string version, DiscoveryNode? bootstrap = null, bool asksAgain = true)
    {
        JsPeer peer = await JsPeer.StartAsync(version, "--discovery", "--refresh", asksAgain ? "2000" : "3600000");
        var node = new TheirDiscovery(peer, bootstrap);
        if (bootstrap is not null)
        {
            node.Peer.Bootstrap(bootstrap.Enode);
        }
        return node;
    }

    public override async Task FindsAsync(DiscoveryNode other) => await FoundAsync(other);

    public override void Announce()
    {
        if (_bootstrap is not null)
        {
            Peer.Announce(_bootstrap.Enode);
        }
    }

    /// <summary>How its table has the other one, once it does: its event <c>found</c>.</summary>
    public async Task<JsonElement> FoundAsync(DiscoveryNode other)
    {
        string id = Convert.ToHexStringLower(other.Node.PublicKey.Bytes);
        int rounds = 0;
        await EventuallyAsync(
            async () =>
            {
                while (Peer.Pending("found") > 0)
                {
                    JsonElement found = await Peer.NextAsync("found");
                    _found[found.GetProperty("id").GetString()!] = found;
                }
                if (++rounds % 100 == 0)
                {
                    Announce();
                    other.Announce();
                }
                return _found.ContainsKey(id);
            },
            () => $"{other.Enode} not found");
        return _found[id];
    }

    public override ValueTask DisposeAsync() => Peer.DisposeAsync();
}
