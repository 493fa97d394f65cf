using System.CommandLine;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using DevP2P.Cli.Logging;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p discv4 crawl-once</c>: who is in a network now.</summary>
internal static class Discv4Crawl
{
    /// <summary>All that one crawl remembers; a network larger than this is seen in part.</summary>
    private const int MaxNodes = 100_000;

    /// <summary>How many nodes are asked for their record at a time.</summary>
    private const int Parallelism = 16;

    /// <summary>Makes the command.</summary>
    public static ExampleCommand Create()
    {
        var arguments = new DiscoveryArguments<DiscoveryV4>(DiscoveryVersions.V4) { TakesBootnodes = true };
        var duration = new Option<string>("--for") { Description = "Look around for this time at most: 30s, 500ms, 10m", HelpName = "TIME", DefaultValueFactory = _ => "30s" };
        var quiet = new Option<string>("--quiet") { Description = "End when no new node was found for this time", HelpName = "TIME", DefaultValueFactory = _ => "5s" };
        var command = new ExampleCommand("crawl-once",
            "Walk through a network once by random lookups; print each node that answers, with its record, one a line.",
            "devp2p discv4 crawl-once --bootnodes enode://<key>@127.0.0.1:30303",
            "devp2p discv4 crawl-once --bootnodes enode://<key>@127.0.0.1:30303 --for 10m --quiet 30s --json")
        { duration, quiet };
        arguments.AddTo(command);
        command.SetAction((parse, cancellationToken) =>
        {
            TimeSpan limit = DemoCommand.ParseDuration(parse.GetRequiredValue(duration), duration.Name);
            TimeSpan pause = DemoCommand.ParseDuration(parse.GetRequiredValue(quiet), quiet.Name);
            return arguments.RunAsync(
                parse, (discovery, _, stop) => CrawlAsync(discovery, limit, pause, arguments.Json(parse), parse.InvocationConfiguration, stop), cancellationToken);
        });
        return command;
    }

    private static async Task CrawlAsync(
        DiscoveryV4 discovery, TimeSpan limit, TimeSpan pause, bool json, InvocationConfiguration console, CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        end.CancelAfter(limit);
        var gate = new Lock();
        int count = 0;

        // Those already found are asked to the end, which is a second or so.
        var options = new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = CancellationToken.None };
        await Parallel.ForEachAsync(NewNodesAsync(discovery, pause, end.Token), options, async (node, _) =>
        {
            NodeRecord? record = node.Record ?? await discovery.RequestRecordAsync(node, CancellationToken.None);
            FoundNodeReport report = FoundNodeReport.From(node) with
            {
                Record = record?.ToString(),
                Sequence = record?.Sequence,
                ForkId = record?.ForkId?.ToString(),
            };
            lock (gate)
            {
                count++;
                console.Output.WriteLine(json ? JsonSerializer.Serialize(report, CliJson.Default.FoundNodeReport) : report.ToString());
            }
        });
        if (count == 0)
        {
            throw new CliException("no node answers");
        }

        if (!json)
        {
            console.Error.WriteLine($"{count} nodes in {LogText.FormatDuration(Stopwatch.GetElapsedTime(started))}");
        }
    }

    /// <summary>Each node once, until time is up or no new one has come for a while.</summary>
    private static async IAsyncEnumerable<Node> NewNodesAsync(
        DiscoveryV4 discovery, TimeSpan pause, [EnumeratorCancellation] CancellationToken end)
    {
        using var quiet = CancellationTokenSource.CreateLinkedTokenSource(end);
        quiet.CancelAfter(pause);
        var seen = new HashSet<NodeId>();
        await using IAsyncEnumerator<Node> nodes = discovery.RandomNodes(null, quiet.Token).GetAsyncEnumerator(CancellationToken.None);
        while (seen.Count < MaxNodes && await MoveNextAsync(nodes))
        {
            if (seen.Add(nodes.Current.Id))
            {
                quiet.CancelAfter(pause);
                yield return nodes.Current;
            }
        }
    }

    private static async Task<bool> MoveNextAsync(IAsyncEnumerator<Node> nodes)
    {
        try
        {
            return await nodes.MoveNextAsync();
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
