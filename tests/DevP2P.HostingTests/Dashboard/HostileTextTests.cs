using Xunit;
using static Microsoft.Playwright.Assertions;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>What other nodes write is text, whatever they write.</summary>
[Collection(ChromiumTests.Name)]
public sealed class HostileTextTests(Chromium chromium)
{
    private const string Script = "<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>";

    [Fact]
    public async Task Markup_in_names_and_reasons_stays_text()
    {
        var node = new MockNode(0);
        node.Add(new MockPeer(1) { Name = Script });
        node.Dropped[Script] = 3;
        node.Dials.Add(MockNode.Dial(1, "protocolHandshake", Script));
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        node.Publish(new { at = DateTime.UtcNow, type = "peerDropped", peer = Script, remote = Script, reason = Script });
        node.Publish(new { at = DateTime.UtcNow, type = Script });
        await page.ShowsAsync("events-shown", "3");
        Assert.Equal(Script, (await page.ColumnAsync("peer-table", 2))[0]);
        Assert.Equal(Script, (await page.ColumnAsync("dial-table", 3))[0]);
        await Expect(page["#dropped"]).ToContainTextAsync(Script);
        await page.Rows("peer-table").First.Locator("td").Nth(2).ClickAsync();
        await Expect(page["#peer-details-title"]).ToContainTextAsync("<img src=x");
        await page["#details-ban"].ClickAsync();
        await Expect(page["#confirm-title"]).ToContainTextAsync("<img src=x");
        Assert.True(await page.Page.EvaluateAsync<bool>("() => window.hit === undefined && document.querySelectorAll('img').length === 1"));
        Assert.DoesNotContain(page.Requests, url => url.EndsWith("/x", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_policy_stops_markup_even_if_the_page_would_not()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        page.IsExpected = problem => problem.Contains("Content Security Policy", StringComparison.Ordinal) || problem.Contains("TrustedHTML", StringComparison.Ordinal)
            || problem.Contains("TrustedScript", StringComparison.Ordinal);
        Assert.Equal("TypeError", await page.Page.EvaluateAsync<string>(
            "() => { try { document.body.innerHTML = '<b>x</b>'; return 'let through'; } catch (e) { return e.name; } }"));
        await page.Page.EvaluateAsync("() => { const s = document.createElement('style'); s.textContent = 'main { display: none }'; document.head.append(s); }");
        await Expect(page["#peers"]).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Text_that_turns_round_what_follows_is_made_visible_and_long_text_is_cut()
    {
        var node = new MockNode(0);
        node.Add(new MockPeer(1) { Name = "Geth\u202Eexe.tset\u0000\u200B\n" + new string('x', 5000) });
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("peers-shown", "1");
        string shown = (await page.ColumnAsync("peer-table", 2))[0];
        Assert.StartsWith("Geth\uFFFDexe.tset\uFFFD\uFFFD\uFFFDxxx", shown, StringComparison.Ordinal);
        Assert.InRange(shown.Length, 100, 130);
    }
}
