using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DevP2P.Cli.Bench;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p bench</c>: what whole paths cost, between two processes over loopback.</summary>
internal static class BenchCommand
{
    /// <summary>What moves less than this between two measurements is noise.</summary>
    private const double Noise = 0.15;

    private const int MaxRuns = 99;
    private const int MaxParallel = 32;

    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var shared = new SharedOptions();
        var command = new ExampleCommand("bench",
            "Measure what messages, handshakes, datagrams and idle peers cost: CPU time of each side, as the operating system counts it, and its ratio to one "
                + "primitive measured in the same run. Between two processes on this machine, over 127.0.0.1.",
            "devp2p bench all --check-goals bench/goals.json",
            "devp2p bench rlpx --size 32 --size 1024 --runs 5 --json");
        command.Add(Rlpx(shared));
        command.Add(Echo(shared));
        command.Add(Handshake(shared));
        command.Add(Broadcast(shared));
        command.Add(Inbound(shared));
        command.Add(Discv4(shared));
        command.Add(Discv5(shared));
        command.Add(Packets(shared));
        command.Add(Peers(shared));
        command.Add(Crowd(shared));
        command.Add(Start(shared));
        command.Add(All(shared));
        return command;
    }

    private static ExampleCommand Rlpx(SharedOptions shared)
    {
        var sizes = new Option<int[]>("--size") { Description = "Payload bytes; may be given several times (default: 32 bytes to 1 MiB)", HelpName = "BYTES" };
        var kind = new Option<PayloadKind>("--payload") { Description = "What messages say: random, half (half of it compressible) or text", DefaultValueFactory = _ => PayloadKind.Random };
        var target = new TargetOptions();
        var command = new ExampleCommand("rlpx", "One-way messages over one connection: CPU time of both ends for a message.",
            "devp2p bench rlpx --size 32 --size 131072", "devp2p bench rlpx --target enode://<key>@127.0.0.1:30303 --target-pid 4711") { sizes, kind };
        target.AddTo(command);
        return shared.Finish(command, parse => [.. (parse.GetValue(sizes) is { Length: > 0 } chosen ? chosen : BenchPlan.Sizes).Select(size => BenchPlan.Rlpx(
            size is >= 1 and <= EchoProtocol.MaxGeneratedSize ? size : throw new CliException($"--size: {size} is not between 1 and {EchoProtocol.MaxGeneratedSize}"),
            parse.GetValue(kind), shared.Time(parse), target.Get(parse)))]);
    }

    private static ExampleCommand Echo(SharedOptions shared)
    {
        var size = new Option<int>("--size") { Description = "Payload bytes", HelpName = "BYTES", DefaultValueFactory = _ => BenchPlan.EchoSize };
        var target = new TargetOptions();
        var command = new ExampleCommand("echo", "Round trips over one connection, one at a time: how long one takes.", "devp2p bench echo", "devp2p bench echo --size 1024") { size };
        target.AddTo(command);
        return shared.Finish(command, parse => [BenchPlan.Echo(ClientArguments.InRange(parse, size, 1, EchoProtocol.MaxGeneratedSize), shared.Time(parse), target.Get(parse))]);
    }

    private static ExampleCommand Handshake(SharedOptions shared)
    {
        var count = new Option<int>("--count") { Description = "Connections in a run", HelpName = "N", DefaultValueFactory = _ => BenchPlan.Handshakes };
        var atOnce = new Option<int[]>("--parallel") { Description = "How many are under way at a time; may be given several times (default: 1 and 8)", HelpName = "N" };
        var target = new TargetOptions();
        var command = new ExampleCommand("handshake", "Connections, until the node is a peer on both sides: CPU time of both ends.",
            "devp2p bench handshake", "devp2p bench handshake --parallel 16 --count 1000") { count, atOnce };
        target.AddTo(command);
        return shared.Finish(command, parse => [.. (parse.GetValue(atOnce) is { Length: > 0 } chosen ? chosen : BenchPlan.HandshakesAtOnce).Select(n => BenchPlan.Handshake(
            ClientArguments.InRange(parse, count, 10, 5000), n is >= 1 and <= MaxParallel ? n : throw new CliException($"--parallel: {n} is not between 1 and {MaxParallel}"),
            target.Get(parse)))]);
    }

    private static ExampleCommand Broadcast(SharedOptions shared)
    {
        var peers = new Option<int>("--peers") { Description = "How many take each message", HelpName = "N", DefaultValueFactory = _ => BenchPlan.BroadcastPeers };
        var size = new Option<int>("--size") { Description = "Payload bytes", HelpName = "BYTES", DefaultValueFactory = _ => BenchPlan.BroadcastSize };
        var kind = new Option<PayloadKind>("--payload") { Description = "What messages say: random, half or text", DefaultValueFactory = _ => PayloadKind.Random };
        var command = new ExampleCommand("broadcast", "One node to many: the sender's CPU time for a message and peer, as a part of what it is for one peer.",
            "devp2p bench broadcast", "devp2p bench broadcast --peers 64 --size 131072") { peers, size, kind };
        return shared.Finish(command, parse => [BenchPlan.Broadcast(
            ClientArguments.InRange(parse, peers, 1, 1000), ClientArguments.InRange(parse, size, 1, EchoProtocol.MaxGeneratedSize), parse.GetValue(kind), shared.Time(parse))]);
    }

    private static ExampleCommand Inbound(SharedOptions shared)
    {
        var peers = new Option<int>("--peers") { Description = "How many send at a time", HelpName = "N", DefaultValueFactory = _ => BenchPlan.InboundPeers };
        var size = new Option<int>("--size") { Description = "Payload bytes", HelpName = "BYTES", DefaultValueFactory = _ => BenchPlan.InboundSize };
        var kind = new Option<PayloadKind>("--payload") { Description = "What messages say: random, half or text", DefaultValueFactory = _ => PayloadKind.Random };
        var command = new ExampleCommand("inbound", "Many nodes that send to one: the receiver's CPU time for a message, as a part of what it is from one peer.",
            "devp2p bench inbound", "devp2p bench inbound --peers 64 --size 131072") { peers, size, kind };
        return shared.Finish(command, parse => [BenchPlan.Inbound(
            ClientArguments.InRange(parse, peers, 1, 1000), ClientArguments.InRange(parse, size, 1, EchoProtocol.MaxGeneratedSize), parse.GetValue(kind), shared.Time(parse))]);
    }

    private static ExampleCommand Discv4(SharedOptions shared) => shared.Finish(
        new ExampleCommand("discv4", "Pings and questions for nodes of discovery v4: CPU time of the node that answers.", "devp2p bench discv4"),
        static _ => [BenchPlan.Discv4(findNode: false), BenchPlan.Discv4(findNode: true)]);

    private static ExampleCommand Discv5(SharedOptions shared) => shared.Finish(
        new ExampleCommand("discv5", "Pings of discovery v5.1 in 8 sessions: CPU time of the node that answers.", "devp2p bench discv5 --time 2s"),
        parse => [BenchPlan.Discv5(shared.Time(parse))]);

    private static ExampleCommand Packets(SharedOptions shared) => shared.Finish(
        new ExampleCommand("packets", $"Packets of discovery v5.1 with {PacketBench.MessageSize} bytes in a session, encoded and decoded in this process.", "devp2p bench packets"),
        parse => [BenchPlan.Packets(shared.Time(parse))]);

    private static ExampleCommand Start(SharedOptions shared) => shared.Finish(
        new ExampleCommand("start", "Cold starts of 'devp2p run', as this very program, until it listens: time and memory.", "devp2p bench start --runs 5"),
        static _ => [BenchPlan.Start()]);

    private static ExampleCommand Crowd(SharedOptions shared)
    {
        var counts = new Option<int[]>("--count") { Description = "Peers in all; may be given several times (default: 1 to 10000)", HelpName = "N" };
        var size = new Option<int>("--size") { Description = "Payload bytes", HelpName = "BYTES", DefaultValueFactory = _ => BenchPlan.EchoSize };
        var command = new ExampleCommand("crowd", "One-way messages of one peer among others that say nothing: CPU time of both ends for a message.",
            "devp2p bench crowd --count 1 --count 1000") { counts, size };
        return shared.Finish(command, parse => [.. (parse.GetValue(counts) is { Length: > 0 } chosen ? chosen : BenchPlan.Crowds).Select(count => BenchPlan.Crowd(
            count is >= 1 and <= Fleet.MaxPeers ? count : throw new CliException($"--count: {count} is not between 1 and {Fleet.MaxPeers}"),
            ClientArguments.InRange(parse, size, 1, EchoProtocol.MaxGeneratedSize), shared.Time(parse)))]);
    }

    private static ExampleCommand Peers(SharedOptions shared)
    {
        var count = new Option<int>("--count") { Description = "How many", HelpName = "N", DefaultValueFactory = _ => BenchPlan.Peers };
        var command = new ExampleCommand("peers", "Idle peers of one server, all of which answer afterwards: memory of one, and CPU time of one in a second.",
            "devp2p bench peers --count 1000 --time 30s --runs 1") { count };
        return shared.Finish(command, parse => [BenchPlan.IdlePeers(ClientArguments.InRange(parse, count, 1, Fleet.MaxPeers - 10), shared.Time(parse, BenchPlan.PeersTime))]);
    }

    private static ExampleCommand All(SharedOptions shared) => shared.Finish(
        new ExampleCommand("all", "All of them, each as it is without options, but crowd.", "devp2p bench all --runs 5 --check-goals bench/goals.json"),
        parse =>
        {
            TimeSpan time = shared.Time(parse);
            return
            [
                .. BenchPlan.Sizes.Select(size => BenchPlan.Rlpx(size, PayloadKind.Random, time, BenchTarget.StartAsync)),
                BenchPlan.Broadcast(BenchPlan.BroadcastPeers, BenchPlan.BroadcastSize, PayloadKind.Random, time),
                BenchPlan.Inbound(BenchPlan.InboundPeers, BenchPlan.InboundSize, PayloadKind.Random, time),
                BenchPlan.Echo(BenchPlan.EchoSize, time, BenchTarget.StartAsync),
                .. BenchPlan.HandshakesAtOnce.Select(n => BenchPlan.Handshake(BenchPlan.Handshakes, n, BenchTarget.StartAsync)),
                BenchPlan.Discv4(findNode: false),
                BenchPlan.Discv4(findNode: true),
                BenchPlan.Discv5(time),
                BenchPlan.Packets(time),
                BenchPlan.Start(),
                BenchPlan.IdlePeers(BenchPlan.Peers, shared.Time(parse, BenchPlan.PeersTime)),
            ];
        });

    /// <summary>What the other end is.</summary>
    private sealed class TargetOptions
    {
        private readonly Option<string> _target = new("--target") { Description = "Aim at this node, which speaks echo/1, instead of one of ours", HelpName = "ENODE" };
        private readonly Option<int?> _process = new("--target-pid") { Description = "The target's process on this machine: its CPU time counts, too", HelpName = "PID" };

        public void AddTo(Command command)
        {
            command.Add(_target);
            command.Add(_process);
        }

        public Func<Task<BenchTarget>> Get(ParseResult parse)
        {
            int? process = parse.GetValue(_process);
            if (parse.GetValue(_target) is not { } text)
            {
                return process is null ? BenchTarget.StartAsync : throw new CliException("--target-pid: there is no --target");
            }

            return Node.TryParse(text, out Node? node, out string? error)
                ? () => Task.FromResult(BenchTarget.At(node, process))
                : throw new CliException($"--target: '{text}' is not a node: {error}");
        }
    }

    /// <summary>How often, how long, and what becomes of the results.</summary>
    private sealed class SharedOptions
    {
        private readonly Option<int> _runs = new("--runs") { Description = "Runs of each, of which the median counts", HelpName = "N", DefaultValueFactory = _ => 3 };
        private readonly Option<string> _time = new("--time") { Description = "Time of each run that has no count, after a quarter of it to warm up; of idle peers usually 15s, and as much to warm up", HelpName = "TIME", DefaultValueFactory = _ => "2s" };
        private readonly Option<string> _goals = new("--check-goals") { Description = "Fail if a ratio is above the one in this file", HelpName = "FILE" };
        private readonly Option<string> _compare = new("--compare") { Description = "Say what moved since the ratios in this file were saved", HelpName = "FILE" };
        private readonly Option<string> _save = new("--save") { Description = "Save the ratios to this file", HelpName = "FILE" };
        private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object a line on stdout, and progress on stderr" };

        /// <summary>What was asked for, or what is usual for a scenario.</summary>
        public TimeSpan Time(ParseResult parse, TimeSpan usual) => parse.GetResult(_time) is { Implicit: false } ? Time(parse) : usual;

        public TimeSpan Time(ParseResult parse) => DemoCommand.ParseDuration(parse.GetRequiredValue(_time), "--time");

        public ExampleCommand Finish(ExampleCommand command, Func<ParseResult, BenchScenario[]> scenarios)
        {
            command.Add(_runs);
            command.Add(_time);
            command.Add(_goals);
            command.Add(_compare);
            command.Add(_save);
            command.Add(_json);
            command.SetAction((parse, _) => RunAsync(parse, scenarios(parse)));
            return command;
        }

        private async Task<int> RunAsync(ParseResult parse, BenchScenario[] scenarios)
        {
            int runs = ClientArguments.InRange(parse, _runs, 1, MaxRuns);
            bool json = parse.GetValue(_json);
            IReadOnlyDictionary<string, double>? goals = parse.GetValue(_goals) is { } goalFile ? BenchFiles.Read(goalFile) : null;
            IReadOnlyDictionary<string, double>? before = parse.GetValue(_compare) is { } baseline ? BenchFiles.Read(baseline) : null;
            using var signal = new TerminationSignal();
            var results = new List<BenchResult>();
            if (!json)
            {
                Console.Out.WriteLine(BenchTable.Head);
            }

            foreach (BenchScenario scenario in scenarios)
            {
                foreach (BenchResult result in await MeasureAsync(scenario, runs, signal.Token))
                {
                    results.Add(result);
                    double? goal = goals is not null && goals.TryGetValue(result.Name, out double most) ? most : null;
                    double? last = before is not null && before.TryGetValue(result.Name, out double ratio) ? ratio : null;
                    Console.Out.WriteLine(json
                        ? JsonSerializer.Serialize(BenchReport.From(result, goal), CliJson.Default.BenchReport)
                        : BenchTable.Row(BenchReport.From(result, goal), last, Noise));
                }
            }

            if (parse.GetValue(_save) is { } path)
            {
                BenchFiles.Write(path, results);
            }

            string[] missed = [.. results.Where(r => goals is not null && goals.TryGetValue(r.Name, out double goal) && r.Ratio > goal).Select(r => r.Name)];
            return missed.Length == 0 ? CommandLine.Success : throw new CliException($"missed goals: {string.Join(", ", missed)}");
        }

        private static async Task<IEnumerable<BenchResult>> MeasureAsync(BenchScenario scenario, int runs, CancellationToken cancellationToken)
        {
            var all = new List<(BenchRun[] Runs, References References)>();
            for (int i = 0; i < runs; i++)
            {
                await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"devp2p bench: {string.Join(", ", scenario.Names)}: run {i + 1} of {runs} ..."));
                References before = References.Measure();
                BenchRun[] run = await scenario.RunAsync(cancellationToken);
                all.Add((run, References.Mean(before, References.Measure())));
            }

            return scenario.Names.Select((name, i) => new BenchResult(name, scenario.Units[i], [.. all.Select(a => (a.Runs[i], a.References))]));
        }
    }
}
