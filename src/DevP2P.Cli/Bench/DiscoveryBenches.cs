using System.Diagnostics;
using System.Globalization;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>What a request costs the node that answers it. The clients' costs are not counted.</summary>
internal static class DiscoveryBenches
{
    private const int Clients = 96;
    private const int Threads = 4;

    // A node or two may miss a check while it is measured.
    private const int SpareNodes = 4;
    private const int SessionCount = 8;
    private const int SessionWindow = 4;

    /// <summary>Pings of discovery v4, or questions for nodes.</summary>
    public static async Task<BenchRun> V4Async(bool findNode, CancellationToken cancellationToken)
    {
        await using BenchProcess server = BenchProcess.Start("discv4");
        Node node = Node.Parse(await server.GreetingAsync());
        var clients = new List<Discv4Client>();
        try
        {
            for (int i = 0; i < Clients; i++)
            {
                clients.Add(new Discv4Client(node, i));
            }

            foreach (Discv4Client client in clients)
            {
                client.Bond();
            }

            // They answer the node's checks until it has enough nodes to name: it names only those that it has found alive, once there are any.
            long limit = Stopwatch.GetTimestamp() + (120 * Stopwatch.Frequency);
            while (findNode && int.Parse(await server.AskAsync(BenchPeer.LiveLine), CultureInfo.InvariantCulture) < Discv4Client.AnswerNodes + SpareNodes)
            {
                if (Stopwatch.GetTimestamp() > limit)
                {
                    throw new CliException("the node's table does not fill");
                }

                clients.ForEach(static client => client.Serve());
                await Task.Delay(10, cancellationToken);
            }

            // A node that counts packets of an address counts those so far, too.
            for (int i = 0; i < 20; i++)
            {
                await Task.Delay(100, cancellationToken);
                clients.ForEach(static client => client.Serve());
            }

            clients.ForEach(client => client.Prepare(findNode));
            ProcessCost before = await server.CostAsync();
            long start = Stopwatch.GetTimestamp();
            long answered = 0;
            await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
                () =>
                {
                    // Whoever has nothing to ask still answers the node's checks, or it would be forgotten.
                    Discv4Client[] mine = [.. clients.Where((_, i) => i % Threads == thread)];
                    foreach (Discv4Client client in mine)
                    {
                        Interlocked.Add(ref answered, client.Run(() => Array.ForEach(mine, static other => other.Serve())));
                    }
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            ProcessCost cost = await server.CostAsync() - before;
            return new BenchRun(answered, seconds, ProcessCost.None, cost, cost.CpuMicroseconds / Math.Max(1, answered));
        }
        finally
        {
            clients.ForEach(static client => client.Dispose());
        }
    }

    /// <summary>Pings of discovery v5.1 in eight sessions.</summary>
    public static async Task<BenchRun> V5Async(TimeSpan time, CancellationToken cancellationToken)
    {
        await using BenchProcess server = BenchProcess.Start("discv5");
        var clients = new SessionClients(Node.FromRecord(NodeRecord.Parse(await server.GreetingAsync())), SessionWindow);
        Task running = clients.RunAsync(SessionCount);
        await Task.Delay(time / 4, cancellationToken);
        ProcessCost before = await server.CostAsync();
        long first = clients.Answers;
        long start = Stopwatch.GetTimestamp();
        await Task.Delay(time, cancellationToken);
        long answered = clients.Answers - first;
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ProcessCost cost = await server.CostAsync() - before;
        clients.Stop();
        await running;
        return new BenchRun(answered, seconds, ProcessCost.None, cost, cost.CpuMicroseconds / Math.Max(1, answered));
    }
}
