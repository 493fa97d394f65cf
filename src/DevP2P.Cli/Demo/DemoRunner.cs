using System.Globalization;
using DevP2P.Cli.Logging;
using Spectre.Console;

namespace DevP2P.Cli.Demo;

/// <summary>One run of the demo from start to verdict, with a live picture on a terminal and plain lines anywhere else.</summary>
/// <param name="options">What to do.</param>
/// <param name="progress">Where plain lines go; null for none.</param>
/// <param name="console">The terminal for the live picture; null for none.</param>
internal sealed class DemoRunner(DemoOptions options, TextWriter? progress, IAnsiConsole? console)
{
    private static readonly TimeSpan s_progressInterval = TimeSpan.FromSeconds(2);

    /// <summary>Without a duration there is no half time to kill a node at.</summary>
    private static readonly TimeSpan s_defaultKillTime = TimeSpan.FromSeconds(10);

    /// <summary>Runs for the given time, or until <paramref name="stop"/> is cancelled.</summary>
    public async Task<DemoReport> RunAsync(CancellationToken stop)
    {
        await using var network = new DemoNetwork(options);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var viewEnd = new CancellationTokenSource();
        Task view = ShowAsync(network, end, viewEnd.Token);
        try
        {
            if (await network.ConnectAsync(end.Token))
            {
                // Counted from here, so that a slow machine has as much time for messages as a fast one.
                end.CancelAfter(options.Duration ?? Timeout.InfiniteTimeSpan);
                Say(network, "all nodes are connected");
                network.StartPublishing();
                await Task.WhenAll(KillAsync(network, end.Token), WaitAsync(end.Token));
                await network.DrainAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // Ended before all nodes were connected; the verdict says so.
        }

        DemoReport report = network.Evaluate();
        await viewEnd.CancelAsync();
        await view;
        return report;
    }

    private async Task ShowAsync(DemoNetwork network, CancellationTokenSource quit, CancellationToken stop)
    {
        if (console is not null)
        {
            Task keys = WatchKeysAsync(network, quit, stop);
            await new DemoView(network, options, console).RunAsync(stop);
            await keys;
            return;
        }

        while (progress is not null && !stop.IsCancellationRequested)
        {
            DemoTotals before = network.Totals();
            TimeSpan at = network.Elapsed;
            await Task.Delay(s_progressInterval, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
            if (!stop.IsCancellationRequested)
            {
                Say(network, Describe(network, before, (network.Elapsed - at).TotalSeconds));
            }
        }
    }

    private static string Describe(DemoNetwork network, DemoTotals before, double seconds)
    {
        DemoTotals now = network.Totals();
        return string.Create(CultureInfo.InvariantCulture,
            $"{now.Connected} of {network.Nodes.Count} nodes connected, {now.Links} links, {now.Published} published, {now.Delivered} delivered ({(now.Delivered - before.Delivered) / seconds:0}/s), latency {LogText.FormatDuration(now.Latencies.Percentile(0.5))} median, {LogText.FormatDuration(now.Latencies.Percentile(0.99))} 99%");
    }

    private async Task KillAsync(DemoNetwork network, CancellationToken end)
    {
        if (options.Kill is { } index)
        {
            await Task.Delay(options.Duration / 2 ?? s_defaultKillTime, end).ContinueWith(static _ => { }, TaskScheduler.Default);
            Say(network, $"killing {network.Nodes[index].Name}");
            await network.KillAsync(index);
        }
    }

    /// <summary>q ends the demo, k kills a node that still lives.</summary>
    private static async Task WatchKeysAsync(DemoNetwork network, CancellationTokenSource quit, CancellationToken stop)
    {
        while (!Console.IsInputRedirected && !stop.IsCancellationRequested)
        {
            while (Console.KeyAvailable)
            {
                switch (char.ToLowerInvariant(Console.ReadKey(intercept: true).KeyChar))
                {
                    case 'q':
                        await quit.CancelAsync();
                        break;
                    case 'k' when network.Nodes.Where(node => !node.IsKilled).ToArray() is { Length: > 0 } alive:
                        await network.KillAsync(Random.Shared.GetItems(alive, 1)[0].Index);
                        break;
                }
            }

            await Task.Delay(DemoView.Interval / 2, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    private static async Task WaitAsync(CancellationToken end) =>
        await Task.Delay(Timeout.Infinite, end).ContinueWith(static _ => { }, TaskScheduler.Default);

    private void Say(DemoNetwork network, string text) =>
        progress?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{network.Elapsed.TotalSeconds,6:0.0}s  {text}"));
}
