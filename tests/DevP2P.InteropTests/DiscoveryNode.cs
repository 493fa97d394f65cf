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

    public abstract ValueTask DisposeAsync();
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
        async () => (await LookupAsync(other)).Contains(other.Node.Id), () => $"{other.Enode} not found, {Discovery.Counters}");

    /// <summary>The ids of the nodes that a lookup of the other one's key ends with: those that have answered a query.</summary>
    public async Task<IEnumerable<NodeId>> LookupAsync(DiscoveryNode other) =>
        (await Discovery.LookupAsync(other.Node.PublicKey, TestContext.Current.CancellationToken).WaitAsync(Limit)).Select(n => n.Id);

    public override ValueTask DisposeAsync() => Discovery.DisposeAsync();

    public static async Task EventuallyAsync(Func<Task<bool>> isTrue, Func<string> complaint)
    {
        long start = Stopwatch.GetTimestamp();
        while (!await isTrue())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Limit, complaint());
            await Task.Delay(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken);
        }
    }
}

/// <summary>The foreign peer's discovery; it connects to nobody.</summary>
internal sealed class TheirDiscovery : DiscoveryNode
{
    private readonly Dictionary<string, JsonElement> _found = [];

    private TheirDiscovery(JsPeer peer) => Peer = peer;

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
        var node = new TheirDiscovery(await JsPeer.StartAsync(version, "--discovery", "--refresh", asksAgain ? "2000" : "3600000"));
        if (bootstrap is not null)
        {
            node.Peer.Bootstrap(bootstrap.Enode);
        }
        return node;
    }

    public override async Task FindsAsync(DiscoveryNode other) => await FoundAsync(other);

    /// <summary>How its table has the other one, once it does: its event <c>found</c>.</summary>
    public async Task<JsonElement> FoundAsync(DiscoveryNode other)
    {
        string id = Convert.ToHexStringLower(other.Node.PublicKey.Bytes);
        JsonElement found;
        while (!_found.TryGetValue(id, out found))
        {
            found = await Peer.NextAsync("found");
            _found[found.GetProperty("id").GetString()!] = found;
        }
        return found;
    }

    public override ValueTask DisposeAsync() => Peer.DisposeAsync();
}
