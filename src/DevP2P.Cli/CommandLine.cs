using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using DevP2P.Cli.Attach;
using DevP2P.Cli.Bench;
using DevP2P.Cli.Commands;
using DevP2P.Cli.Logging;

namespace DevP2P.Cli;

/// <summary>The command tree, and what all commands share: help with examples, errors as one line, exit codes.</summary>
internal static class CommandLine
{
    /// <summary>All went well.</summary>
    public const int Success = 0;

    /// <summary>The command was understood and did not succeed.</summary>
    public const int Failure = 1;

    /// <summary>The command line itself is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Runs one command to its end.</summary>
    /// <returns>The process's exit code.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        ParseResult parse = CreateRoot().Parse(arguments);
        if (parse.Errors.Count > 0 && parse.Action is not HelpAction and not HelpWithExamples)
        {
            string command = $"devp2p {PathOf(parse.CommandResult.Command)}".TrimEnd();
            string message = arguments.Length == 0 ? "no command given"
                : parse.UnmatchedTokens.Count > 0 ? $"'{parse.UnmatchedTokens[0]}' is not a command or option of it"
                : parse.Errors[0].Message.TrimEnd('.');
            await Console.Error.WriteLineAsync($"{command}: {LogText.Escape(message)} (try {command} --help)");
            return Usage;
        }

        try
        {
            // Commands that run for long watch the signals themselves (TerminationSignal).
            return await parse.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (CliException e)
        {
            return await FailAsync(e.Message);
        }
        catch (OperationCanceledException)
        {
            return await FailAsync("interrupted");
        }
        catch (Exception e) when (e is P2PException or IOException or System.Net.Sockets.SocketException or ArgumentException or UnauthorizedAccessException)
        {
            return await FailAsync(LogText.Describe(e));
        }
    }

    /// <summary>The whole tree; <c>tests</c> walk it.</summary>
    internal static RootCommand CreateRoot()
    {
        var root = new RootCommand("A node of the Ethereum family's peer-to-peer network.")
        {
            RunCommand.Create(),
            AttachCommand.Create(),
            BootnodeCommand.Create(),
            EchoCommand.Create(),
            PingCommand.Create(),
            KeyCommand.Create(),
            DemoCommand.Create(),
            EnrCommand.Create(),
            Discv4Command.Create(),
            Discv5Command.Create(),
            TopicCommand.Create(),
            SimulateCommand.Create(),
            DoctorCommand.Create(),
            BenchCommand.Create(),
            BenchPeer.Create(),
            VersionCommand.Create(),
        };
        foreach (Option option in root.Options)
        {
            if (option is HelpOption { Action: HelpAction standard })
            {
                option.Action = new HelpWithExamples(standard);
            }
        }

        return root;
    }

    private static async Task<int> FailAsync(string message)
    {
        // Parts of the message may come from a remote node or from a file.
        await Console.Error.WriteLineAsync("devp2p: " + LogText.Escape(message, maxLength: 1000));
        return Failure;
    }

    private static string PathOf(Command command) =>
        command is RootCommand ? "" : $"{PathOf(command.Parents.OfType<Command>().First())} {command.Name}".TrimStart();
}

/// <summary>A command that shows how it is used.</summary>
/// <param name="name">What is typed.</param>
/// <param name="description">One sentence.</param>
/// <param name="examples">Whole command lines, as one would type them.</param>
internal sealed class ExampleCommand(string name, string description, params string[] examples) : Command(name, description)
{
    /// <summary>Whole command lines.</summary>
    public IReadOnlyList<string> Examples { get; } = examples;
}

/// <summary>The standard help, and the command's examples below it.</summary>
internal sealed class HelpWithExamples(HelpAction standard) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        standard.Invoke(parseResult);
        if (parseResult.CommandResult.Command is ExampleCommand command)
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string example in command.Examples)
            {
                output.WriteLine("  " + example);
            }

            output.WriteLine();
        }

        return CommandLine.Success;
    }
}
