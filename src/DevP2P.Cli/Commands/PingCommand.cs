using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DevP2P.Cli.Configuration;
using DevP2P.Cli.Logging;
using DevP2P.Crypto;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p ping ENODE</c>: is there a node, who is it, how far away, and if it shows us the door, why.</summary>
internal static class PingCommand
{
    private const int MaxCount = 1_000_000;

    /// <summary>Dial and both handshakes; the limits of each are shorter.</summary>
    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(25);

    private static readonly TimeSpan s_pingTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// A node that shares nothing with us leaves at once as "useless peer". With what most nodes of the family speak it
    /// stays for the seconds that a few pings take.
    /// </summary>
    private static readonly string[] s_defaultCapabilities = ["echo/1", "eth/63", "eth/68", "eth/69"];

    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var arguments = new ClientArguments();
        var count = new Option<int>("--count") { Description = "Number of pings", HelpName = "N", DefaultValueFactory = _ => 3 };
        var capability = new Option<string[]>("--cap")
        {
            Description = $"Claim this capability; may be repeated [default: {string.Join(", ", s_defaultCapabilities)}]",
            HelpName = "NAME/VERSION",
        };
        var command = new ExampleCommand("ping", "Connect to a node, show what it says about itself, and measure round trips.",
            "devp2p ping enode://<key>@127.0.0.1:30303",
            "devp2p ping enode://<key>@127.0.0.1:30303 --count 10 --cap eth/68 --json");
        arguments.AddTo(command);
        command.Add(count);
        command.Add(capability);
        command.SetAction((parse, _) =>
        {
            string[] names = parse.GetValue(capability) is { Length: > 0 } given ? given : s_defaultCapabilities;
            return RunAsync(
                arguments.Node(parse),
                arguments.Key(parse),
                [.. names.Select(ParseCapability)],
                ClientArguments.InRange(parse, count, 0, MaxCount),
                arguments.Json(parse));
        });
        return command;
    }

    private static Capability ParseCapability(string text)
    {
        int slash = text.LastIndexOf('/');
        return slash > 0 && uint.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out uint version)
            ? new Capability(text[..slash], version)
            : throw new CliException($"--cap: '{text}' is not a capability such as eth/68");
    }

    private static async Task<int> RunAsync(Node node, PrivateKey key, IReadOnlyList<Capability> capabilities, int count, bool json)
    {
        using var signal = new TerminationSignal();
        HelloReport? hello = null;
        var roundTrips = new List<double>();
        var latencies = new Latencies();
        string? error = null;
        string? disconnect = null;
        long started = Stopwatch.GetTimestamp();
        double connectMs = 0;
        try
        {
            using var connecting = CancellationTokenSource.CreateLinkedTokenSource(signal.Token);
            connecting.CancelAfter(s_connectTimeout);
            await using RlpxProbe probe = await RlpxProbe.ConnectAsync(node, key, capabilities, NodeConfig.DefaultName(null), connecting.Token);
            connectMs = LatencyReport.Milliseconds(Stopwatch.GetElapsedTime(started));
            hello = HelloReport.From(probe.RemoteHello);
            if (!json)
            {
                PrintHello(hello, connectMs);
            }

            for (int i = 0; i < count; i++)
            {
                using var timeout = CancellationTokenSource.CreateLinkedTokenSource(signal.Token);
                timeout.CancelAfter(s_pingTimeout);
                TimeSpan time = await probe.PingAsync(timeout.Token);
                latencies.Record(time);
                roundTrips.Add(LatencyReport.Milliseconds(time));
                if (!json)
                {
                    Console.Out.WriteLine($"ping {i + 1}: {LogText.FormatDuration(time)}");
                }

                if (i + 1 < count)
                {
                    await Task.Delay(s_pause, signal.Token);
                }
            }

            await probe.DisconnectAsync(DisconnectReason.Requested);
        }
        catch (PeerDisconnectedException e)
        {
            disconnect = $"{e.Reason.ToText()} (0x{(byte)e.Reason:x2})";
            error = (e.IsRemote ? "the node disconnected: " : "disconnected: ") + disconnect;
        }
        catch (OperationCanceledException)
        {
            error = signal.Token.IsCancellationRequested ? "interrupted" : "the node does not answer";
        }
        catch (Exception e) when (e is P2PException or IOException or System.Net.Sockets.SocketException or ArgumentException)
        {
            error = LogText.Escape(LogText.Describe(e));
        }

        if (json)
        {
            var report = new PingReport(node.ToString(), hello, connectMs, roundTrips, disconnect, error);
            Console.Out.WriteLine(JsonSerializer.Serialize(report, CliJson.Default.PingReport));
        }
        else if (latencies.Count > 1)
        {
            Console.Out.WriteLine($"{latencies.Count} pings: {LatencyReport.From(latencies)}");
        }

        if (error is not null)
        {
            throw new CliException(error);
        }

        return CommandLine.Success;
    }

    private static void PrintHello(HelloReport hello, double connectMs)
    {
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"connected in {connectMs:0.0} ms"));
        Console.Out.WriteLine($"client:       {LogText.Escape(hello.Name)}");
        Console.Out.WriteLine($"node id:      {hello.Id}");
        Console.Out.WriteLine($"p2p version:  {hello.Version}");
        Console.Out.WriteLine($"capabilities: {(hello.Capabilities.Count == 0 ? "none" : LogText.Escape(string.Join(", ", hello.Capabilities)))}");
        Console.Out.WriteLine($"listen port:  {(hello.ListenPort == 0 ? "not given" : hello.ListenPort)}");
    }
}
