using System.CommandLine;
using System.Text.Json;
using DevP2P.Cli.Logging;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p discv4 ...</c>: asks nodes by discovery v4, for a moment and without a server.</summary>
internal static class Discv4Command
{
    private const int MaxCount = 1_000_000;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Makes the command.</summary>
    public static Command Create() =>
        new ExampleCommand("discv4", "Ask nodes by discovery v4: one of them, or a whole network.",
            "devp2p discv4 ping enode://<key>@127.0.0.1:30303",
            "devp2p discv4 crawl-once --bootnodes enode://<key>@127.0.0.1:30303 --for 10s")
        {
            CreatePing(),
            CreateRequestRecord(),
            CreateResolve(),
            CreateLookup(),
            Discv4Crawl.Create(),
        };

    private static ExampleCommand CreatePing()
    {
        var arguments = new DiscoveryArguments(NodeArgument("NODE", "The node's enode URL or record"), contactsNode: true, takesBootnodes: false);
        var count = new Option<int>("--count") { Description = "Number of pings", HelpName = "N", DefaultValueFactory = _ => 3 };
        var command = new ExampleCommand("ping", "Ping a node's discovery port and measure round trips.",
            "devp2p discv4 ping enode://<key>@127.0.0.1:30303",
            "devp2p discv4 ping enr:-IS4Q... --count 10 --json")
        { count };
        arguments.AddTo(command);
        command.SetAction((parse, _) =>
        {
            int number = ClientArguments.InRange(parse, count, 1, MaxCount);
            return arguments.RunAsync(parse, (discovery, node, stop) =>
                PingAsync(discovery, node!, number, arguments.Json(parse), parse.InvocationConfiguration.Output, stop));
        });
        return command;
    }

    private static ExampleCommand CreateRequestRecord()
    {
        var arguments = new DiscoveryArguments(NodeArgument("NODE", "The node's enode URL or record"), contactsNode: true, takesBootnodes: false);
        var command = new ExampleCommand("request-record", "Ask a node for its record, verify it and show what it says.",
            "devp2p discv4 request-record enode://<key>@127.0.0.1:30303",
            "devp2p discv4 request-record enode://<key>@127.0.0.1:30303 --json");
        arguments.AddTo(command);
        command.SetAction((parse, _) => arguments.RunAsync(parse, async (discovery, node, stop) =>
        {
            NodeRecord record = await discovery.RequestRecordAsync(node!, stop) ?? throw new CliException("the node does not answer");
            EnrReport.From(Node.FromRecord(record)).Print(parse.InvocationConfiguration.Output, arguments.Json(parse));
        }));
        return command;
    }

    private static ExampleCommand CreateResolve()
    {
        var arguments = new DiscoveryArguments(
            NodeArgument("NODE", "The node: its enode URL, record, or public key in 128 hexadecimal digits"), contactsNode: true, takesBootnodes: true);
        var command = new ExampleCommand("resolve", "Find a node's newest record: where the node is said to be, or else through other nodes.",
            "devp2p discv4 resolve enr:-IS4Q...",
            "devp2p discv4 resolve <key> --bootnodes enode://<key>@127.0.0.1:30303");
        arguments.AddTo(command);
        command.SetAction((parse, _) => arguments.RunAsync(parse, async (discovery, node, stop) =>
        {
            Node found = await discovery.ResolveAsync(node!, stop) ?? throw new CliException("the node was not found");
            EnrReport.From(found).Print(parse.InvocationConfiguration.Output, arguments.Json(parse));
        }));
        return command;
    }

    private static ExampleCommand CreateLookup()
    {
        var arguments = new DiscoveryArguments(
            NodeArgument("KEY|NODE", "A public key in 128 hexadecimal digits, an enode URL or a record"), contactsNode: false, takesBootnodes: true);
        var command = new ExampleCommand("lookup", "Find the 16 nodes that are closest to a key, the closest first.",
            "devp2p discv4 lookup <key> --bootnodes enode://<key>@127.0.0.1:30303",
            "devp2p discv4 lookup enr:-IS4Q... --bootnodes enode://<key>@127.0.0.1:30303 --json");
        arguments.AddTo(command);
        command.SetAction((parse, _) => arguments.RunAsync(parse, async (discovery, node, stop) =>
        {
            TextWriter output = parse.InvocationConfiguration.Output;
            FoundNodeReport[] nodes = [.. (await discovery.LookupAsync(node!.PublicKey, stop)).Select(FoundNodeReport.From)];
            if (arguments.Json(parse))
            {
                output.WriteLine(JsonSerializer.Serialize(new LookupReport(node.Id.ToString(), nodes), CliJson.Default.LookupReport));
            }
            else
            {
                Array.ForEach(nodes, output.WriteLine);
            }

            if (nodes.Length == 0)
            {
                throw new CliException("no node answers");
            }
        }));
        return command;
    }

    private static Argument<string> NodeArgument(string name, string description) => new(name) { Description = description };

    private static async Task PingAsync(DiscoveryV4 discovery, Node node, int count, bool json, TextWriter output, CancellationToken stop)
    {
        var roundTrips = new List<double?>();
        var latencies = new Latencies();
        DiscoveryPing? last = null;
        string? error = null;
        try
        {
            for (int i = 0; i < count; i++)
            {
                if (i > 0)
                {
                    await Task.Delay(s_pause, stop);
                }

                DiscoveryPing? reply = await discovery.PingAsync(node, stop);
                last = reply ?? last;
                roundTrips.Add(reply is null ? null : LatencyReport.Milliseconds(reply.RoundTrip));
                if (reply is not null)
                {
                    latencies.Record(reply.RoundTrip);
                }

                if (!json)
                {
                    output.WriteLine($"ping {i + 1}: {(reply is null ? "no answer" : Describe(reply))}");
                }
            }

            error = last is null ? "the node does not answer" : null;
        }
        catch (OperationCanceledException)
        {
            error = "interrupted";
        }

        if (json)
        {
            var report = new DiscoveryPingReport(node.ToString(), roundTrips, last?.SeenAs?.ToString(), last?.RecordSequence, error);
            output.WriteLine(JsonSerializer.Serialize(report, CliJson.Default.DiscoveryPingReport));
        }
        else if (latencies.Count > 1)
        {
            output.WriteLine($"{latencies.Count} of {roundTrips.Count} answered: {LatencyReport.From(latencies)}");
        }

        if (error is not null)
        {
            throw new CliException(error);
        }
    }

    private static string Describe(DiscoveryPing reply) =>
        LogText.FormatDuration(reply.RoundTrip)
        + (reply.SeenAs is { } seenAs ? $", sees us as {seenAs}" : "")
        + (reply.RecordSequence is { } sequence ? $", record {sequence}" : ", no record");
}
