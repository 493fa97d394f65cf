using System.CommandLine;
using System.Text.Json;
using DevP2P.Cli.Logging;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary>The commands that all versions of discovery have.</summary>
internal static class DiscoveryCommands
{
    private const int MaxCount = 1_000_000;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary><c>ping</c>.</summary>
    public static ExampleCommand CreatePing<T>(DiscoveryVersion<T> version)
        where T : IAsyncDisposable
    {
        var arguments = new DiscoveryArguments<T>(version) { Node = NodeToAsk(), ContactsNode = true };
        var count = new Option<int>("--count") { Description = "Number of pings", HelpName = "N", DefaultValueFactory = _ => 3 };
        var command = new ExampleCommand("ping", $"Ping a node by {version.Name} and measure round trips.",
            $"devp2p {version.Command} ping enode://<key>@127.0.0.1:30303",
            $"devp2p {version.Command} ping enr:-IS4Q... --count 10 --json")
        { count };
        arguments.AddTo(command);
        command.SetAction((parse, cancellationToken) =>
        {
            int number = ClientArguments.InRange(parse, count, 1, MaxCount);
            return arguments.RunAsync(parse, (discovery, node, stop) => PingAsync(
                () => version.PingAsync(discovery, node!, stop), node!, number, arguments.Json(parse), parse.InvocationConfiguration.Output, stop), cancellationToken);
        });
        return command;
    }

    /// <summary><c>resolve</c>.</summary>
    public static ExampleCommand CreateResolve<T>(DiscoveryVersion<T> version)
        where T : IAsyncDisposable
    {
        var arguments = new DiscoveryArguments<T>(version)
        {
            Node = new Argument<string>("NODE") { Description = "The node: its enode URL, record, or public key in 128 hexadecimal digits" },
            ContactsNode = true,
            TakesBootnodes = true,
        };
        var command = new ExampleCommand("resolve", "Find a node's newest record: where the node is said to be, or else through other nodes.",
            $"devp2p {version.Command} resolve enr:-IS4Q...",
            $"devp2p {version.Command} resolve <key> --bootnodes enode://<key>@127.0.0.1:30303");
        arguments.AddTo(command);
        command.SetAction((parse, cancellationToken) => arguments.RunAsync(parse, async (discovery, node, stop) =>
        {
            Node found = await version.ResolveAsync(discovery, node!, stop) ?? throw new CliException("the node was not found");
            EnrReport.From(found).Print(parse.InvocationConfiguration.Output, arguments.Json(parse));
        }, cancellationToken));
        return command;
    }

    /// <summary><c>lookup</c>.</summary>
    public static ExampleCommand CreateLookup<T>(DiscoveryVersion<T> version)
        where T : IAsyncDisposable
    {
        var arguments = new DiscoveryArguments<T>(version)
        {
            Node = new Argument<string>("KEY|NODE") { Description = "A public key in 128 hexadecimal digits, an enode URL or a record" },
            TakesBootnodes = true,
        };
        var command = new ExampleCommand("lookup", "Find the 16 nodes that are closest to a key, the closest first.",
            $"devp2p {version.Command} lookup <key> --bootnodes enode://<key>@127.0.0.1:30303",
            $"devp2p {version.Command} lookup enr:-IS4Q... --bootnodes enode://<key>@127.0.0.1:30303 --json");
        arguments.AddTo(command);
        command.SetAction((parse, cancellationToken) => arguments.RunAsync(parse, async (discovery, node, stop) =>
        {
            TextWriter output = parse.InvocationConfiguration.Output;
            FoundNodeReport[] nodes = [.. (await version.LookupAsync(discovery, node!, stop)).Select(FoundNodeReport.From)];
            if (arguments.Json(parse))
            {
                output.WriteLine(JsonSerializer.Serialize(new LookupReport(node!.Id.ToString(), nodes), CliJson.Default.LookupReport));
            }
            else
            {
                Array.ForEach(nodes, output.WriteLine);
            }

            if (nodes.Length == 0)
            {
                throw new CliException("no node answers");
            }
        }, cancellationToken));
        return command;
    }

    /// <summary>The argument that names a node to ask.</summary>
    public static Argument<string> NodeToAsk() => new("NODE") { Description = "The node's enode URL or record" };

    private static async Task PingAsync(Func<Task<DiscoveryPing?>> ping, Node node, int count, bool json, TextWriter output, CancellationToken stop)
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

                DiscoveryPing? reply = await ping();
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
