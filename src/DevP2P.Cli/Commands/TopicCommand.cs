using System.CommandLine;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p topic ...</c>: advertises topics and searches for who does, without a server.</summary>
internal static class TopicCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create() =>
        new ExampleCommand("topic", "Advertise a topic, or search for the nodes that do, by the topic discovery of go-ethereum 1.8.",
            "devp2p topic register chess --legacy --bootnodes enode://<key>@127.0.0.1:30303",
            "devp2p topic search chess --legacy --bootnodes enode://<key>@127.0.0.1:30303 --for 10m")
        {
            TopicRegister.Create(),
            TopicSearchCommand.Create(),
        };
}
