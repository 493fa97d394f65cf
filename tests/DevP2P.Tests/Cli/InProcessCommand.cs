using System.CommandLine;
using System.Text.Json;
using DevP2P.Cli;
using Xunit;

namespace DevP2P.Tests.Cli;

/// <summary>Runs a command within this process, for tests against nodes on loopback.</summary>
/// <param name="create">Makes the command.</param>
internal sealed class InProcessCommand(Func<Command> create)
{
    /// <summary>What a run printed on stdout, and the error that it ended with.</summary>
    internal sealed record Result(string Output, string? Error);

    public static string[] Lines(string text) => text.TrimEnd().Split(Environment.NewLine);

    public static string Id(JsonElement node) => node.GetProperty("id").GetString()!;

    public static JsonElement Parse(string text)
    {
        using JsonDocument json = JsonDocument.Parse(text);
        return json.RootElement.Clone();
    }

    /// <summary>
    /// Until it is right: less than a second, the protocols' limit for an answer, may pass on a machine that is busy, and a run
    /// that met that does not count.
    /// </summary>
    public async Task<string> UntilAsync(Func<string, bool> isRight, params string[] arguments)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            Result result = await RunAsync(arguments);
            if (result.Error is null && isRight(result.Output))
            {
                return result.Output;
            }

            Assert.False(deadline.IsCancellationRequested, $"{result}");
            await Task.Delay(50);
        }
    }

    public Task<string> UntilAsync(params string[] arguments) => UntilAsync(_ => true, arguments);

    public async Task<JsonElement> JsonAsync(params string[] arguments) => Parse(await UntilAsync(arguments));

    public async Task<Result> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        try
        {
            await RunAsync(output, CancellationToken.None, arguments);
            return new Result(output.ToString(), null);
        }
        catch (CliException e)
        {
            return new Result(output.ToString(), e.Message);
        }
    }

    /// <summary>Runs it until it ends or is cancelled.</summary>
    public async Task RunAsync(TextWriter output, CancellationToken cancellationToken, params string[] arguments)
    {
        ParseResult parse = create().Parse(arguments);
        Assert.Empty(parse.Errors);
        using var log = new StringWriter();
        var console = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = output, Error = log };
        Assert.Equal(0, await parse.InvokeAsync(console, cancellationToken));
    }
}
