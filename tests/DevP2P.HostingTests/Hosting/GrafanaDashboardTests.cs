using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using DevP2P.Diagnostics;
using DevP2P.Hosting;
using Xunit;

namespace DevP2P.HostingTests.Hosting;

/// <summary>docs/grafana-dashboard.json asks for what there is.</summary>
public sealed partial class GrafanaDashboardTests
{
    private static readonly JsonElement s_dashboard = Read();

    [Fact]
    public async Task Every_metric_and_tag_that_it_asks_for_exists()
    {
        HashSet<string> metrics = await InstrumentNamesAsync();
        HashSet<string> tags = [.. typeof(DevP2PDiagnostics).GetFields()
            .Where(static field => field.Name.EndsWith("Tag", StringComparison.Ordinal))
            .Select(static field => ((string)field.GetRawConstantValue()!).Replace('.', '_'))];
        ILookup<bool, string> asked = Expressions()
            .SelectMany(static expression => Name().Matches(expression))
            .Select(static match => (Name: match.Groups[1].Value, IsMetric: match.Groups[2].Length > 0))
            .Distinct()
            .ToLookup(static name => name.IsMetric, static name => name.Name);

        Assert.True(asked[true].Count() > 20, $"only {asked[true].Count()} metrics were found");
        Assert.True(asked[false].Count() > 6, $"only {asked[false].Count()} tags were found");
        Assert.Empty(asked[true].Except(metrics));
        Assert.Empty(asked[false].Except(tags));
    }

    [Fact]
    public async Task The_endpoint_serves_metrics_under_the_names_that_are_expected()
    {
        await using Server other = await TestNode.StartServerAsync();
        await using WebNode node = await WebNode.StartAsync(
            TestNode.Section(), static services => services.AddDevP2PMetrics(), static app => app.MapDevP2PMetrics());
        Assert.True((await node.Server.AddPeerAsync(other.Self, TestContext.Current.CancellationToken)).Succeeded);
        HashSet<string> known = await InstrumentNamesAsync();
        string text = await node.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);

        // Tests beside this one have things of their own in the meter.
        string[] served = [.. Sample().Matches(text).Select(match => match.Groups[1].Value).Where(static name => !name.StartsWith("devp2p_test_", StringComparison.Ordinal)).Distinct()];

        Assert.True(served.Length > 10, $"only {served.Length} metrics are served");
        Assert.Empty(served.Except(known));
    }

    [Fact]
    public void Every_panel_has_a_title_a_unit_and_the_chosen_data_source()
    {
        JsonElement[] panels = Panels();
        Assert.True(panels.Length > 10, $"only {panels.Length} panels were found");
        Assert.Equal(panels.Length, panels.Select(static p => p.GetProperty("id").GetInt32()).Distinct().Count());
        foreach (JsonElement panel in panels.Where(static p => p.GetProperty("type").GetString() != "row"))
        {
            Assert.NotEmpty(panel.GetProperty("title").GetString()!);
            Assert.NotEmpty(panel.GetProperty("description").GetString()!);
            Assert.NotEmpty(panel.GetProperty("fieldConfig").GetProperty("defaults").GetProperty("unit").GetString()!);
            Assert.Equal("${datasource}", panel.GetProperty("datasource").GetProperty("uid").GetString());
        }

        JsonElement variable = s_dashboard.GetProperty("templating").GetProperty("list")[0];
        Assert.Equal(("datasource", "prometheus"), (variable.GetProperty("type").GetString(), variable.GetProperty("query").GetString()));
    }

    [Fact]
    public void Panels_do_not_cover_each_other()
    {
        HashSet<(int X, int Y)> taken = [];
        foreach (JsonElement panel in Panels())
        {
            JsonElement at = panel.GetProperty("gridPos");
            (int x, int y, int w, int h) = (at.GetProperty("x").GetInt32(), at.GetProperty("y").GetInt32(), at.GetProperty("w").GetInt32(), at.GetProperty("h").GetInt32());
            Assert.InRange(x + w, 1, 24);
            for (int i = 0; i < w * h; i++)
            {
                Assert.True(taken.Add((x + (i % w), y + (i / w))), $"panel {panel.GetProperty("id")} covers another");
            }
        }
    }

    [PrometheusFact]
    public async Task Prometheus_can_read_every_expression()
    {
        var rules = new StringBuilder("groups:\n- name: dashboard\n  rules:\n");
        int number = 0;
        foreach (string expression in Expressions())
        {
            string plain = expression.Replace("$__rate_interval", "1m", StringComparison.Ordinal);
            rules.Append("  - record: panel:").Append(number++).Append("\n    expr: ").Append(JsonSerializer.Serialize(plain)).Append('\n');
        }

        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, rules.ToString(), TestContext.Current.CancellationToken);
            (int exitCode, string said) = await PromTool.RunAsync("", "check", "rules", file);
            Assert.True(exitCode == 0, said);
            Assert.Contains($"{number} rules found", said, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static JsonElement Read()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", "grafana-dashboard.json")));
        return document.RootElement.Clone();
    }

    private static JsonElement[] Panels() => [.. s_dashboard.GetProperty("panels").EnumerateArray()];

    private static IEnumerable<string> Expressions() => Panels()
        .Where(static panel => panel.TryGetProperty("targets", out _))
        .SelectMany(static panel => panel.GetProperty("targets").EnumerateArray())
        .Select(static target => target.GetProperty("expr").GetString()!);

    /// <summary>The names that Prometheus has for the library's instruments.</summary>
    private static async Task<HashSet<string>> InstrumentNamesAsync()
    {
        await using Server server = await TestNode.StartServerAsync();
        List<Instrument> instruments = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == DevP2PDiagnostics.MeterName)
                {
                    instruments.Add(instrument);
                }
            },
        };
        listener.Start();
        return [.. instruments.SelectMany(ToPrometheus)];
    }

    /// <summary>OpenTelemetry's rules: dots become lines, the unit and the kind are added.</summary>
    private static IEnumerable<string> ToPrometheus(Instrument instrument)
    {
        Type kind = instrument.GetType().GetGenericTypeDefinition();
        bool isCounter = kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>);
        bool isHistogram = kind == typeof(Histogram<>);
        string unit = instrument.Unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            "1" when !isCounter && !isHistogram => "_ratio",
            null or "" or "1" => "",
            ['{', ..] => "",
            { } other => throw new InvalidOperationException($"{instrument.Name} has the unit {other}, whose name in Prometheus this test does not know"),
        };
        string name = instrument.Name.Replace('.', '_');
        name = name.EndsWith(unit, StringComparison.Ordinal) ? name : name + unit;
        return isHistogram ? [$"{name}_bucket", $"{name}_sum", $"{name}_count"] : isCounter ? [$"{name}_total"] : [name];
    }

    // A metric always has its selector behind it, a tag never has.
    [GeneratedRegex(@"\b((?:devp2p|network)_\w+)(\{?)")]
    private static partial Regex Name();

    [GeneratedRegex(@"^(devp2p_\w+)[{ ]", RegexOptions.Multiline)]
    private static partial Regex Sample();
}
