using System.Globalization;
using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>The list of peers with a thousand of them.</summary>
[Collection(ChromiumTests.Name)]
public sealed class PeerListTests(Chromium chromium)
{
    private const int Count = 1000;

    /// <summary>More rows than this need not exist for a list of this height.</summary>
    private const int MaxRows = 60;

    [Fact]
    public async Task A_thousand_peers_are_scrolled_through_with_few_rows()
    {
        var node = new MockNode(Count);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("peers-shown", "1,000");
        await Expect(page["#peer-table table"]).ToHaveAttributeAsync("aria-rowcount", "1001");
        await page["#peer-table"].GetByRole(AriaRole.Button, new() { Name = "Node", Exact = true }).ClickAsync();
        await Expect(page["#peer-table th"].Nth(1)).ToHaveAttributeAsync("aria-sort", "ascending");
        string[] expected = [.. node.Peers.Select(peer => peer.Id).Order(StringComparer.Ordinal).Select(Short)];

        int most = 0;
        var seen = new HashSet<string>();
        for (int top = 0; top <= 24 * Count; top += 240)
        {
            await page.Page.EvaluateAsync("top => { document.getElementById('peer-table').scrollTop = top; }", top);
            int index = Math.Min(top / 24, Count - 20);
            await page.UntilAsync("index => document.querySelector(`#peer-table tr[aria-rowindex='${index + 2}']`)", index);
            int rows = await page.Rows("peer-table").CountAsync();
            most = Math.Max(most, rows);
            string[] shown = await page.Page.EvaluateAsync<string[]>(
                "() => [...document.querySelectorAll('#peer-table tbody tr[aria-rowindex]')].flatMap(tr => [tr.getAttribute('aria-rowindex'), tr.children[1].textContent])");
            int first = int.Parse(shown[0], CultureInfo.InvariantCulture) - 2;
            string[] ids = [.. shown.Where((_, i) => i % 2 == 1)];
            Assert.Equal(Enumerable.Range(first + 2, ids.Length), shown.Where((_, i) => i % 2 == 0).Select(text => int.Parse(text, CultureInfo.InvariantCulture)));
            Assert.Equal(expected[first..(first + ids.Length)], ids);
            seen.UnionWith(ids);
        }

        Assert.InRange(most, 10, MaxRows);
        Assert.Equal(Count, seen.Count);

        // The list is as high as it would be with all rows: 26 pixels of head, 24 of each row.
        int height = await page.Page.EvaluateAsync<int>("() => document.getElementById('peer-table').scrollHeight");
        Assert.InRange(height, (24 * Count) + 20, (24 * Count) + 40);
        int nodes = await page.Page.EvaluateAsync<int>("() => document.querySelectorAll('*').length");
        Assert.True(nodes < 3000, $"{nodes} elements");
    }

    [Fact]
    public async Task Columns_are_sorted_both_ways()
    {
        var node = new MockNode(Count);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("peers-shown", "1,000");
        ILocator score = page["#peer-table th"].Filter(new() { HasText = "Score" });
        await Expect(score).ToHaveAttributeAsync("aria-sort", "none");
        await score.GetByRole(AriaRole.Button).ClickAsync();
        await Expect(score).ToHaveAttributeAsync("aria-sort", "descending");
        await UntilFirstAsync(page, 10, "+99.0");
        await score.GetByRole(AriaRole.Button).ClickAsync();
        await Expect(score).ToHaveAttributeAsync("aria-sort", "ascending");
        await UntilFirstAsync(page, 10, "−100.0");

        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Client" }).ClickAsync();
        await Expect(score).ToHaveAttributeAsync("aria-sort", "none");
        await UntilFirstAsync(page, 2, node.Peers.Select(peer => peer.Name).Order(StringComparer.Ordinal).First());
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Client" }).ClickAsync();
        await UntilFirstAsync(page, 2, node.Peers.Select(peer => peer.Name).Order(StringComparer.Ordinal).Last());

        // Traffic follows from the number, in and out.
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "In/s" }).ClickAsync();
        await UntilFirstAsync(page, 1, Short(node.Peers[^1].Id));
    }

    [Fact]
    public async Task Filters_find_by_any_word_and_kind()
    {
        var node = new MockNode(Count);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("peers-shown", "1,000");
        await page["#peer-filter"].FillAsync("NETHERMIND 198.51.2.");
        int expected = node.Peers.Count(peer => peer.Name.Contains("Nethermind", StringComparison.Ordinal) && peer.Address.Contains("198.51.2.", StringComparison.Ordinal));
        await page.ShowsAsync("peers-shown", $"{expected} of 1,000");
        Assert.All(await page.ColumnAsync("peer-table", 2), name => Assert.Contains("Nethermind", name, StringComparison.Ordinal));

        await page["#peer-filter"].FillAsync(node.Peers[321].Id);
        await page.ShowsAsync("peers-shown", "1 of 1,000");
        await Expect(page.Rows("peer-table")).ToHaveCountAsync(1);
        await page["#peer-filter"].FillAsync("nobody has this");
        await page.ShowsAsync("peers-shown", "0 of 1,000");
        await Expect(page["#peer-table .empty"]).ToBeVisibleAsync();
        await page["#peer-filter"].FillAsync("");
        foreach ((string kind, int count) in new[]
        {
            ("in", node.Peers.Count(peer => peer.IsInbound)), ("out", node.Peers.Count(peer => !peer.IsInbound)),
            ("static", node.Peers.Count(peer => peer.IsStatic)), ("trusted", node.Peers.Count(peer => peer.IsTrusted)),
        })
        {
            await page["#peer-kind"].SelectOptionAsync(kind);
            await page.ShowsAsync("peers-shown", $"{count} of 1,000");
        }
    }

    [Fact]
    public async Task Rows_keep_their_places_while_one_has_the_focus()
    {
        var node = new MockNode(3);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("peers-shown", "3");
        await page["#peer-table tbody tr[tabindex='0']"].FocusAsync();
        IReadOnlyList<string> before = await page.ColumnAsync("peer-table", 1);

        // Sorted by age: it would be the first.
        node.Add(new MockPeer(77) { ConnectedSeconds = 1_000_000 });
        await page.ShowsAsync("peers-shown", "4");
        Assert.Equal([.. before, Short(node.Peers[3].Id)], await page.ColumnAsync("peer-table", 1));
        await page["#help"].FocusAsync();
        await UntilFirstAsync(page, 1, Short(node.Peers[3].Id));
    }

    private static Task UntilFirstAsync(DashboardPage page, int column, string text) =>
        Expect(page.Rows("peer-table").First.Locator("td").Nth(column)).ToHaveTextAsync(text);

    private static string Short(string id) => $"{id[..8]}…{id[^4..]}";
}
