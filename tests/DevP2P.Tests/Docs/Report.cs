using Xunit;

namespace DevP2P.Tests.Docs;

/// <summary>Fails with the whole list of what is wrong.</summary>
internal static class Report
{
    public static void None(string whatIsWrong, IEnumerable<string> items)
    {
        string[] found = [.. items.Distinct().Order(StringComparer.Ordinal)];
        Assert.True(found.Length == 0, $"{found.Length} {whatIsWrong}:{string.Concat(found.Select(item => "\n  " + item))}");
    }
}
