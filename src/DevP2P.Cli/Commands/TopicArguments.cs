using System.CommandLine;
using System.Text;
using DevP2P.Cli.Logging;
using DevP2P.Discovery;
using DevP2P.Discovery.LegacyV5;

namespace DevP2P.Cli.Commands;

/// <summary>What the commands about one topic have in common.</summary>
internal sealed class TopicArguments
{
    private readonly Argument<string> _topic = new("TOPIC") { Description = $"The topic, at most {Topic.MaxSize} bytes" };

    private readonly Option<bool> _legacy = new("--legacy") { Description = "By the topic discovery of go-ethereum 1.8: needed, as there is no other yet" };

    /// <summary>Those that all commands have which talk discovery.</summary>
    public required DiscoveryArguments<TopicDiscovery> Discovery { get; init; }

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_topic);
        command.Add(_legacy);
        Discovery.AddTo(command);
    }

    /// <summary>The topic.</summary>
    /// <exception cref="CliException">It is none, or the protocol is not named.</exception>
    public string ReadTopic(ParseResult parse)
    {
        if (!parse.GetValue(_legacy))
        {
            throw new CliException("--legacy is needed: the topic discovery of go-ethereum 1.8 is the only one so far");
        }

        string topic = parse.GetRequiredValue(_topic);
        int size = Encoding.UTF8.GetByteCount(topic);
        return size is > 0 and <= Topic.MaxSize
            ? topic
            : throw new CliException($"TOPIC: '{LogText.Cap(topic)}' has {size} bytes, not 1 to {Topic.MaxSize}");
    }
}
