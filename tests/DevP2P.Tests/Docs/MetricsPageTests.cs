using System.Reflection;
using System.Text.RegularExpressions;
using DevP2P.Diagnostics;
using Xunit;

namespace DevP2P.Tests.Docs;

/// <summary>docs/metrics.md: its table is the code's.</summary>
public sealed partial class MetricsPageTests
{
    private static readonly string Page = RepositoryFiles.Read("docs/metrics.md");

    [Fact]
    public void The_table_has_every_instrument_as_it_is_in_the_code()
    {
        string section = Page[Page.IndexOf("## Instruments", StringComparison.Ordinal)..];
        string[] rows = [.. Row().Matches(section).Select(static m => m.Value.TrimEnd('\r', '\n'))];

        Assert.Equal(
            Instruments.All.Select(static i => $"| `{i.Name}` | {i.Kind} | `{i.Unit}` | {string.Join(", ", i.Tags.Select(static t => $"`{t}`"))} | {i.Description} |"),
            rows);
    }

    [Fact]
    public void Every_public_name_is_on_the_page()
    {
        string[] names = [.. typeof(DevP2PDiagnostics).GetFields(BindingFlags.Public | BindingFlags.Static).Select(static f => (string)f.GetRawConstantValue()!)];

        Assert.True(names.Length > 30, $"only {names.Length} names");
        Report.None("names are not on the page", names.Where(static n => !Page.Contains($"`{n}`", StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"^\| `devp2p\.[^|]*\| (Counter|UpDownCounter|Histogram) .*$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
