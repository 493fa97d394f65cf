using System.Globalization;
using System.Diagnostics;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>Many peers that say nothing: what one of them costs its server.</summary>
internal static class PeersBench
{
    private const int PeersPerProcess = 5_000;

    /// <summary>The memory of a peer, its CPU time, and whether all answer.</summary>
    /// <returns>The same run twice: with kilobytes for a peer, and with microseconds of CPU time for a peer and second.</returns>
    public static async Task<(BenchRun Memory, BenchRun Cpu)> RunAsync(int peers, TimeSpan time, CancellationToken cancellationToken)
    {
        await using BenchProcess server = BenchProcess.Start("server");
        string node = Node.Parse(await server.GreetingAsync()).ToString();
        var fleets = new List<BenchProcess>();
        try
        {
            // What the first connections load is not theirs.
            await ConnectAsync(10);
            ProcessCost empty = await CollectAsync();
            for (int left = peers; left > 0; left -= PeersPerProcess)
            {
                await ConnectAsync(Math.Min(left, PeersPerProcess));
            }

            // The server has a peer a moment after the peer has it.
            long limit = Stopwatch.GetTimestamp() + (10 * Stopwatch.Frequency);
            long connected;
            while ((connected = long.Parse(await server.AskAsync(BenchPeer.CountLine), CultureInfo.InvariantCulture)) != peers + 10)
            {
                if (Stopwatch.GetTimestamp() > limit)
                {
                    throw new CliException($"of {peers + 10} peers only {connected} are connected");
                }

                await Task.Delay(10, cancellationToken);
            }

            await Task.Delay(time, cancellationToken);
            ProcessCost idle = await CollectAsync();
            long start = Stopwatch.GetTimestamp();
            await Task.Delay(time, cancellationToken);
            ProcessCost later = await server.CostAsync();
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            long answered = 0;
            foreach (BenchProcess fleet in fleets)
            {
                answered += long.Parse(await fleet.AskAsync(BenchPeer.EchoLine), CultureInfo.InvariantCulture);
            }

            if (answered != peers + 10)
            {
                throw new CliException($"of {peers + 10} peers only {answered} were answered");
            }

            ProcessCost cost = later - idle;
            var run = new BenchRun(peers, seconds, ProcessCost.None, cost, 0);
            return (run with { Value = (idle.ResidentBytes - empty.ResidentBytes) / 1024.0 / peers }, run with { Value = cost.CpuMicroseconds / seconds / (peers + 10) });
        }
        finally
        {
            foreach (BenchProcess fleet in fleets)
            {
                await fleet.DisposeAsync();
            }
        }

        async Task ConnectAsync(int count)
        {
            BenchProcess fleet = BenchProcess.Start("fleet");
            fleets.Add(fleet);
            await fleet.GreetingAsync();
            await fleet.AskAsync($"{BenchPeer.ConnectLine} {count} {node}");
        }

        async Task<ProcessCost> CollectAsync()
        {
            await server.AskAsync(BenchPeer.CollectLine);
            return await server.CostAsync();
        }
    }

    /// <summary>One peer sends messages, and many others say nothing: what a message costs both ends.</summary>
    public static async Task<BenchRun> RunCrowdAsync(int peers, int size, TimeSpan time, CancellationToken cancellationToken)
    {
        await using BenchTarget target = await BenchTarget.StartAsync();
        var fleets = new List<BenchProcess>();
        try
        {
            for (int left = peers - 1; left > 0; left -= PeersPerProcess)
            {
                BenchProcess fleet = BenchProcess.Start("fleet");
                fleets.Add(fleet);
                await fleet.GreetingAsync();
                await fleet.AskAsync($"{BenchPeer.ConnectLine} {Math.Min(left, PeersPerProcess)} {target.Node}");
            }

            return await MessageBenches.RlpxAsync(target, size, PayloadKind.Random, time, cancellationToken);
        }
        finally
        {
            foreach (BenchProcess fleet in fleets)
            {
                await fleet.DisposeAsync();
            }
        }
    }
}
