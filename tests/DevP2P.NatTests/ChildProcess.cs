using System.Diagnostics;
using System.Text;

namespace DevP2P.NatTests;

/// <summary>A program of the system: one that does something and ends, or one that runs until it is stopped.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private ChildProcess(string command)
    {
        string[] words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(words[0], words[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true },
        };
        _process.OutputDataReceived += Take;
        _process.ErrorDataReceived += Take;
    }

    /// <summary>What it has said so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="InvalidOperationException">It fails, with what it said.</exception>
    public static async Task<string> RunAsync(string command, string? input = null)
    {
        await using var child = new ChildProcess(command);
        child.StartProcess();
        if (input is not null)
        {
            await child._process.StandardInput.WriteAsync(input);
        }

        child._process.StandardInput.Close();
        using var limit = new CancellationTokenSource(Deadline);
        await child._process.WaitForExitAsync(limit.Token);
        return child._process.ExitCode == 0 ? child.Output : throw new InvalidOperationException($"{command}: {child.Output}");
    }

    /// <summary>Starts a program that runs on.</summary>
    public static ChildProcess Start(string command)
    {
        var child = new ChildProcess(command);
        child.StartProcess();
        return child;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void StartProcess()
    {
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    private void Take(object sender, DataReceivedEventArgs e)
    {
        lock (_output)
        {
            _output.AppendLine(e.Data);
        }
    }
}
