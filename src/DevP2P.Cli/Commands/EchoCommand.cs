using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;
using DevP2P.Crypto;
using DevP2P.Dialing;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p echo ENODE</c>: measures round trips to a node that serves the test protocol.</summary>
internal static class EchoCommand
{
    /// <summary>The largest echoed payload whose snappy form still fits a message whatever its bytes are.</summary>
    private const int MaxSize = EchoProtocol.MaxGeneratedSize;

    private const int MaxWindow = 65_536;

    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var arguments = new ClientArguments();
        var count = new Option<long>("--count") { Description = "Number of round trips", HelpName = "N", DefaultValueFactory = _ => 1000 };
        var size = new Option<int>("--size") { Description = "Payload bytes of each message", HelpName = "BYTES", DefaultValueFactory = _ => 32 };
        var window = new Option<int>("--window") { Description = "Messages under way at once", HelpName = "N", DefaultValueFactory = _ => 1 };
        var command = new ExampleCommand("echo", "Send messages to a node that serves the test protocol 'echo', and check what comes back.",
            "devp2p echo enode://<key>@127.0.0.1:30303",
            "devp2p echo enode://<key>@127.0.0.1:30303 --count 100000 --size 1024 --window 64 --json");
        arguments.AddTo(command);
        command.Add(count);
        command.Add(size);
        command.Add(window);
        command.SetAction((parse, _) => RunAsync(
            arguments.Node(parse),
            arguments.Key(parse),
            ClientArguments.InRange(parse, size, 0, MaxSize),
            new EchoClient(
                ClientArguments.InRange(parse, count, 1, long.MaxValue),
                ClientArguments.InRange(parse, size, 0, MaxSize),
                ClientArguments.InRange(parse, window, 1, MaxWindow)),
            arguments.Json(parse)));
        return command;
    }

    private static async Task<int> RunAsync(Node node, PrivateKey key, int size, EchoClient client, bool json)
    {
        using var signal = new TerminationSignal();
        var finished = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var protocol = new Protocol
        {
            Name = EchoProtocol.Name,
            Version = EchoProtocol.Version,
            Length = EchoProtocol.Length,
            RunAsync = async (_, stream, cancellationToken) =>
            {
                try
                {
                    using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, signal.Token);
                    await client.RunAsync(stream, stop.Token);
                    finished.TrySetResult();
                }
                catch (Exception e)
                {
                    finished.TrySetException(e);
                    throw;
                }
            },
        };
        await using var server = new Server(new ServerOptions
        {
            PrivateKey = key,
            Name = NodeConfig.DefaultName(null),
            MaxPeers = 1,
            NoDiscovery = true,
            ListenAddress = null,
            Protocols = [protocol],
        });
        await server.StartAsync(signal.Token);
        DialAttempt attempt = await server.AddPeerAsync(node, signal.Token);
        if (!attempt.Succeeded)
        {
            throw new CliException($"cannot reach the node: {LogText.NameOf(attempt.Stage)}: {attempt.Reason}");
        }

        string? error = null;
        try
        {
            await finished.Task;
        }
        catch (Exception e)
        {
            error = e is OperationCanceledException ? "interrupted" : LogText.Escape(LogText.Describe(e));
        }

        await server.StopAsync();
        EchoReport report = Report(client.Result, size, error);
        Print(report, json);
        return report is { Error: null, Wrong: 0 } ? CommandLine.Success : CommandLine.Failure;
    }

    private static EchoReport Report(EchoResult result, int size, string? error)
    {
        double seconds = Math.Max(result.Elapsed.TotalSeconds, 1e-9);
        double perSecond = result.Answered / seconds;
        return new EchoReport(
            result.Answered, result.Wrong, size, Math.Round(seconds, 6), Math.Round(perSecond, 1), Math.Round(perSecond * size / 1e6, 3),
            LatencyReport.From(result.Latencies), error);
    }

    private static void Print(EchoReport report, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, CliJson.Default.EchoReport));
            return;
        }

        CultureInfo invariant = CultureInfo.InvariantCulture;
        Console.Out.WriteLine(string.Create(invariant,
            $"{report.RoundTrips} round trips of {report.Size} bytes in {report.Seconds:0.000} s: {report.PerSecond:0} a second, {report.MegabytesPerSecond:0.00} MB/s each way"));
        Console.Out.WriteLine($"latency: {report.LatencyMs}");
        Console.Out.WriteLine($"errors:  {report.Wrong} wrong answers");
        if (report.Error is not null)
        {
            Console.Error.WriteLine($"devp2p: ended early: {report.Error}");
        }
    }
}
