using System.Globalization;

namespace DevP2P.Benchmarks.Pumps;

/// <summary>
/// Compares socket pumps (docs/decisions/0001-socket-pump.md). It does without BenchmarkDotNet because what counts is the
/// CPU time of the whole process, the threads of the pool included, and because noise is met by interleaving the variants.
/// </summary>
internal static class PumpComparison
{
    private const int Rounds = 7;
    private static readonly TimeSpan s_time = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Prints the table of all variants, or of those whose name contains the option; <c>serve NAME</c> and <c>idle NAME</c>
    /// are for the child processes.
    /// </summary>
    public static async Task<int> RunAsync(string[] options)
    {
        switch (options)
        {
            case ["serve", var name]:
                await ChildHost.RunAsync(PumpVariant.All.Single(variant => variant.Name == name));
                return 0;
            case ["idle", var name]:
                await IdleMemory.RunAsync(PumpVariant.All.Single(variant => variant.Name == name));
                return 0;
            default:
                string wanted = options is [var part] ? part : "";
                await CompareAsync([.. PumpVariant.All.Where(v => v.Name.Contains(wanted, StringComparison.Ordinal))]);
                return 0;
        }
    }

    private static async Task CompareAsync(PumpVariant[] variants)
    {
        var results = new List<Result>();
        foreach (PumpVariant variant in variants)
        {
            results.Add(new Result(variant, LocalHost.Start(variant), await ChildHost.StartAsync(variant)));
        }

        var works = new List<double>();
        var syscalls = new List<double>();
        for (int round = 0; round <= Rounds; round++)
        {
            works.Add(Workloads.Work());
            syscalls.Add(Workloads.SendAndReceive());
            foreach (Result result in results)
            {
                await result.MeasureAsync();
                if (round == 0)
                {
                    result.Forget(); // that was the warm-up
                }
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            Microseconds, CPU is of both ends, medians of {Rounds} runs. One frame's work {Median(works):F2}; a send and a receive of one frame {Median(syscalls):F1}.

            | variant | CPU/message | messages/send, /receive | two processes, with work: CPU/message | messages/send, /receive | echo: CPU, RTT | echo, two processes, with work: CPU, RTT | idle: heap B | resident B |
            |---|---|---|---|---|---|---|---|---|
            """));
        foreach (Result result in results)
        {
            await result.DisposeAsync();
            (double heap, double resident) = await IdleMemory.MeasureInChildAsync(result.Variant);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result} | {heap:F0} | {resident:F0} |"));
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    /// <summary>What the runs of one variant cost.</summary>
    private sealed class Result(PumpVariant variant, PumpHost local, PumpHost child) : IAsyncDisposable
    {
        private readonly List<RunCost> _stream = [];
        private readonly List<RunCost> _working = [];
        private readonly List<RunCost> _echo = [];
        private readonly List<RunCost> _farEcho = [];

        public PumpVariant Variant => variant;

        public async Task MeasureAsync()
        {
            _stream.Add(await Workloads.StreamAsync(local, variant, s_time));
            FakeFrame.Working = true; // as it always is in the child
            _working.Add(await Workloads.StreamAsync(child, variant, s_time));
            FakeFrame.Working = false;
            _echo.Add(await Workloads.EchoAsync(local, variant, s_time));
            FakeFrame.Working = true;
            _farEcho.Add(await Workloads.EchoAsync(child, variant, s_time));
            FakeFrame.Working = false;
        }

        public void Forget()
        {
            _stream.Clear();
            _working.Clear();
            _echo.Clear();
            _farEcho.Clear();
        }

        public async ValueTask DisposeAsync()
        {
            await local.DisposeAsync();
            await child.DisposeAsync();
        }

        public override string ToString() =>
            $"| {variant.Name} | {Streamed(_stream)} | {Streamed(_working)} | {Echoed(_echo)} | {Echoed(_farEcho)}";

        private static string Streamed(List<RunCost> costs) => string.Create(
            CultureInfo.InvariantCulture,
            $"{Of(costs, c => c.Cpu):F2} | {Of(costs, c => c.PerSend):F1}, {Of(costs, c => c.PerReceive):F1}");

        private static string Echoed(List<RunCost> costs) =>
            string.Create(CultureInfo.InvariantCulture, $"{Of(costs, c => c.Cpu):F0}, {Of(costs, c => c.Wall):F0}");

        private static double Of(List<RunCost> costs, Func<RunCost, double> select) => Median(costs.Select(select));
    }
}
