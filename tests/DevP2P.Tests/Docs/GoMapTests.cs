using System.Text.RegularExpressions;
using Xunit;

namespace DevP2P.Tests.Docs;

/// <summary>docs/go-map.md: nothing of Go is missing, and nothing of C# is made up.</summary>
public sealed partial class GoMapTests
{
    private const string Map = "docs/go-map.md";

    [Fact]
    public void Every_exported_name_of_Go_is_in_the_map_and_no_other()
    {
        HashSet<string> exported = [.. RepositoryFiles.ReadLines("tests/DevP2P.Tests/Docs/go-exports.txt")
            .Where(line => line.Length > 0 && !line.StartsWith('#'))];
        HashSet<string> mapped = [.. ReadRows().SelectMany(row => row.GoNames.Select(name => $"{row.Package} {name}"))];

        Assert.Contains("p2p Server.AddPeer", exported);
        Report.None("names of Go are not in the map", exported.Except(mapped));
        Report.None("names in the map are not Go's", mapped.Except(exported));
    }

    [Fact]
    public void Every_CSharp_name_in_the_map_exists()
    {
        string[] named = [.. ReadRows().SelectMany(row => row.CSharpNames)];
        IEnumerable<string> mentioned = LibraryName().Matches(RepositoryFiles.Read(Map)).Select(match => match.Groups[1].Value);

        Assert.True(named.Length > 150, $"only {named.Length} names were found: has the table's form changed?");
        Report.None("names in the map do not exist here", named.Union(mentioned).Where(name => !CodeNames.Resolves(name)));
    }

    [Fact]
    public void A_name_without_counterpart_says_why()
    {
        Report.None("rows have no counterpart and do not say why", ReadRows()
            .Where(row => row.CSharpNames.Length == 0
                && !row.Note.StartsWith("not carried over: ", StringComparison.Ordinal)
                && !row.Note.StartsWith("not there yet: ", StringComparison.Ordinal))
            .Select(row => string.Join(' ', row.GoNames)));
    }

    [Theory]
    [InlineData("DevP2P.Server", true)]
    [InlineData("DevP2P.Server.AddPeer", true)]
    [InlineData("DevP2P.DisconnectReason.Self", true)]
    [InlineData("DevP2P.NetUtil.NetList.#ctor", true)]
    [InlineData("DevP2P.Server.addPeer", false)]
    [InlineData("DevP2P.Srv.AddPeer", false)]
    [InlineData("DevP2P.MessagePipe.Finalize", false)]
    [InlineData("AddPeer", false)]
    public void A_name_that_does_not_exist_is_found_out(string name, bool exists) => Assert.Equal(exists, CodeNames.Resolves(name));

    /// <summary>The rows of the tables in sections whose title is a package in backticks.</summary>
    private static List<Row> ReadRows()
    {
        var rows = new List<Row>();
        string? package = null;
        foreach (string line in RepositoryFiles.ReadLines(Map))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
            {
                package = InBackticks().Match(line) is { Success: true } title ? title.Groups[1].Value : null;
            }
            else if (package is not null && line.StartsWith("| `", StringComparison.Ordinal))
            {
                string[] cells = [.. line.Trim('|').Split('|').Select(cell => cell.Trim())];
                Assert.True(cells.Length == 3, $"not three cells: {line}");
                rows.Add(new Row(package, NamesIn(cells[0]), NamesIn(cells[1]), cells[2]));
            }
        }

        return rows;
    }

    private static string[] NamesIn(string cell) => [.. InBackticks().Matches(cell).Select(match => match.Groups[1].Value)];

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex InBackticks();

    [GeneratedRegex(@"`(DevP2P\.[^`]+)`")]
    private static partial Regex LibraryName();

    private sealed record Row(string Package, string[] GoNames, string[] CSharpNames, string Note);
}
