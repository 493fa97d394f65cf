using System.CommandLine;
using System.Text.Json;
using DevP2P.Cli.Commands;
using Spectre.Console;

namespace DevP2P.Cli.Attach;

/// <summary><c>devp2p attach top</c>: the node and its peers, live.</summary>
internal static class TopCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(AttachArguments arguments)
    {
        var interval = new Option<string>("--interval") { Description = "How often the node is asked", HelpName = "TIME", DefaultValueFactory = _ => "1s" };
        var count = new Option<int>("--count") { Description = "End after asking so many times", HelpName = "N" };
        var command = new ExampleCommand("top", "The node, its peers and what happens, live; q ends it. With --json a line each time it asks.",
            "devp2p attach top",
            "devp2p attach http://127.0.0.1:8545 top --json --count 1")
        { interval, count };
        command.SetAction(async (parse, _) =>
        {
            TimeSpan pause = DemoCommand.ParseDuration(parse.GetRequiredValue(interval), interval.Name);
            int limit = parse.GetValue(count) is > 0 and var given ? given : int.MaxValue;
            bool json = arguments.Json(parse);
            if (!json && (!AnsiConsole.Profile.Capabilities.Interactive || Console.IsOutputRedirected))
            {
                throw new CliException("top needs a terminal; --json does without");
            }

            using var signal = new TerminationSignal();
            await using RpcClient client = await arguments.ConnectAsync(parse, signal.Token);
            await client.CallAsync("devp2p_subscribe", signal.Token, AttachArguments.Quote("events"));
            if (json)
            {
                await PrintAsync(client, pause, limit, signal.Token);
            }
            else
            {
                await new TopView(client, AnsiConsole.Console).RunAsync(pause, limit, signal.Token);
            }

            return CommandLine.Success;
        });
        return command;
    }

    private static async Task PrintAsync(RpcClient client, TimeSpan pause, int limit, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            JsonElement status = await client.CallAsync("devp2p_status", stop);
            JsonElement peers = await client.CallAsync("devp2p_peers", stop);
            Console.Out.WriteLine($$"""{"status":{{AttachArguments.Compact(status)}},"peers":{{AttachArguments.Compact(peers)}}}""");
            await Console.Out.FlushAsync(CancellationToken.None);
            if (--limit == 0)
            {
                return;
            }

            await Task.Delay(pause, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }
}
