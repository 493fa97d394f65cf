using System.Text.Json;

namespace DevP2P.InteropTests;

/// <summary>The foreign peers with one another: when these fail, the fault is not in this project.</summary>
public class ForeignBaselineTests
{
    [Fact]
    public async Task TheirVersionsTalkToEachOther()
    {
        await using JsPeer newest = await JsPeer.StartAsync(JsPeer.Newest);
        await using JsPeer older = await JsPeer.StartAsync(JsPeer.Older);

        newest.Dial(older.Enode);
        Assert.Equal(older.Id, (await newest.NextAsync("connected")).GetProperty("peer").GetString());
        Assert.Equal(newest.Id, (await older.NextAsync("connected")).GetProperty("peer").GetString());

        newest.Exchange(seed: 1, totalBytes: 1 << 20, maxSize: 1 << 18);
        older.Exchange(seed: 2, totalBytes: 1 << 20, maxSize: 1 << 18);
        JsonElement newestSaw = await newest.NextAsync("exchanged");
        JsonElement olderSaw = await older.NextAsync("exchanged");

        Assert.True(newestSaw.GetProperty("equal").GetBoolean(), newestSaw.ToString());
        Assert.True(olderSaw.GetProperty("equal").GetBoolean(), olderSaw.ToString());
        Assert.Equal(Digest(newestSaw, "sent"), Digest(olderSaw, "received"));
        Assert.NotEqual(Digest(newestSaw, "sent"), Digest(olderSaw, "sent"));
    }

    [Fact]
    public async Task TheirVersionsFindEachOther()
    {
        await using TheirDiscovery between = await TheirDiscovery.StartAsync(JsPeer.Older);
        await using TheirDiscovery third = await TheirDiscovery.StartAsync(JsPeer.Newest, between);
        await using TheirDiscovery searcher = await TheirDiscovery.StartAsync(JsPeer.Newest, between);

        await searcher.FindsAsync(third);
        await third.FindsAsync(searcher);
    }

    [Fact]
    public void TheirLockFileNamesNoDownloadAddresses()
    {
        string lockFile = File.ReadAllText(Path.Combine(Repository.Root, "tests", "DevP2P.InteropTests", "peers", "package-lock.json"));

        Assert.Contains("\"integrity\"", lockFile, StringComparison.Ordinal);
        Assert.DoesNotContain("\"resolved\"", lockFile, StringComparison.Ordinal);
    }

    private static string? Digest(JsonElement outcome, string side) => outcome.GetProperty(side).GetProperty("digest").GetString();
}
