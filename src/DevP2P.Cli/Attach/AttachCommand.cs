using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DevP2P.Cli.Commands;

namespace DevP2P.Cli.Attach;

/// <summary><c>devp2p attach</c>: the admin API of a running node, from a terminal.</summary>
internal static class AttachCommand
{
    private const int MaxDials = 1000;

    /// <summary>Makes the command with all below it.</summary>
    public static Command Create()
    {
        var arguments = new AttachArguments();
        var command = new ExampleCommand("attach",
            "Look into a running node and steer it (devp2p run --ipc or --http; the methods are in docs/admin-api.md).",
            "devp2p attach info",
            "devp2p attach peers --json",
            "devp2p attach http://127.0.0.1:8545 add enode://<key>@127.0.0.1:30303",
            "devp2p attach /var/lib/devp2p/devp2p.ipc events --follow",
            "devp2p attach http://192.0.2.7:8545 --token-file token top",
            "devp2p attach call admin_nodeInfo")
        {
            Query(arguments, "info", "What the node is and how it is", "devp2p_status", AttachText.Info),
            Query(arguments, "peers", "The connected peers", "devp2p_peers", AttachText.Peers),
            CreateAdd(arguments),
            CreateRemove(arguments),
            CreateTrust(arguments),
            CreateBan(arguments),
            CreateUnban(arguments),
            Query(arguments, "bans", "The nodes that are kept out", "devp2p_bans", AttachText.Bans),
            CreateDials(arguments),
            CreateTable(arguments),
            EventsCommand.Create(arguments),
            TopCommand.Create(arguments),
            CreateCall(arguments),
        };
        arguments.AddTo(command);
        return command;
    }

    private static ExampleCommand Query(AttachArguments arguments, string name, string description, string method, Action<JsonElement, TextWriter> print)
    {
        var command = new ExampleCommand(name, description + ".", $"devp2p attach {name}", $"devp2p attach http://127.0.0.1:8545 {name} --json");
        command.SetAction(async (parse, _) =>
        {
            await arguments.CallAsync(parse, method, [], print);
            return CommandLine.Success;
        });
        return command;
    }

    private static ExampleCommand CreateAdd(AttachArguments arguments)
    {
        var node = new Argument<string>("ENODE") { Description = "The node's enode URL or record" };
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait for the outcome of the first attempt" };
        var command = new ExampleCommand("add", "Connect to a node and keep it connected; says how the first attempt ended.",
            "devp2p attach add enode://<key>@127.0.0.1:30303",
            "devp2p attach add enr:-IS4Q... --no-wait")
        { node, noWait };
        command.SetAction(async (parse, _) =>
        {
            string[] parameters = [AttachArguments.Quote(parse.GetRequiredValue(node))];
            if (parse.GetValue(noWait))
            {
                await arguments.CallAsync(parse, "admin_addPeer", parameters, (_, output) => output.WriteLine("added"));
                return CommandLine.Success;
            }

            JsonElement dial = await arguments.CallAsync(parse, "devp2p_connect", parameters, (result, output) => output.WriteLine(AttachText.Dial(result)));
            return dial.GetProperty("succeeded").GetBoolean()
                ? CommandLine.Success
                : throw new CliException($"not connected: {dial.GetProperty("reason").GetString()}; the node goes on trying");
        });
        return command;
    }

    private static ExampleCommand CreateRemove(AttachArguments arguments)
    {
        Argument<string> node = NodeArgument();
        var command = new ExampleCommand("remove", "Disconnect a node and no longer dial it; for a minute it is not let in either.",
            "devp2p attach remove 7ce01e412463ec38cc3356c26664c3f7965534707971112b0e70729251cf8c2b",
            "devp2p attach remove enode://<key>@127.0.0.1:30303")
        { node };
        command.SetAction(async (parse, _) =>
        {
            await arguments.CallAsync(parse, "devp2p_disconnect", [AttachArguments.Quote(parse.GetRequiredValue(node))],
                (result, output) => output.WriteLine(result.GetBoolean() ? "disconnected" : "removed; it was not connected"));
            return CommandLine.Success;
        });
        return command;
    }

    private static ExampleCommand CreateTrust(AttachArguments arguments)
    {
        var node = new Argument<string>("ENODE") { Description = "The node's enode URL or record" };
        var off = new Option<bool>("--off") { Description = "Take the privilege away" };
        var command = new ExampleCommand("trust", "Let a node connect at any time, whatever the limits.",
            "devp2p attach trust enode://<key>@127.0.0.1:30303",
            "devp2p attach trust enode://<key>@127.0.0.1:30303 --off")
        { node, off };
        command.SetAction(async (parse, _) =>
        {
            bool isOff = parse.GetValue(off);
            await arguments.CallAsync(parse, isOff ? "admin_removeTrustedPeer" : "admin_addTrustedPeer",
                [AttachArguments.Quote(parse.GetRequiredValue(node))], (_, output) => output.WriteLine(isOff ? "no longer trusted" : "trusted"));
            return CommandLine.Success;
        });
        return command;
    }

    private static ExampleCommand CreateBan(AttachArguments arguments)
    {
        Argument<string> node = NodeArgument();
        var time = new Option<string?>("--for") { Description = "For this time, such as 30m or 12h; for good if left out", HelpName = "TIME" };
        var reason = new Option<string>("--reason") { Description = "Kept with the ban", HelpName = "TEXT", DefaultValueFactory = _ => "" };
        var command = new ExampleCommand("ban", "Keep a node out and do not dial it.",
            "devp2p attach ban 7ce01e412463ec38cc3356c26664c3f7965534707971112b0e70729251cf8c2b --for 12h --reason 'sends rubbish'",
            "devp2p attach ban enode://<key>@127.0.0.1:30303")
        { node, time, reason };
        command.SetAction(async (parse, _) =>
        {
            string seconds = parse.GetValue(time) is { } text
                ? DemoCommand.ParseDuration(text).TotalSeconds.ToString(CultureInfo.InvariantCulture)
                : "null";
            await arguments.CallAsync(parse, "devp2p_banPeer",
                [AttachArguments.Quote(parse.GetRequiredValue(node)), seconds, AttachArguments.Quote(parse.GetValue(reason)!)],
                (result, output) => output.WriteLine(AttachText.Ban(result)));
            return CommandLine.Success;
        });
        return command;
    }

    private static ExampleCommand CreateUnban(AttachArguments arguments)
    {
        Argument<string> node = NodeArgument();
        var command = new ExampleCommand("unban", "End a node's ban.",
            "devp2p attach unban 7ce01e412463ec38cc3356c26664c3f7965534707971112b0e70729251cf8c2b")
        { node };
        command.SetAction(async (parse, _) =>
        {
            await arguments.CallAsync(parse, "devp2p_unbanPeer", [AttachArguments.Quote(parse.GetRequiredValue(node))],
                (result, output) => output.WriteLine(result.GetBoolean() ? "no longer banned" : "it was not banned"));
            return CommandLine.Success;
        });
        return command;
    }

    private static ExampleCommand CreateDials(AttachArguments arguments)
    {
        var node = new Argument<string?>("NODE") { Description = "Only those of this node: its id, enode URL or record", Arity = ArgumentArity.ZeroOrOne };
        var count = new Option<int>("--count") { Description = "How many at most", HelpName = "N", DefaultValueFactory = _ => 20 };
        var command = new ExampleCommand("dials", "The latest attempts to reach nodes, with how far they came and why they ended.",
            "devp2p attach dials",
            "devp2p attach dials enode://<key>@127.0.0.1:30303 --count 5")
        { node, count };
        command.SetAction(async (parse, _) =>
        {
            string id = parse.GetValue(node) is { } text ? AttachArguments.Quote(text) : "null";
            string limit = ClientArguments.InRange(parse, count, 1, MaxDials).ToString(CultureInfo.InvariantCulture);
            await arguments.CallAsync(parse, "devp2p_dialHistory", [id, limit], AttachText.Dials);
            return CommandLine.Success;
        });
        return command;
    }

    private static ExampleCommand CreateTable(AttachArguments arguments)
    {
        var version = new Argument<string>("VERSION") { Description = "v4, v5 or legacy", DefaultValueFactory = _ => "v4" };
        var command = new ExampleCommand("table", "Discovery's routing table, bucket by bucket.",
            "devp2p attach table",
            "devp2p attach table v5 --json")
        { version };
        command.SetAction(async (parse, _) =>
        {
            await arguments.CallAsync(parse, "devp2p_table", [AttachArguments.Quote(parse.GetRequiredValue(version))], AttachText.Table);
            return CommandLine.Success;
        });
        return command;
    }

    private static ExampleCommand CreateCall(AttachArguments arguments)
    {
        var method = new Argument<string>("METHOD") { Description = "The method's name" };
        var parameters = new Argument<string[]>("PARAMS")
        {
            Description = "Its parameters, each as JSON; what is not JSON is a text",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var command = new ExampleCommand("call", "Call any method and print its result.",
            "devp2p attach call admin_nodeInfo",
            "devp2p attach call devp2p_lookup v5",
            "devp2p attach call devp2p_setLimits '{\"maxPeers\":50}'")
        { method, parameters };
        command.SetAction(async (parse, _) =>
        {
            await arguments.CallAsync(parse, parse.GetRequiredValue(method), [.. (parse.GetValue(parameters) ?? []).Select(ToJson)],
                (result, output) => output.WriteLine(AttachText.Indented(result)));
            return CommandLine.Success;
        });
        return command;
    }

    private static Argument<string> NodeArgument() => new("NODE") { Description = "The node's id, enode URL or record" };

    private static string ToJson(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return text;
        }
        catch (JsonException)
        {
            return AttachArguments.Quote(text);
        }
    }
}
