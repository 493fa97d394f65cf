using System.Text.RegularExpressions;
using Xunit;

namespace DevP2P.Tests.Docs;

/// <summary>Links from one page of the repository to another lead somewhere.</summary>
public sealed partial class LinkTests
{
    [Fact]
    public void Internal_links_lead_to_files_that_exist()
    {
        string[] pages = ["README.md", "CHANGELOG.md", .. RepositoryFiles.List("docs", "*.md").Select(page => "docs/" + page)];
        var broken = new List<string>();
        int followed = 0;
        foreach (string page in pages)
        {
            foreach (Match link in Link().Matches(RepositoryFiles.Read(page)))
            {
                string target = link.Groups[1].Value;
                if (target.Contains("://", StringComparison.Ordinal) || target.StartsWith("mailto:", StringComparison.Ordinal))
                {
                    continue;
                }

                followed++;
                string path = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(RepositoryFiles.PathOf(page))!, target));
                if (!File.Exists(path) && !Directory.Exists(path))
                {
                    broken.Add($"{page}: {target}");
                }
            }
        }

        Assert.True(followed > 40, $"only {followed} links were found");
        Report.None("links lead nowhere", broken);
    }

    [Fact]
    public void Every_page_is_in_an_index()
    {
        string index = RepositoryFiles.Read("docs/README.md");
        string decisions = RepositoryFiles.Read("docs/decisions/README.md");
        Report.None("pages are in no index", RepositoryFiles.List("docs", "*.md").Where(page => page switch
        {
            "README.md" => false,
            _ when page.StartsWith("decisions/", StringComparison.Ordinal) && page != "decisions/README.md" =>
                !decisions.Contains($"]({page["decisions/".Length..]})", StringComparison.Ordinal),
            _ => !index.Contains($"]({page})", StringComparison.Ordinal),
        }));
    }

    // The target of [text](target#part).
    [GeneratedRegex(@"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")]
    private static partial Regex Link();
}
