using System.Diagnostics;
using System.Globalization;
using DevP2P.Nodes;

namespace DevP2P.Cli.Bench;

/// <summary>Many that send to one.</summary>
internal static class InboundBench
{
    /// <summary>The receiver's CPU time for a message from one of many peers, as a part of what it is from one peer.</summary>
    public static async Task<BenchRun> RunAsync(int peers, int size, PayloadKind kind, TimeSpan time, CancellationToken cancellationToken)
    {
        double single = (await RunOnceAsync(1, size, kind, time, cancellationToken)).Value;
        BenchRun many = await RunOnceAsync(peers, size, kind, time, cancellationToken);
        return many with { Value = many.Value / single };
    }

    private static async Task<BenchRun> RunOnceAsync(int peers, int size, PayloadKind kind, TimeSpan time, CancellationToken cancellationToken)
    {
        byte[] payload = Payload.Create(kind, size);
        await using BenchProcess server = BenchProcess.Start("server");
        Node node = Node.Parse(await server.GreetingAsync());
        await using var fleet = new Fleet();
        await fleet.ConnectAsync(peers, node);
        long before = await SendAsync(time / 4, 0);

        ProcessCost own = ProcessCost.Now();
        ProcessCost other = await server.CostAsync();
        long start = Stopwatch.GetTimestamp();
        long count = await SendAsync(time, before);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ProcessCost cost = await server.CostAsync() - other;
        return new BenchRun(count, seconds, ProcessCost.Now() - own, cost, cost.CpuMicroseconds / count);

        async Task<long> SendAsync(TimeSpan length, long sentBefore)
        {
            long sent = await fleet.SendAsync(EchoProtocol.Sink, payload, length, cancellationToken);
            while (long.Parse(await server.AskAsync(BenchPeer.SunkLine), CultureInfo.InvariantCulture) < sentBefore + sent)
            {
                await Task.Delay(1, cancellationToken);
            }

            return sent;
        }
    }
}
