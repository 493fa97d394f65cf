using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DevP2P.Cli.Demo;
using Spectre.Console;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p demo</c>: a network on this machine that one can watch.</summary>
internal static class DemoCommand
{
    private const int MaxNodes = 100;
    private const double MaxRate = 1000;

    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var duration = new Option<string>("--for") { Description = "Run for this time once all nodes are connected, then check the result: 20s, 500ms, 2m", HelpName = "TIME" };
        var nodes = new Option<int>("--nodes") { Description = "Number of nodes", HelpName = "N", DefaultValueFactory = _ => 10 };
        var rate = new Option<double>("--rate") { Description = "Messages that each node publishes in a second", HelpName = "N", DefaultValueFactory = _ => 5 };
        var json = new Option<bool>("--json") { Description = "Print the result as one JSON object, and nothing else on stdout" };
        var kill = new Option<int?>("--kill") { Description = "Kill this node at half time: the check must then fail", HelpName = "INDEX", Hidden = true };
        var command = new ExampleCommand("demo",
            "Watch a network: separate nodes on the loopback interface that know one of them, find the others by discovery, and gossip.",
            "devp2p demo",
            "devp2p demo --for 20s",
            "devp2p demo --for 20s --nodes 20 --json")
        { duration, nodes, rate, json, kill };
        command.SetAction((parse, _) =>
        {
            int count = ClientArguments.InRange(parse, nodes, 2, MaxNodes);
            var options = new DemoOptions
            {
                Duration = parse.GetValue(duration) is { } text ? ParseDuration(text) : null,
                Nodes = count,
                Rate = ClientArguments.InRange(parse, rate, 0.01, MaxRate),
                Kill = parse.GetValue(kill) is { } index && (index < 0 || index >= count)
                    ? throw new CliException($"--kill: there is no node {index}")
                    : parse.GetValue(kill),
            };
            return RunAsync(options, parse.GetValue(json));
        });
        return command;
    }

    /// <summary>Reads 20s, 500ms, 2m, 1h, or a bare number of seconds.</summary>
    internal static TimeSpan ParseDuration(string text, string option = "--for")
    {
        ReadOnlySpan<char> number = text.AsSpan().Trim();
        (int suffix, double unit) = number switch
        {
            [.., 'm', 's'] => (2, 1e-3),
            [.., 's'] => (1, 1),
            [.., 'm'] => (1, 60),
            [.., 'h'] => (1, 3600),
            _ => (0, 1.0),
        };
        return double.TryParse(number[..^suffix], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
            && value * unit is > 0 and <= 86_400
                ? TimeSpan.FromSeconds(value * unit)
                : throw new CliException($"{option}: '{text}' is not a time such as 20s, 500ms or 2m (at most 24h)");
    }

    private static async Task<int> RunAsync(DemoOptions options, bool json)
    {
        using var signal = new TerminationSignal();
        bool live = !json && AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected;
        var runner = new DemoRunner(options, live ? null : json ? Console.Error : Console.Out, live ? AnsiConsole.Console : null);
        DemoReport report = await runner.RunAsync(signal.Token);
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, CliJson.Default.DemoReport));
        }
        else
        {
            PrintSummary(report);
        }

        return report.Failure is null ? CommandLine.Success : throw new CliException($"demo failed: {report.Failure}");
    }

    private static void PrintSummary(DemoReport report)
    {
        CultureInfo invariant = CultureInfo.InvariantCulture;
        Console.Out.WriteLine(string.Create(invariant, $"{report.Connected} of {report.Nodes} nodes connected by {report.Links} links, {report.Seconds:0.0} s"));
        Console.Out.WriteLine(string.Create(invariant, $"{report.Published} messages published, {report.Delivered} deliveries, {report.Missing} missing, {report.Sent} messages sent"));
        Console.Out.WriteLine($"gossip latency: {report.LatencyMs}");
        if (report.Ok)
        {
            Console.Out.WriteLine("every message reached every node");
        }
    }
}
