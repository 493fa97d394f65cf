using System.Reflection;
using System.Text.RegularExpressions;
using Xunit;

namespace DevP2P.Tests.Docs;

/// <summary>docs/threats.md: no threat is missing, and its guards and tests exist.</summary>
public sealed partial class ThreatsTests
{
    private const string HostingTests = "tests/DevP2P.HostingTests";

    private static readonly ILookup<string, Type> TestClasses = typeof(ThreatsTests).Assembly.GetTypes().ToLookup(type => type.Name);

    [Fact]
    public void Every_threat_has_rows_and_every_guard_and_test_in_them_exists()
    {
        List<Row> rows = ReadRows();
        Report.None("threats have no row", Enumerable.Range(1, 20).Select(number => $"T{number:00}").Except(rows.Select(row => row.Id)));
        Report.None("guards do not exist", rows.SelectMany(row => row.Guards).Where(guard => !ExistsInLibrary(guard)));
        Report.None("tests do not exist", rows.SelectMany(row => row.Tests).Where(test => FindTest(test) is null && FindHostingTest(test) is null));
        Assert.True(rows.SelectMany(row => row.Tests).Distinct().Count() > 40, "hardly any tests were found: has the table's form changed?");
    }

    [Fact]
    public void Tests_carry_the_id_of_the_threat_that_they_stand_for()
    {
        Report.None("tests do not carry the id of their row", ReadRows().SelectMany(row => row.Tests
            .Where(test => FindTest(test) is { } method ? !ThreatsOf(method).Contains(row.Id)
                : FindHostingTest(test)?.Contains($"[Trait(\"Threat\", \"{row.Id}\")]", StringComparison.Ordinal) == false)
            .Select(test => $"{row.Id} {test}")));
    }

    /// <summary>The rows of the table: a threat, its guard, the tests that failed without it.</summary>
    private static List<Row> ReadRows()
    {
        var rows = new List<Row>();
        foreach (string line in RepositoryFiles.ReadLines("docs/threats.md").Where(line => line.StartsWith("| T", StringComparison.Ordinal)))
        {
            string[] cells = [.. line.Trim('|').Split('|').Select(cell => cell.Trim())];
            Assert.True(cells.Length == 3, $"not three cells: {line}");
            rows.Add(new Row(cells[0], NamesIn(cells[1]), NamesIn(cells[2])));
        }

        return rows;
    }

    private static string[] NamesIn(string cell) => [.. Name().Matches(cell).Select(match => match.Groups[1].Value)];

    private static bool ExistsInLibrary(string name) =>
        name.Split('.') is [var type, var member] && CodeNames.FindTypes(type).Any(t => CodeNames.HasMember(t, member));

    private static MethodInfo? FindTest(string name) => name.Split('.') is [var type, var method]
        ? TestClasses[type].Select(t => t.GetMethod(method)).FirstOrDefault(m => m is not null)
        : null;

    /// <summary>The source of the class of a test in DevP2P.HostingTests, which this project cannot load; null if there is no such test.</summary>
    private static string? FindHostingTest(string name) => name.Split('.') is [var type, var method]
        ? RepositoryFiles.List(HostingTests, type + ".cs").Select(file => RepositoryFiles.Read($"{HostingTests}/{file}"))
            .FirstOrDefault(source => source.Contains($" {method}(", StringComparison.Ordinal))
        : null;

    private static IEnumerable<string> ThreatsOf(MethodInfo method) =>
        method.GetCustomAttributesData().Concat(method.DeclaringType!.GetCustomAttributesData())
            .Where(attribute => attribute.AttributeType == typeof(TraitAttribute))
            .Select(attribute => (string)attribute.ConstructorArguments[1].Value!);

    // `Type.Member`, in either column.
    [GeneratedRegex(@"`([A-Z]\w+\.\w+)`")]
    private static partial Regex Name();

    private sealed record Row(string Id, string[] Guards, string[] Tests);
}
