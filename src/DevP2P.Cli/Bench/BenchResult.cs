namespace DevP2P.Cli.Bench;

/// <summary>One measured run.</summary>
/// <param name="Count">How many operations.</param>
/// <param name="Seconds">How long they took.</param>
/// <param name="Own">What they cost this process.</param>
/// <param name="Other">What they cost the other process; null if nobody can say.</param>
/// <param name="Value">The figure that the scenario is about, in its unit.</param>
internal sealed record BenchRun(long Count, double Seconds, ProcessCost Own, ProcessCost? Other, double Value);

/// <summary>What a scenario's figure is, and what it is divided by to be compared with another machine's.</summary>
internal sealed record BenchUnit(string Name, Func<References, double> Reference, string ReferenceName)
{
    /// <summary>CPU time, in permutations.</summary>
    public static readonly BenchUnit Hashes = new("us CPU", static r => r.Keccak, "Keccak-f");

    /// <summary>CPU time, in key agreements.</summary>
    public static readonly BenchUnit Agreements = new("us CPU", static r => r.Ecdh, "ECDH");

    /// <summary>CPU time in each second, in permutations.</summary>
    public static readonly BenchUnit HashesPerSecond = new("us CPU/s", static r => r.Keccak, "Keccak-f");

    /// <summary>Elapsed time, in permutations.</summary>
    public static readonly BenchUnit Elapsed = new("us", static r => r.Keccak, "Keccak-f");

    /// <summary>A part of another run's cost.</summary>
    public static readonly BenchUnit Part = new("of single", static _ => 1, "");

    /// <summary>Memory.</summary>
    public static readonly BenchUnit Kilobytes = new("KB", static _ => 1, "");

    /// <summary>More memory.</summary>
    public static readonly BenchUnit Megabytes = new("MB", static _ => 1, "");

    /// <summary>Elapsed time that no primitive is a part of.</summary>
    public static readonly BenchUnit Milliseconds = new("ms", static _ => 1, "");
}

/// <summary>All runs of one scenario.</summary>
/// <param name="Name">Its name, as in the file of goals.</param>
/// <param name="Unit">What its figure is.</param>
/// <param name="Runs">The runs, each with the references that were measured just before.</param>
internal sealed record BenchResult(string Name, BenchUnit Unit, IReadOnlyList<(BenchRun Run, References References)> Runs)
{
    /// <summary>The run with the median ratio.</summary>
    public (BenchRun Run, References References) Median => Runs.OrderBy(RatioOf).ElementAt(Runs.Count / 2);

    /// <summary>The median of the figure, divided by the reference.</summary>
    public double Ratio => RatioOf(Median);

    /// <summary>The least and the greatest ratio.</summary>
    public (double Least, double Most) Range => (Runs.Min(RatioOf), Runs.Max(RatioOf));

    private double RatioOf((BenchRun Run, References References) run) => run.Run.Value / Unit.Reference(run.References);
}

/// <summary>One line of <c>devp2p bench --json</c>. Costs are for one operation.</summary>
internal sealed record BenchReport(
    string Name, string Unit, double Value, double Ratio, string Reference, double LeastRatio, double MostRatio, int Runs,
    long Count, double Seconds, double PerSecond, double OwnCpu, double? OtherCpu, double OwnAllocated, double? OtherAllocated, int OwnCollections,
    int? OtherCollections, double OwnMegabytes, double? OtherMegabytes, double KeccakMicroseconds, double EcdhMicroseconds, double? Goal)
{
    public static BenchReport From(BenchResult result, double? goal)
    {
        (BenchRun run, References references) = result.Median;
        (double least, double most) = result.Range;
        return new BenchReport(
            result.Name, result.Unit.Name, Round(run.Value), Round(result.Ratio), result.Unit.ReferenceName, Round(least), Round(most), result.Runs.Count,
            run.Count, Round(run.Seconds), Round(run.Count / run.Seconds), Each(run.Own.CpuMicroseconds), Each(run.Other?.CpuMicroseconds),
            Each(run.Own.AllocatedBytes), Each(run.Other?.AllocatedBytes), run.Own.Collections, run.Other?.Collections,
            Round(run.Own.ResidentBytes / 1e6), run.Other is { } other ? Round(other.ResidentBytes / 1e6) : null,
            Round(references.Keccak), Round(references.Ecdh), goal);

        double Each(double? all) => Round((all ?? 0) / run.Count);
    }

    /// <summary>Four digits that mean something.</summary>
    public static double Round(double value) =>
        value == 0 || !double.IsFinite(value) ? 0 : Math.Round(value, Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 15));
}
