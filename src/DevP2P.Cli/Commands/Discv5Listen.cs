using System.CommandLine;
using DevP2P.Cli.Logging;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p discv5 listen</c>: a node of discovery v5.1 in the foreground that says what it sees.</summary>
internal static class Discv5Listen
{
    /// <summary>All nodes that are remembered as shown.</summary>
    private const int MaxNodes = 100_000;

    /// <summary>Sixteen nodes or so come of one lookup: a listener is not a crawler.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Makes the command.</summary>
    public static ExampleCommand Create()
    {
        var arguments = new DiscoveryArguments<DiscoveryV5>(DiscoveryVersions.V5) { TakesBootnodes = true, MayBeAlone = true };
        var echo = new Option<string[]>("--echo")
        {
            Description = "Answer talk requests to this application with what they say, and print them; may be repeated",
            HelpName = "PROTOCOL",
        };
        var command = new ExampleCommand("listen",
            "Be a node until Ctrl-C: print its enode URL and record, then each node that is found and each talk request.",
            "devp2p discv5 listen --listen 127.0.0.1:30303 --echo test",
            "devp2p discv5 listen --bootnodes enr:-IS4Q... --json")
        { echo };
        arguments.AddTo(command);
        command.SetAction((parse, cancellationToken) => arguments.RunAsync(
            parse,
            (discovery, _, stop) =>
            {
                var lines = new LineWriter(parse.InvocationConfiguration.Output, arguments.Json(parse));
                return ListenAsync(discovery, parse.GetValue(echo) ?? [], new Printer(lines), stop);
            },
            cancellationToken));
        return command;
    }

    private static async Task ListenAsync(DiscoveryV5 discovery, IEnumerable<string> echoes, Printer printer, CancellationToken stop)
    {
        foreach (string protocol in echoes.Distinct())
        {
            discovery.RegisterTalkHandler(protocol, (request, _) =>
            {
                printer.Talk(request);
                return ValueTask.FromResult(request.Payload);
            });
        }

        printer.Started(discovery);
        try
        {
            var seen = new HashSet<NodeId>();
            await foreach (Node node in discovery.RandomNodes(null, stop))
            {
                if (seen.Count < MaxNodes && seen.Add(node.Id))
                {
                    printer.Found(node);
                }

                await Task.Delay(s_pause, stop);
            }
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C is how it ends.
        }
    }

    /// <summary>Says what is seen.</summary>
    private sealed class Printer(LineWriter lines)
    {
        public void Started(DiscoveryV5 discovery)
        {
            Node self = discovery.Self;
            lines.Write(
                new ListenStartedReport("started", self.ToString(), self.Record!.ToString(), self.Id.ToString(), discovery.LocalEndPoint!.ToString()),
                CliJson.Default.ListenStartedReport,
                $"{self}{Environment.NewLine}{self.Record}");
        }

        public void Found(Node node)
        {
            FoundNodeReport report = FoundNodeReport.From(node);
            lines.Write(new ListenNodeReport("node", report), CliJson.Default.ListenNodeReport, $"node {report}");
        }

        public void Talk(TalkRequest request)
        {
            ReadOnlySpan<byte> payload = request.Payload.Span;
            lines.Write(
                new ListenTalkReport(
                    "talk", request.NodeId.ToString(), request.From.ToString(), request.Protocol, Convert.ToHexStringLower(payload), Discv5Command.TextOf(payload)),
                CliJson.Default.ListenTalkReport,
                $"talk {request.NodeId.ToShortString()} {request.From} {LogText.Escape(request.Protocol)}: {Discv5Command.Describe(payload)}");
        }
    }
}
