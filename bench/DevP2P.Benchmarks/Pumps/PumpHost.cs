using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>What a host saw of one connection.</summary>
/// <param name="Frames">Frames received.</param>
/// <param name="Receives">How often data was taken from the socket.</param>
/// <param name="Cpu">CPU time of the host's process, zero if that is this process.</param>
internal readonly record struct Served(long Frames, long Receives, TimeSpan Cpu);

/// <summary>The far end: accepts one connection after another, answers what asks for an answer, counts the rest.</summary>
internal abstract class PumpHost(EndPoint endPoint) : IAsyncDisposable
{
    /// <summary>The first byte of a payload that wants to come back.</summary>
    public const byte Echo = 1;

    public EndPoint EndPoint { get; } = endPoint;

    /// <summary>Waits for the end of the connection made last.</summary>
    public abstract Task<Served> ServedAsync();

    public abstract ValueTask DisposeAsync();

    public static Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return listener;
    }

    /// <summary>Serves one connection to its end.</summary>
    protected static async Task<Served> ServeAsync(Socket listener, PumpVariant variant)
    {
        await using var end = new PumpEnd(await listener.AcceptAsync(), variant);
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long frames = 0;
        end.Start(frame =>
        {
            frames++;
            ReadOnlyMemory<byte> payload = FakeFrame.Payload(frame);
            return payload.Span[0] == Echo ? end.Writer.WriteAsync(payload) : ValueTask.CompletedTask;
        });
        await end.Reading;
        var served = new Served(frames, end.Reader.Receives, Environment.CpuUsage.TotalTime - cpu);
        await end.FinishAsync();
        return served;
    }
}

/// <summary>The far end in this process.</summary>
internal sealed class LocalHost : PumpHost
{
    private readonly Socket _listener;
    private readonly PumpVariant _variant;
    private Task<Served> _serving;

    private LocalHost(Socket listener, PumpVariant variant)
        : base(listener.LocalEndPoint!)
    {
        (_listener, _variant) = (listener, variant);
        _serving = ServeAsync(listener, variant);
    }

    public static LocalHost Start(PumpVariant variant) => new(Listen(), variant);

    public override async Task<Served> ServedAsync()
    {
        Served served = await _serving;
        _serving = ServeAsync(_listener, _variant);
        return served with { Cpu = TimeSpan.Zero };
    }

    public override async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        try
        {
            await _serving;
        }
        catch (SocketException)
        {
            // It was waiting for a next connection.
        }
    }
}

/// <summary>The far end in a process of its own, which ends when its standard input does.</summary>
internal sealed class ChildHost : PumpHost
{
    private readonly Process _process;

    private ChildHost(Process process, int port)
        : base(new IPEndPoint(IPAddress.Loopback, port)) => _process = process;

    public static async Task<ChildHost> StartAsync(PumpVariant variant)
    {
        Process process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["pumps", "serve", variant.Name])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        return new ChildHost(process, (int)(await ReadNumbersAsync(process))[0]);
    }

    /// <summary>The child's side.</summary>
    public static async Task RunAsync(PumpVariant variant)
    {
        FakeFrame.Working = true;
        using Socket listener = Listen();
        Console.WriteLine(((IPEndPoint)listener.LocalEndPoint!).Port.ToString(CultureInfo.InvariantCulture));
        Task end = Console.OpenStandardInput().ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false).AsTask();
        while (true)
        {
            Task<Served> serving = ServeAsync(listener, variant);
            if (await Task.WhenAny(serving, end) == end)
            {
                return;
            }

            Served served = await serving;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{served.Frames} {served.Receives} {served.Cpu.Ticks}"));
        }
    }

    public override async Task<Served> ServedAsync()
    {
        long[] numbers = await ReadNumbersAsync(_process);
        return new Served(numbers[0], numbers[1], new TimeSpan(numbers[2]));
    }

    public override async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static async Task<long[]> ReadNumbersAsync(Process process)
    {
        string line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The child has died.");
        return [.. line.Split(' ').Select(number => long.Parse(number, CultureInfo.InvariantCulture))];
    }
}
