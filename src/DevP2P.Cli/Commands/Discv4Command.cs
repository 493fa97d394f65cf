using System.CommandLine;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p discv4 ...</c>: asks nodes by discovery v4, for a moment and without a server.</summary>
internal static class Discv4Command
{
    /// <summary>Makes the command.</summary>
    public static Command Create() =>
        new ExampleCommand("discv4", "Ask nodes by discovery v4: one of them, or a whole network.",
            "devp2p discv4 ping enode://<key>@127.0.0.1:30303",
            "devp2p discv4 crawl-once --bootnodes enode://<key>@127.0.0.1:30303 --for 10s")
        {
            DiscoveryCommands.CreatePing(DiscoveryVersions.V4),
            CreateRequestRecord(),
            DiscoveryCommands.CreateResolve(DiscoveryVersions.V4),
            DiscoveryCommands.CreateLookup(DiscoveryVersions.V4),
            Discv4Crawl.Create(),
        };

    private static ExampleCommand CreateRequestRecord()
    {
        var arguments = new DiscoveryArguments<DiscoveryV4>(DiscoveryVersions.V4) { Node = DiscoveryCommands.NodeToAsk(), ContactsNode = true };
        var command = new ExampleCommand("request-record", "Ask a node for its record, verify it and show what it says.",
            "devp2p discv4 request-record enode://<key>@127.0.0.1:30303",
            "devp2p discv4 request-record enode://<key>@127.0.0.1:30303 --json");
        arguments.AddTo(command);
        command.SetAction((parse, cancellationToken) => arguments.RunAsync(parse, async (discovery, node, stop) =>
        {
            NodeRecord record = await discovery.RequestRecordAsync(node!, stop) ?? throw new CliException("the node does not answer");
            EnrReport.From(Node.FromRecord(record)).Print(parse.InvocationConfiguration.Output, arguments.Json(parse));
        }, cancellationToken));
        return command;
    }
}
