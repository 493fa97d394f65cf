using Microsoft.Playwright;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace DevP2P.HostingTests.Dashboard;

/// <summary>Each panel shows what the node says; the node is made up.</summary>
[Collection(ChromiumTests.Name)]
public sealed class PanelTests(Chromium chromium)
{
    [Fact]
    public async Task Identity_and_reachability()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(10));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("title", MockNode.Name);
        await page.ShowsAsync("name", MockNode.Name);
        await page.ShowsAsync("id", MockNode.Id);
        await page.ShowsAsync("enode", MockNode.Enode);
        await page.ShowsAsync("enr", "enr:-IS4QMOCK");
        await page.ShowsAsync("version", "1.2.3");
        await page.ShowsAsync("peer-count", "10 / 50");
        await page.ShowsAsync("listening", "0.0.0.0:30303");
        await page.ShowsAsync("advertised4", "192.0.2.1 tcp 30303, udp 30304");
        await page.ShowsAsync("advertised6", "not advertised");
        await page.ShowsAsync("nat", "UPnP IGDv1");
        await page.ShowsAsync("external", "192.0.2.1");
        await page.ShowsAsync("mappings", "ipv4 tcp 30303 → 30303");
        await page.ShowsAsync("clock", "−42 ms");
        await page.ShowsAsync("discovery", "v4 47 nodes, v5 12 nodes");

        // The image is there: the browser has drawn it, from the enode URL, and then from the record.
        await page.UntilAsync("() => { const qr = document.getElementById('qr'); return qr.complete && qr.naturalWidth > 0 && qr.src.includes('enode'); }");
        await page["#qr-of"].SelectOptionAsync("enr");
        await page.UntilAsync("() => { const qr = document.getElementById('qr'); return qr.complete && qr.naturalWidth > 0 && qr.src.includes('enr'); }");
    }

    [Fact]
    public async Task A_problem_of_the_router_is_shown()
    {
        var node = new MockNode(0) { Nat = new { method = "NAT-PMP", externalIp = "100.64.0.9", problem = "100.64.0.9 is shared", mappings = Array.Empty<object>() } };
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("nat-problem", "100.64.0.9 is shared");
        await page.ShowsAsync("mappings", "none");
        node.Nat = null;
        await page.ShowsAsync("nat", "none");
        await Expect(page.Field("nat-problem")).ToBeHiddenAsync();
    }

    [Fact]
    public async Task What_can_be_copied_is_copied_whole()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("enode", MockNode.Enode);
        await page.Page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        await page.Page.GetByRole(AriaRole.Button, new() { Name = "Copy enode URL" }).ClickAsync();
        await Expect(page["#announcer"]).ToHaveTextAsync("Copied");
        Assert.Equal(MockNode.Enode, await page.Page.EvaluateAsync<string>("() => navigator.clipboard.readText()"));
    }

    [Fact]
    public async Task Dials_are_shown_as_they_happen()
    {
        var node = new MockNode(0);
        node.Dials.Add(MockNode.Dial(2, "admitted", "added"));
        node.Dials.Add(MockNode.Dial(1, "encryptionHandshake", "connection reset"));
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("dials-shown", "2 latest, 1 failed");
        node.Publish(MockNode.Dial(3, "connect", "connection refused", "dial"));
        await page.ShowsAsync("dials-shown", "3 latest, 2 failed");
        Assert.Equal(["●○○○○ connect", "●●●●● admitted", "●●○○○ encryption"], await page.ColumnAsync("dial-table", 2));
        Assert.Equal(["connection refused", "added", "connection reset"], await page.ColumnAsync("dial-table", 3));
        Assert.Equal(["124 ms", "123 ms", "122 ms"], await page.ColumnAsync("dial-table", 4));
        await page["#dials-failed"].CheckAsync();
        await Expect(page.Rows("dial-table")).ToHaveCountAsync(2);

        // What the history has already is not shown twice.
        node.Publish(MockNode.Dial(2, "admitted", "added", "dial"));
        await Expect(page.Row("event-table", "admitted: added")).ToHaveCountAsync(1);
        await page.ShowsAsync("dials-shown", "3 latest, 2 failed");
    }

    [Fact]
    public async Task Drops_and_refusals_are_counted_by_reason()
    {
        var node = new MockNode(0);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("dialed", "1,234,567");
        await Expect(page["#dropped tbody tr"]).ToHaveTextAsync(["remote: useless peer21", "too many peers7"]);
        await Expect(page["#refused tbody tr"]).ToHaveTextAsync(["already connected3"]);
        node.Dropped["too many peers"] = 1000;
        await Expect(page["#dropped tbody tr"]).ToHaveTextAsync(["too many peers1,000", "remote: useless peer21"]);
    }

    [Fact]
    public async Task Traffic_is_shown_by_protocol_and_over_time()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await Expect(page["#traffic-table tbody th"]).ToHaveTextAsync(["p2p/5", "eth/68", "snap/1"]);

        // eth/68 gets 40,000 bytes a second; the two clocks are apart by what the machine makes of it.
        await Expect(page["#traffic-table tbody tr:nth-child(2) td:nth-child(2)"]).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"^\d+\.\d KiB/s$"));
        double rate = await page.Page.EvaluateAsync<double>("() => parseFloat(document.querySelector('#traffic-table tbody tr:nth-child(2) td:nth-child(2)').textContent)");
        Assert.InRange(rate, 10, 160);
        await Expect(page.Field("rate-in")).Not.ToHaveTextAsync("–");

        // Something is drawn, and the keyboard reads it.
        await page["#chart"].FocusAsync();
        await page.Page.Keyboard.PressAsync("ArrowLeft");
        await Expect(page["#chart-readout"]).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"per second: .*eth/68 \d.* in, \d.* out"));
    }

    [Fact]
    public async Task Routing_tables_are_drawn_as_buckets()
    {
        await using MockSite site = await MockSite.StartAsync(new MockNode(0));
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("table-note", "47 nodes, 33 answer, 4 replacements");
        await Expect(page["#buckets .bucket"]).ToHaveCountAsync(17);
        await Expect(page["#buckets .bucket:first-child [role=rowheader]"]).ToHaveTextAsync("255");
        await Expect(page["#buckets .bucket:last-child [role=rowheader]"]).ToHaveTextAsync("1–239");
        await Expect(page["#buckets .bucket:first-child .node"]).ToHaveCountAsync(20);
        await Expect(page["#buckets .bucket:first-child .node.spare"]).ToHaveCountAsync(4);
        await page["#buckets .bucket:first-child .node:first-child"].HoverAsync();
        await Expect(page.Field("table-node")).ToContainTextAsync(MockPeer.IdOf("v4 16 0") + "  203.0.113.1 tcp 30303, udp 30303; answers, 0 checks");

        await page.Page.GetByRole(AriaRole.Tab, new() { Name = "v5" }).ClickAsync();
        await page["#buckets .bucket:first-child .node:first-child"].HoverAsync();
        await Expect(page.Field("table-node")).ToContainTextAsync(MockPeer.IdOf("v5 16 0"));
        await Expect(page.Page.GetByRole(AriaRole.Tab, new() { Name = "Legacy" })).ToBeDisabledAsync();
    }

    [Fact]
    public async Task The_event_log_can_be_filtered_paused_and_cleared()
    {
        var node = new MockNode(0);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("events-shown", "1");
        string peer = MockPeer.IdOf("somebody");
        node.Publish(new { at = DateTime.UtcNow, type = "peerAdded", peer, remote = "198.51.100.1:30303" });
        node.Publish(new { at = DateTime.UtcNow, type = "peerDropped", peer, remote = "198.51.100.1:30303", reason = "useless peer", isRemote = true });
        node.Publish(new { at = DateTime.UtcNow, type = "lagged", missed = 17 });
        await page.ShowsAsync("events-shown", "4");
        Assert.Equal(["lagged", "peer dropped", "peer added", "connected"], await page.ColumnAsync("event-table", 1));
        Assert.Equal("remote: useless peer, 198.51.100.1:30303", (await page.ColumnAsync("event-table", 3))[1]);

        await page["#event-filter"].FillAsync("USELESS");
        await page.ShowsAsync("events-shown", "1 of 4");
        await page["#event-filter"].FillAsync("");
        await page["#event-kind"].SelectOptionAsync("peer");
        await page.ShowsAsync("events-shown", "2 of 4");
        await page["#event-kind"].SelectOptionAsync("");

        await page["#event-pause"].ClickAsync();
        node.Publish(new { at = DateTime.UtcNow, type = "lagged", missed = 18 });
        await page.ShowsAsync("events-shown", "4, paused, 1 new");
        await page["#event-pause"].ClickAsync();
        await page.ShowsAsync("events-shown", "5");
        await page["#event-clear"].ClickAsync();
        await page.ShowsAsync("events-shown", "0");
    }

    [Fact]
    public async Task A_flood_of_events_and_dials_leaves_a_bounded_page()
    {
        var node = new MockNode(0);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("events-shown", "1");
        for (int i = 0; i < 3000; i++)
        {
            node.Publish(MockNode.Dial(i, "connect", "connection refused", "dial"));
        }

        await page.ShowsAsync("events-shown", "2,000");
        await page.ShowsAsync("dials-shown", "500 latest, 500 failed");
        Assert.True(await page.Rows("event-table").CountAsync() < 60);
        Assert.True(await page.Rows("dial-table").CountAsync() < 60);
    }

    [Fact]
    public async Task A_node_without_some_methods_is_shown_as_far_as_it_goes()
    {
        var node = new MockNode(3);
        node.Missing.UnionWith(["devp2p_table", "devp2p_bans", "devp2p_trafficByProtocol", "devp2p_reputation"]);
        await using MockSite site = await MockSite.StartAsync(node);
        await using DashboardPage page = await DashboardPage.OpenAsync(chromium, site.Address);
        await page.ShowsAsync("peers-shown", "3");
        await page.ShowsAsync("table-message", "This node does not show its tables.");
        await page.ShowsAsync("bans-shown", "this node has no bans");
        await page.ShowsAsync("traffic-note", "this node does not count traffic");
    }
}
