using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using DevP2P.Cli.Logging;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Cli.Commands;

/// <summary><c>devp2p discv5 ...</c>: asks nodes by discovery v5.1, or listens, without a server.</summary>
internal static class Discv5Command
{
    /// <summary>Of one talk message, all characters escaped.</summary>
    private const int MaxTextLength = 16 * DiscoveryV5.MaxTalkResponseSize;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Makes the command.</summary>
    public static Command Create() =>
        new ExampleCommand("discv5", "Ask nodes by discovery v5.1, or listen to them.",
            "devp2p discv5 ping enr:-IS4Q...",
            "devp2p discv5 listen --listen 127.0.0.1:30303 --echo test")
        {
            DiscoveryCommands.CreatePing(DiscoveryVersions.V5),
            CreateFindNode(),
            CreateTalk(),
            DiscoveryCommands.CreateResolve(DiscoveryVersions.V5),
            DiscoveryCommands.CreateLookup(DiscoveryVersions.V5),
            Discv5Listen.Create(),
        };

    /// <summary>The bytes as text, if that is what they are.</summary>
    internal static string? TextOf(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>The bytes for people: text that a terminal can bear, or hexadecimal digits.</summary>
    internal static string Describe(ReadOnlySpan<byte> bytes) =>
        TextOf(bytes) is { } text ? LogText.Escape(text, maxLength: MaxTextLength) : "0x" + Convert.ToHexStringLower(bytes);

    private static ExampleCommand CreateFindNode()
    {
        var arguments = new DiscoveryArguments<DiscoveryV5>(DiscoveryVersions.V5) { Node = DiscoveryCommands.NodeToAsk(), ContactsNode = true };
        var distance = new Option<string[]>("--distance")
        {
            Description = "How far from the asked node, from 0, itself, to 256, half of all nodes; may be repeated, and commas separate [default: 256,255,254]",
            HelpName = "N",
        };
        var command = new ExampleCommand("find-node", "Ask a node which nodes it knows at some logarithmic distances from itself.",
            "devp2p discv5 find-node enr:-IS4Q...",
            "devp2p discv5 find-node enode://<key>@127.0.0.1:30303 --distance 0 --json",
            "devp2p discv5 find-node enr:-IS4Q... --distance 256,255 --distance 254")
        { distance };
        arguments.AddTo(command);
        command.SetAction((parse, cancellationToken) =>
        {
            int[] distances = parse.GetValue(distance) is { Length: > 0 } texts ? [.. ParseDistances(texts)] : [256, 255, 254];
            return arguments.RunAsync(parse, async (discovery, node, stop) =>
            {
                IReadOnlyList<Node> found = await discovery.FindNodeAsync(node!, distances, stop) ?? throw new CliException("the node does not answer");
                FoundNodeReport[] nodes = [.. found.Select(FoundNodeReport.From)];
                InvocationConfiguration console = parse.InvocationConfiguration;
                if (arguments.Json(parse))
                {
                    console.Output.WriteLine(JsonSerializer.Serialize(new FindNodeReport(node!.ToString(), distances, nodes), CliJson.Default.FindNodeReport));
                    return;
                }

                Array.ForEach(nodes, console.Output.WriteLine);
                if (nodes.Length == 0)
                {
                    console.Error.WriteLine("the node names none at these distances");
                }
            }, cancellationToken);
        });
        return command;
    }

    private static ExampleCommand CreateTalk()
    {
        var arguments = new DiscoveryArguments<DiscoveryV5>(DiscoveryVersions.V5) { Node = DiscoveryCommands.NodeToAsk(), ContactsNode = true };
        var protocol = new Argument<string>("PROTOCOL") { Description = "The application's name" };
        var payload = new Argument<string>("PAYLOAD") { Description = "What is said to it", Arity = ArgumentArity.ZeroOrOne };
        var hex = new Option<bool>("--hex") { Description = "PAYLOAD and the answer are hexadecimal digits" };
        var command = new ExampleCommand("talk", "Say something to an application on a node (TALKREQ) and print its answer.",
            "devp2p discv5 talk enr:-IS4Q... test hello",
            "devp2p discv5 talk enode://<key>@127.0.0.1:30303 test 0x00ff --hex",
            "devp2p discv5 talk enr:-IS4Q... test --json");
        arguments.AddTo(command);
        command.Add(protocol);
        command.Add(payload);
        command.Add(hex);
        command.SetAction((parse, cancellationToken) =>
        {
            string name = parse.GetRequiredValue(protocol);
            byte[] said = ParsePayload(parse.GetValue(payload) ?? "", parse.GetValue(hex));
            int size = Encoding.UTF8.GetByteCount(name) + said.Length;
            if (size > DiscoveryV5.MaxTalkRequestSize)
            {
                throw new CliException($"PROTOCOL and PAYLOAD have {size} bytes together, more than the {DiscoveryV5.MaxTalkRequestSize} of one request");
            }

            return arguments.RunAsync(parse, async (discovery, node, stop) =>
            {
                byte[] answer = await discovery.TalkAsync(node!, name, said, stop) ?? throw new CliException("the node does not answer");
                InvocationConfiguration console = parse.InvocationConfiguration;
                if (arguments.Json(parse))
                {
                    var report = new TalkReport(node!.ToString(), name, Convert.ToHexStringLower(answer), TextOf(answer));
                    console.Output.WriteLine(JsonSerializer.Serialize(report, CliJson.Default.TalkReport));
                    return;
                }

                console.Output.WriteLine(parse.GetValue(hex) ? Convert.ToHexStringLower(answer) : Describe(answer));
                if (answer.Length == 0)
                {
                    console.Error.WriteLine("the answer is empty, as it is of nodes that do not have the application");
                }
            }, cancellationToken);
        });
        return command;
    }

    private static IEnumerable<int> ParseDistances(IEnumerable<string> texts) => texts
        .SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        .Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int distance) && distance <= DiscoveryV5.MaxDistance
            ? distance
            : throw new CliException($"--distance: '{LogText.Cap(text)}' is not a whole number from 0 to {DiscoveryV5.MaxDistance}"));

    private static byte[] ParsePayload(string text, bool isHex)
    {
        if (!isHex)
        {
            return Encoding.UTF8.GetBytes(text);
        }

        ReadOnlySpan<char> digits = text.StartsWith("0x", StringComparison.Ordinal) ? text.AsSpan(2) : text;
        byte[] bytes = new byte[digits.Length / 2];
        return digits.Length % 2 == 0 && Convert.FromHexString(digits, bytes, out _, out _) == OperationStatus.Done
            ? bytes
            : throw new CliException($"PAYLOAD: '{LogText.Cap(text)}' is not an even number of hexadecimal digits");
    }
}
