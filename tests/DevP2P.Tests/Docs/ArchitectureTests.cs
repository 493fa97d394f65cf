using System.Globalization;
using System.Text.RegularExpressions;
using DevP2P.Crypto;
using Xunit;

namespace DevP2P.Tests.Docs;

/// <summary>docs/architecture.md: what it names exists, and its numbers are the code's.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly string Page = RepositoryFiles.Read("docs/architecture.md");

    [Fact]
    public void Every_member_that_the_page_names_exists()
    {
        (string Type, string Member)[] named = [.. Member().Matches(Page).Select(match => (match.Groups[1].Value, match.Groups[2].Value))];

        Assert.True(named.Length > 50, $"only {named.Length} names were found: has the page's form changed?");
        Report.None("members do not exist", named
            .Where(name => !CodeNames.FindTypes(name.Type).Any(type => CodeNames.HasMember(type, name.Member)))
            .Select(name => $"{name.Type}.{name.Member}"));
    }

    [Fact]
    public void Limits_and_times_on_the_page_are_those_of_the_code()
    {
        string section = Page[Page.IndexOf("## Limits and times", StringComparison.Ordinal)..];
        MatchCollection limits = Limit().Matches(section);
        Assert.True(limits.Count > 20, $"only {limits.Count} values were found: has the table's form changed?");
        Assert.Equal(Member().Count(section), limits.Count);

        foreach (Match limit in limits)
        {
            Type type = Assert.Single(CodeNames.FindTypes(limit.Groups[1].Value));
            object? actual = CodeNames.ValueOf(type, limit.Groups[2].Value, () => new ServerOptions { PrivateKey = PrivateKey.Generate() });
            Assert.True(Equals(Read(limit), Normalize(actual)), $"the page says {limit.Value}, the code {actual}");
        }
    }

    private static object Read(Match limit)
    {
        long number = long.Parse(limit.Groups[3].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        return limit.Groups[4].Value switch
        {
            "ms" => TimeSpan.FromMilliseconds(number),
            "s" => TimeSpan.FromSeconds(number),
            "min" => TimeSpan.FromMinutes(number),
            "KiB" => number * 1024,
            "MiB" => number * 1024 * 1024,
            _ => number,
        };
    }

    private static object Normalize(object? value) => value is TimeSpan time ? time : Convert.ToInt64(value, CultureInfo.InvariantCulture);

    // `Type.Member`, but no file name.
    [GeneratedRegex(@"`([A-Z]\w+)\.([A-Z]\w+)`")]
    private static partial Regex Member();

    [GeneratedRegex(@"`([A-Z]\w+)\.([A-Z]\w+)` ([\d,]*\d)(?: (ms|s|min|KiB|MiB)\b)?")]
    private static partial Regex Limit();
}
