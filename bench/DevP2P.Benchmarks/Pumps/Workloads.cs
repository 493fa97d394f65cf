using System.Diagnostics;
using System.Net.Sockets;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>What one run costs: CPU of both ends and wall time, in microseconds per message or round trip.</summary>
internal readonly record struct RunCost(double Cpu, double Wall, double PerSend, double PerReceive);

/// <summary>The loads under which the pumps are compared, each for a given time, and the references.</summary>
internal static class Workloads
{
    private static readonly byte[] s_payload = new byte[FakeFrame.PayloadSize];
    private static readonly byte[] s_echoed = [PumpHost.Echo, .. new byte[FakeFrame.PayloadSize - 1]];

    /// <summary>One producer awaits each write; the other end counts.</summary>
    public static async Task<RunCost> StreamAsync(PumpHost host, PumpVariant variant, TimeSpan duration)
    {
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        await using PumpEnd client = await PumpEnd.ConnectAsync(host.EndPoint, variant);
        client.Start(static _ => ValueTask.CompletedTask);
        long sent = 0;
        // The producer has a thread of the pool, as a protocol's handler has.
        await Task.Run(async () =>
        {
            while ((sent & 63) != 0 || clock.Elapsed < duration)
            {
                await client.Writer.WriteAsync(s_payload);
                sent++;
            }
        });
        return await FinishAsync(host, client, sent, cpu, clock);
    }

    /// <summary>One message goes to and fro.</summary>
    public static async Task<RunCost> EchoAsync(PumpHost host, PumpVariant variant, TimeSpan duration)
    {
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        await using PumpEnd client = await PumpEnd.ConnectAsync(host.EndPoint, variant);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long trips = 0;
        client.Start(frame =>
        {
            trips++;
            if (clock.Elapsed < duration)
            {
                return client.Writer.WriteAsync(s_echoed);
            }

            done.SetResult();
            return ValueTask.CompletedTask;
        });
        await client.Writer.WriteAsync(s_echoed);
        await done.Task;
        return await FinishAsync(host, client, trips, cpu, clock);
    }

    /// <summary>Reference: microseconds of CPU for what a working codec spends on one frame at one end.</summary>
    public static double Work()
    {
        const int count = 20_000;
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < count; i++)
        {
            FakeFrame.Work();
        }

        return (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / count;
    }

    /// <summary>Reference: microseconds of CPU for one blocking send and one receive of a frame, on one thread.</summary>
    public static double SendAndReceive()
    {
        const int count = 20_000;
        using Socket listener = PumpHost.Listen();
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        sender.Connect(listener.LocalEndPoint!);
        using Socket receiver = listener.Accept();
        byte[] frame = new byte[FakeFrame.Size];
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < count; i++)
        {
            sender.Send(frame);
            receiver.Receive(frame);
        }

        return (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / count;
    }

    /// <summary>Lets the other end read to the end, checks that all arrived, and counts both ends' cost.</summary>
    private static async Task<RunCost> FinishAsync(PumpHost host, PumpEnd client, long count, TimeSpan cpuBefore, Stopwatch clock)
    {
        await client.FinishAsync();
        Served served = await host.ServedAsync();
        await client.Reading;
        TimeSpan cpu = Environment.CpuUsage.TotalTime - cpuBefore + served.Cpu;
        return served.Frames == count
            ? new RunCost(
                cpu.TotalMicroseconds / count,
                clock.Elapsed.TotalMicroseconds / count,
                (double)count / client.Writer.Sends,
                (double)count / served.Receives)
            : throw new InvalidOperationException($"{served.Frames} of {count} messages arrived.");
    }
}
