using System.Net;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Cli.Commands;

/// <summary>What a discovery that a command starts for a moment is made of.</summary>
internal sealed record DiscoverySetup(PrivateKey Key, IPEndPoint Listen, IReadOnlyList<Node> Bootnodes, ILoggerFactory Loggers);

/// <summary>A version of discovery, as far as the commands of all versions go.</summary>
/// <typeparam name="T">Its class.</typeparam>
/// <param name="Command">What is typed: <c>discv4</c>.</param>
/// <param name="Name">For people: <c>discovery v4</c>.</param>
/// <param name="Make">Makes one.</param>
/// <param name="StartAsync">Starts it.</param>
/// <param name="PingAsync">Pings a node.</param>
/// <param name="ResolveAsync">Finds a node's newest record.</param>
/// <param name="LookupAsync">Finds the nodes closest to one.</param>
internal sealed record DiscoveryVersion<T>(
    string Command,
    string Name,
    Func<DiscoverySetup, T> Make,
    Func<T, CancellationToken, Task> StartAsync,
    Func<T, Node, CancellationToken, Task<DiscoveryPing?>> PingAsync,
    Func<T, Node, CancellationToken, Task<Node?>> ResolveAsync,
    Func<T, Node, CancellationToken, Task<IReadOnlyList<Node>>> LookupAsync)
    where T : IAsyncDisposable;

/// <summary>The versions of discovery.</summary>
internal static class DiscoveryVersions
{
    public static readonly DiscoveryVersion<DiscoveryV4> V4 = new(
        "discv4",
        "discovery v4",
        setup => new DiscoveryV4(new DiscoveryV4Options
        {
            PrivateKey = setup.Key,
            ListenEndPoint = setup.Listen,
            BootstrapNodes = setup.Bootnodes,
            LoggerFactory = setup.Loggers,
        }),
        (discovery, stop) => discovery.StartAsync(stop),
        (discovery, node, stop) => discovery.PingAsync(node, stop),
        (discovery, node, stop) => discovery.ResolveAsync(node, stop),
        (discovery, node, stop) => discovery.LookupAsync(node.PublicKey, stop));

    public static readonly DiscoveryVersion<DiscoveryV5> V5 = new(
        "discv5",
        "discovery v5.1",
        setup => new DiscoveryV5(new DiscoveryV5Options
        {
            PrivateKey = setup.Key,
            ListenEndPoint = setup.Listen,
            BootstrapNodes = setup.Bootnodes,
            LoggerFactory = setup.Loggers,
        }),
        (discovery, stop) => discovery.StartAsync(stop),
        (discovery, node, stop) => discovery.PingAsync(node, stop),
        (discovery, node, stop) => discovery.ResolveAsync(node, stop),
        (discovery, node, stop) => discovery.LookupAsync(node.Id, stop));

    public static readonly DiscoveryVersion<TopicDiscovery> Legacy = new(
        "topic",
        "the topic discovery of go-ethereum 1.8",
        setup => new TopicDiscovery(new TopicDiscoveryOptions
        {
            PrivateKey = setup.Key,
            ListenEndPoint = setup.Listen,
            BootstrapNodes = setup.Bootnodes,
            LoggerFactory = setup.Loggers,
        }),
        (discovery, stop) => discovery.StartAsync(stop),
        (discovery, node, stop) => discovery.PingAsync(node, stop),
        (discovery, node, stop) => discovery.ResolveAsync(node, stop),
        (discovery, node, stop) => discovery.LookupAsync(node.Id, stop));
}
