using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;
using DevP2P.Crypto;
using DevP2P.Nodes;
using Microsoft.Extensions.Logging;

namespace DevP2P.Cli.Commands;

/// <summary>What the commands that talk discovery for a moment have in common.</summary>
/// <typeparam name="T">The class of the discovery.</typeparam>
/// <param name="version">Its version.</param>
internal sealed class DiscoveryArguments<T>(DiscoveryVersion<T> version)
    where T : IAsyncDisposable
{
    private static readonly TimeSpan s_resolveTimeout = TimeSpan.FromSeconds(5);

    private readonly Option<string[]> _bootnodes = new("--bootnodes")
    {
        Description = "Start from this node; may be repeated, and commas separate",
        HelpName = "NODE",
    };

    private readonly Option<string> _listen = new("--listen")
    {
        Description = "Address and port for UDP [default: any port; 127.0.0.1 when all given nodes are there, else all addresses]",
        HelpName = "ADDR:PORT",
    };

    private readonly Option<string> _keyFile = new("--key-file")
    {
        Description = "Use this key instead of a new one that is forgotten afterwards",
        HelpName = "FILE",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print JSON" };

    /// <summary>The node that the command is about, or null.</summary>
    public Argument<string>? Node { get; init; }

    /// <summary>Whether that node is asked itself, at its address.</summary>
    public bool ContactsNode { get; init; }

    /// <summary>Whether there may be other nodes to ask.</summary>
    public bool TakesBootnodes { get; init; }

    /// <summary>Whether there need not be anybody to ask.</summary>
    public bool MayBeAlone { get; init; }

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        if (Node is not null)
        {
            command.Add(Node);
        }

        if (TakesBootnodes)
        {
            command.Add(_bootnodes);
        }

        command.Add(_listen);
        command.Add(_keyFile);
        command.Add(_json);
    }

    /// <summary>Whether to print JSON.</summary>
    public bool Json(ParseResult parse) => parse.GetValue(_json);

    /// <summary>Starts discovery, lets <paramref name="work"/> use it, and ends it. Ctrl-C cancels the work, as <paramref name="cancellationToken"/> does.</summary>
    /// <exception cref="CliException">The command line makes no sense, or a host name has no address.</exception>
    public async Task<int> RunAsync(ParseResult parse, Func<T, Node?, CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        using var signal = new TerminationSignal(cancellationToken);
        Node? target = Node is null ? null : ParseNode(parse.GetRequiredValue(Node), "");
        Node[] bootnodes = [.. (TakesBootnodes ? parse.GetValue(_bootnodes) ?? [] : [])
            .SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .Select(text => ParseNode(text, "--bootnodes: "))];
        bootnodes = await Task.WhenAll(bootnodes.Select(n => ResolveHostAsync(n, signal.Token)));
        if (bootnodes.FirstOrDefault(n => n.UdpEndPoint is null) is { } useless)
        {
            throw new CliException($"--bootnodes: {useless} has no address or no UDP port");
        }

        target = target is not null && ContactsNode ? await ResolveHostAsync(target, signal.Token) : target;
        IPEndPoint? direct = ContactsNode ? target?.UdpEndPoint : null;
        if (direct is null && bootnodes.Length == 0 && !MayBeAlone)
        {
            throw new CliException(TakesBootnodes
                ? "--bootnodes is needed: somebody has to be asked"
                : "the node has no address or no UDP port: enode://<key>@<address>:<port>, or a record with both, is needed");
        }

        using var loggers = new ConsoleLog(parse.InvocationConfiguration.Error, LogLevel.Warning, TimeProvider.System);
        await using T discovery = version.Make(new DiscoverySetup(
            parse.GetValue(_keyFile) is { } path ? KeyFile.Load(path) : PrivateKey.Generate(),
            ListenEndPoint(parse, [.. bootnodes.Select(n => n.Address!), .. direct is null ? [] : new[] { direct.Address }]),
            bootnodes,
            loggers));
        await version.StartAsync(discovery, signal.Token);
        await work(discovery, target, signal.Token);
        return CommandLine.Success;
    }

    private IPEndPoint ListenEndPoint(ParseResult parse, IReadOnlyCollection<IPAddress> nodes)
    {
        if (parse.GetValue(_listen) is not { } text)
        {
            return new IPEndPoint(ListenAddress.DefaultFor(nodes), 0);
        }

        return ListenAddress.TryParse(text, out IPEndPoint? endPoint)
            ? endPoint
            : throw new CliException($"--listen: '{text}' {ListenAddress.Expected}");
    }

    private static Node ParseNode(string text, string option) => Nodes.Node.TryParse(text.Trim(), out Node? result, out string? error)
        ? result
        : throw new CliException($"{option}'{LogText.Cap(text)}' is not a node: {error}");

    private static async Task<Node> ResolveHostAsync(Node node, CancellationToken cancellationToken)
    {
        if (node.Address is not null || node.HostName is null)
        {
            return node;
        }

        try
        {
            IPAddress[] found = await Dns.GetHostAddressesAsync(node.HostName, cancellationToken).WaitAsync(s_resolveTimeout, cancellationToken);
            return node.WithAddress(found.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? found[0]);
        }
        catch (Exception e) when (e is SocketException or TimeoutException or IndexOutOfRangeException)
        {
            throw new CliException($"the host name {node.HostName} has no address: {e.Message}");
        }
    }
}
