using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using DevP2P.Cli.Bench;
using DevP2P.Crypto;
using DevP2P.Discovery;
using DevP2P.Nodes;

namespace DevP2P.Benchmarks.Udp;

/// <summary>
/// What datagrams cost a process one at a time and many at a time, beside what a request costs that discovery v5.1 answers in a
/// session (docs/decisions/0002-udp-batches.md). Loopback; the other end is another process. CPU time is all of this process's.
/// </summary>
internal static class UdpComparison
{
    private const int Rounds = 5;
    private const int BatchSize = 32;
    private static readonly TimeSpan s_time = TimeSpan.FromMilliseconds(500);

    /// <summary>Compares; <c>send</c> and <c>clients</c> are for the child processes, <c>serve WINDOW SECONDS</c> is for profiling.</summary>
    public static async Task<int> RunAsync(string[] options)
    {
        switch (options)
        {
            case ["send", var port, var size, var rate]:
                Flood(int.Parse(port, CultureInfo.InvariantCulture), int.Parse(size, CultureInfo.InvariantCulture), double.Parse(rate, CultureInfo.InvariantCulture));
                return 0;
            case ["clients", var url, var window]:
                await ClientsAsync(NodeRecord.Parse(url), int.Parse(window, CultureInfo.InvariantCulture));
                return 0;
            case ["serve", var window, var seconds]:
                Console.WriteLine(await ServeAsync(int.Parse(window, CultureInfo.InvariantCulture), TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture))));
                return 0;
        }

        foreach (int window in (int[])[1, 4, 16])
        {
            await PrintAsync($"discovery v5.1, 8 clients with {window} requests each under way", () => ServeAsync(window, s_time));
        }

        foreach (int size in (int[])[100, 500])
        {
            foreach (double rate in (double[])[5_000, 20_000, double.PositiveInfinity])
            {
                string what = string.Create(CultureInfo.InvariantCulture, $"receive {size} B, {rate}/s");
                await PrintAsync($"{what}, ReceiveFromAsync", () => ReceiveAsync(size, rate, FromAsync));
                await PrintAsync($"{what}, recvfrom", () => ReceiveAsync(size, rate, OneByOneAsync));
                await PrintAsync($"{what}, recvmmsg", () => ReceiveAsync(size, rate, ManyAsync));
            }

            foreach (int count in (int[])[0, 1, 2, 4, 8, 32])
            {
                await PrintAsync(
                    $"send {size} B, {(count == 0 ? "SendTo" : $"sendmmsg of {count}")}", () => Task.FromResult(Turns(size, count, BatchSize, ofSending: true)));
                await PrintAsync(
                    $"receive {size} B of many, {(count == 0 ? "ReceiveFrom" : count == 1 ? "recvfrom" : $"recvmmsg of {count}")}",
                    () => Task.FromResult(Turns(size, BatchSize, count, ofSending: false)));
            }
        }

        return 0;
    }

    private static async Task PrintAsync(string what, Func<Task<Cost>> measure)
    {
        await measure();
        var costs = new List<Cost>();
        for (int i = 0; i < Rounds; i++)
        {
            costs.Add(await measure());
        }

        Cost median = costs.OrderBy(static c => c.Cpu).ElementAt(Rounds / 2);
        Console.WriteLine($"{what}: {median}");
    }

    private static async Task<Cost> ServeAsync(int window, TimeSpan time)
    {
        await using var server = new DiscoveryV5(new DiscoveryV5Options { PrivateKey = PrivateKey.Generate(), ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) });
        server.LocalNode.SetStaticAddress(IPAddress.Loopback);
        await server.StartAsync();
        using Process child = Start("clients", server.LocalRecord.ToString(), window.ToString(CultureInfo.InvariantCulture));
        await Task.Delay(TimeSpan.FromSeconds(2));
        Cost cost = await MeasureAsync(time, () => server.Counters.Handled);
        Stop(child);
        return cost;
    }

    private static async Task<Cost> MeasureAsync(TimeSpan time, Func<long> count)
    {
        (TimeSpan cpu, long start, Stopwatch watch) = (Environment.CpuUsage.TotalTime, count(), Stopwatch.StartNew());
        await Task.Delay(time);
        return new Cost(count() - start, Environment.CpuUsage.TotalTime - cpu, watch.Elapsed, 0);
    }

    private static async Task ClientsAsync(NodeRecord record, int window)
    {
        var clients = new SessionClients(Node.FromRecord(record), window);
        Task running = clients.RunAsync(8);
        Console.In.ReadLine();
        clients.Stop();
        await running;
    }

    private static async Task<Cost> ReceiveAsync(int size, double rate, Func<Socket, CancellationToken, Task<(long, long)>> receive)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 21 };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using Process child = Start(
            "send",
            ((IPEndPoint)socket.LocalEndPoint!).Port.ToString(CultureInfo.InvariantCulture),
            size.ToString(CultureInfo.InvariantCulture),
            rate.ToString(CultureInfo.InvariantCulture));
        await Task.Delay(300);
        using var stop = new CancellationTokenSource(s_time);
        (TimeSpan cpu, Stopwatch watch) = (Environment.CpuUsage.TotalTime, Stopwatch.StartNew());
        (long count, long calls) = await receive(socket, stop.Token);
        var cost = new Cost(count, Environment.CpuUsage.TotalTime - cpu, watch.Elapsed, (double)count / calls);
        Stop(child);
        return cost;
    }

    private static async Task<(long Count, long Calls)> FromAsync(Socket socket, CancellationToken stop)
    {
        byte[] buffer = new byte[1281];
        var address = new SocketAddress(AddressFamily.InterNetwork);
        long count = 0;
        try
        {
            while (!stop.IsCancellationRequested)
            {
                address.Size = address.Buffer.Length;
                await socket.ReceiveFromAsync(buffer, SocketFlags.None, address, stop);
                count++;
            }
        }
        catch (OperationCanceledException)
        {
        }

        return (count, count);
    }

    private static Task<(long Count, long Calls)> OneByOneAsync(Socket socket, CancellationToken stop) => Task.Factory.StartNew(
        () =>
        {
            nint handle = socket.Handle;
            byte[] buffer = new byte[1281];
            byte[] address = new byte[28];
            long count = 0;
            while (!stop.IsCancellationRequested)
            {
                if (NativeUdp.Receive(handle, buffer, address))
                {
                    count++;
                }
                else
                {
                    NativeUdp.Wait(handle, 100);
                }
            }

            return (count, count);
        },
        TaskCreationOptions.LongRunning);

    private static Task<(long Count, long Calls)> ManyAsync(Socket socket, CancellationToken stop) => Task.Factory.StartNew(
        () =>
        {
            nint handle = socket.Handle;
            using var batch = new NativeUdp.Batch(BatchSize, 1281);
            (long count, long calls) = (0, 0);
            while (!stop.IsCancellationRequested)
            {
                int received = batch.Receive(handle);
                if (received > 0)
                {
                    count += received;
                    calls++;
                }

                if (received < BatchSize)
                {
                    NativeUdp.Wait(handle, 100);
                }
            }

            return (count, calls);
        },
        TaskCreationOptions.LongRunning);

    /// <summary>Sends to a socket of this process and reads there, in turns of a thousand; only one of both is measured.</summary>
    /// <param name="size">A datagram's size.</param>
    /// <param name="sendBatch">How many are sent by a call; 0 for <c>SendTo</c>.</param>
    /// <param name="receiveBatch">How many are received by a call; 0 for <c>ReceiveFrom</c>, 1 for <c>recvfrom</c>.</param>
    /// <param name="ofSending">What is measured.</param>
    private static Cost Turns(int size, int sendBatch, int receiveBatch, bool ofSending)
    {
        const int Turn = 1024;
        using var target = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 22, Blocking = false };
        target.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        SocketAddress to = ((IPEndPoint)target.LocalEndPoint!).Serialize();
        SocketAddress from = new(AddressFamily.InterNetwork);
        using var received = new NativeUdp.Batch(Math.Max(1, receiveBatch), 1281);
        using var sent = new NativeUdp.Batch(Math.Max(1, sendBatch), size);
        sent.SendTo(to);
        byte[] datagram = new byte[1281];
        byte[] address = new byte[28];
        (long countSent, long countReceived) = (0, 0);
        (TimeSpan sending, TimeSpan receiving) = (TimeSpan.Zero, TimeSpan.Zero);
        while ((ofSending ? sending : receiving) < s_time)
        {
            TimeSpan start = Environment.CpuUsage.TotalTime;
            for (int i = 0; i < Turn; i += Math.Max(1, sendBatch))
            {
                countSent += sendBatch == 0 ? socket.SendTo(datagram.AsSpan(0, size), SocketFlags.None, to) / size : sent.Send(socket.Handle);
            }

            TimeSpan middle = Environment.CpuUsage.TotalTime;
            for (int turn = 0; turn < Turn;)
            {
                turn += receiveBatch switch
                {
                    0 => target.ReceiveFrom(datagram, SocketFlags.None, from) > 0 ? 1 : 0,
                    1 => NativeUdp.Receive(target.Handle, datagram, address) ? 1 : 0,
                    _ => received.Receive(target.Handle),
                };
            }

            countReceived += Turn;
            sending += middle - start;
            receiving += Environment.CpuUsage.TotalTime - middle;
        }

        return ofSending ? new Cost(countSent, sending, sending, 0) : new Cost(countReceived, receiving, receiving, 0);
    }

    private static void Flood(int port, int size, double rate)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        SocketAddress to = new IPEndPoint(IPAddress.Loopback, port).Serialize();
        byte[] datagram = new byte[size];
        bool stops = false;
        new Thread(() =>
        {
            Console.In.ReadLine();
            Volatile.Write(ref stops, true);
        }) { IsBackground = true }.Start();
        var watch = Stopwatch.StartNew();
        for (long sent = 0; !Volatile.Read(ref stops) && watch.Elapsed < TimeSpan.FromSeconds(30);)
        {
            if (sent < watch.Elapsed.TotalSeconds * rate)
            {
                socket.SendTo(datagram, SocketFlags.None, to);
                sent++;
            }
        }
    }

    private static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["udp", .. arguments])
    {
        RedirectStandardInput = true,
    })!;

    private static void Stop(Process child)
    {
        child.StandardInput.Close();
        child.WaitForExit();
    }

    private readonly record struct Cost(long Count, TimeSpan Cpu, TimeSpan Time, double PerCall)
    {
        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture,
            $"{Cpu.TotalMicroseconds / Count:F2} us, {Count / Time.TotalSeconds:F0}/s{(PerCall > 0 ? $", {PerCall:F1} per call" : "")}");
    }
}
