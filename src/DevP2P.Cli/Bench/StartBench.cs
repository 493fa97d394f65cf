using System.Diagnostics;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>A cold start: <c>devp2p run</c> as this very program, in an empty directory, until it listens.</summary>
internal static class StartBench
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    /// <returns>A run each: with the milliseconds until it listens, and with the megabytes that it has then.</returns>
    public static async Task<(BenchRun Time, BenchRun Memory)> RunAsync(CancellationToken cancellationToken)
    {
        string directory = Directory.CreateTempSubdirectory("devp2p-start-").FullName;
        try
        {
            // The first start makes the node's key and its database; the second one is measured.
            await StartAsync(directory, cancellationToken);
            (double seconds, long bytes) = await StartAsync(directory, cancellationToken);
            var run = new BenchRun(1, seconds, ProcessCost.None, null, 0);
            return (run with { Value = seconds * 1000 }, run with { Value = bytes / 1e6 });
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<(double Seconds, long ResidentBytes)> StartAsync(string directory, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = BenchProcess.ThisProgram("run", "--data-dir", directory, "--listen", "127.0.0.1:0", "--nat", "none", "--verbosity", "error");
        start.RedirectStandardOutput = true;
        long before = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        try
        {
            string? line = await process.StandardOutput.ReadLineAsync(cancellationToken).AsTask().WaitAsync(s_timeout, cancellationToken);
            double seconds = Stopwatch.GetElapsedTime(before).TotalSeconds;
            process.Refresh();
            return Node.TryParse(line, out _, out _) ? (seconds, process.WorkingSet64) : throw new CliException($"devp2p run did not start: {line}");
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }
}
