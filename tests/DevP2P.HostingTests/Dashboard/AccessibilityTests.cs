using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>The page for those who use the keyboard, a screen reader, or a small screen. Rules of WCAG AA that a program can check.</summary>
[Collection(ChromiumTests.Name)]
public sealed class AccessibilityTests(Chromium chromium)
{
    [Fact]
    public async Task Every_control_has_a_name_and_every_id_is_unique()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(30));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("table-note", "47 nodes, 33 answer, 4 replacements");
        Assert.Empty(await page.Page.EvaluateAsync<string[]>(AccessibilityRules.Names));
        Assert.Empty(await page.Page.EvaluateAsync<string[]>(AccessibilityRules.Structure));
        await page["#help"].ClickAsync();
        Assert.Empty(await page.Page.EvaluateAsync<string[]>(AccessibilityRules.Names));
        await page["#help-close"].ClickAsync();
        await page.Rows("peer-table").First.PressAsync("Enter");
        await Expect(page["#peer-details"]).ToBeVisibleAsync();
        Assert.Empty(await page.Page.EvaluateAsync<string[]>(AccessibilityRules.Names));
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Text_stands_out_from_its_ground(ColorScheme scheme)
    {
        var node = new MockNode(30);
        node.Dials.Add(MockNode.Dial(1, "admitted", "added"));
        node.Dials.Add(MockNode.Dial(2, "connect", "connection refused"));
        node.Nat = new { method = "UPnP", problem = "no address", mappings = Array.Empty<object>() };
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address, scheme: scheme);
        await page.ShowsAsync("nat-problem", "no address");
        node.Publish(new { at = DateTime.UtcNow, type = "banned", id = MockPeer.IdOf("x"), reason = "x" });
        await page.ShowsAsync("events-shown", "2");
        Assert.Equal(scheme == ColorScheme.Dark ? "dark" : "light", await page.Page.EvaluateAsync<string>("() => document.documentElement.dataset.theme"));
        string[] bad = await page.Page.EvaluateAsync<string[]>(AccessibilityRules.Contrast);
        Assert.Empty(bad);

        // The rule can fail.
        await page.Page.EvaluateAsync("() => { document.querySelector('#peers-title').style.color = 'var(--line)'; }");
        Assert.NotEmpty(await page.Page.EvaluateAsync<string[]>(AccessibilityRules.Contrast));
    }

    [Fact]
    public async Task The_theme_is_switched_and_remembered()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address, scheme: ColorScheme.Dark);
        await Expect(page["html"]).ToHaveAttributeAsync("data-theme", "dark");
        await page["#theme"].ClickAsync();
        await Expect(page["html"]).ToHaveAttributeAsync("data-theme", "light");
        await page.Page.ReloadAsync();
        await Expect(page["html"]).ToHaveAttributeAsync("data-theme", "light");
        await Expect(page["#theme"]).ToHaveTextAsync("Theme: light");
        await page["#theme"].ClickAsync();
        await page["#theme"].ClickAsync();
        await Expect(page["#theme"]).ToHaveTextAsync("Theme: system");
        await page.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await Expect(page["html"]).ToHaveAttributeAsync("data-theme", "light");
    }

    [Fact]
    public async Task All_is_done_from_the_keyboard()
    {
        var node = new MockNode(100);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("peers-shown", "100");
        IKeyboard keyboard = page.Page.Keyboard;

        // The first stop leads past the bar.
        await keyboard.PressAsync("Tab");
        await Expect(page[".skip"]).ToBeFocusedAsync();
        await keyboard.PressAsync("?");
        await Expect(page["#help-dialog"]).ToBeVisibleAsync();
        await Expect(page["#help-keys"]).ToContainTextAsync("Filter peers");
        await keyboard.PressAsync("Escape");
        await Expect(page["#help-dialog"]).ToBeHiddenAsync();

        foreach ((string key, string panel) in new[] { ("1", "identity"), ("6", "tables"), ("0", "bans"), ("4", "peers") })
        {
            await keyboard.PressAsync(key);
            await Expect(page["#" + panel]).ToBeFocusedAsync();
        }

        await keyboard.PressAsync("/");
        await Expect(page["#peer-filter"]).ToBeFocusedAsync();
        await keyboard.TypeAsync("geth4");
        await page.ShowsAsync("peers-shown", "0 of 100");
        await keyboard.PressAsync("Escape");
        await page.ShowsAsync("peers-shown", "100");

        // One row of the list is a stop; the arrows lead to the others, also to those that do not exist yet.
        await keyboard.PressAsync("p");
        await Expect(page["#peer-table tr[aria-rowindex='2']"]).ToBeFocusedAsync();
        await keyboard.PressAsync("ArrowDown");
        await Expect(page["#peer-table tr[aria-rowindex='3']"]).ToBeFocusedAsync();
        await keyboard.PressAsync("End");
        await Expect(page["#peer-table tr[aria-rowindex='101']"]).ToBeFocusedAsync();
        await Expect(page["#peer-table tr[aria-rowindex='101']"]).ToBeInViewportAsync();
        await keyboard.PressAsync("Home");
        await Expect(page["#peer-table tr[aria-rowindex='2']"]).ToBeFocusedAsync();
        await Expect(page["#peer-table tr[tabindex='0']"]).ToHaveCountAsync(1);
        string first = (await page.ColumnAsync("peer-table", 3))[0];

        await keyboard.PressAsync("Enter");
        await Expect(page["#peer-details"]).ToBeVisibleAsync();
        await page["#details-disconnect"].FocusAsync();
        await keyboard.PressAsync("Enter");
        await Expect(page["#confirm-no"]).ToBeFocusedAsync();
        await keyboard.PressAsync("Shift+Tab");
        await Expect(page["#confirm-yes"]).ToBeFocusedAsync();
        await keyboard.PressAsync("Enter");
        await page.ShowsAsync("peers-shown", "99");
        Assert.Equal($"devp2p_disconnect [\"{node_Id()}\"]", Assert.Single(node.Calls));

        // Nodes of the tables.
        await page["#tab-v4"].FocusAsync();
        await keyboard.PressAsync("ArrowRight");
        await Expect(page["#tab-v5"]).ToBeFocusedAsync();
        await Expect(page["#tab-v5"]).ToHaveAttributeAsync("aria-selected", "true");
        await page.ShowsAsync("table-note", "47 nodes, 33 answer, 4 replacements");
        await keyboard.PressAsync("Tab");
        await Expect(page["#buckets .bucket:nth-child(1) .node:nth-child(1)"]).ToBeFocusedAsync();
        await keyboard.PressAsync("ArrowRight");
        await Expect(page["#buckets .bucket:nth-child(1) .node:nth-child(2)"]).ToBeFocusedAsync();
        await keyboard.PressAsync("ArrowDown");
        await Expect(page["#buckets .bucket:nth-child(2) .node:nth-child(2)"]).ToBeFocusedAsync();
        await Expect(page.Field("table-node")).ToContainTextAsync(MockPeer.IdOf("v5 15 1"));

        // Where one types, keys are letters.
        await page["#event-filter"].FocusAsync();
        await keyboard.TypeAsync("?t1");
        await Expect(page["#event-filter"]).ToHaveValueAsync("?t1");
        await Expect(page["#help-dialog"]).ToBeHiddenAsync();

        string node_Id() => new MockNode(100).Peers.Single(peer => peer.Address == first).Id;
    }

    [Fact]
    public async Task Single_keys_can_be_turned_off()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(1));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.Page.Keyboard.PressAsync("?");
        await page["#keys-enabled"].UncheckAsync();
        await page["#help-close"].ClickAsync();
        await page.Page.Keyboard.PressAsync("4");
        await page.Page.Keyboard.PressAsync("?");
        await Expect(page["#help-dialog"]).ToBeHiddenAsync();
        await Expect(page["#peers"]).Not.ToBeFocusedAsync();
        await page["#help"].ClickAsync();
        await Expect(page["#help-dialog"]).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData(1440)]
    [InlineData(1000)]
    [InlineData(400)]
    public async Task Nothing_is_cut_off_at_any_width(int width)
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(30));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address, width: width);
        await page.ShowsAsync("peers-shown", "30");
        await page.ShowsAsync("table-note", "47 nodes, 33 answer, 4 replacements");
        int overflow = await page.Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth - document.documentElement.clientWidth");
        Assert.Equal(0, overflow);
        string[] outside = await page.Page.EvaluateAsync<string[]>("""
            () => [...document.querySelectorAll('.panel')].filter(p => p.scrollWidth > p.clientWidth + 1).map(p => p.id + ': ' + [...p.querySelectorAll('*')]
              .filter(e => e.getBoundingClientRect().right > p.getBoundingClientRect().right && !e.closest('.virtual, .scroll-x')).map(e => e.tagName + '.' + e.className))
            """);
        Assert.Empty(outside);
        await Expect(page["#bans"]).ToBeVisibleAsync();
    }

    [Fact]
    public async Task What_changes_all_the_time_is_not_read_out()
    {
        var node = new MockNode(30);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("peers-shown", "30");
        await page.Page.EvaluateAsync("""
            () => {
              window.said = 0;
              for (const live of document.querySelectorAll('[role=status], [role=alert], [role=log], [aria-live]'))
                new MutationObserver(() => window.said++).observe(live, { childList: true, characterData: true, subtree: true });
            }
            """);
        for (int i = 0; i < 50; i++)
        {
            node.Publish(MockNode.Dial(i, "connect", "connection refused", "dial"));
        }

        node.Add(new MockPeer(500));
        await page.ShowsAsync("events-shown", "51");
        await page.ShowsAsync("peers-shown", "31");
        Assert.Equal(0, await page.Page.EvaluateAsync<int>("() => window.said"));
    }
}
