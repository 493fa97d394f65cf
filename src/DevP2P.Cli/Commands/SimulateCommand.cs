using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using System.Text.Json;
using System.Text.Json.Serialization;
using DevP2P.Testing.Discovery;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p simulate discv4</c>, <c>discv5</c> and <c>topics</c>: a network of thousands of nodes, with virtual time.</summary>
internal static class SimulateCommand
{
    private const int MaxNodes = 100_000;

    /// <summary>Makes the command.</summary>
    public static Command Create() => new ExampleCommand("simulate", "Simulate networks in virtual time, without sending anything.",
        "devp2p simulate discv4 --nodes 1000 --seed 7 --for 30m",
        "devp2p simulate discv5 --nodes 200 --wire --for 10m")
    {
        Create(SimulatedProtocol.DiscoveryV4, "discv4", "Simulate discovery v4: how full the tables get, what lookups find, what it costs, and a hash over every event."),
        Create(SimulatedProtocol.DiscoveryV5, "discv5", "Simulate discovery v5.1: how full the tables get, what lookups find, what it costs, and a hash over every event."),
        Create(SimulatedProtocol.LegacyTopics, "topics", "Simulate the topic discovery of go-ethereum 1.8: how many of those who advertise a topic are found, what it costs, and a hash over every event."),
    };

    private static ExampleCommand Create(SimulatedProtocol protocol, string name, string description)
    {
        var nodes = new Option<int>("--nodes") { Description = "Number of nodes", HelpName = "N", DefaultValueFactory = _ => 1000 };
        var seed = new Option<int>("--seed") { Description = "What everything random follows from", HelpName = "N", DefaultValueFactory = _ => 1 };
        var duration = new Option<string>("--for") { Description = "Virtual time, from 1m: 90s, 30m, 1h", HelpName = "TIME", DefaultValueFactory = _ => "30m" };
        var loss = new Option<double>("--loss") { Description = "Part of the datagrams that get lost, 0 to 1", HelpName = "P" };
        var churn = new Option<double>("--churn") { Description = "Part of the nodes that are replaced in 10 minutes, 0 to 10", HelpName = "P" };
        var lookups = new Option<int>("--lookups") { Description = "Lookups to compare with the truth", HelpName = "N", DefaultValueFactory = _ => 200 };
        var wire = new Option<bool>("--wire") { Description = "Real cryptography, as on the wire: for hundreds of nodes" };
        var threads = new Option<int>("--threads") { Description = "Threads, which change nothing but the time it takes; 0 for as many as there are processors", HelpName = "N", DefaultValueFactory = _ => 0 };
        var json = new Option<bool>("--json") { Description = "Print the result as one JSON object on stdout, and progress on stderr" };
        var command = new ExampleCommand(name, description,
            $"devp2p simulate {name}",
            $"devp2p simulate {name} --nodes 10000 --seed 7 --for 30m",
            $"devp2p simulate {name} --nodes 1000 --loss 0.05 --churn 0.2 --json")
        { nodes, seed, duration, loss, churn, lookups, wire, threads, json };

        command.SetAction((parse, cancellation) =>
        {
            var options = new DiscoverySimulationOptions
            {
                Protocol = protocol,
                RealCryptography = parse.GetValue(wire),
                Threads = ClientArguments.InRange(parse, threads, 0, DiscoverySimulationOptions.MaxThreads) is > 0 and int count ? count : null,
                Nodes = ClientArguments.InRange(parse, nodes, 4, MaxNodes),
                Seed = parse.GetValue(seed),
                Duration = ParseDuration(parse.GetRequiredValue(duration)),
                Loss = ClientArguments.InRange(parse, loss, 0, 1),
                Churn = ClientArguments.InRange(parse, churn, 0, 10),
                Lookups = ClientArguments.InRange(parse, lookups, 0, 100_000),
            };
            return Task.FromResult(Run(options, parse.GetValue(json)));
        });
        return command;
    }

    private static TimeSpan ParseDuration(string text)
    {
        TimeSpan duration = DemoCommand.ParseDuration(text);
        return duration >= TimeSpan.FromMinutes(1) ? duration : throw new CliException("--for: at least a minute");
    }

    private static int Run(DiscoverySimulationOptions options, bool json)
    {
        using var signal = new TerminationSignal();
        // Nobody waits for this thread in between: collections need not run beside it.
        GCSettings.LatencyMode = GCLatencyMode.Batch;
        long started = Stopwatch.GetTimestamp();
        TextWriter console = json ? Console.Error : Console.Out;
        DiscoverySimulationReport report = DiscoverySimulation.Run(options, progress =>
        {
            Print(console, $"{progress.Time:hh\\:mm\\:ss}  {progress.LiveNodes} nodes, tables {progress.MeanTableSize:0.0} ({progress.TableFill:0.0%} full), {progress.InitializedNodes} initialized, {progress.Events} events, {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
        }, signal.Token);
        double seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 3);
        using var process = Process.GetCurrentProcess();
        double megabytes = Math.Round(process.PeakWorkingSet64 / 1048576.0, 1);
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(ToJson(options, report, seconds, megabytes), SimulateJson.Default.SimulationJson));
        }
        else
        {
            PrintSummary(options, report, seconds, megabytes);
        }

        return CommandLine.Success;
    }

    private static void PrintSummary(DiscoverySimulationOptions options, DiscoverySimulationReport report, double seconds, double megabytes)
    {
        Print($"nodes:        {options.Nodes}, of them replaced {report.NodesLeft}; seed {options.Seed}, loss {options.Loss}, churn {options.Churn}");
        Print($"tables:       {report.Final.MeanTableSize:0.0} nodes on average, {report.Final.TableFill:0.0%} of full ones");
        Print($"lookups:      {report.Lookups} of {options.Lookups} ended, {report.LookupSuccess:0.00%} of the true closest 16 found, {report.WorstLookupSuccess:0.0%} by the worst");
        Print($"              {report.MeanHops:0.00} hops, {report.MeanQueries:0.0} queries, {report.MeanLookupTime.TotalSeconds:0.00} s on average");
        if (report.Topics is { } topics)
        {
            Print($"topics:       {topics.Advertisers} nodes advertise, {topics.FewestAdvertisers} to {topics.MostAdvertisers} a topic; {topics.RegistrationsSent} registrations sent");
            Print($"searches:     {topics.Searchers} found {topics.MeanFound:0.0%} of them on average, {topics.WorstFound:0.0%} by the worst");
            Print($"held:         {topics.MeanEntries:0.0} entries for others on average, {topics.MostEntries} at most; {topics.MeanTickets:0.0} tickets, {topics.MostTickets} at most");
        }

        Print($"traffic:      {report.PacketsPerNode:0} packets and {report.BytesPerNode:0} bytes sent per node; {report.PacketsLost} of {report.PacketsSent} lost");
        Print($"took:         {seconds:0.0} s, {report.Final.Events} events, {megabytes:0} MiB at most");
        Print($"trace hash:   {report.TraceHash}");
    }

    private static void Print(FormattableString text) => Print(Console.Out, text);

    private static void Print(TextWriter console, FormattableString text) => console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private static SimulationJson ToJson(DiscoverySimulationOptions options, DiscoverySimulationReport report, double seconds, double megabytes) => new(
        options.Nodes,
        options.Seed,
        options.Duration.TotalSeconds,
        options.Loss,
        options.Churn,
        report.NodesJoined,
        report.NodesLeft,
        report.Final.MeanTableSize,
        report.Final.TableFill,
        report.Lookups,
        OrNull(report.LookupSuccess),
        OrNull(report.WorstLookupSuccess),
        OrNull(report.MeanHops),
        OrNull(report.MeanQueries),
        report.MeanLookupTime.TotalSeconds,
        report.Topics is { } topics ? ToJson(topics) : null,
        report.PacketsSent,
        report.PacketsLost,
        report.BytesSent,
        report.PacketsPerNode,
        report.BytesPerNode,
        report.Final.Events,
        report.TraceHash,
        seconds,
        megabytes);

    private static TopicsJson ToJson(TopicSimulationReport topics) => new(
        topics.Advertisers,
        topics.FewestAdvertisers,
        topics.MostAdvertisers,
        topics.RegistrationsSent,
        topics.Searchers,
        OrNull(topics.MeanFound),
        OrNull(topics.WorstFound),
        topics.MeanEntries,
        topics.MostEntries,
        topics.MeanTickets,
        topics.MostTickets);

    /// <summary>JSON has no NaN.</summary>
    private static double? OrNull(double value) => double.IsNaN(value) ? null : value;
}

/// <summary>What <c>devp2p simulate ... --json</c> prints. All but the last two depend on the options alone.</summary>
internal sealed record SimulationJson(
    int Nodes,
    int Seed,
    double VirtualSeconds,
    double Loss,
    double Churn,
    int NodesJoined,
    int NodesLeft,
    double MeanTableSize,
    double TableFill,
    int Lookups,
    double? LookupSuccess,
    double? WorstLookupSuccess,
    double? MeanHops,
    double? MeanQueries,
    double MeanLookupSeconds,
    TopicsJson? Topics,
    long PacketsSent,
    long PacketsLost,
    long BytesSent,
    double PacketsPerNode,
    double BytesPerNode,
    long Events,
    string TraceHash,
    double Seconds,
    double PeakMebibytes);

/// <summary>The part of it that only <c>devp2p simulate topics</c> has.</summary>
internal sealed record TopicsJson(
    int Advertisers,
    int FewestAdvertisers,
    int MostAdvertisers,
    long RegistrationsSent,
    int Searchers,
    double? MeanFound,
    double? WorstFound,
    double MeanEntries,
    int MostEntries,
    double MeanTickets,
    int MostTickets);

/// <summary>Generated at compile time, as <see cref="CliJson"/>.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SimulationJson))]
internal sealed partial class SimulateJson : JsonSerializerContext;
