using System.Diagnostics;
using System.Globalization;

namespace DevP2P.Cli.Bench;

/// <summary>Messages over one connection, and connections themselves.</summary>
internal static class MessageBenches
{
    /// <summary>One-way messages: what one costs both ends together.</summary>
    public static async Task<BenchRun> RlpxAsync(BenchTarget target, int size, PayloadKind kind, TimeSpan time, CancellationToken cancellationToken)
    {
        byte[] payload = Payload.Create(kind, size);
        await using EchoConnection connection = await EchoConnection.ConnectAsync(target.Node, cancellationToken);
        await SendAsync(connection, payload, time / 4, cancellationToken);
        return await MeasureAsync(target, () => SendAsync(connection, payload, time, cancellationToken), static (run, cpu) => cpu / run.Count);
    }

    /// <summary>Round trips, one at a time: how long one takes.</summary>
    public static async Task<BenchRun> EchoAsync(BenchTarget target, int size, TimeSpan time, CancellationToken cancellationToken)
    {
        await using EchoConnection connection = await EchoConnection.ConnectAsync(target.Node, cancellationToken);
        byte[] payload = Payload.Create(PayloadKind.Random, size);
        await BounceAsync(connection, payload, time / 4, cancellationToken);
        return await MeasureAsync(target, () => BounceAsync(connection, payload, time, cancellationToken), static (run, _) => run.Seconds * 1e6 / run.Count);
    }

    /// <summary>Connections until the node is a peer on both sides: what one costs both ends together.</summary>
    public static async Task<BenchRun> HandshakeAsync(BenchTarget target, int count, int atOnce, CancellationToken cancellationToken)
    {
        // Each has its own key, for a node is connected once; they are made beforehand.
        var clients = new List<EchoConnection>();
        try
        {
            // As many again, so that what is measured is compiled.
            for (int i = 0; i < count * 2; i++)
            {
                clients.Add(await EchoConnection.StartAsync(cancellationToken));
            }

            await DialAllAsync(clients[count..]);

            return await MeasureAsync(
                target,
                async () =>
                {
                    await DialAllAsync(clients[..count]);
                    return count;
                },
                static (run, cpu) => cpu / run.Count);
        }
        finally
        {
            foreach (EchoConnection client in clients)
            {
                await client.DisposeAsync();
            }
        }

        Task DialAllAsync(IEnumerable<EchoConnection> some) => Parallel.ForEachAsync(
            some,
            new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = cancellationToken },
            async (client, token) => await client.DialAsync(target.Node, token));
    }

    /// <summary>One node to many: the sender's CPU time for each message and peer, as a part of what it is for one peer.</summary>
    public static async Task<BenchRun> BroadcastAsync(int peers, int size, PayloadKind kind, TimeSpan time, CancellationToken cancellationToken)
    {
        double single = (await BroadcastOnceAsync(1, size, kind, time, cancellationToken)).Value;
        BenchRun many = await BroadcastOnceAsync(peers, size, kind, time, cancellationToken);
        return many with { Value = many.Value / single };
    }

    private static async Task<BenchRun> BroadcastOnceAsync(int peers, int size, PayloadKind kind, TimeSpan time, CancellationToken cancellationToken)
    {
        byte[] payload = Payload.Create(kind, size);
        await using var sender = await Broadcaster.StartAsync(peers, cancellationToken);
        await using BenchProcess fleet = BenchProcess.Start("fleet");
        await fleet.GreetingAsync();
        await fleet.AskAsync($"{BenchPeer.ConnectLine} {peers} {sender.Node}");
        await sender.WaitForPeersAsync(peers, cancellationToken);
        long sent = await BroadcastAsync(sender, peers, payload, time / 4, cancellationToken);
        await ReceivedAsync(sent);

        long start = Stopwatch.GetTimestamp();
        ProcessCost before = ProcessCost.Now();
        long count = await BroadcastAsync(sender, peers, payload, time, cancellationToken);
        await ReceivedAsync(sent + count);
        ProcessCost cost = ProcessCost.Now() - before;
        return new BenchRun(count, Stopwatch.GetElapsedTime(start).TotalSeconds, cost, null, cost.CpuMicroseconds / count);

        async Task ReceivedAsync(long wanted)
        {
            while (long.Parse(await fleet.AskAsync(BenchPeer.CountLine), CultureInfo.InvariantCulture) < wanted)
            {
                await Task.Delay(1, cancellationToken);
            }
        }
    }

    /// <returns>How many messages were sent to somebody.</returns>
    private static Task<long> BroadcastAsync(Broadcaster sender, int peers, byte[] payload, TimeSpan time, CancellationToken cancellationToken) => peers == 1
        ? RepeatAsync(time, () => sender.SendToOneAsync(payload, cancellationToken))
        : sender.SendToAllAsync(payload, time, cancellationToken);

    private static async Task<long> SendAsync(EchoConnection connection, byte[] payload, TimeSpan time, CancellationToken cancellationToken)
    {
        long count = await RepeatAsync(time, () => connection.Stream.WriteAsync(EchoProtocol.Sink, payload, cancellationToken));
        await connection.SettleAsync(cancellationToken);
        return count;
    }

    private static Task<long> BounceAsync(EchoConnection connection, byte[] payload, TimeSpan time, CancellationToken cancellationToken) =>
        RepeatAsync(time, async () =>
        {
            await connection.Stream.WriteAsync(EchoProtocol.Request, payload, cancellationToken);
            await connection.Stream.ReadAsync(cancellationToken);
        });

    private static async Task<long> RepeatAsync(TimeSpan time, Func<ValueTask> action)
    {
        long start = Stopwatch.GetTimestamp();
        long count = 0;
        do
        {
            await action();
            count++;
        }
        while (Stopwatch.GetElapsedTime(start) < time);
        return count;
    }

    /// <param name="target">The other end.</param>
    /// <param name="action">What is measured; returns how many operations that were.</param>
    /// <param name="value">The figure, from the run and the CPU time of both ends.</param>
    private static async Task<BenchRun> MeasureAsync(BenchTarget target, Func<Task<long>> action, Func<BenchRun, double, double> value)
    {
        ProcessCost? other = await target.CostAsync();
        ProcessCost own = ProcessCost.Now();
        long start = Stopwatch.GetTimestamp();
        long count = await action();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ProcessCost ownCost = ProcessCost.Now() - own;
        ProcessCost? otherCost = await target.CostAsync() is { } later && other is not null ? later - other : null;
        var run = new BenchRun(count, seconds, ownCost, otherCost, 0);
        return run with { Value = value(run, ownCost.CpuMicroseconds + (otherCost?.CpuMicroseconds ?? 0)) };
    }
}
