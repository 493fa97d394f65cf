using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>docs/grafana-dashboard.json asks for what there is.</summary>
public sealed partial class GrafanaTests
{
    /// <summary>All queries, with the dashboard's variables as Grafana fills them in for "All".</summary>
    internal static IReadOnlyList<string> ReadQueries()
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", "grafana-dashboard.json")));
        return [.. dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .Select(target => target.GetProperty("expr").GetString()!
                .Replace("$job", ".*", StringComparison.Ordinal)
                .Replace("$instance", ".*", StringComparison.Ordinal)
                .Replace("$__rate_interval", "1m", StringComparison.Ordinal))];
    }

    [Fact]
    public void Every_metric_of_the_dashboard_is_one_that_the_node_has()
    {
        var known = new HashSet<string>(Instrument().Matches(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", "metrics.md"))).SelectMany(ToPrometheus));
        string[] asked = [.. ReadQueries().SelectMany(query => Metric().Matches(query)).Select(match => match.Value).Distinct()];

        Assert.True(known.Count > 20);
        Assert.True(asked.Length > 15);
        Assert.Subset(known, asked.ToHashSet());
    }

    /// <summary>The names under which Prometheus has an instrument.</summary>
    private static IEnumerable<string> ToPrometheus(Match instrument)
    {
        string name = instrument.Groups["name"].Value.Replace('.', '_') + instrument.Groups["unit"].Value switch { "By" => "_bytes", "s" => "_seconds", _ => "" };
        return instrument.Groups["kind"].Value switch
        {
            "Counter" => [name + "_total"],
            "Histogram" => [name + "_bucket", name + "_count", name + "_sum"],
            _ => [name],
        };
    }

    // Labels stand in braces and after "by"; a metric's name comes before a brace.
    [GeneratedRegex(@"\bdevp2p_[a-z_]+(?=\{)")]
    private static partial Regex Metric();

    [GeneratedRegex(@"^\| `(?<name>devp2p\.[a-z.]+)` \| (?<kind>\w+) \| `(?<unit>[^`]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Instrument();
}
