using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>Memory of connections that have exchanged one message each way and now wait, both ends together.</summary>
internal static class IdleMemory
{
    private const int Connections = 2000;
    private const int WarmUp = 100;

    /// <summary>Measures in a process of its own, so that one variant's leftovers do not hide another's needs.</summary>
    /// <returns>Bytes per connection: of the managed heap, and of the process's resident memory.</returns>
    public static async Task<(double Heap, double Resident)> MeasureInChildAsync(PumpVariant variant)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["pumps", "idle", variant.Name])
        {
            RedirectStandardOutput = true,
        };
        using Process child = Process.Start(start)!;
        string[] numbers = (await child.StandardOutput.ReadToEndAsync()).Split(' ');
        await child.WaitForExitAsync();
        return (double.Parse(numbers[0], CultureInfo.InvariantCulture), double.Parse(numbers[1], CultureInfo.InvariantCulture));
    }

    /// <summary>The child's side: prints the two numbers.</summary>
    public static async Task RunAsync(PumpVariant variant)
    {
        using Socket listener = PumpHost.Listen();
        var open = new List<PumpEnd>(2 * (WarmUp + Connections));
        await OpenAsync(listener, variant, WarmUp, open);
        (long heap, long resident) = Now();
        await OpenAsync(listener, variant, Connections, open);
        (long heapAfter, long residentAfter) = Now();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{(heapAfter - heap) / (double)Connections:F0} {(residentAfter - resident) / (double)Connections:F0}"));
        GC.KeepAlive(open);
    }

    private static async Task OpenAsync(Socket listener, PumpVariant variant, int count, List<PumpEnd> open)
    {
        for (int i = 0; i < count; i++)
        {
            PumpEnd client = await PumpEnd.ConnectAsync(listener.LocalEndPoint!, variant);
            var server = new PumpEnd(await listener.AcceptAsync(), variant);
            var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            server.Start(frame => server.Writer.WriteAsync(FakeFrame.Payload(frame)));
            client.Start(_ =>
            {
                answered.SetResult();
                return ValueTask.CompletedTask;
            });
            await client.Writer.WriteAsync(new byte[FakeFrame.PayloadSize]);
            await answered.Task;
            open.Add(client);
            open.Add(server);
        }
    }

    private static (long Heap, long Resident) Now()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return (GC.GetTotalMemory(forceFullCollection: false), Environment.WorkingSet);
    }
}
