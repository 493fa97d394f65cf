using System.CommandLine;
using DevP2P.Cli.Configuration;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary>What the commands that talk to one node have in common.</summary>
internal sealed class ClientArguments
{
    private readonly Argument<string> _node = new("ENODE") { Description = "The node's enode URL" };

    private readonly Option<string> _keyFile = new("--key-file")
    {
        Description = "Use this key instead of a new one that is forgotten afterwards",
        HelpName = "FILE",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object" };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_node);
        command.Add(_keyFile);
        command.Add(_json);
    }

    /// <summary>The node to talk to.</summary>
    /// <exception cref="CliException">The text is not an enode URL of a node that can be dialed.</exception>
    public Node Node(ParseResult parse)
    {
        string text = parse.GetRequiredValue(_node);
        if (!DevP2P.Nodes.Node.TryParse(text, out Node? node, out string? error))
        {
            throw new CliException($"'{text}' is not a node: {error}");
        }

        return node is { Address: null, HostName: null }
            ? throw new CliException("the enode URL has no address: enode://<key>@<address>:<port> is needed")
            : node;
    }

    /// <summary>
    /// The key to introduce ourselves with. A fresh one by default: with the node's own key the other side would take this
    /// for a second connection of a running node.
    /// </summary>
    public PrivateKey Key(ParseResult parse) =>
        parse.GetValue(_keyFile) is { } path ? KeyFile.Load(path) : PrivateKey.Generate();

    /// <summary>Whether to print JSON.</summary>
    public bool Json(ParseResult parse) => parse.GetValue(_json);

    /// <summary>A number within limits.</summary>
    /// <exception cref="CliException">It is outside them.</exception>
    public static T InRange<T>(ParseResult parse, Option<T> option, T min, T max)
        where T : struct, IComparable<T>
    {
        T value = parse.GetValue(option);
        return value.CompareTo(min) < 0 || value.CompareTo(max) > 0
            ? throw new CliException($"{option.Name}: {value} is not between {min} and {max}")
            : value;
    }
}
