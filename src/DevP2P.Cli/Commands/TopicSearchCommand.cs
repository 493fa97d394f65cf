using System.CommandLine;
using System.Diagnostics;
using DevP2P.Cli.Logging;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p topic search</c>: who advertises a topic.</summary>
internal static class TopicSearchCommand
{
    /// <summary>All that one search prints.</summary>
    private const int MaxNodes = 100_000;

    /// <summary>Makes the command.</summary>
    public static ExampleCommand Create()
    {
        var arguments = new TopicArguments { Discovery = new DiscoveryArguments<TopicDiscovery>(DiscoveryVersions.Legacy) { TakesBootnodes = true } };
        var duration = new Option<string>("--for") { Description = "Search for this time at most: 30s, 500ms, 10m [default: until Ctrl-C]", HelpName = "TIME" };
        var count = new Option<int>("--count") { Description = "End when so many nodes were found", HelpName = "N", DefaultValueFactory = _ => MaxNodes };
        var period = new Option<string>("--period") { Description = "The time between two lookups", HelpName = "TIME", DefaultValueFactory = _ => "1s" };
        var command = new ExampleCommand("search",
            "Search for the nodes that advertise a topic; print each as it is found, one a line. It fails if there is none.",
            "devp2p topic search chess --legacy --bootnodes enode://<key>@127.0.0.1:30303",
            "devp2p topic search chess --legacy --bootnodes enode://<key>@127.0.0.1:30303 --count 1 --for 5m",
            "devp2p topic search chess --legacy --bootnodes enode://<key>@127.0.0.1:30303 --period 10s --json")
        { duration, count, period };
        arguments.AddTo(command);
        command.SetAction((parse, cancellationToken) =>
        {
            string topic = arguments.ReadTopic(parse);
            TimeSpan? limit = parse.GetValue(duration) is { } text ? DemoCommand.ParseDuration(text, duration.Name) : null;
            int wanted = ClientArguments.InRange(parse, count, 1, MaxNodes);
            TimeSpan pause = DemoCommand.ParseDuration(parse.GetRequiredValue(period), period.Name);
            if (pause < TopicSearch.MinPeriod)
            {
                throw new CliException($"{period.Name}: {LogText.FormatDuration(pause)} is less than {LogText.FormatDuration(TopicSearch.MinPeriod)}");
            }

            InvocationConfiguration console = parse.InvocationConfiguration;
            bool json = arguments.Discovery.Json(parse);
            return arguments.Discovery.RunAsync(parse, async (discovery, _, stop) =>
            {
                using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
                if (limit is { } time)
                {
                    end.CancelAfter(time);
                }

                long started = Stopwatch.GetTimestamp();
                var lines = new LineWriter(console.Output, json);
                TopicSearch search = discovery.SearchTopic(topic, json ? new Lookups(lines) : null);
                search.Period = pause;
                int found = await SearchAsync(search, wanted, lines, end.Token);
                if (found == 0)
                {
                    bool isAnybodyThere = (await discovery.ReadRandomNodesAsync(1, CancellationToken.None)).Count > 0;
                    throw new CliException(isAnybodyThere ? $"no node was found that advertises '{topic}'" : "no node answers");
                }

                if (!json)
                {
                    console.Error.WriteLine(
                        $"{found} nodes in {LogText.FormatDuration(Stopwatch.GetElapsedTime(started))} and {search.LookupCount} lookups, "
                        + (search.IsConverged ? "converged" : "not yet converged"));
                }
            }, cancellationToken);
        });
        return command;
    }

    /// <summary>Prints nodes until there are enough or the token is cancelled.</summary>
    /// <returns>How many different ones there were.</returns>
    private static async Task<int> SearchAsync(TopicSearch search, int wanted, LineWriter lines, CancellationToken end)
    {
        var found = new HashSet<NodeId>();
        try
        {
            await foreach (Node node in search.WithCancellation(end))
            {
                FoundNodeReport report = FoundNodeReport.From(node);
                lines.Write(new ListenNodeReport("node", report), CliJson.Default.ListenNodeReport, report.ToString());
                found.Add(node.Id);
                if (found.Count == wanted)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C or the end of its time is how it ends.
        }

        return found.Count;
    }

    /// <summary>Prints how they end.</summary>
    private sealed class Lookups(LineWriter lines) : IProgress<bool>
    {
        private long _count;

        public void Report(bool value) => lines.Write(new TopicLookupReport("lookup", ++_count, value), CliJson.Default.TopicLookupReport, "");
    }
}
