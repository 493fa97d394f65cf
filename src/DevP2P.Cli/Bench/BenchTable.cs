using System.Globalization;

namespace DevP2P.Cli.Bench;

/// <summary>Results for people, one line each.</summary>
internal static class BenchTable
{
    public static string Head { get; } =
        $"{"scenario",-22} {"median",18} {"ratio",18} {"range",17} {"rate",12} {"CPU us own/other",18} {"bytes own/other",17} {"GCs",7} {"MB",9}  goal";

    /// <param name="report">The result.</param>
    /// <param name="before">The ratio that it had before, or null.</param>
    /// <param name="noise">Which part of it may come and go.</param>
    public static string Row(BenchReport report, double? before, double noise)
    {
        string ratio = report.Reference.Length > 0 ? $"{Number(report.Ratio)} {report.Reference}" : "";
        return $"{report.Name,-22} {Number(report.Value) + " " + report.Unit,18} {ratio,18} {Number(report.LeastRatio) + "-" + Number(report.MostRatio),17} "
            + $"{Number(report.PerSecond) + "/s",12} {Pair(report.OwnCpu, report.OtherCpu),18} {Pair(report.OwnAllocated, report.OtherAllocated),17} "
            + $"{Pair(report.OwnCollections, report.OtherCollections),7} {Pair(report.OwnMegabytes, report.OtherMegabytes),9}  {Goal(report)}{Change(report.Ratio, before, noise)}";
    }

    private static string Goal(BenchReport report) =>
        report.Goal is not { } goal ? "" : report.Ratio <= goal ? $"reached (at most {Number(goal)})" : $"MISSED (at most {Number(goal)})";

    private static string Change(double ratio, double? before, double noise)
    {
        if (before is not { } last || last == 0)
        {
            return "";
        }

        double change = (ratio / last) - 1;
        return Math.Abs(change) <= noise ? "  as before" : string.Create(CultureInfo.InvariantCulture, $"  {change:+0%;-0%} since");
    }

    private static string Pair(double own, double? other) => other is { } value ? $"{Number(own)}/{Number(value)}" : Number(own);

    private static string Number(double value) =>
        Math.Abs(value) >= 100 ? value.ToString("0", CultureInfo.InvariantCulture) : value.ToString("0.##", CultureInfo.InvariantCulture);
}
