using System.CommandLine;
using System.Text.Json;

namespace DevP2P.Cli.Attach;

/// <summary><c>devp2p attach events</c>: what happens to the node, as it happens.</summary>
internal static class EventsCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(AttachArguments arguments)
    {
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until Ctrl-C, or until the node ends; without it, end after the first event" };
        var count = new Option<int>("--count") { Description = "End after so many events", HelpName = "N" };
        var command = new ExampleCommand("events", "Peers that come and go, dials with their outcome, and changes, as they happen.",
            "devp2p attach events --follow",
            "devp2p attach events --count 10 --json")
        { follow, count };
        command.SetAction(async (parse, _) =>
        {
            int limit = parse.GetValue(count) is > 0 and var given ? given : parse.GetValue(follow) ? int.MaxValue : 1;
            using var signal = new TerminationSignal();
            await using RpcClient client = await arguments.ConnectAsync(parse, signal.Token);
            await client.CallAsync("devp2p_subscribe", signal.Token, AttachArguments.Quote("events"));
            return await PrintAsync(client, limit, arguments.Json(parse), signal.Token);
        });
        return command;
    }

    private static async Task<int> PrintAsync(RpcClient client, int limit, bool json, CancellationToken stop)
    {
        try
        {
            await foreach (JsonElement e in client.Events.WithCancellation(stop))
            {
                Console.Out.WriteLine(json ? AttachArguments.Compact(e) : AttachText.Event(e));
                await Console.Out.FlushAsync(CancellationToken.None);
                if (--limit == 0)
                {
                    return CommandLine.Success;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return CommandLine.Success;
        }

        throw new CliException($"{client.Target}: the connection has ended");
    }
}
