using Xunit;
using static Microsoft.Playwright.Assertions;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>The page finds its node again, and shows the token that it demands.</summary>
[Collection(ChromiumTests.Name)]
public sealed class ConnectionTests(Chromium chromium)
{
    private const string Token = "0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task The_page_connects_again_when_the_node_is_back()
    {
        var node = new MockNode(3);
        MockSite site = await MockSite.StartAsync(node);
        Uri address = site.Address;
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, address);
        page.IsExpected = problem => problem.Contains("ERR_CONNECTION_REFUSED", StringComparison.Ordinal) || problem.Contains("WebSocket", StringComparison.Ordinal);
        await page.ShowsAsync("peers-shown", "3");
        await site.DisposeAsync();
        await Expect(page.Field("link")).ToContainTextAsync("Not connected");
        await Expect(page.Field("countdown")).ToContainTextAsync("next try in");
        await Expect(page["#retry"]).ToBeVisibleAsync();
        await Expect(page["#announcer"]).ToContainTextAsync("The connection to the node is lost");

        // What was known stays.
        await page.ShowsAsync("peers-shown", "3");

        var other = new MockNode(5);
        await using MockSite again = await MockSite.StartAsync(other, port: address.Port);
        await page.ShowsAsync("link", "Connected");
        await page.ShowsAsync("peers-shown", "5");
        await Expect(page["#announcer"]).ToContainTextAsync("Connected to the node again");
        await page.ShowsAsync("events-shown", "3");
        Assert.Equal(["connected", "connection lost", "connected"], await page.ColumnAsync("event-table", 1));

        // Events come again, too.
        other.Publish(new { at = DateTime.UtcNow, type = "lagged", missed = 1 });
        await page.ShowsAsync("events-shown", "4");
    }

    [Fact]
    public async Task A_token_is_asked_for_and_kept_for_the_tab()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(2), Token);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address, isOpen: false);
        page.IsExpected = problem => problem.Contains("401", StringComparison.Ordinal) || problem.Contains("WebSocket", StringComparison.Ordinal);
        await Expect(page["#token-dialog"]).ToBeVisibleAsync();
        await page.ShowsAsync("link", "A token is needed");
        await page["#token"].FillAsync("not-this-one");
        await page["#token"].PressAsync("Enter");
        await page.ShowsAsync("token-problem", "This token is not the node's.");
        await page["#token"].FillAsync("no token at all");
        await page["#token"].PressAsync("Enter");
        await page.ShowsAsync("token-problem", "This token has characters that a browser cannot send.");
        await page["#token"].FillAsync(Token);
        await page["#token"].PressAsync("Enter");
        await page.ShowsAsync("link", "Connected");
        await page.ShowsAsync("peers-shown", "2");
        await Expect(page["#token-dialog"]).ToBeHiddenAsync();

        await page.Page.ReloadAsync();
        await page.ShowsAsync("peers-shown", "2");
        Assert.Equal(Token, await page.Page.EvaluateAsync<string>("() => sessionStorage.getItem('devp2p.token')"));
        Assert.Null(await page.Page.EvaluateAsync<string?>("() => localStorage.getItem('devp2p.token')"));
        Assert.DoesNotContain(page.Requests, url => url.Contains(Token, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_token_in_the_fragment_is_taken_out_of_the_address()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(2), Token);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address, "#token=" + Token);
        await page.ShowsAsync("peers-shown", "2");
        Assert.Equal(new Uri(site.Address, "/dashboard/").ToString(), page.Page.Url);
    }
}
