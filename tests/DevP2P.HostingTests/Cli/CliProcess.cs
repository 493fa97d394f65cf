using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace DevP2P.HostingTests.Cli;

/// <summary>The built <c>devp2p</c> as a process.</summary>
internal sealed class CliProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private CliProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
    }

    public int Id => _process.Id;

    /// <summary>Starts it with what is there for the tests: some of what its own list names comes with the framework here.</summary>
    public static CliProcess Start(params string[] arguments) => new(Process.Start(new ProcessStartInfo(
        "dotnet",
        [
            "exec", "--runtimeconfig", InOutput("DevP2P.HostingTests.runtimeconfig.json"), "--depsfile", InOutput("DevP2P.HostingTests.deps.json"),
            InOutput("DevP2P.Cli.dll"), .. arguments,
        ])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        RedirectStandardInput = true,
    })!);

    /// <summary>Runs a command to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        await using CliProcess process = Start(arguments);
        string output = await process._process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process._process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process._process.ExitCode, output.TrimEnd(), (await process._errors).TrimEnd());
    }

    /// <summary>The next line of its output as JSON; others than the named event are passed over.</summary>
    public async Task<JsonElement> NextAsync(string name)
    {
        while (true)
        {
            JsonElement line = JsonElement.Parse(await ReadLineAsync());
            if (line.TryGetProperty("event", out JsonElement found) && found.GetString() == name)
            {
                return line;
            }
        }
    }

    public async Task<string> ReadLineAsync()
    {
        string? line = await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TestSite.Deadline);
        return line ?? throw new InvalidOperationException("the process has ended: " + await _errors);
    }

    private static string InOutput(string file) => Path.Combine(AppContext.BaseDirectory, file);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
    }
}
