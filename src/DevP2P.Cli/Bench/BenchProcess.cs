using System.Diagnostics;
using System.Text.Json;

namespace DevP2P.Cli.Bench;

/// <summary>The other end of a measurement: <c>devp2p bench-peer ROLE</c> as a process of its own, which answers each line by one.</summary>
internal sealed class BenchProcess : IAsyncDisposable
{
    /// <summary>Whatever is asked takes less than this.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(5);

    private readonly Process _process;

    private BenchProcess(Process process) => _process = process;

    /// <summary>Starts it; it ends when this process does, for its input ends then.</summary>
    public static BenchProcess Start(params string[] arguments)
    {
        ProcessStartInfo start = ThisProgram([BenchPeer.CommandName, .. arguments]);
        start.RedirectStandardInput = start.RedirectStandardOutput = true;
        return new BenchProcess(Process.Start(start)!);
    }

    /// <summary>How to start this program once more.</summary>
    public static ProcessStartInfo ThisProgram(params string[] arguments)
    {
        string program = Environment.ProcessPath ?? throw new CliException("cannot tell what program this is");
        var start = new ProcessStartInfo(program);
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "DevP2P.Cli.dll"));
        }

        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    /// <summary>The first line that it says: who it is.</summary>
    public Task<string> GreetingAsync() => ReadAsync();

    /// <summary>Asks, and waits for the answer.</summary>
    public async Task<string> AskAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        return await ReadAsync();
    }

    /// <summary>What it has used since its start.</summary>
    public async Task<ProcessCost> CostAsync() =>
        JsonSerializer.Deserialize(await AskAsync(BenchPeer.CostLine), CliJson.Default.ProcessCost)!;

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task<string> ReadAsync() =>
        await _process.StandardOutput.ReadLineAsync().WaitAsync(s_timeout) ?? throw new CliException("the other process has ended");
}
